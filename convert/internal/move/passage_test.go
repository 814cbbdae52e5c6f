package move

import (
	"slices"
	"testing"

	"repmlp/convert/internal/rules"
	"repmlp/internal/sketch"
	"repmlp/onnxio/graph"
)

// Before opset 7 a constant stands beside one axis of its data.
func TestOpsetTakes(t *testing.T) {
	one, two := &piece{sizes: []int{1, 3}, scale: []float64{1, 2, 3}}, &piece{sizes: []int{2, 2}, scale: []float64{1, 2, 3, 4}}
	number := &piece{sizes: []int{1, 1}, scale: []float64{2}}
	for opset, want := range map[int64][]bool{6: {true, true, false}, 7: {true, true, true}, 8: {true, true, true}} {
		s := &search{g: &graph.Graph{Opset: opset}}
		for i, p := range []*piece{number, one, two} {
			if have := s.opsetTakes(p); have != want[i] {
				t.Errorf("opset %d, %v: %v", opset, p, have)
			}
		}
	}
}

// What passes a node, in both directions: "-" stands for a node that nothing passes, else
// the sizes of a piece of the result before the node, and back again.
func TestPassages(t *testing.T) {
	for _, c := range []struct {
		text        string
		piece, back []int // back is nil where the numbers do not pass
		law         law
		none        bool
	}{
		{text: "x :\ny = Relu(x)", piece: []int{}, back: []int{}, law: law{positive: true}},
		{text: "x : 2 3\ny = LeakyRelu(x)", piece: []int{2, 3}, back: []int{2, 3}, law: law{positive: true}},
		{text: "x : ?\ny = Relu(x)", none: true},
		{text: "x : 2 3\ny = Sigmoid(x)", none: true},
		{text: "x : 2 3\ny = PRelu(x, =0.5:3)", piece: []int{2, 3}, back: []int{2, 3}, law: law{positive: true}},
		{text: "x : 2 3\ns : 3\ny = PRelu(x, s)", none: true},
		{text: "x : 2 3 4 4\ny = MaxPool(x) kernel_shape=2,2", piece: []int{2, 3, 1, 1}, back: []int{2, 3, 1, 1}, law: law{positive: true, shifts: true}},
		{text: "x : 2 3 4 4\ny = MaxPool(x) kernel_shape=2,2", piece: []int{1, 3, 3, 1}, law: law{positive: true, shifts: true}},
		{text: "x : 2 3 4 4\ny = GlobalMaxPool(x)", piece: []int{1, 3, 1, 1}, back: []int{1, 3, 1, 1}, law: law{positive: true, shifts: true}},
		{text: "x : ?\ny = GlobalMaxPool(x)", none: true},
		{text: "x : 2 3 4\ny = ReduceMax(x) axes=@1 keepdims=0", piece: []int{2, 4}, back: []int{2, 1, 4}, law: law{positive: true, shifts: true}},
		{text: "x : 2 3 4\ny = ReduceMin(x) axes=@-1", piece: []int{2, 3, 1}, back: []int{2, 3, 1}, law: law{positive: true, shifts: true}},
		{text: "x : 2 3 4\ny = ReduceMax(x) axes=0,2 keepdims=0", piece: []int{3}, back: []int{1, 3, 1}, law: law{positive: true, shifts: true}},
		{text: "x : 2 3 4\ny = ReduceMax(x)", none: true},
		{text: "opset 18\nx : 2 3 4\na : int64 1\ny = ReduceMax(x, a)", none: true},
		{text: "opset 18\nx : 2 3 4\ny = ReduceMax(x, #1)", piece: []int{2, 1, 4}, back: []int{2, 1, 4}, law: law{positive: true, shifts: true}},
		{text: "x : 2 3\ny = Expand(x, #4_2_3)", piece: []int{1, 2, 3}, back: []int{2, 3}, law: law{shifts: true}},
		{text: "x : 2 3\ny = Expand(x, #4_2_3)", piece: []int{4, 2, 3}, law: law{shifts: true}},
		{text: "x : 2 1\ny = Expand(x, #2_3)", piece: []int{2, 1}, back: []int{2, 1}, law: law{shifts: true}},
		{text: "x : 2 1\ny = Expand(x, #2_3)", piece: []int{1, 3}, law: law{shifts: true}},
		{text: "x : 2 3\ny = Tile(x, #2_1)", piece: []int{1, 3}, back: []int{1, 3}, law: law{shifts: true}},
		{text: "x : 2 3\ny = Transpose(x)", piece: []int{3, 1}, back: []int{1, 3}, law: law{shifts: true}},
		{text: "x : 2 6\ny = Reshape(x, #2_3_2)", piece: []int{1, 3, 2}, back: []int{1, 6}, law: law{shifts: true}},
		{text: "x : 2 3\ny = Pad(x, #0_1_0_1)", piece: []int{2, 1}, back: []int{2, 1}},
		{text: "x : 2 3\ny = Pad(x, #0_1_0_1)", piece: []int{1, 5}},
		{text: "x : 2 3\ny = Pad(x, #0_1_0_1) mode=edge", piece: []int{2, 1}, back: []int{2, 1}, law: law{shifts: true}},
		{text: "x : 2 3\ny = Pad(x, #0_1_0_1, =2)", none: true},
		{text: "x : 1 3 4 4\ny = AveragePool(x) kernel_shape=3,3 pads=1,1,1,1", piece: []int{1, 3, 1, 1}, back: []int{1, 3, 1, 1}, law: law{shifts: true}},
		{text: "x : 1 3 4 4\ny = AveragePool(x) kernel_shape=3,3 pads=1,1,1,1 count_include_pad=1", piece: []int{1, 3, 1, 1}, back: []int{1, 3, 1, 1}},
		{text: "x : 1 3 4 4\ny = AveragePool(x) kernel_shape=2,2", piece: []int{1, 1, 3, 1}, law: law{shifts: true}},
		{text: "x : 2 3 4\ny = ReduceSum(x, #1)", piece: []int{2, 1, 4}, back: []int{2, 1, 4}},
		{text: "x : 2 3 4\ny = ReduceMean(x) axes=@1", piece: []int{2, 1, 4}, back: []int{2, 1, 4}, law: law{shifts: true}},
		{text: "x : float32 1 3 4 4\ny = Resize(x, -, =1_1_2_2:4) mode=nearest", piece: []int{1, 3, 1, 1}, back: []int{1, 3, 1, 1}, law: law{shifts: true}},
		{text: "x : float32 1 3 4 4\ny = Resize(x, -, =1_1_2_2:4) mode=nearest", piece: []int{1, 1, 8, 1}, law: law{shifts: true}},
		{text: "x : float32 1 3 4 4\ny = Resize(x, -, =1_1_1_2:4) mode=linear", piece: []int{1, 3, 4, 1}, back: []int{1, 3, 4, 1}, law: law{shifts: true}},
		{text: "x : float32 1 3 4 4\ny = Resize(x, -, =1_1_2_2:4) mode=cubic", none: true},
		{text: "opset 18\nx : float32 1 3 4 4\ny = Resize(x, -, =1_1_2_2:4) mode=linear antialias=1", none: true},
		{text: "x : float32 1 3 4 4\ny = Resize(x, -, =1_1_2_2:4) mode=nearest coordinate_transformation_mode=tf_crop_and_resize", none: true},
		{text: "x : float32 1 3 4 4\ns : float32 4\ny = Resize(x, -, s) mode=nearest", none: true},
		{text: "opset 9\nx : float32 1 3 4 4\ny = Upsample(x, =1_1_2_2:4) mode=nearest", piece: []int{1, 3, 1, 1}, back: []int{1, 3, 1, 1}, law: law{shifts: true}},
		{text: "opset 9\nx : float32 1 3 4 4\ny = Upsample(x, =1_1_2_2:4) mode=linear", none: true},
		{text: "opset 10\nx : float32 1 3 4 4\ny = Resize(x, =1_1_2_2:4) mode=linear", piece: []int{1, 3, 1, 1}, back: []int{1, 3, 1, 1}, law: law{shifts: true}},
		{text: "x : 2 3\ny = Frobnicate(x)", none: true},
	} {
		g := sketch.Graph(t, c.text)
		n := g.Nodes[0]
		p := (&crossing{g, rules.Explain(g, nil, nil), n, nil}).passage()
		if (p == nil) != c.none {
			t.Errorf("%s: passed %v", c.text, p != nil)
		}
		if p == nil || c.none {
			continue
		}
		if p.law.positive != c.law.positive || p.law.shifts != c.law.shifts {
			t.Errorf("%s: %+v", c.text, p.law)
		}
		behind := &piece{sizes: c.piece}
		for i := range size(c.piece) {
			behind.scale = append(behind.scale, float64(i+2))
		}
		in, why := p.back([]*piece{behind})
		if why != nil || c.back == nil {
			if (why == nil) != (c.back != nil) {
				t.Errorf("%s, back over %v: %v", c.text, c.piece, why)
			}
			continue
		}
		if !slices.Equal(in[0].sizes, c.back) {
			t.Errorf("%s: %v before, want %v", c.text, in[0].sizes, c.back)
		}
		out, why := p.forth(in)
		if why != nil || !out[0].equal(behind) {
			t.Errorf("%s: %v and back are %v, %v", c.text, behind, out, why)
		}
		behind.scale[0] = -1
		if _, why := p.back([]*piece{behind}); (why != nil) != c.law.positive {
			t.Errorf("%s, a scale below zero: %v", c.text, why)
		}
		behind.scale, behind.shift = nil, behind.scale
		if _, why := p.back([]*piece{behind}); (why == nil) != c.law.shifts {
			t.Errorf("%s, a shift: %v", c.text, why)
		}
	}
}

func size(sizes []int) int {
	n := 1
	for _, s := range sizes {
		n *= s
	}
	return n
}
