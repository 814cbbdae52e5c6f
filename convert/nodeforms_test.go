package convert_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"repmlp/convert"
	"repmlp/onnxio"
	"repmlp/verify"
)

// old builds a graph on x [2, 4, 6, 6] for an opset and IR version 3 below opset 9,
// where every initializer is an input too.
func old(t *testing.T, opset int64, f func(b *graphBuilder) string) *onnxio.Model {
	t.Helper()
	b := &graphBuilder{rng: newRand(), elem: onnxio.Float32, scale: 0.5}
	out := f(b)
	p := onnxio.Parts{Opset: opset, Nodes: b.nodes, Inits: b.inits, Outputs: []*onnxio.ValueInfo{onnxio.Untyped(out, b.elem)},
		Inputs: []*onnxio.ValueInfo{onnxio.NewValue("x", b.elem, onnxio.Known(2), onnxio.Known(4), onnxio.Known(6), onnxio.Known(6))}}
	if opset < 9 {
		p.IRVersion = 3
		for _, t := range b.inits {
			var dims []onnxio.Dim
			for _, d := range t.Dims() {
				dims = append(dims, onnxio.Known(d))
			}
			p.Inputs = append(p.Inputs, onnxio.NewValue(t.Name(), t.DType(), dims...))
		}
	}
	m, err := onnxio.NewModel(p)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// view writes a Reshape as the opset has it.
func (b *graphBuilder) view(opset int64, x string, dims ...int) string {
	if opset < 5 {
		return b.op("Reshape", []string{x}, onnxio.IntsAttr("shape", attrs64(dims...)))
	}
	return b.reshape(x, dims...)
}

// beside writes arithmetic with a constant of four channels.
func (b *graphBuilder) beside(opset int64, op, x string) string {
	if opset < 7 {
		return b.op(op, []string{x, b.normal(4)}, onnxio.IntAttr("axis", 1), onnxio.IntAttr("broadcast", 1))
	}
	return b.op(op, []string{x, b.normal(4, 1, 1)})
}

// Nodes are written in the form of the model's opset, and below opset 7 those that
// ONNX Runtime does not have are not written where a Conv or Sum does it.
func TestNodeForms(t *testing.T) {
	for name, c := range map[string]struct {
		build func(opset int64) func(b *graphBuilder) string
		below map[string]int // operators of the result below opset 7
	}{
		"a bias along axis 1": {func(o int64) func(b *graphBuilder) string {
			return func(b *graphBuilder) string { return b.beside(o, "Mul", b.beside(o, "Add", b.conv("x", 4, 4, 3, 1))) }
		}, map[string]int{"Conv": 1}},
		"scales without a layer": {func(o int64) func(b *graphBuilder) string {
			return func(b *graphBuilder) string {
				return b.beside(o, "Mul", b.beside(o, "Add", b.beside(o, "Mul", b.op("Relu", []string{"x"}))))
			}
		}, map[string]int{"Relu": 1, "Mul": 1, "Add": 1}},
		"rows": {func(o int64) func(b *graphBuilder) string {
			return func(b *graphBuilder) string {
				t := b.view(o, b.transpose(b.view(o, "x", 2, 4, 2, 3, 2, 3), 0, 2, 4, 1, 3, 5), 8, 4, 3, 3)
				fc := b.op("MatMul", []string{b.view(o, t, 8, 36), b.normal(36, 36)})
				return b.op("Sum", []string{b.view(o, fc, 8, 4, 3, 3), b.conv(t, 4, 4, 3, 1), b.conv(t, 4, 4, 1, 0)})
			}
		}, map[string]int{"Conv": 1, "Add": 0, "Sum": 0, "MatMul": 0, "Gemm": 0}},
		"rows of a Gemm": {func(o int64) func(b *graphBuilder) string {
			return func(b *graphBuilder) string {
				var rows []*onnxio.Attr
				if o < 7 {
					rows = append(rows, onnxio.IntAttr("broadcast", 1))
				}
				f := b.op("Flatten", []string{b.beside(o, "Add", b.conv("x", 4, 4, 1, 0))})
				return b.op("Gemm", []string{f, b.normal(144, 3), b.normal(3)}, rows...)
			}
		}, map[string]int{"Gemm": 1, "Conv": 0, "Add": 0}},
		"some operands of a sum": {func(o int64) func(b *graphBuilder) string {
			return func(b *graphBuilder) string {
				y := b.op("Relu", []string{b.conv("x", 4, 4, 3, 1)})
				return b.op("Sum", []string{b.conv("x", 4, 4, 3, 1), y, b.conv("x", 4, 4, 1, 0)})
			}
		}, map[string]int{"Conv": 2, "Sum": 1, "Add": 0}},
	} {
		for _, opset := range []int64{1, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 17, 18, 21, 22} {
			what := fmt.Sprintf("%s, opset %d", name, opset)
			m := old(t, opset, c.build(opset))
			res, err := convert.Convert(context.Background(), m, convert.Options{Prover: &verify.Prover{Seed: 1}})
			if err != nil {
				t.Errorf("%s: %v", what, err)
				continue
			}
			if len(res.Plan.Regions) == 0 {
				t.Errorf("%s: nothing was merged", what)
			}
			sameModel(t, what, 1, m, res.Model)
			rightForms(t, what, res.Model)
			ops := countOps(res.Model)
			for op, n := range c.below {
				if opset < 7 && ops[op] != n {
					t.Errorf("%s: %d %s, want %d", what, ops[op], op, n)
				}
			}
		}
	}
}

// rightForms complains about nodes that the model's opset has in another form, and
// about initializers that have to be inputs.
func rightForms(t *testing.T, what string, m *onnxio.Model) {
	t.Helper()
	opset := m.Opset("")
	shapes := map[string][]int64{}
	for _, x := range m.Graph().Inits() {
		shapes[x.Name()] = x.Dims()
		if m.IRVersion() < 4 && !slices.ContainsFunc(m.Graph().Inputs(), func(v *onnxio.ValueInfo) bool { return v.Name() == x.Name() }) {
			t.Errorf("%s: initializer %q is no input, which IR version %d asks for", what, x.Name(), m.IRVersion())
		}
	}
	for _, n := range m.Graph().Nodes() {
		bad := func(why string) { t.Errorf("%s: %s %v: %s", what, n.OpType(), n.Inputs(), why) }
		switch n.OpType() {
		case "Reshape":
			if (n.Attr("shape") != nil) != (opset < 5) || (len(n.Inputs()) == 2) != (opset >= 5) {
				bad("shape in the wrong place")
			}
		case "Add", "Mul":
			dims, constant := shapes[n.Inputs()[1]]
			if (n.Int("broadcast", 0) == 1) != (opset < 7 && constant) {
				bad("attribute broadcast")
			}
			if opset < 7 && slices.Contains(dims, 1) && len(dims) > 1 {
				bad("axes of size one do not broadcast here")
			}
		case "Gemm":
			if (n.Int("broadcast", 0) == 1) != (opset < 7) {
				bad("attribute broadcast")
			}
		case "Split":
			if (n.Attr("split") != nil) != (opset < 13) {
				bad("sizes in the wrong place")
			}
		}
	}
}
