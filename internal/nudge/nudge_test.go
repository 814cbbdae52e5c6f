package nudge_test

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"

	"repmlp/internal/nudge"
	"repmlp/onnxio"
)

// A nudged weight is named, whatever it is and wherever it stands, in the model itself and
// in what it is converted to, and the piece that is saved fails alone.
func TestNudgesAreLocated(t *testing.T) {
	for _, c := range []struct {
		name  string
		each  int
		match string
	}{
		{"v1_preserve_13", 20, "fc3.weight"}, {"v2_dynN_13", 20, "fc3.weight"}, {"dyn_v1_f16", 4, ""}, {"kin_repvgg_timm_net_17", 4, ""}, {"fw_nnx_v1_dyn", 4, ""}, {"leg_v1_eval_17", 4, "fc3.weight"}, {"dyn_v1_dynN_ext", 3, "fc3.weight"},
	} {
		if testing.Short() {
			c.each = min(c.each, 2)
		}
		m, err := onnxio.Load("../../testdata/cases/" + c.name + "/model.onnx")
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		for i := range 2 * c.each {
			o := nudge.Options{Converted: i%2 == 1, Folder: t.TempDir(), Match: func(name string) bool {
				return strings.HasSuffix(name, c.match)
			}}
			got, err := nudge.Find(context.Background(), m, rand.New(rand.NewPCG(7, uint64(i))), o)
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			if !got.Right() {
				t.Errorf("%s: %v, want one of %q", c.name, got, got.Want)
			}
		}
	}
}
