package convert

import (
	"strings"
	"testing"

	"repmlp/internal/sketch"
	"repmlp/onnxio"
)

// Of the nodes of a body those that take the statistics of a batch are found, and no others.
func TestNormsInside(t *testing.T) {
	for text, want := range map[string]string{
		"x : N 4 3\na = BatchNormalization(x, ?4, ?4, ?4, !4) training_mode=1\nb = BatchNormalization(a, ?4, ?4, ?4, !4)\nc = Relu(b)\ny = BatchNormalization(c, ?4, ?4, ?4, !4) training_mode=1": "BatchNormalization_a BatchNormalization_y",
		"x : N 4 3\na = BatchNormalization(x, ?4, ?4, ?4, !4)\ny = InstanceNormalization(a, ?4, ?4) training_mode=1":                                                                              "",
	} {
		var found []string
		normsInside(sketch.Model(t, text).Graph(), 17, func(n *onnxio.Node) { found = append(found, n.Title()) })
		if have := strings.Join(found, " "); have != want {
			t.Errorf("%s: found %q, want %q", text, have, want)
		}
	}
}
