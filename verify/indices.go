package verify

import "repmlp/onnxio"

// plainInteger is how many values an integer or boolean input takes that is no
// index of a table, as masks and switches are: 0 and 1.
const plainInteger = 2

// passesOn lists operators whose first input is what they give.
var passesOn = map[string]bool{"Cast": true, "Identity": true, "Reshape": true, "Flatten": true, "Squeeze": true, "Unsqueeze": true, "Transpose": true, "Expand": true, "Slice": true}

// indexRange is how many values an integer input may take: where it chooses rows
// of stored tables, those of the smallest one.
func indexRange(m *onnxio.Model, input string) int64 {
	least := int64(0)
	tables := map[string]*onnxio.Tensor{}
	for _, t := range m.Graph().Inits() {
		tables[t.Name()] = t
	}
	same := map[string]bool{input: true}
	for _, n := range m.Graph().Nodes() {
		switch {
		case n.Domain() != "" || len(n.Inputs()) == 0:
		case passesOn[n.OpType()]:
			if same[n.Inputs()[0]] {
				same[n.Outputs()[0]] = true
			}
		case (n.OpType() == "Gather" || n.OpType() == "GatherElements") && len(n.Inputs()) > 1 && same[n.Inputs()[1]]:
			if rows := tableRows(n, tables[n.Inputs()[0]]); rows > 0 && (least == 0 || rows < least) {
				least = rows
			}
		}
	}
	if least == 0 {
		return plainInteger
	}
	return least
}

// tableRows is how many rows a node chooses from in a stored table, 0 for none.
func tableRows(n *onnxio.Node, table *onnxio.Tensor) int64 {
	if table == nil {
		return 0
	}
	axis := 0
	if a := n.Attr("axis"); a != nil {
		axis = int(a.I())
	}
	if axis < 0 {
		axis += len(table.Dims())
	}
	if axis < 0 || axis >= len(table.Dims()) {
		return 0
	}
	return table.Dims()[axis]
}
