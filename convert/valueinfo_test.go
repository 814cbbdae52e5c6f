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
	conv, norm := m.Graph.Nodes[0].Outputs[0], m.Graph.Nodes[1].Outputs[0]
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
	if len(res.Plan.Regions) != 1 || len(res.Model.Graph.ValueInfo) != 0 {
		t.Errorf("%d merges, %d declared values left", len(res.Plan.Regions), len(res.Model.Graph.ValueInfo))
	}
	sameModel(t, "", 0, m, res.Model)
}
