package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"repmlp/convert"
	"repmlp/onnxio"
	"repmlp/verify"
)

// Broken files that only show once the graph is looked at: exit 1, a sentence
// that names the place, nothing written. The kinds that Load refuses are in
// onnxio.
func TestBrokenGraphsAreExit1(t *testing.T) {
	weight, err := onnxio.NewTensor("w", onnxio.Float32, []int64{4, 4, 3, 3}, make([]byte, 4*4*9*4))
	if err != nil {
		t.Fatal(err)
	}
	conv := func(attrs ...*onnxio.Attr) []*onnxio.Node {
		return []*onnxio.Node{onnxio.NewNode("the.node", "Conv", []string{"x", "w"}, []string{"y"}, attrs...)}
	}
	bomb := []*onnxio.Node{
		onnxio.NewNode("the.node", "ConstantOfShape", []string{"s"}, []string{"c"}),
		onnxio.NewNode("add", "Add", []string{"x", "c"}, []string{"y"}),
	}
	for name, nodes := range map[string][]*onnxio.Node{
		"kernel_shape against the weight": conv(onnxio.IntsAttr("kernel_shape", []int64{5, 5})),
		"groups that do not divide":       conv(onnxio.IntAttr("group", 3)),
		"an attribute of another type":    conv(onnxio.FloatAttr("group", 1)),
		"a constant of terabytes":         bomb,
	} {
		m, err := onnxio.NewModel(onnxio.Parts{
			Inputs:  []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, onnxio.Known(1), onnxio.Known(4), onnxio.Known(8), onnxio.Known(8))},
			Outputs: []*onnxio.ValueInfo{onnxio.NewValue("y", onnxio.Float32)},
			Nodes:   nodes, Inits: []*onnxio.Tensor{weight, onnxio.NewInts("s", []int64{3}, []int64{1 << 20, 1 << 20, 64})},
		})
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		in := filepath.Join(dir, "m.onnx")
		if err := m.Save(in); err != nil {
			t.Fatal(err)
		}
		code, _, errw := repmlp("convert", in)
		if code != exitFailed || !strings.Contains(errw, "the.node") {
			t.Errorf("%s: exit %d, %q", name, code, errw)
		}
		if files, _ := os.ReadDir(dir); len(files) != 1 {
			t.Errorf("%s: %d files", name, len(files))
		}
	}
}

// An interrupted conversion is exit 130 and leaves nothing.
func TestInterrupt(t *testing.T) {
	dir := t.TempDir()
	ctx, stop := context.WithCancel(context.Background())
	var o, e bytes.Buffer
	a := &app{out: &stdout{to: &o}, err: &e, prover: func(uint64, map[string]int64) convert.Prover {
		stop() // as the work begins
		return &verify.Prover{}
	}}
	code := a.run(ctx, []string{"convert", "../../testdata/digits/digits_legacy.onnx", "-o", filepath.Join(dir, "o.onnx")})
	if code != exitInterrupted {
		t.Errorf("exit %d: %s", code, e.String())
	}
	if files, _ := os.ReadDir(dir); len(files) > 0 {
		t.Errorf("%d files left", len(files))
	}
}
