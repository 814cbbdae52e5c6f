package convert_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"repmlp/convert"
	"repmlp/onnxio"
)

// twoInputs adds a conv of x to y, both of N rows, and does not look at z.
func twoInputs(t *testing.T) *onnxio.Model {
	t.Helper()
	b := &graphBuilder{rng: newRand(), elem: onnxio.Float32}
	named := func(name string) *onnxio.ValueInfo {
		return onnxio.NewValue(name, onnxio.Float32, onnxio.Named("N"), onnxio.Known(4), onnxio.Named("H"), onnxio.Known(8))
	}
	out := b.op("Add", []string{b.op("Relu", []string{b.norm(b.conv("x", 4, 4, 3, 1), 4)}), "y"})
	m, err := onnxio.NewModel(onnxio.Parts{Nodes: b.nodes, Inits: b.inits,
		Inputs: []*onnxio.ValueInfo{named("x"), named("y"), onnxio.Untyped("z", onnxio.Float32)}, Outputs: []*onnxio.ValueInfo{named(out)}})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A size that one input has is that of everything with its name.
func TestShapesOfInputs(t *testing.T) {
	m, r, err := convert.Model(context.Background(), twoInputs(t), convert.Options{Shapes: map[string][]int64{"x": {2, 4, 6, 8}, "z": {5}}})
	if err != nil {
		t.Fatal(err)
	}
	var have []string
	for _, list := range [][]*onnxio.ValueInfo{m.Graph().Inputs(), m.Graph().Outputs()} {
		for _, v := range list {
			have = append(have, fmt.Sprint(v.Dims()))
		}
	}
	full := fmt.Sprint([]onnxio.Dim{onnxio.Known(2), onnxio.Known(4), onnxio.Known(6), onnxio.Known(8)})
	if want := []string{full, full, fmt.Sprint([]onnxio.Dim{onnxio.Known(5)}), full}; fmt.Sprint(have) != fmt.Sprint(want) {
		t.Errorf("shapes are %v, want %v", have, want)
	}
	if r.Verdict != convert.Fused {
		t.Errorf("verdict %s", r.Verdict)
	}
}

// What the file says of inner values does not keep a name that became a number.
func TestShapesOfInnerValues(t *testing.T) {
	m := testCase{Name: "dyn_v2_dynN"}.load(t)
	in := m.Graph().Inputs()[0]
	shape := []int64{3}
	for _, d := range in.Dims()[1:] {
		shape = append(shape, d.Value)
	}
	for _, tidy := range []bool{false, true} {
		out, _, err := convert.Model(context.Background(), m, convert.Options{Shapes: map[string][]int64{in.Name(): shape}, NoTidy: !tidy})
		if err != nil {
			t.Fatal(err)
		}
		if len(m.Graph().ValueInfo()) == 0 {
			t.Error("the case declares no inner value")
		}
		for _, v := range slices.Concat(out.Graph().Inputs(), out.Graph().Outputs(), out.Graph().ValueInfo()) {
			for _, d := range v.Dims() {
				if !d.Known {
					t.Errorf("%s still has a dimension %q", v.Name(), d.Param)
				}
			}
		}
	}
}

// Shapes that the model does not take are refused, by the first thing that contradicts.
func TestShapesThatAreRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		shapes map[string][]int64
		dims   map[string]int64
		want   string
	}{
		"two sizes of a name": {map[string][]int64{"x": {2, 4, 6, 8}, "y": {3, 4, 6, 8}}, nil, `dimension "N" would be 3, and 2 for "x"`},
		"a number":            {map[string][]int64{"x": {2, 4, 6, 9}}, nil, "axis 3 has 8 elements, asked are 9"},
		"the rank":            {map[string][]int64{"x": {2, 4, 6}}, nil, "it has 4 axes, asked are 3"},
		"no such input":       {map[string][]int64{"w": {2}}, nil, "the model has no such input"},
		"nothing":             {map[string][]int64{"x": {0, 4, 6, 8}}, nil, "a size is 0"},
		"a value beside":      {map[string][]int64{"x": {2, 4, 6, 8}}, map[string]int64{"H": 6}, `dimension "H" is 6 by the shape of "x"`},
	} {
		_, _, err := convert.Model(context.Background(), twoInputs(t), convert.Options{Shapes: tc.shapes, Dims: tc.dims})
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want %q", name, err, tc.want)
		}
	}
}

// A batch that a Reshape was exported with is not given another size.
func TestShapesThatNodesContradict(t *testing.T) {
	b := &graphBuilder{rng: newRand(), elem: onnxio.Float32}
	out := b.op("Reshape", []string{b.conv("x", 4, 4, 1, 0), b.ints(2, 256)})
	m, err := onnxio.NewModel(onnxio.Parts{Nodes: b.nodes, Inits: b.inits, Outputs: []*onnxio.ValueInfo{onnxio.NewValue(out, onnxio.Float32)},
		Inputs: []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, onnxio.Named("N"), onnxio.Known(4), onnxio.Known(8), onnxio.Known(8))}})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := convert.Model(context.Background(), m, convert.Options{Shapes: map[string][]int64{"x": {3, 4, 8, 8}}}); err == nil || !strings.Contains(err.Error(), "Reshape") {
		t.Errorf("error %v", err)
	}
	if _, _, err := convert.Model(context.Background(), m, convert.Options{Shapes: map[string][]int64{"x": {2, 4, 8, 8}}}); err != nil {
		t.Error(err)
	}
}
