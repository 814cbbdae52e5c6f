package sketch

import (
	"slices"

	"repmlp/onnxio"
)

// Needed walks back from the outputs, until nothing new is found: the naive reference
// of sweeping.
func Needed(m *onnxio.Model) (alive map[*onnxio.Node]bool, read map[string]bool) {
	alive, read = map[*onnxio.Node]bool{}, map[string]bool{}
	for _, o := range m.Graph().Outputs() {
		read[o.Name()] = true
	}
	for again := true; again; {
		again = false
		for _, n := range m.Graph().Nodes() {
			if alive[n] || !slices.ContainsFunc(n.Outputs(), func(o string) bool { return o != "" && read[o] }) {
				continue
			}
			alive[n], again = true, true
			for _, in := range n.Inputs() {
				read[in] = true
			}
		}
	}
	return alive, read
}
