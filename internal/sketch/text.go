package sketch

import (
	"fmt"
	"strings"

	"repmlp/onnxio"
)

// Nodes prints the nodes of a model in the order of its graph, with the shapes of
// the constants that they read, and what integers hold.
func Nodes(m *onnxio.Model) string {
	inits := map[string]*onnxio.Tensor{}
	for _, t := range m.Graph().Inits() {
		inits[t.Name()] = t
	}
	var b strings.Builder
	for _, n := range m.Graph().Nodes() {
		var ins []string
		for _, name := range n.Inputs() {
			if t := inits[name]; t != nil {
				name += fmt.Sprint(t.Dims())
				if v, err := t.Int64s(); err == nil && t.DType() == onnxio.Int64 {
					name += fmt.Sprintf("=%d", v)
				}
			}
			ins = append(ins, name)
		}
		fmt.Fprintf(&b, "  %s = %s(%s)", strings.Join(n.Outputs(), ", "), n.OpType(), strings.Join(ins, ", "))
		for _, a := range n.Attrs() {
			switch a.Type() {
			case onnxio.AttrInt:
				fmt.Fprintf(&b, " %s=%d", a.Name(), a.I())
			case onnxio.AttrInts:
				fmt.Fprintf(&b, " %s=%d", a.Name(), a.Ints())
			default:
				fmt.Fprintf(&b, " %s", a.Name())
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}
