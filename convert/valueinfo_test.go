package convert_test

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"repmlp/convert"
	"repmlp/onnxio"
)

// A declared shape that contradicts the propagated one is a warning, changes
// no merge, and is not written again: some exporters leave NHWC shapes on NCHW
// values, with which ONNX Runtime refuses the file.
func TestContradictingValueInfo(t *testing.T) {
	m := near(t, onnxio.Float32, func(b *graphBuilder) string {
		return b.op("Relu", []string{b.norm(b.conv("x", 4, 4, 3, 1), 4)})
	})
	conv, norm := m.Graph().Nodes()[0].Outputs()[0], m.Graph().Nodes()[1].Outputs()[0]
	var out []byte
	fields(t, encode(t, m), func(num protowire.Number, raw, body []byte) {
		if num != 7 {
			out = append(out, raw...)
			return
		}
		for _, name := range []string{conv, norm} {
			body = message(slices.Clone(body), 13, valueBytes(name, onnxio.Float32, 2, 8, 8, 5))
		}
		out = message(out, 7, body)
	})
	bad, err := onnxio.Parse(out, "")
	if err != nil {
		t.Fatal(err)
	}
	res := convertModel(t, bad)
	if !slices.ContainsFunc(res.Plan.Warnings, func(w convert.Warning) bool { return w.Code == "invalid_value_info" }) {
		t.Errorf("warnings %v", res.Plan.Warnings)
	}
	if len(res.Plan.Regions) != 1 || len(res.Model.Graph().ValueInfo()) != 0 {
		t.Errorf("%d merges, %d declared values left", len(res.Plan.Regions), len(res.Model.Graph().ValueInfo()))
	}
	sameModel(t, "", 0, m, res.Model)
}

// A declared shape that contradicts the nodes stays where nothing was merged: ONNX
// Runtime takes both sizes for unknown, and refused a branch of an If that never
// runs once the size was certain.
func TestContradictionThatStays(t *testing.T) {
	m := near(t, onnxio.Float32, func(b *graphBuilder) string {
		return b.op("Relu", []string{b.norm(b.conv(b.op("Relu", []string{"x"}), 4, 4, 3, 1), 4)})
	})
	relu := m.Graph().Nodes()[0].Outputs()[0]
	bad := withGraphFields(t, m, message(nil, 13, valueBytes(relu, onnxio.Float32, 2, 4, 8, 5)))
	res := convertModel(t, bad)
	if len(res.Plan.Regions) != 1 || len(res.Model.Graph().ValueInfo()) != 1 {
		t.Errorf("%d merges, %d declared values left", len(res.Plan.Regions), len(res.Model.Graph().ValueInfo()))
	}
}

// withGraphFields appends encoded fields to the graph of a model.
func withGraphFields(t *testing.T, m *onnxio.Model, more []byte) *onnxio.Model {
	t.Helper()
	var out []byte
	fields(t, encode(t, m), func(num protowire.Number, raw, body []byte) {
		if num == 7 {
			raw = message(nil, 7, append(slices.Clone(body), more...))
		}
		out = append(out, raw...)
	})
	bad, err := onnxio.Parse(out, "")
	if err != nil {
		t.Fatal(err)
	}
	return bad
}

// Quantization annotations of tensors that a merge removes go with them; those of
// tensors that stay keep their scales, which nothing else reads.
func TestQuantizationAnnotations(t *testing.T) {
	m := near(t, onnxio.Float32, func(b *graphBuilder) string {
		b.normal(1)
		b.normal(1)
		return b.op("Relu", []string{b.norm(b.conv("x", 4, 4, 3, 1), 4)})
	})
	conv, norm, weight := m.Graph().Nodes()[0].Outputs()[0], m.Graph().Nodes()[1].Outputs()[0], m.Graph().Nodes()[0].Inputs()[1]
	note := func(tensor, scale string) []byte {
		return message(nil, 14, message(text(nil, 1, tensor), 2, text(text(nil, 1, "SCALE_TENSOR"), 2, scale)))
	}
	bad := withGraphFields(t, m, slices.Concat(note(conv, "w1"), note(weight, "w1"), note(norm, "w2")))
	res := convertModel(t, bad)
	got := res.Model.Graph().Annotated()
	kept := slices.ContainsFunc(res.Model.Graph().Inits(), func(x *onnxio.Tensor) bool { return x.Name() == "w2" })
	if len(res.Plan.Regions) != 1 || len(got) != 1 || !slices.Equal(got[norm], []string{"w2"}) || !kept {
		t.Errorf("%d merges, annotations %v, scale kept: %v", len(res.Plan.Regions), got, kept)
	}
}
