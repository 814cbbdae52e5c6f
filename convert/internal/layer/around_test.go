package layer

import (
	"slices"
	"testing"

	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/rules"
	"repmlp/internal/sketch"
	"repmlp/onnxio/graph"
)

// A norm with what scales and shifts behind it computes what the nodes did; with what varies
// otherwise than its parameters it is none.
func TestNormsAreTheirSegments(t *testing.T) {
	for _, c := range []struct {
		name, text string
		ok         bool
	}{
		{"over the last axis", "x : N 3 4\na = LayerNormalization(x, ?4, ?4)\nb = Mul(a, ?4)\ny = Add(b, ?4)", true},
		{"over two axes", "x : N 3 4\na = LayerNormalization(x, ?3x4, ?3x4) axis=1\nb = Mul(a, ?4)\ny = Add(b, ?3x1)", true},
		{"without a bias", "x : N 3 4\na = LayerNormalization(x, ?4)\nb = Mul(a, ?4)\ny = Add(b, ?4)", true},
		{"with a view between", "x : N 3 4\na = LayerNormalization(x, ?4, ?4)\nb = Identity(a)\ny = Mul(b, ?4)", true},
		{"a view that moves", "x : N 3 4\na = LayerNormalization(x, ?4, ?4)\nb = Transpose(a) perm=0,2,1\ny = Mul(b, ?4x1)", false},
		{"along an axis that is not normalised", "x : N 3 4\na = LayerNormalization(x, ?4, ?4)\ny = Mul(a, ?3x1)", false},
		{"of mean squares", "opset 23\nx : N 3 4\na = RMSNormalization(x, ?4)\ny = Mul(a, ?4)", true},
		{"of mean squares, shifted", "opset 23\nx : N 3 4\na = RMSNormalization(x, ?4)\ny = Add(a, ?4)", false},
		{"of instances", "x : N 3 4 2\na = InstanceNormalization(x, ?3, ?3)\nb = Mul(a, ?3x1x1)\ny = BatchNormalization(b, ?3, ?3, ?3, !3)", true},
		{"of groups", "opset 21\nx : N 4 3\na = GroupNormalization(x, ?4, ?4) num_groups=2\ny = Mul(a, ?4x1)", true},
		{"of groups with parameters of groups", "opset 18\nx : N 4 3\na = GroupNormalization(x, ?2, ?2) num_groups=2\ny = Mul(a, =2_2_3_3:4x1)", true},
	} {
		g := sketch.Graph(t, c.text)
		e := rules.Explain(g, nil, nil)
		n, y := g.Nodes[0], g.Outputs[0]
		var bias *graph.Value
		if len(n.In) > 2 {
			bias = n.In[2]
		}
		first := &affine.Affine{Out: n.Out[0], Args: n.In[:1], Nodes: g.Nodes[:1], Op: affine.NewNormalised(e.Constants, n.OpType(), n.In[1], bias), Rule: "norm"}
		behind := affine.Between(e.Of, n.Out[0], y)
		if len(behind) == 0 {
			t.Errorf("%s: nothing stands behind it\n%v", c.name, e)
			continue
		}
		s := affine.NewSegment(n.In[0], y, slices.Concat([]*affine.Affine{first}, behind))
		l, ok := PlanNorm(s, g.Opset)
		if ok {
			_, _, some, err := l.Numbers()
			ok = some && err == nil
		}
		if ok != c.ok {
			t.Errorf("%s: %v", c.name, ok)
		}
		if ok {
			sameLayer(t, c.name, wholeGraph{g.Model, g, s, nil}, l)
		}
	}
}

// A layer that pads by itself computes what it did behind the Pad.
func TestPaddedAreTheirSegments(t *testing.T) {
	for _, c := range []struct {
		name, text string
		ok         bool
	}{
		{"a conv", "x : N 3 5 4\na = Pad(x, #0_0_1_0_0_0_2_1)\ny = Conv(a, ?4x3x3x2, ?4)", true},
		{"a conv that pads", "x : N 3 5 4\na = Pad(x, #0_0_1_0_0_0_2_1)\ny = Conv(a, ?4x3x3x2, ?4) pads=1,1,1,0 strides=2,1", true},
		{"an average", "x : N 3 6 4\na = Pad(x, #0_0_1_1_0_0_1_1)\ny = AveragePool(a) kernel_shape=3,3", true},
		{"a Pad of channels", "x : N 3 5 4\na = Pad(x, #0_1_0_0_0_0_0_0)\ny = Conv(a, ?4x4x3x2, ?4)", false},
	} {
		w := wholeOf(t, c.text)
		l, ok := PlanPadded(w.s, w.g.Opset)
		if ok != c.ok {
			t.Errorf("%s: %v", c.name, ok)
		}
		if ok {
			sameLayer(t, c.name, w, l)
		}
	}
}

func sameLayer(t *testing.T, name string, w wholeGraph, l Layer) {
	t.Helper()
	feeds := sketch.Feeds(t, w.model, 5)
	want := sketch.Run(t, w.model, feeds)["y"]
	made, err := w.write(l)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	if n := len(made.Graph().Nodes()); n != 1 {
		t.Errorf("%s: %v is %d nodes", name, l, n)
	}
	if err := same(sketch.Run(t, made, feeds)["y"], want); err != nil {
		t.Errorf("%s: %v %v", name, l, err)
	}
	if claim(l, w.s) == "" && l.Shape().Parameters == 0 && l.Cost().Work == 0 {
		t.Errorf("%s: %v says nothing of itself", name, l)
	}
}
