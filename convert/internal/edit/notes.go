package edit

import (
	"bytes"
	"encoding/json"
	"slices"

	"repmlp/convert/internal/layer"
	"repmlp/convert/internal/plan"
	"repmlp/onnxio"
)

// MergedFrom is the key under which a node says what it was merged from: a JSON list of
// the names that these nodes had in the source.
const MergedFrom = "repmlp.merged_from"

// origin lists the names of the nodes that a region stands for.
func (o Options) origin(r *plan.Region) []string {
	if o.Origin != nil {
		return o.Origin(r)
	}
	return r.Merged()
}

// note has the nodes of a region, those from some place in the edit on, say what they
// were merged from: those that read weights which were made for it, from some place on
// too, or all where none does.
func note(w *layer.Writer, from, inits int, merged []string) {
	weights := map[string]bool{}
	for _, t := range w.Edit.AddInits[inits:] {
		weights[t.Name()] = t.DType().IsFloat()
	}
	reads := func(p onnxio.Placed) bool {
		return slices.ContainsFunc(p.Node.Inputs(), func(in string) bool { return weights[in] })
	}
	nodes := w.Edit.AddNodes[from:]
	some := slices.ContainsFunc(nodes, reads)
	p := onnxio.Property{Key: MergedFrom, Value: list(merged)}
	for i, n := range nodes {
		if !some || reads(n) {
			nodes[i].Node = n.Node.WithNote(w.IRVersion(), p)
		}
	}
}

// list is a JSON list.
func list(names []string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(names); err != nil {
		panic(err) // strings always fit
	}
	return string(bytes.TrimSpace(b.Bytes()))
}
