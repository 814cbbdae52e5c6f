package explain

import (
	"fmt"

	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/reason"
	"repmlp/onnxio/graph"
)

// A Left is a node that scales or shifts by constants, stays, and is no place where a
// merge was to be expected: nothing beside it could take it.
type Left struct{ Code, Node, Message string }

// Stays names what a result still has of BatchNormalizations, constant scales, constant
// biases and activations that change nothing, and says of each why nothing beside it could take it; but not
// those that a decline names. e explains the result, in which made gives for the node of a
// merge the name of a layer that was merged, and stops why nodes did not move to a layer.
func Stays(e *affine.Explained, declined []Decline, made map[string]string, stops map[string]*reason.Refusal) []Left {
	named := named(declined)
	l := &leftover{e: e, refused: map[*graph.Node]*reason.Refusal{}, made: made}
	for _, r := range e.Refused {
		l.refused[r.Node] = r.Why
	}
	var out []Left
	for _, n := range e.Graph.Nodes {
		data, ok := l.scales(n)
		if !ok || named[n.Title()] {
			continue
		}
		named[n.Title()] = true
		why := l.why(n, data)
		if stop := stops[n.Title()]; stop != nil && says(stop, why) {
			why = reason.Refuse(stop.Code, "%q (%s) stays: %s", n.Title(), n.OpType(), stop.Message)
		}
		out = append(out, Left{string(why.Code), n.Title(), why.Message})
	}
	return out
}

// says reports whether the end of a search for a layer, which reads numbers, says more of a
// node than a look around it.
func says(stop, why *reason.Refusal) bool {
	switch why.Code {
	case reason.UnsupportedForm, reason.SignDepends:
		return true
	case reason.NoLinearNeighbour:
		return stop.Code == reason.SignDepends || stop.Code == reason.BiasBeforeZeroPadding
	}
	return false
}

// A leftover looks around the nodes that a result still has.
type leftover struct {
	e       *affine.Explained
	refused map[*graph.Node]*reason.Refusal
	made    map[string]string // nodes of merges, by what the file calls the layer in it
}

// scales reports whether a node is a BatchNormalization, scales or shifts data by constants,
// or is an activation that changes nothing, and of which data. A product's only bias is a
// part of it.
func (l *leftover) scales(n *graph.Node) (data *graph.Value, ok bool) {
	if n.Domain() != "" || n.First() == nil {
		return nil, false
	}
	if n.OpType() == "BatchNormalization" {
		return n.In[0], true
	}
	if l.e.Graph.IsConst(n.Out[0]) {
		return nil, false
	}
	if a := l.e.Of(n.Out[0]); a != nil && a.Node() == n {
		d, ok := a.Op.(*affine.Diagonal)
		if before := l.e.Of(a.Args[0]); ok && !d.Scales() && before != nil {
			if _, product := before.Op.(*affine.FC); product {
				return nil, false
			}
		}
		return a.Args[0], ok && !affine.IsSumOfScales(d) || affine.IsIdle(a.Op)
	}
	return l.unexplained(n)
}

// unexplained is scales for arithmetic that the rules say nothing of.
func (l *leftover) unexplained(n *graph.Node) (data *graph.Value, ok bool) {
	switch n.OpType() {
	case "Add", "Sub", "Mul", "Div":
	default:
		return nil, false
	}
	if len(n.In) != 2 || n.In[0] == nil || n.In[1] == nil || !n.Out[0].Elem.IsFloat() {
		return nil, false
	}
	first, second := affine.ConstantLike(l.e.Graph, n.In[0]), affine.ConstantLike(l.e.Graph, n.In[1])
	switch {
	case first == second || first && n.OpType() == "Div":
		return nil, false // a constant, two values, or a reciprocal
	case first:
		return n.In[1], true
	}
	return n.In[0], true
}

// shifts reports whether a node adds something.
func (l *leftover) shifts(n *graph.Node) bool {
	a := l.e.Of(n.Out[0])
	if a == nil {
		return true
	}
	d, ok := a.Op.(*affine.Diagonal)
	return !ok || d.Shifts()
}

// uniform reports whether the numbers of a node vary along one axis at most.
func (l *leftover) uniform(n *graph.Node) bool {
	a := l.e.Of(n.Out[0])
	if a == nil {
		return true
	}
	d, ok := a.Op.(*affine.Diagonal)
	return !ok || d.AlongOne()
}

// title is what the file calls a node: that of a merge has the name of a layer in it.
func (l *leftover) title(n *graph.Node) string {
	if name := l.made[n.Title()]; name != "" {
		return name
	}
	return n.Title()
}

// why says why nothing could take a node of some data.
func (l *leftover) why(n *graph.Node, data *graph.Value) *reason.Refusal {
	stays := fmt.Sprintf("%q (%s) stays: ", n.Title(), n.OpType())
	refuse := func(code reason.Code, format string, args ...any) *reason.Refusal {
		return reason.Refuse(code, "%s%s", stays, fmt.Sprintf(format, args...))
	}
	if l.e.Graph.IsConst(n.Out[0]) {
		return refuse(reason.NoLinearNeighbour, "it makes a constant of constants, which no layer could take as its weight; export the model with its constants folded")
	}
	back, ahead := l.back(data), l.ahead(n.Out[0])
	for _, end := range []*graph.Node{back.end, ahead.end} {
		if end == nil {
			continue
		}
		if foreign(end) {
			return refuse(reason.UnknownOp, "beside it %q has the operator %s, which neither ONNX nor the file's functions define; see which exporter writes it and export again", l.title(end), operator(end))
		}
		if why := l.refused[end]; why != nil && why.Code != "" {
			return refuse(why.Code, "nothing can be merged with %q beside it: %s", l.title(end), why.Message)
		}
	}
	if a := l.e.Of(n.Out[0]); a != nil && affine.IsIdle(a.Op) {
		return refuse(reason.UnsupportedForm, "it changes nothing but the sign of a zero, but no form is known without it")
	}
	if data.Rank() < 0 {
		return refuse(reason.ShapeUnknown, "no shape is known of %q; run ONNX shape inference on the file, or fix the input sizes", data.Name)
	}
	if gate := l.activation(n, data); gate != nil {
		return refuse(reason.PartOfActivation, "it belongs to an activation that is written out, up to %q, where a value meets a function of itself", l.title(gate))
	}
	switch {
	case back.layer && back.shared != nil:
		return refuse(reason.IntermediateUsedElsewhere, "%q, behind %q, is a graph output or has other readers", back.shared.Name, l.title(back.end))
	case ahead.layer && len(ahead.others) > 0:
		return refuse(reason.IntermediateUsedElsewhere, "%q would take it, but its result is read by %s too", l.title(ahead.end), l.listed(ahead.others))
	case ahead.layer && ahead.output:
		return refuse(reason.IntermediateUsedElsewhere, "%q would take it, but its result is an output of the model too", l.title(ahead.end))
	case (back.layer || ahead.layer) && !l.uniform(n):
		return refuse(reason.NoLinearNeighbour, "its numbers vary along other axes than the features of %q", l.title(layerOf(back, ahead)))
	case back.layer || ahead.layer:
		return refuse(reason.UnsupportedForm, "no form is known in which %q takes it", l.title(layerOf(back, ahead)))
	case back.maximum(l.shifts(n)) && l.afterLayer(back.end):
		return refuse(reason.SignDepends, "%q (%s) takes a maximum of what a layer makes, which commutes with scales above zero alone", l.title(back.end), back.end.OpType())
	}
	switch with, without, shared := l.parts(back.parts); {
	case with != nil && without != nil:
		return refuse(reason.PartWithoutLayer, "of what %q (%s) joins, %q comes from a layer, but %q does not", l.title(back.end), back.end.OpType(), with.Name, without.Name)
	case shared != nil:
		return refuse(reason.IntermediateUsedElsewhere, "%q, which %q (%s) joins, has other readers", shared.Name, l.title(back.end), back.end.OpType())
	}
	return refuse(reason.NoLinearNeighbour, "%s and %s; no layer stands beside it", l.reads(back), l.isRead(ahead))
}
