package operator

import (
	"strings"
	"testing"

	"repmlp/onnxio"
	"repmlp/onnxio/graph"
	"repmlp/verify/internal/tensor"
)

// A node that does on a piece of the map what it does on the whole is known as one,
// and no other.
func TestSameMeaning(t *testing.T) {
	i, is, s := onnxio.IntAttr, onnxio.IntsAttr, onnxio.StringAttr
	type attrs = []*onnxio.Attr
	for _, c := range []struct {
		op    string
		attrs attrs
		ints  []int64 // a constant second input
		third []int64 // and third
		piece []int   // of the map [1, 4, 20, 15]
		same  bool
	}{
		{"Relu", nil, nil, nil, []int{1, 4, 20, 15}, true}, // the whole map
		{"Relu", nil, nil, nil, []int{1, 4, 5, 5}, false},  // nobody says that it has no kinks
		{"Identity", nil, nil, nil, []int{1, 4, 5, 5}, true},
		{"Transpose", attrs{is("perm", []int64{0, 2, 3, 1})}, nil, nil, []int{1, 4, 5, 5}, true},
		{"LeakyRelu", nil, nil, nil, []int{1, 4, 5, 5}, true},
		{"Softmax", nil, nil, nil, []int{1, 4, 5, 5}, false},
		{"GlobalAveragePool", nil, nil, nil, []int{1, 4, 5, 5}, false},
		{"Frobnicate", nil, nil, nil, []int{1, 4, 5, 5}, false},

		{"AveragePool", attrs{is("kernel_shape", []int64{3, 3})}, nil, nil, []int{1, 4, 5, 5}, true},
		{"AveragePool", attrs{is("kernel_shape", []int64{3, 3}), is("strides", []int64{2, 2})}, nil, nil, []int{1, 4, 6, 5}, true},
		{"AveragePool", attrs{is("kernel_shape", []int64{3, 3}), is("strides", []int64{2, 2})}, nil, nil, []int{1, 4, 5, 5}, false}, // another rest
		{"AveragePool", attrs{is("kernel_shape", []int64{3, 3}), is("strides", []int64{2, 2}), s("auto_pad", "SAME_UPPER")}, nil, nil, []int{1, 4, 6, 5}, true},
		{"AveragePool", attrs{is("kernel_shape", []int64{3, 3}), is("strides", []int64{2, 2}), s("auto_pad", "SAME_UPPER")}, nil, nil, []int{1, 4, 5, 5}, false}, // other pads
		{"AveragePool", attrs{is("kernel_shape", []int64{9, 9}), i("ceil_mode", 1)}, nil, nil, []int{1, 4, 5, 5}, false},                                         // larger than the piece
		{"MaxPool", attrs{is("kernel_shape", []int64{2, 2})}, nil, nil, []int{1, 4, 5, 5}, true},
		{"MaxPool", attrs{is("kernel_shape", []int64{2, 2})}, nil, nil, []int{1, 4, 25}, false}, // another rank

		{"Pad", nil, []int64{0, 0, 1, 1, 0, 0, 1, 1}, nil, []int{1, 4, 5, 5}, true},
		{"Pad", attrs{s("mode", "reflect")}, []int64{0, 0, 1, 1, 0, 0, 1, 1}, nil, []int{1, 4, 5, 5}, false},

		{"Concat", attrs{i("axis", 1)}, nil, nil, []int{1, 4, 5, 5}, true},
		{"Concat", attrs{i("axis", 2)}, nil, nil, []int{1, 4, 5, 5}, false},
		{"Concat", attrs{i("axis", 7)}, nil, nil, []int{1, 4, 5, 5}, false},
		{"Split", attrs{i("axis", 1)}, nil, nil, []int{1, 4, 5, 5}, true},
		{"Split", attrs{i("axis", 3)}, nil, nil, []int{1, 4, 5, 5}, false},
		{"Gather", attrs{i("axis", 1)}, []int64{2, 0}, nil, []int{1, 4, 5, 5}, true},
		{"Gather", attrs{i("axis", 2)}, []int64{2, 0}, nil, []int{1, 4, 5, 5}, false},

		{"Slice", nil, []int64{0, 0, 1, 1}, []int64{1, 4, -1, -2}, []int{1, 4, 6, 6}, true},
		{"Slice", nil, []int64{0, 0, 1, 1}, []int64{1, 4, 9, -2}, []int{1, 4, 6, 6}, false},    // more is left out behind
		{"Slice", nil, []int64{0, 0, -4, 0}, []int64{1, 4, 20, 15}, []int{1, 4, 6, 15}, false}, // the last four of the map
		{"Slice", nil, []int64{0, 0, 8, 0}, []int64{1, 4, 20, 15}, []int{1, 4, 6, 15}, false},  // nothing is left
	} {
		shape := []int{1, 4, 20, 15}
		p := onnxio.Parts{Opset: 17, Inputs: []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, onnxio.Known(1), onnxio.Known(4), onnxio.Known(20), onnxio.Known(15))},
			Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Float32)}}
		names, args := []string{"x"}, []*Value{{Tensor: tensor.Tensor{DType: onnxio.Float32, Shape: c.piece}}}
		for k, v := range [][]int64{c.ints, c.third} {
			if v != nil {
				name := []string{"k", "l"}[k]
				p.Inits, names = append(p.Inits, onnxio.NewInts(name, []int64{int64(len(v))}, v)), append(names, name)
				args = append(args, list(onnxio.Int64, v))
			}
		}
		p.Nodes = []*onnxio.Node{onnxio.NewNode("n", c.op, names, []string{"y"}, c.attrs...)}
		m, err := onnxio.NewModel(p)
		if err != nil {
			t.Fatal(err)
		}
		g, err := graph.New(m, graph.Options{})
		if err != nil {
			t.Fatal(err)
		}
		err = SameMeaning(g, g.Nodes[0], Table()[c.op].Alike, args)
		if (err == nil) != c.same || err != nil && !strings.Contains(err.Error(), `"n"`) {
			t.Errorf("%s on %v of %v: %v", c.op, c.piece, shape, err)
		}
	}
}

// A convolution's kernel is that of its weights.
func TestSameMeaningOfAConvolution(t *testing.T) {
	weight := &Value{Tensor: tensor.Tensor{DType: onnxio.Float32, Shape: []int{2, 4, 3, 3}}}
	for _, c := range []struct {
		sizes []onnxio.Dim
		piece []int
		same  bool
	}{
		{[]onnxio.Dim{onnxio.Known(20), onnxio.Known(15)}, []int{1, 4, 6, 7}, true},
		{[]onnxio.Dim{onnxio.Known(20), onnxio.Known(15)}, []int{1, 4, 7, 7}, false},
		{[]onnxio.Dim{onnxio.Named("h"), onnxio.Named("w")}, []int{1, 4, 7, 6}, true}, // the merge holds for every size, or is none
	} {
		p := onnxio.Parts{Opset: 17, Inputs: []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, append([]onnxio.Dim{onnxio.Known(1), onnxio.Known(4)}, c.sizes...)...),
			onnxio.NewValue("w", onnxio.Float32, onnxio.Known(2), onnxio.Known(4), onnxio.Known(3), onnxio.Known(3))},
			Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Float32)},
			Nodes:   []*onnxio.Node{onnxio.NewNode("n", "Conv", []string{"x", "w"}, []string{"y"}, onnxio.IntsAttr("strides", []int64{2, 2}), onnxio.IntsAttr("pads", []int64{1, 1, 1, 1}))}}
		m, err := onnxio.NewModel(p)
		if err != nil {
			t.Fatal(err)
		}
		g, err := graph.New(m, graph.Options{})
		if err != nil {
			t.Fatal(err)
		}
		err = SameMeaning(g, g.Nodes[0], Table()["Conv"].Alike, []*Value{{Tensor: tensor.Tensor{DType: onnxio.Float32, Shape: c.piece}}, weight})
		if (err == nil) != c.same {
			t.Errorf("%v on %v: %v", c.sizes, c.piece, err)
		}
	}
}

// Pads of a transposed convolution stay what they are, but for those that follow from a
// wanted size.
func TestSameMeaningOfATransposedConvolution(t *testing.T) {
	weight := &Value{Tensor: tensor.Tensor{DType: onnxio.Float32, Shape: []int{4, 2, 3, 3}}}
	twenty, fifteen := onnxio.Known(20), onnxio.Known(15)
	strides := onnxio.IntsAttr("strides", []int64{2, 2})
	for _, c := range []struct {
		sizes []onnxio.Dim
		piece []int
		w     *Value
		attrs []*onnxio.Attr
		same  bool
	}{
		{[]onnxio.Dim{twenty, fifteen}, []int{1, 4, 6, 7}, weight, nil, true},
		{[]onnxio.Dim{twenty, fifteen}, []int{1, 4, 6, 7}, weight, []*onnxio.Attr{onnxio.IntsAttr("pads", []int64{1, 0, 1, 1}), strides, onnxio.IntsAttr("output_padding", []int64{1, 0})}, true},
		{[]onnxio.Dim{onnxio.Named("h"), onnxio.Named("w")}, []int{1, 4, 7, 6}, weight, []*onnxio.Attr{onnxio.StringAttr("auto_pad", "SAME_LOWER"), strides}, true},
		{[]onnxio.Dim{twenty, fifteen}, []int{1, 4, 6, 15}, weight, []*onnxio.Attr{onnxio.IntsAttr("output_shape", []int64{39, 30}), strides}, false},
		{[]onnxio.Dim{twenty, fifteen}, []int{1, 4, 18, 15}, weight, []*onnxio.Attr{onnxio.IntsAttr("output_shape", []int64{39, 30}), strides}, false},
		{[]onnxio.Dim{twenty, onnxio.Named("w")}, []int{1, 4, 20, 6}, weight, []*onnxio.Attr{onnxio.IntsAttr("output_shape", []int64{39, 12}), strides}, false},
		{[]onnxio.Dim{twenty, fifteen}, []int{1, 4, 42}, weight, nil, false},
		{[]onnxio.Dim{twenty, fifteen}, []int{1, 4, 6, 7}, &Value{Tensor: tensor.Tensor{DType: onnxio.Float32, Shape: []int{4, 2, 3}}}, nil, false},
		{[]onnxio.Dim{twenty, fifteen}, []int{1, 4, 6, 7}, weight, []*onnxio.Attr{onnxio.IntsAttr("strides", []int64{2})}, false},
	} {
		p := onnxio.Parts{Opset: 17, Inputs: []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, append([]onnxio.Dim{onnxio.Known(1), onnxio.Known(4)}, c.sizes...)...), onnxio.Untyped("w", onnxio.Float32)},
			Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Float32)},
			Nodes:   []*onnxio.Node{onnxio.NewNode("n", "ConvTranspose", []string{"x", "w"}, []string{"y"}, c.attrs...)}}
		m, err := onnxio.NewModel(p)
		if err != nil {
			t.Fatal(err)
		}
		g, err := graph.New(m, graph.Options{})
		if err != nil {
			t.Fatal(err)
		}
		err = SameMeaning(g, g.Nodes[0], Table()["ConvTranspose"].Alike, []*Value{{Tensor: tensor.Tensor{DType: onnxio.Float32, Shape: c.piece}}, c.w})
		if (err == nil) != c.same {
			t.Errorf("%v on %v with %v: %v", c.sizes, c.piece, c.attrs, err)
		}
	}
}
