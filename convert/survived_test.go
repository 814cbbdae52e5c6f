package convert_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"repmlp/convert"
	"repmlp/internal/sketch"
	"repmlp/onnxio"
)

// A BatchNormalization that is the first node of a graph is switched like any other,
// and so is one behind a node of a foreign operator.
func TestFirstNodeIsSwitched(t *testing.T) {
	m := sketch.Model(t, "x : float32 N 4 6 6\na = BatchNormalization(x, ?4, ?4, ?4, !4) training_mode=1\ny = Conv(a, ?4x4x1x1, ?4)")
	_, r, err := convert.Model(t.Context(), m, convert.Options{BatchStatistics: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Regions) != 1 || len(r.Regions[0].Merged) != 2 {
		t.Errorf("merged %v, declined %v", r.Regions, r.Declined)
	}
}

// chosen is a model whose one node is an If over bodies that read x from outside.
func chosen(t *testing.T, x *onnxio.ValueInfo, inits []*onnxio.Tensor, then func(in, out string) []*onnxio.Node) *onnxio.Model {
	t.Helper()
	body := func(name string, nodes []*onnxio.Node) *onnxio.Attr {
		a, err := onnxio.GraphAttr(name, onnxio.Parts{Nodes: nodes, Outputs: []*onnxio.ValueInfo{onnxio.NewValue(nodes[len(nodes)-1].Outputs()[0], onnxio.Float32)}})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	m, err := onnxio.NewModel(onnxio.Parts{
		Opset:   17,
		Inputs:  []*onnxio.ValueInfo{x, onnxio.NewValue("c", onnxio.Bool)},
		Outputs: []*onnxio.ValueInfo{onnxio.NewValue("y", onnxio.Float32)},
		Nodes:   []*onnxio.Node{onnxio.NewNode("choice", "If", []string{"c"}, []string{"y"}, body("then_branch", then("x", "t")), body("else_branch", []*onnxio.Node{onnxio.NewNode("", "Relu", []string{"x"}, []string{"e"})}))},
		Inits:   inits,
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// numbers is a float32 tensor of counting numbers from 1 on.
func numbers(t *testing.T, name string, dims ...int64) *onnxio.Tensor {
	t.Helper()
	n := int64(1)
	for _, d := range dims {
		n *= d
	}
	v := make([]float64, n)
	for i := range v {
		v[i] = float64(i%7 + 1)
	}
	raw, err := onnxio.EncodeFloat64(v, onnxio.Float32)
	if err != nil {
		t.Fatal(err)
	}
	w, err := onnxio.NewTensor(name, onnxio.Float32, dims, raw)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

var normed = []string{"s", "s", "s", "s"}

// A BatchNormalization in training mode is found in a body, one that only has the
// name of the operator is not.
func TestTrainingModeInBodies(t *testing.T) {
	x := onnxio.NewValue("x", onnxio.Float32, onnxio.Known(2), onnxio.Known(3), onnxio.Known(4), onnxio.Known(4))
	for mode, want := range map[int64]bool{0: false, 1: true} {
		m := chosen(t, x, []*onnxio.Tensor{numbers(t, "s", 3)}, func(in, out string) []*onnxio.Node {
			return []*onnxio.Node{onnxio.NewNode("n", "BatchNormalization", append([]string{in}, normed...), []string{out}, onnxio.IntAttr("training_mode", mode))}
		})
		r, err := convert.Inspect(t.Context(), m, convert.Options{})
		if err != nil {
			t.Fatal(err)
		}
		warned := slices.ContainsFunc(r.Warnings, func(w convert.Warning) bool {
			return w.Code == "training_mode" && strings.Contains(w.Message, "1 BatchNormalization")
		})
		if warned != want {
			t.Errorf("training_mode %d: warnings %v", mode, r.Warnings)
		}
	}
}

// A body knows the sizes of what it reads from outside: the padding of a Conv follows
// from them where they are numbers, and from nothing where they are not.
func TestBodyKnowsSizesFromOutside(t *testing.T) {
	for _, c := range []struct {
		height onnxio.Dim
		pad    string
		want   int
	}{{onnxio.Known(9), "SAME_UPPER", 1}, {onnxio.Named("H"), "SAME_UPPER", 0}, {onnxio.Named("H"), "VALID", 1}} {
		x := onnxio.NewValue("x", onnxio.Float32, onnxio.Named("N"), onnxio.Known(3), c.height, onnxio.Known(9))
		m := chosen(t, x, []*onnxio.Tensor{numbers(t, "s", 3), numbers(t, "w", 3, 3, 3, 3)}, func(in, out string) []*onnxio.Node {
			return []*onnxio.Node{
				onnxio.NewNode("k", "Conv", []string{in, "w"}, []string{"k"}, onnxio.StringAttr("auto_pad", c.pad), onnxio.IntsAttr("strides", []int64{2, 2})),
				onnxio.NewNode("n", "BatchNormalization", append([]string{"k"}, normed...), []string{out}),
			}
		})
		_, r, err := convert.Model(t.Context(), m, convert.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Regions) != c.want {
			t.Errorf("height %v, %s: merged %v, declined %v", c.height, c.pad, r.Regions, r.Declined)
		}
	}
}

// The proofs are counted as they are made: from one to all of them.
func TestProgressOfProofs(t *testing.T) {
	m := sketch.Model(t, "x : float32 N 4 6 6\na = Conv(x, ?4x4x3x3)\nb = BatchNormalization(a, ?4, ?4, ?4, !4)\nc = Relu(b)\nd = Conv(c, ?4x4x1x1)\ny = BatchNormalization(d, ?4, ?4, ?4, !4)")
	var seen []int
	_, _, err := convert.Model(t.Context(), m, convert.Options{Progress: func(step string, done, total int) {
		if step == "proving" {
			seen = append(seen, done, total)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(seen, []int{1, 2, 2, 2}) {
		t.Errorf("proofs done, of: %v", seen)
	}
}

// A model that was read is closed when the work is done.
func TestNothingStaysOpen(t *testing.T) {
	dir := t.TempDir()
	in := filepath.Join(dir, "in.onnx")
	if err := sketch.Model(t, "x : float32 N 4\na = Gemm(x, ?4x4)\ny = Gemm(a, ?4x4)").Save(in); err != nil {
		t.Fatal(err)
	}
	if _, err := convert.File(t.Context(), in, filepath.Join(dir, "out.onnx"), convert.Options{}); err != nil {
		t.Fatal(err)
	}
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return // another system
	}
	for _, fd := range fds {
		if to, _ := os.Readlink(filepath.Join("/proc/self/fd", fd.Name())); strings.HasPrefix(to, dir) {
			t.Errorf("%s is still open", to)
		}
	}
}

// Nodes that make the same are one value, whatever else stands among them; two Ifs
// with other bodies are not the same.
func TestRepeatedNodes(t *testing.T) {
	branches := "u = Cast(x) to=11\nv = Cast(x) to=11\na = Conv(u, ?4x4x3x3) pads=1,1,1,1\nb = Conv(v, ?4x4x1x1)\ny = Add(a, b)"
	for name, text := range map[string]string{
		"alone":                   "x : N 4 6 6\n" + branches,
		"behind a random node":    "x : N 4 6 6\nr = RandomNormalLike(x)\n" + branches + "\nz = Add(y, r)",
		"behind a Split":          "x : N 4 6 6\nr, q = Split(x) axis=1\n" + branches + "\n> y r q",
		"behind a value of x":     "x : N 4 6 6\nq = Relu(x)\n" + branches + "\n> q y",
		"one of them is asked of": "x : N 4 6 6\n" + branches + "\n> v y",
	} {
		_, r, err := convert.Model(t.Context(), sketch.Model(t, text), convert.Options{NoCheck: true})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(r.Regions) != 1 || len(r.Regions[0].Merged) < 3 {
			t.Errorf("%s: merged %+v, declined %v", name, r.Regions, r.Declined)
		}
	}
}

// A dump that fails ends the run, at every stage.
func TestDumpThatFails(t *testing.T) {
	m := sketch.Model(t, "x : float32 N 4\na = Gemm(x, ?4x4)\ny = Gemm(a, ?4x4)")
	for _, stage := range convert.Stages() {
		full := errors.New("no room")
		_, _, err := convert.Model(t.Context(), m, convert.Options{Dump: func(name, _ string) error {
			if name == stage.Name {
				return full
			}
			return nil
		}})
		if !errors.Is(err, full) || !strings.Contains(err.Error(), stage.Name) {
			t.Errorf("%s: %v", stage.Name, err)
		}
	}
}

// What ended because a context did has no other kind, whatever else went wrong.
func TestEndedHasNoKind(t *testing.T) {
	in := filepath.Join(t.TempDir(), "in.onnx")
	if err := sketch.Model(t, "x : float32 N 4\ny = Relu(x)").Save(in); err != nil {
		t.Fatal(err)
	}
	for _, ended := range []error{nil, context.Canceled, context.DeadlineExceeded} {
		_, err := convert.File(t.Context(), in, in+".out", convert.Options{Opened: func(*onnxio.Model, *convert.Report) error {
			return errors.Join(ended, &onnxio.Invalid{Err: errors.New("odd")})
		}})
		if err == nil || errors.Is(err, convert.ErrNotONNX) != (ended == nil) {
			t.Errorf("%v: %v", ended, err)
		}
	}
}

// No step takes less than no time.
func TestSeconds(t *testing.T) {
	dir := t.TempDir()
	in := filepath.Join(dir, "in.onnx")
	if err := sketch.Model(t, "x : float32 N 4\na = Gemm(x, ?4x4)\ny = Gemm(a, ?4x4)").Save(in); err != nil {
		t.Fatal(err)
	}
	r, err := convert.File(t.Context(), in, filepath.Join(dir, "out.onnx"), convert.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []string{"load", "plan", "fold", "proof", "check", "save"} {
		if s, ok := r.Seconds[step]; !ok || s < 0 || s > 60 {
			t.Errorf("%s took %g s", step, s)
		}
	}
}

// Scales behind an activation that does nothing become one.
func TestScalesBehindAnIdleActivation(t *testing.T) {
	m, r, err := convert.Model(t.Context(), sketch.Model(t, "x : float32 N 4\na = Sin(x)\nb = Clip(a)\nc = Mul(b, ?4)\nd = Mul(c, ?4)\ny = Sin(d)"), convert.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if ops := countOps(m); ops["Mul"] != 1 || ops["Clip"] != 0 {
		t.Errorf("%v left, merged %v", ops, r.Regions)
	}
}

// A shape is asked of the last input alone.
func TestShapeOfTheLastInput(t *testing.T) {
	m, _, err := convert.Model(t.Context(), twoInputs(t), convert.Options{Shapes: map[string][]int64{"z": {5}}})
	if err != nil {
		t.Fatal(err)
	}
	inputs := m.Graph().Inputs()
	if dims := inputs[len(inputs)-1].Dims(); !slices.Equal(dims, []onnxio.Dim{onnxio.Known(5)}) {
		t.Errorf("its sizes are %v", dims)
	}
}

// Kernels of 1×1 are strips in neither direction.
func TestOnePositionIsNoStrip(t *testing.T) {
	const strip = "b = Conv(x, ?4x4x1x3) pads=0,1,0,1\n"
	for other, acnet := range map[string]bool{"c = Conv(x, ?4x4x1x1)\n": false, "c = Conv(x, ?4x4x3x1) pads=1,0,1,0\n": true} {
		plan, err := convert.PlanModel(sketch.Model(t, "x : float32 N 4 8 8\na = Conv(x, ?4x4x3x3) pads=1,1,1,1\n"+strip+other+"y = Sum(a, b, c)"), convert.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if len(plan.Blocks) != 1 || (plan.Blocks[0].Kind == "ACNet") != acnet {
			t.Errorf("with %s: blocks %v", strings.TrimSpace(other), plan.Blocks)
		}
	}
}

// What goes wrong with the last text of a dump is said where nothing is merged, too.
func TestDumpOfAnUnmergedResultFails(t *testing.T) {
	full := errors.New("full")
	_, _, err := convert.Model(t.Context(), sketch.Model(t, "x : float32 N 4\ny = Sin(x)"), convert.Options{Dump: func(stage, _ string) error {
		if stage == "result" {
			return full
		}
		return nil
	}})
	if !errors.Is(err, full) {
		t.Errorf("the error is %v", err)
	}
}

// What is no number in a report is an error.
func TestNoNumber(t *testing.T) {
	var n convert.Number
	if err := json.Unmarshal([]byte("[]"), &n); err == nil {
		t.Errorf("a list is read as %v", n)
	}
}
