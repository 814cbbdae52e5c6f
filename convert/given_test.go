package convert_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"repmlp/convert"
	"repmlp/internal/sketch"
	"repmlp/onnxio"
)

// saved writes a model of a text into a folder of its own.
func saved(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.onnx")
	if err := sketch.Model(t, text).Save(path); err != nil {
		t.Fatal(err)
	}
	return path
}

const twoLayers = "x : float32 N 4\na = Gemm(x, ?4x4)\ny = Gemm(a, ?4x4)"

// What cannot be done as asked ends with an error that says so, and nothing is written.
func TestAskedInVain(t *testing.T) {
	in := saved(t, twoLayers)
	out := filepath.Join(t.TempDir(), "out.onnx")
	unknown := map[string]int64{"M": 3}
	for name, c := range map[string]struct {
		run  func() (*convert.Report, error)
		want string
	}{
		"onto its input": {func() (*convert.Report, error) { return convert.File(t.Context(), in, in, convert.Options{}) }, "is the input itself"},
		"onto a folder": {func() (*convert.Report, error) {
			return convert.File(t.Context(), in, filepath.Dir(out), convert.Options{})
		}, "folder"},
		"no file": {func() (*convert.Report, error) { return convert.File(t.Context(), in+".not", out, convert.Options{}) }, ".not"},
		"options of a conversion": {func() (*convert.Report, error) {
			return convert.File(t.Context(), in, out, convert.Options{Samples: -1})
		}, "must not be negative"},
		"options of an inspection": {func() (*convert.Report, error) {
			return convert.InspectFile(t.Context(), in, convert.Options{StopAfter: -1})
		}, "must not be negative"},
		"options of a comparison": {func() (*convert.Report, error) {
			return convert.CompareFiles(t.Context(), in, in, convert.Options{MaxMemory: -1})
		}, "must not be negative"},
		"no such dimension": {func() (*convert.Report, error) {
			return convert.InspectFile(t.Context(), in, convert.Options{Dims: unknown})
		}, `"M"`},
		"no such dimension of two": {func() (*convert.Report, error) {
			return convert.CompareFiles(t.Context(), in, in, convert.Options{Dims: unknown})
		}, `"M"`},
		"no labels": {func() (*convert.Report, error) {
			return convert.CompareFiles(t.Context(), in, in, convert.Options{Labels: in + ".npy"})
		}, ".npy"},
		"no candidate": {func() (*convert.Report, error) { return convert.CompareFiles(t.Context(), in, out, convert.Options{}) }, "out.onnx"},
		"another size of an axis": {func() (*convert.Report, error) {
			return convert.File(t.Context(), in, out, convert.Options{Shapes: map[string][]int64{"x": {2, 5}}})
		}, "asked are 5"},
		"a size of nothing": {func() (*convert.Report, error) {
			return convert.File(t.Context(), in, out, convert.Options{Shapes: map[string][]int64{"x": {0, 4}}})
		}, "a size is 0"},
		"another rank": {func() (*convert.Report, error) {
			return convert.File(t.Context(), in, out, convert.Options{Shapes: map[string][]int64{"x": {4}}})
		}, "asked are 1"},
		"no such input": {func() (*convert.Report, error) {
			return convert.File(t.Context(), in, out, convert.Options{Shapes: map[string][]int64{"w": {4}}})
		}, "no such input"},
		"a size that is given": {func() (*convert.Report, error) {
			return convert.File(t.Context(), in, out, convert.Options{Shapes: map[string][]int64{"x": {2, 4}}, Dims: map[string]int64{"N": 2}})
		}, "value of its own"},
	} {
		r, err := c.run()
		if err == nil || !strings.Contains(err.Error(), c.want) || r == nil || r.Verdict != convert.Failed {
			t.Errorf("%s: %v, %+v", name, err, r)
		}
		if _, err := os.Stat(out); err == nil {
			t.Fatalf("%s: something was written", name)
		}
	}
}

// A shape that an input has already changes nothing; an input with a default has its shape.
func TestShapesThatAreThere(t *testing.T) {
	m := sketch.Model(t, "x : float32 2 4\na = Gemm(x, ?4x4)\ny = Gemm(a, ?4x4)")
	_, r, err := convert.Model(t.Context(), m, convert.Options{Shapes: map[string][]int64{"x": {2, 4}}, NoCheck: true})
	if err != nil || slices.ContainsFunc(r.Warnings, func(w convert.Warning) bool { return w.Code == "shape_fixed" }) {
		t.Errorf("%v %v", err, r.Warnings)
	}
	x := onnxio.NewValue("x", onnxio.Float32, onnxio.Known(2), onnxio.Named("M"))
	given, err := onnxio.NewModel(onnxio.Parts{Inputs: []*onnxio.ValueInfo{x}, Inits: []*onnxio.Tensor{numbers(t, "x", 2, 3)},
		Outputs: []*onnxio.ValueInfo{onnxio.NewValue("y", onnxio.Float32)}, Nodes: []*onnxio.Node{onnxio.NewNode("n", "Relu", []string{"x"}, []string{"y"})}})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := convert.Model(t.Context(), given, convert.Options{Shapes: map[string][]int64{"x": {2, 3}}}); err == nil || !strings.Contains(err.Error(), "has a default") {
		t.Errorf("%v", err)
	}
}

// Reports name the content of files where they are asked to.
func TestHashes(t *testing.T) {
	in := saved(t, twoLayers)
	data, err := os.ReadFile(in)
	if err != nil {
		t.Fatal(err)
	}
	for hashes, want := range map[bool]string{true: fmt.Sprintf("%x", sha256.Sum256(data)), false: ""} {
		inspected, err := convert.InspectFile(t.Context(), in, convert.Options{Hashes: hashes})
		if err != nil || inspected.Input.SHA256 != want {
			t.Errorf("inspected: %v, %q", err, inspected.Input.SHA256)
		}
		compared, err := convert.CompareFiles(t.Context(), in, in, convert.Options{Hashes: hashes})
		if err != nil || compared.Input.SHA256 != want || compared.Output.SHA256 != want {
			t.Errorf("compared: %v, %q and %q", err, compared.Input.SHA256, compared.Output.SHA256)
		}
	}
}

// A dump shows what is told of merges, and of what was declined and warned of.
func TestDumpOfFindings(t *testing.T) {
	m := sketch.Model(t, "x : float32 N 4 8 8\na = Conv(x, ?4x4x3x3) pads=1,1,1,1\nb = Relu(a)\nc = Conv(x, ?4x4x1x1)\nd = Add(b, c)\ne = BatchNormalization(d, ?4, ?4, ?4, !4) training_mode=1\nf = Conv(x, ?4x4x3x3) pads=1,1,1,1\ng = Add(f, c)\n> e g")
	var all strings.Builder
	_, r, err := convert.Model(t.Context(), m, convert.Options{NoCheck: true, Dump: func(_, text string) error { all.WriteString(text); return nil }})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Declined) == 0 || len(r.Warnings) == 0 {
		t.Fatalf("declined %v, warned of %v", r.Declined, r.Warnings)
	}
	for _, d := range r.Declined {
		if line := fmt.Sprintf("declined %s %q: %s\n", d.Code, d.Node, d.Message); !strings.Contains(all.String(), line) || d.String() != d.Code+": "+d.Message {
			t.Errorf("no line %q", line)
		}
	}
	for _, w := range r.Warnings {
		if line := fmt.Sprintf("warning %s: %s\n", w.Code, w.Message); !strings.Contains(all.String(), line) {
			t.Errorf("no line %q", line)
		}
	}
}

// Where no sizes fit a model its multiply-adds are not counted, of which is warned.
func TestNotCounted(t *testing.T) {
	m := sketch.Model(t, "x : float32 N 4\na = Reshape(x, #3_5)\nb = Reshape(x, #7_4)\nc = MatMul(a, ?5x2)\nd = Relu(b)\n> c d")
	r, err := convert.Inspect(t.Context(), m, convert.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Warnings) != 1 || r.Warnings[0].Code != "not_counted" || !strings.Contains(r.Warnings[0].Message, "not counted: ") || r.Totals.MultiplyAdds != nil {
		t.Errorf("%v, %+v", r.Warnings, r.Totals)
	}
}

// Weights count wherever they stand: as initializers and in Constant nodes.
func TestParametersOfAFile(t *testing.T) {
	m, err := onnxio.NewModel(onnxio.Parts{Inputs: []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, onnxio.Known(3))}, Inits: []*onnxio.Tensor{numbers(t, "w", 2, 3)},
		Outputs: []*onnxio.ValueInfo{onnxio.NewValue("y", onnxio.Float32)}, Nodes: []*onnxio.Node{
			onnxio.NewNode("stated", "Constant", nil, []string{"k"}, onnxio.TensorAttr("value", numbers(t, "", 4, 1, 3))),
			onnxio.NewNode("sum", "Sum", []string{"x", "w"}, []string{"s"}), onnxio.NewNode("product", "Mul", []string{"s", "k"}, []string{"y"})}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := convert.Inspect(t.Context(), m, convert.Options{})
	if err != nil || r.Input.Parameters != 6+12 {
		t.Errorf("%v: %d parameters", err, r.Input.Parameters)
	}
}
