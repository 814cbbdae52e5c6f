package verify

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"repmlp/onnxio"
)

// Random tokens reach every row of a table, and no other; masks are 0 and 1.
func TestRandomIndices(t *testing.T) {
	for _, rows := range []int64{1, 40} {
		m, err := onnxio.NewModel(onnxio.Parts{
			Inputs:  []*onnxio.ValueInfo{onnxio.NewValue("tokens", onnxio.Int64, onnxio.Known(200)), onnxio.NewValue("mask", onnxio.Int64, onnxio.Known(200))},
			Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Float32)},
			Nodes: []*onnxio.Node{
				onnxio.NewNode("as", "Cast", []string{"tokens"}, []string{"t"}, onnxio.IntAttr("to", int64(onnxio.Int32))),
				onnxio.NewNode("embed", "Gather", []string{"table", "t"}, []string{"e"}),
				onnxio.NewNode("m", "Cast", []string{"mask"}, []string{"f"}, onnxio.IntAttr("to", int64(onnxio.Float32))),
				onnxio.NewNode("y", "Mul", []string{"e", "f"}, []string{"y"}),
			},
			Inits: []*onnxio.Tensor{f32("table", []int64{rows}, make([]float32, rows)...)},
		})
		if err != nil {
			t.Fatal(err)
		}
		feed, err := RandomInputs(m, nil, 1, 0)
		if err != nil {
			t.Fatal(err)
		}
		if top := slices.Max(feed["tokens"].I); top != rows-1 || slices.Max(feed["mask"].I) != 1 {
			t.Errorf("tokens up to %d of %d rows, mask up to %d", top, rows, slices.Max(feed["mask"].I))
		}
		if _, err := Compare(t.Context(), m, m, CompareOptions{}); err != nil {
			t.Error(err)
		}
	}
}

// Both models have to give the outputs of a test data set.
func TestExpectedOutputs(t *testing.T) {
	m := linear(t, 1, 2, 3, 4)
	write := func(dir, name string, v ...float32) {
		x := f32("", []int64{1, 2}, v...)
		raw, err := x.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		var b []byte
		for _, d := range x.Dims() {
			b = protowire.AppendVarint(protowire.AppendTag(b, 1, protowire.VarintType), uint64(d))
		}
		b = protowire.AppendVarint(protowire.AppendTag(b, 2, protowire.VarintType), uint64(x.DType()))
		b = protowire.AppendBytes(protowire.AppendTag(b, 9, protowire.BytesType), raw)
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		name   string
		want   []float32
		passes bool
	}{{"right", []float32{4, 6}, true}, {"99", []float32{99, 99}, false}} {
		dir := t.TempDir()
		write(dir, "input_0.pb", 1, 1)
		write(dir, "output_0.pb", tc.want...)
		c, err := Compare(t.Context(), m, m, CompareOptions{Inputs: []string{dir}})
		if err != nil || c.Passed != tc.passes || len(c.Expected) != 2 {
			t.Errorf("%s: %+v, %v", tc.name, c, err)
		}
	}
	dir := t.TempDir()
	write(dir, "input_0.pb", 1, 1)
	write(dir, "input_1.pb", 1, 1)
	if _, err := Compare(t.Context(), m, m, CompareOptions{Inputs: []string{dir}}); err == nil || !strings.Contains(err.Error(), "2 inputs") {
		t.Errorf("an input too many: %v", err)
	}
}
