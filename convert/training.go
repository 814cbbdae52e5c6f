package convert

import (
	"fmt"
	"strings"

	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// trainingNotes warns of nodes in training mode, which an export for inference
// has none of: BatchNormalization with the statistics of the batch, Dropout that
// drops. Bodies of control flow are looked into.
func trainingNotes(g *graph.Graph) []Warning {
	norms, drops, first := 0, 0, ""
	note := func(n *onnxio.Node, count *int) {
		if *count++; first == "" {
			first = n.Title()
		}
	}
	for _, n := range g.Nodes {
		switch {
		case n.Domain != "":
		case n.OpType == "Dropout":
			if !g.InferenceDropout(n) {
				note(n.Node, &drops)
			}
		case n.OpType == "BatchNormalization":
			if batchStatistics(n.Node, g.Opset) {
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
	return []Warning{{"training_mode", fmt.Sprintf("the model is in training mode: %s node(s), the first is %q", strings.Join(what, " and "), first)}}
}

// normsInside calls found for the live BatchNormalizations of a body.
func normsInside(body *onnxio.Graph, opset int64, found func(*onnxio.Node)) {
	for _, n := range body.Nodes {
		if n.Domain == "" && n.OpType == "BatchNormalization" && batchStatistics(n, opset) {
			found(n)
		}
		for _, sub := range n.Subgraphs() {
			normsInside(sub, opset, found)
		}
	}
}

// batchStatistics reports whether a BatchNormalization normalises with what it
// sees: is_test=0 below opset 7, further outputs up to 13, training_mode later.
func batchStatistics(n *onnxio.Node, opset int64) bool {
	outs := 0
	for _, o := range n.Outputs {
		if o != "" {
			outs++
		}
	}
	return n.Int("training_mode", 0) != 0 || outs > 1 || opset < 7 && n.Int("is_test", 0) == 0
}
