package convert_test

import (
	"slices"
	"testing"

	"repmlp/convert"
	"repmlp/onnxio"
)

// A file newer than what is known is converted with a warning; an operator that came
// later stays, and so does what depends on its meaning.
func TestNewerVersions(t *testing.T) {
	for _, c := range []struct {
		ir, opset int64
		want      []string
	}{{onnxio.NewestIR, onnxio.NewestOpset, nil}, {onnxio.NewestIR + 1, onnxio.NewestOpset, []string{"newer_ir_version"}}, {10, onnxio.NewestOpset + 1, []string{"newer_opset"}}, {99, 99, []string{"newer_ir_version", "newer_opset"}}} {
		b := &graphBuilder{rng: newRand(), elem: onnxio.Float32}
		y := b.norm(b.conv("x", 4, 4, 3, 1), 4)
		out := b.norm(b.op("Telescope", []string{y}), 4)
		m, err := onnxio.NewModel(onnxio.Parts{IRVersion: c.ir, Opset: c.opset, Nodes: b.nodes, Inits: b.inits, Outputs: []*onnxio.ValueInfo{onnxio.Untyped(out, b.elem)},
			Inputs: []*onnxio.ValueInfo{onnxio.NewValue("x", b.elem, onnxio.Known(1), onnxio.Known(4), onnxio.Known(8), onnxio.Known(8))}})
		if err != nil {
			t.Fatal(err)
		}
		plan, err := convert.PlanModel(m, convert.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, w := range plan.Warnings {
			if w.Code == "newer_ir_version" || w.Code == "newer_opset" {
				got = append(got, w.Code)
			}
		}
		if !slices.Equal(got, c.want) || len(plan.Regions) != 1 {
			t.Errorf("IR %d, opset %d: warnings %v, want %v; %d merges", c.ir, c.opset, got, c.want, len(plan.Regions))
		}
	}
}
