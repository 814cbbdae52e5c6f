package verify

import "repmlp/onnxio"

// plainInteger is how many values an integer or boolean input takes that is no
// index of a table, as masks and switches are: 0 and 1.
const plainInteger = 2

// indexRange is how many values an integer input may take: where it chooses rows
// of stored tables, those of the smallest one.
func indexRange(m *onnxio.Model, input string) int64 {
	least := int64(0)
	tables := map[string]*onnxio.Tensor{}
	for _, t := range m.Graph.Inits {
		tables[t.Name] = t
	}
	same := map[string]bool{input: true}
	for _, n := range m.Graph.Nodes {
		if n.Domain != "" || len(n.Inputs) == 0 {
			continue
		}
		switch n.OpType {
		case "Cast", "Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Expand", "Slice":
			if same[n.Inputs[0]] {
				same[n.Outputs[0]] = true
			}
		case "Gather", "GatherElements":
			t := tables[n.Inputs[0]]
			if len(n.Inputs) < 2 || !same[n.Inputs[1]] || t == nil {
				continue
			}
			axis := 0
			if a := n.Attr("axis"); a != nil {
				axis = int(a.I)
			}
			if axis < 0 {
				axis += len(t.Dims)
			}
			if axis >= 0 && axis < len(t.Dims) && (least == 0 || t.Dims[axis] < least) {
				least = t.Dims[axis]
			}
		}
	}
	if least == 0 {
		return plainInteger
	}
	return least
}
