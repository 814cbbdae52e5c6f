package explain

import (
	"fmt"
	"slices"
	"strings"

	"repmlp/convert/internal/affine"
	"repmlp/onnxio/graph"
)

// A side is what stands before or behind a node, seen through views, averages and
// other scales.
type side struct {
	end    *graph.Node    // the first other node; nil at the border of the model
	layer  bool           // it is a layer
	shared *graph.Value   // on the way back: what somebody else reads too
	parts  []*graph.Value // what the end adds or joins
	others []*graph.Node  // on the way ahead: who else reads the result
	output bool           // it is a graph output
}

// back looks from a value to what makes it.
func (l *leftover) back(v *graph.Value) side {
	var s side
	for range maxBack {
		if s.shared == nil && v.ReadCount() > 1 {
			s.shared = v
		}
		a := l.e.Of(v)
		if a == nil {
			if s.end = v.Producer; s.end != nil && joins(s.end) {
				s.parts = l.data(s.end)
			}
			return s
		}
		if s.end = a.Node(); affine.IsLayer(a.Op) {
			s.layer = true
			return s
		}
		if len(a.Args) != 1 {
			s.parts = a.Args
			return s
		}
		v = a.Args[0]
	}
	return s
}

// ahead looks from a value to what reads it. Of several readers the end is a layer,
// if one is.
func (l *leftover) ahead(v *graph.Value) side {
	var s side
	for range maxBack {
		if v.IsOutput {
			s.output = true
		}
		var readers []*graph.Node
		for _, r := range v.Readers {
			if !slices.Contains(readers, r.Node) {
				readers = append(readers, r.Node)
			}
		}
		readers = append(readers, v.Captured...)
		for i, r := range readers {
			if l.layered(r) {
				s.end, s.layer, s.others = r, true, slices.Delete(readers, i, i+1)
				return s
			}
		}
		if len(readers) == 0 {
			return s
		}
		s.end, s.others = readers[0], readers[1:]
		made := s.end.Out
		if len(readers) > 1 || s.output || len(made) != 1 || made[0] == nil {
			return s
		}
		a := l.e.Of(made[0])
		if a == nil || len(a.Args) != 1 || affine.IsSumOfScales(a.Op) {
			return s
		}
		v = made[0]
	}
	return s
}

// layered reports whether a node is a layer.
func (l *leftover) layered(n *graph.Node) bool {
	if n.First() == nil {
		return false
	}
	a := l.e.Of(n.Out[0])
	return a != nil && affine.IsLayer(a.Op)
}

// data lists the inputs of a node that are no constants.
func (l *leftover) data(n *graph.Node) []*graph.Value {
	return slices.DeleteFunc(slices.Clone(n.In), func(v *graph.Value) bool { return v == nil || l.e.Graph.IsConst(v) })
}

// afterLayer reports whether a layer makes what a node reads.
func (l *leftover) afterLayer(n *graph.Node) bool {
	return slices.ContainsFunc(l.data(n), func(v *graph.Value) bool { return l.back(v).layer })
}

// parts finds among the parts of a sum or join one that a layer makes, one that none
// makes, and one of a layer that others read too; nil where there is no such part.
func (l *leftover) parts(of []*graph.Value) (with, without, shared *graph.Value) {
	for _, v := range of {
		s := l.back(v)
		switch {
		case !s.layer && without == nil:
			without = v
		case s.layer && with == nil:
			with = v
		}
		if s.layer && shared == nil {
			shared = s.shared
		}
	}
	return with, without, shared
}

// joins reports whether a node adds values or puts them side by side.
func joins(n *graph.Node) bool {
	switch n.OpType() {
	case "Add", "Sub", "Sum", "Mean", "Concat":
		return true
	}
	return false
}

// maximum reports whether what stands before takes a maximum, which commutes with
// scales above zero; that with zero not with shifts.
func (s side) maximum(shifts bool) bool {
	if s.end == nil {
		return false
	}
	switch s.end.OpType() {
	case "MaxPool", "GlobalMaxPool", "ReduceMax", "Max":
		return true
	case "Relu", "LeakyRelu", "PRelu":
		return !shifts
	}
	return false
}

// reads says what stands before a node.
func (l *leftover) reads(s side) string {
	if s.end == nil {
		return "it reads what the model is fed with"
	}
	return fmt.Sprintf("it reads what %s makes", l.called(s.end))
}

// isRead says what stands behind it.
func (l *leftover) isRead(s side) string {
	switch {
	case s.end == nil && s.output:
		return "makes an output of the model"
	case s.end == nil:
		return "nobody reads it"
	}
	return fmt.Sprintf("is read by %s", l.listed(append([]*graph.Node{s.end}, s.others...)))
}

// manyNames is up to how many nodes are listed in a sentence.
const manyNames = 3

// called is a node with its operator, which that of a merge does not have in the file.
func (l *leftover) called(n *graph.Node) string {
	if name := l.made[n.Title()]; name != "" {
		return fmt.Sprintf("%q", name)
	}
	return fmt.Sprintf("%q (%s)", n.Title(), n.OpType())
}

// listed names some nodes.
func (l *leftover) listed(nodes []*graph.Node) string {
	var names []string
	for i, n := range nodes {
		if i == manyNames {
			names = append(names, fmt.Sprintf("%d more", len(nodes)-i))
			break
		}
		names = append(names, l.called(n))
	}
	return strings.Join(names, ", ")
}

// operator is the operator of a node with its domain.
func operator(n *graph.Node) string { return strings.TrimPrefix(n.Domain()+"."+n.OpType(), ".") }

// layerOf is the layer that stands beside.
func layerOf(back, ahead side) *graph.Node {
	if back.layer {
		return back.end
	}
	return ahead.end
}
