package convert

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"repmlp/onnxio"
)

// What an inspection says of the result is what the written file has, size and
// multiply-adds included.
func TestTotalsAreThoseOfTheFile(t *testing.T) {
	for _, in := range []string{
		"../testdata/digits/digits_legacy.onnx", "../testdata/digits/digits_dynamo.onnx",
		"../testdata/cases/kin_unireplk_17/model.onnx", "../testdata/cases/kin_bn_before_conv_13/model.onnx",
	} {
		out := filepath.Join(t.TempDir(), "out.onnx")
		before, err := InspectFile(t.Context(), in, Options{})
		if err != nil {
			t.Fatal(err)
		}
		made, err := File(t.Context(), in, out, Options{})
		if err != nil {
			t.Fatal(err)
		}
		after, err := InspectFile(t.Context(), out, Options{})
		if err != nil {
			t.Fatal(err)
		}
		b, m, a := before.Totals, made.Totals, after.Totals
		if b.Bytes != m.Bytes || b.Nodes != m.Nodes || b.Parameters != m.Parameters || b.MultiplyAdds.numbers() != m.MultiplyAdds.numbers() {
			t.Errorf("%s: inspect says %+v, convert %+v", in, b, m)
		}
		if m.Bytes.After != after.Input.Bytes || m.Nodes.After != a.Nodes.Before || m.Parameters.After != a.Parameters.Before || m.MultiplyAdds.After != a.MultiplyAdds.Before {
			t.Errorf("%s: convert says %+v and %+v, its result has %d bytes, %+v and %+v", in, m, m.MultiplyAdds, after.Input.Bytes, a, a.MultiplyAdds)
		}
		saved := m.MultiplyAdds.Before - m.MultiplyAdds.After
		for _, r := range made.Regions {
			if r.MultiplyAdds != nil {
				saved -= r.MultiplyAdds.Before - r.MultiplyAdds.After
			}
		}
		if saved != 0 {
			t.Errorf("%s: the regions leave %d multiply-adds unexplained", in, saved)
		}
		if len(before.Input.Inputs) == 0 || len(before.Input.Outputs) == 0 {
			t.Errorf("%s: no inputs or outputs", in)
		}
	}
}

// numbers are those of both sides.
func (m *MultiplyAdds) numbers() Change { return Change{m.Before, m.After} }

// Sizes in JSON are numbers, names and null, there and back.
func TestSizeJSON(t *testing.T) {
	shape := []Size{{Value: 3, Known: true}, {Name: "batch"}, {}, {Known: true}}
	b, err := json.Marshal(shape)
	if err != nil || string(b) != `[3,"batch",null,0]` {
		t.Fatalf("%s, %v", b, err)
	}
	var back []Size
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	for i, s := range shape {
		if back[i] != s {
			t.Errorf("%v came back as %v", s, back[i])
		}
	}
	values := describe([]*onnxio.ValueInfo{onnxio.NewValue("s", onnxio.Float32), onnxio.Untyped("u", onnxio.Int64)})
	if b, err = json.Marshal(values); err != nil || string(b) != `[{"name":"s","type":"float32","shape":[]},{"name":"u","type":"int64"}]` {
		t.Errorf("%s, %v", b, err)
	}
}
