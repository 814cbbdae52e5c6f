package convert

import (
	"fmt"
	"strings"

	"repmlp/convert/internal/rules"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// trainingNotes warns of nodes in training mode, which an export for inference
// has none of: BatchNormalization with the statistics of the batch, Dropout that
// drops; what makes a constant of constants does so in any mode. Bodies of control flow are looked into.
func trainingNotes(g *graph.Graph) []Warning {
	norms, drops, first := 0, 0, ""
	note := func(n *onnxio.Node, count *int) {
		if *count++; first == "" {
			first = n.Title()
		}
	}
	for _, n := range g.Nodes {
		switch {
		case n.Domain() != "":
		case n.OpType() == "Dropout":
			if !g.InferenceDropout(n) {
				note(n.Node, &drops)
			}
		case n.OpType() == "BatchNormalization":
			if rules.BatchStatistics(n.Node, g.Opset) && !g.IsConst(n.Out[0]) {
				note(n.Node, &norms)
			}
		}
		for _, sub := range n.Subgraphs() {
			normsInside(sub, g.Opset, func(n *onnxio.Node) { note(n, &norms) })
		}
	}
	var what []string
	if norms > 0 {
		what = append(what, fmt.Sprintf("%d BatchNormalization", norms))
	}
	if drops > 0 {
		what = append(what, fmt.Sprintf("%d Dropout", drops))
	}
	if len(what) == 0 {
		return nil
	}
	return []Warning{{Code: "training_mode", Message: fmt.Sprintf("the model is in training mode: %s node(s), the first is %q", strings.Join(what, " and "), first)}}
}

// normsInside calls found for the live BatchNormalizations of a body.
func normsInside(body *onnxio.Graph, opset int64, found func(*onnxio.Node)) {
	for _, n := range body.Nodes() {
		if n.Domain() == "" && n.OpType() == "BatchNormalization" && rules.BatchStatistics(n, opset) {
			found(n)
		}
		for _, sub := range n.Subgraphs() {
			normsInside(sub, opset, found)
		}
	}
}
