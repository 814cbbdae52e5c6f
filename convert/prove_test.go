package convert_test

import (
	"errors"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"repmlp/convert"
	"repmlp/internal/sketch"
	"repmlp/onnxio"
)

// Whatever a conversion wrote is proved without what it knew, and what it did not merge is
// found to be the same.
func TestProveConversions(t *testing.T) {
	eachCase(t, func(t *testing.T, c testCase, _ *onnxio.Model) {
		in, out := filepath.Join(c.dir(), "model.onnx"), filepath.Join(t.TempDir(), "o.onnx")
		opts := convert.Options{NoCheck: true, NoMetadata: true, FoldDequantize: true}
		if _, err := convert.File(t.Context(), in, out, opts); err != nil {
			t.Skip(err)
		}
		r, err := convert.ProveFiles(t.Context(), in, out, opts)
		if err != nil {
			t.Fatal(err)
		}
		if p := r.Proving; r.Verdict != convert.Proved || p.Roundings > 1 || strings.Join(p.Flags, " ") != "--fold-dequantize" {
			t.Errorf("%s: %+v", r.Verdict, p)
		}
	})
}

// Two exporters wrote one model, one of them with its BatchNormalizations folded: other names,
// another opset, other nodes.
func TestProveOtherExporter(t *testing.T) {
	r, err := convert.ProveFiles(t.Context(), "../testdata/digits/digits_legacy.onnx", "../testdata/digits/digits_dynamo.onnx", convert.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if p := r.Proving; r.Verdict != convert.Proved || len(p.Pieces) != 5 || p.Identical.Nodes != 48 || p.Identical.Tensors != 36 {
		t.Errorf("%s: %+v", r.Verdict, p)
	}
}

// What onnxslim, onnxsim and ONNX Runtime folded is proved, whatever they call it, and refused
// where one coefficient of any new weight is off by a thousandth.
func TestProveOtherTools(t *testing.T) {
	list, err := filepath.Glob("../testdata/folded/*.onnx")
	if err != nil || len(list) < 9 {
		t.Fatal(list, err)
	}
	for _, path := range list {
		name, _, _ := strings.Cut(filepath.Base(path), ".")
		in := filepath.Join(casesDir, name, "model.onnx")
		r, err := convert.ProveFiles(t.Context(), in, path, convert.Options{})
		if err != nil || r.Verdict != convert.Proved {
			t.Errorf("%s: %v %s", path, err, r.Verdict)
			continue
		}
		if k := r.Proving.Roundings; k > 4 || len(r.Proving.Pieces) < 2 {
			t.Errorf("%s: %d roundings, %d pieces", path, k, len(r.Proving.Pieces))
		}
		original, folded := loaded(t, in), loaded(t, path)
		for i, e := range nudged(t, original, folded) {
			bad, err := folded.Apply(e)
			if err != nil {
				t.Fatal(err)
			}
			if r, err := proved(t, original, bad); !errors.Is(err, convert.ErrNotEquivalent) {
				t.Errorf("%s: nudge %d: %v %s", path, i, err, r.Verdict)
			}
		}
	}
}

// nudged changes the largest number of each weight that a model does not have.
func nudged(t *testing.T, original, folded *onnxio.Model) (list []onnxio.Edit) {
	t.Helper()
	have := map[string]bool{}
	for _, x := range original.Graph().Inits() {
		if b, err := x.Bytes(); err == nil {
			have[string(b)] = true
		}
	}
	for _, x := range folded.Graph().Inits() {
		b, err := x.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		if have[string(b)] || !x.DType().IsFloat() || len(x.Dims()) < 4 || x.Len() < 8 {
			continue
		}
		v, err := x.Float64s()
		if err != nil {
			t.Fatal(err)
		}
		largest := 0
		for i := range v {
			if math.Abs(v[i]) > math.Abs(v[largest]) {
				largest = i
			}
		}
		v[largest] *= 1.001
		if b, err = onnxio.EncodeFloat64(v, x.DType()); err != nil {
			t.Fatal(err)
		}
		y, err := onnxio.NewTensor(x.Name(), x.DType(), x.Dims(), b)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, onnxio.Edit{DropInits: []*onnxio.Tensor{x}, AddInits: []*onnxio.Tensor{y}})
	}
	return list
}

// proved is what is found of a model and another.
func proved(t *testing.T, a, b *onnxio.Model) (*convert.Report, error) {
	t.Helper()
	dir := t.TempDir()
	in, out := filepath.Join(dir, "a.onnx"), filepath.Join(dir, "b.onnx")
	for path, m := range map[string]*onnxio.Model{in: a, out: b} {
		if err := m.Save(path); err != nil {
			t.Fatal(err)
		}
	}
	return convert.ProveFiles(t.Context(), in, out, convert.Options{})
}

const twoBranches = `x : N 4 8 8
a = Conv(x, =0.5:4x4x3x3, =1:4) pads=1,1,1,1
b = Conv(x, =0.25:4x4x1x1)
c = Add(a, b)
r = Relu(c)
d = Conv(r, =0.75:4x4x3x3)
y = Sub(d, x2)
x2 : N 4 6 6
`

// What is another model is refused, whatever is another.
func TestProveRefuses(t *testing.T) {
	a := sketch.Model(t, twoBranches)
	good, _, err := convert.Model(t.Context(), a, convert.Options{NoCheck: true})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := proved(t, a, good); err != nil || r.Verdict != convert.Proved || len(r.Proving.Pieces) != 1 {
		t.Fatalf("%v %+v", err, r.Proving)
	}
	node := func(op string) *onnxio.Node {
		for _, n := range good.Graph().Nodes() {
			if n.OpType() == op {
				return n
			}
		}
		t.Fatalf("no %s", op)
		return nil
	}
	instead := func(old, new *onnxio.Node) onnxio.Edit {
		return onnxio.Edit{DropNodes: []*onnxio.Node{old}, AddNodes: []onnxio.Placed{{Node: new, Before: old}}}
	}
	weight := func(name string, change func(v []float64)) onnxio.Edit {
		for _, x := range good.Graph().Inits() {
			if x.Name() != name {
				continue
			}
			v, err := x.Float64s()
			if err != nil {
				t.Fatal(err)
			}
			change(v)
			b, err := onnxio.EncodeFloat64(v, x.DType())
			if err != nil {
				t.Fatal(err)
			}
			y, err := onnxio.NewTensor(name, x.DType(), x.Dims(), b)
			if err != nil {
				t.Fatal(err)
			}
			return onnxio.Edit{DropInits: []*onnxio.Tensor{x}, AddInits: []*onnxio.Tensor{y}}
		}
		t.Fatalf("no %q", name)
		return onnxio.Edit{}
	}
	conv, sub, relu := good.Graph().Nodes()[2], node("Sub"), node("Relu")
	if conv.OpType() != "Conv" {
		t.Fatalf("%s is no Conv", conv.Title())
	}
	last, merged := conv.Inputs()[1], good.Graph().Nodes()[0].Inputs()[1]
	for fault, e := range map[string]onnxio.Edit{
		"an attribute":          instead(conv, onnxio.NewNode(conv.Name(), "Conv", conv.Inputs(), conv.Outputs(), onnxio.IntsAttr("dilations", []int64{2, 2}), onnxio.IntsAttr("pads", []int64{1, 1, 1, 1}))),
		"inputs exchanged":      instead(sub, sub.WithInputs(sub.Name(), []string{sub.Inputs()[1], sub.Inputs()[0]}, sub.Outputs())),
		"another operator":      instead(relu, onnxio.NewNode(relu.Name(), "LeakyRelu", relu.Inputs(), relu.Outputs())),
		"a node that is gone":   instead(relu, onnxio.NewNode(relu.Name(), "Identity", relu.Inputs(), relu.Outputs())),
		"a bit of a weight":     weight(last, func(v []float64) { v[17] = float64(math.Float32frombits(math.Float32bits(float32(v[17])) ^ 1<<10)) }),
		"a merged weight":       weight(merged, func(v []float64) { v[40] *= 1 + 1e-3 }),
		"merged weights turned": weight(merged, func(v []float64) { v[0], v[1] = v[1], v[0]+1e-3 }),
	} {
		bad, err := good.Apply(e)
		if err != nil {
			t.Fatalf("%s: %v", fault, err)
		}
		if r, err := proved(t, a, bad); !errors.Is(err, convert.ErrNotEquivalent) || r.Verdict != convert.NotEquivalent || !strings.Contains(err.Error(), "\"y\"") {
			t.Errorf("%s: %v %+v", fault, err, r.Proving)
		}
	}
}

// A piece of several sources holds where the layers of each do: the first one is not enough.
func TestProveRefusesEachSource(t *testing.T) {
	a := sketch.Model(t, "x : float32 N 4\nz : float32 N 4\nu : float32 N 4\na = Gemm(x, ?4x4)\nb = Gemm(z, ?4x4)\nc = Gemm(u, ?4x4)\nd = Add(a, b)\ne = Add(d, c)\ny = Mul(e, ?4)")
	good, _, err := convert.Model(t.Context(), a, convert.Options{NoCheck: true})
	if err != nil {
		t.Fatal(err)
	}
	r, err := proved(t, a, good)
	if err != nil || r.Verdict != convert.Proved || len(r.Proving.Pieces) != 1 {
		t.Fatalf("%v %+v", err, r.Proving)
	}
	if p := r.Proving.Pieces[0]; !p.Complete || p.Coefficients < 3*16 {
		t.Errorf("of three matrices of 16 numbers %d were read, complete %v", p.Coefficients, p.Complete)
	}
	nudged := 0
	for _, x := range good.Graph().Inits() {
		if len(x.Dims()) != 2 {
			continue
		}
		v, err := x.Float64s()
		if err != nil {
			t.Fatal(err)
		}
		v[5] += 0.01
		b, err := onnxio.EncodeFloat64(v, x.DType())
		if err != nil {
			t.Fatal(err)
		}
		y, err := onnxio.NewTensor(x.Name(), x.DType(), x.Dims(), b)
		if err != nil {
			t.Fatal(err)
		}
		bad, err := good.Apply(onnxio.Edit{DropInits: []*onnxio.Tensor{x}, AddInits: []*onnxio.Tensor{y}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := proved(t, a, bad); !errors.Is(err, convert.ErrNotEquivalent) {
			t.Errorf("%s is wrong: %v", x.Name(), err)
		}
		nudged++
	}
	if nudged != 3 {
		t.Errorf("%d matrices", nudged)
	}
}
