package affine

import (
	"slices"
	"strings"
	"testing"

	"repmlp/convert/internal/reason"
	"repmlp/internal/sketch"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// What a norm makes is told by its parameters, and is no function that is traced.
func TestNormalised(t *testing.T) {
	g := sketch.Graph(t, "x : 2 3\na = LayerNormalization(x, =2_3_4:3, =5_6_7:3)\ny = LayerNormalization(a, =2_3_4:3)")
	c := NewConstants(g)
	n := g.Nodes[0]
	for _, biased := range []bool{true, false} {
		op := NewNormalised(c, n.OpType(), n.In[1], nil)
		if biased {
			op = NewNormalised(c, n.OpType(), n.In[1], n.In[2])
		}
		scale, bias, err := op.Numbers()
		if err != nil || !slices.Equal(scale, []float64{2, 3, 4}) || biased != slices.Equal(bias, []float64{5, 6, 7}) || !biased && bias != nil {
			t.Errorf("%v %v %v", scale, bias, err)
		}
		if weights := op.Weights(); biased && !slices.Equal(weights, n.In[1:3]) || !biased && !slices.Equal(weights, n.In[1:2]) {
			t.Errorf("biased %v: %d weights", biased, len(weights))
		}
		if _, why := op.Trace(nil, n, []Traced{{}}); why == nil || why.Code != reason.NotAffine || !strings.Contains(why.Message, n.Title()) {
			t.Errorf("%v", why)
		}
		if op.Cost() != costWork || op.String() != "Result of LayerNormalization" {
			t.Errorf("%v, %v", op.Cost(), op)
		}
	}
	for op, want := range map[string]bool{"LayerNormalization": true, "RMSNormalization": true, "GroupNormalization": true, "InstanceNormalization": true, "BatchNormalization": false, "LRN": false} {
		if have := IsNormalisation(&graph.Node{Node: onnxio.NewNode("", op, nil, nil)}); have != want {
			t.Errorf("%s: %v", op, have)
		}
	}
}
