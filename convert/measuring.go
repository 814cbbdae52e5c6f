package convert

import (
	"fmt"

	"repmlp/convert/internal/affine"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// measured is a model in which nodes that ask a value for its shape or type alone ask
// another one that has the same, so that they keep no value alive that a merge could take
// away: behind a layer the last of what scales and shifts its result, elsewhere the first.
func measured(m *onnxio.Model, o graph.Options) (*onnxio.Model, error) {
	if !asksBeside(m) {
		return m, nil
	}
	g, err := graph.New(m, o)
	if err != nil {
		return nil, err
	}
	s := &sizing{g: g, to: map[*graph.Value]*graph.Value{}, pure: map[*graph.Value]bool{}}
	for _, n := range g.Nodes {
		s.follow(n)
	}
	var edit onnxio.Edit
	for _, n := range g.Nodes {
		k := asks(n.Node)
		if k < 0 || k >= len(n.In) || n.In[k] == nil || s.to[n.In[k]] == nil {
			continue
		}
		inputs := append([]string(nil), n.Inputs()...)
		inputs[k] = s.to[n.In[k]].Name
		edit.DropNodes = append(edit.DropNodes, n.Node)
		edit.AddNodes = append(edit.AddNodes, onnxio.Placed{Node: n.WithInputs(n.Name(), inputs, n.Outputs()), Before: n.Node})
	}
	if len(edit.DropNodes) == 0 {
		return m, nil
	}
	out, err := m.Apply(edit)
	if err != nil {
		return nil, fmt.Errorf("asking other values for their shape: %w", err)
	}
	return out, nil
}

// asks is the input of which a node wants the shape or the type alone, -1 for none.
func asks(n *onnxio.Node) int {
	if n.Domain() == "" {
		switch n.OpType() {
		case "Shape", "Size":
			return 0
		case "CastLike":
			return 1
		}
	}
	return -1
}

// pointwise reports whether a node may scale and shift.
func pointwise(n *onnxio.Node) bool {
	if n.Domain() == "" {
		switch n.OpType() {
		case "BatchNormalization", "Add", "Sub", "Mul", "Div":
			return true
		}
	}
	return false
}

// asksBeside reports whether a node asks for the shape of what a scale or shift reads or
// makes.
func asksBeside(m *onnxio.Model) bool {
	asked := map[string]bool{}
	for _, n := range m.Graph().Nodes() {
		if k := asks(n); k >= 0 && k < len(n.Inputs()) {
			asked[n.Inputs()[k]] = true
		}
	}
	if len(asked) == 0 {
		return false
	}
	for _, n := range m.Graph().Nodes() {
		if !pointwise(n) {
			continue
		}
		for _, v := range append(n.Inputs(), n.Outputs()...) {
			if asked[v] {
				return true
			}
		}
	}
	return false
}

// sizing finds out which value is to be asked for the shape of another.
type sizing struct {
	g    *graph.Graph
	to   map[*graph.Value]*graph.Value
	pure map[*graph.Value]bool // stored, or made of such values and of no shape
}

// follow looks at the run of scales and shifts that begins with n.
func (s *sizing) follow(n *graph.Node) {
	s.stored(n)
	first := s.data(n)
	if first == nil || first.Producer != nil && s.data(first.Producer) != nil && s.only(first) == n {
		return // it is no beginning
	}
	run := []*graph.Value{first}
	for n != nil && s.data(n) == run[len(run)-1] {
		run = append(run, n.Out[0])
		n = s.only(n.Out[0])
	}
	to := first
	if layered(first.Producer) && s.only(first) != nil {
		to = run[len(run)-1]
	}
	for _, v := range run {
		if v != to {
			s.to[v] = to
		}
	}
}

// stored finds out whether what n makes depends on stored numbers alone, not on a shape.
func (s *sizing) stored(n *graph.Node) {
	if asks(n.Node) >= 0 || len(n.Subgraphs()) > 0 || len(n.In) == 0 && n.OpType() != "Constant" {
		return
	}
	for _, in := range n.In {
		if in != nil && !s.isStored(in) {
			return
		}
	}
	for _, out := range n.Out {
		if out != nil {
			s.pure[out] = true
		}
	}
}

func (s *sizing) isStored(v *graph.Value) bool {
	return v.Init != nil && v.Producer == nil || s.pure[v]
}

// data is what a node scales and shifts by stored numbers without changing its shape or
// type; nil where it does something else.
func (s *sizing) data(n *graph.Node) *graph.Value {
	if !pointwise(n.Node) || !n.Sound() || n.First() == nil {
		return nil
	}
	var data *graph.Value
	for _, in := range n.In {
		switch {
		case in == nil || s.isStored(in):
		case data != nil:
			return nil
		default:
			data = in
		}
	}
	if data == nil || n.OpType() == "BatchNormalization" && data != n.In[0] || !affine.SameFloat(data, n.Out[0]) {
		return nil
	}
	before, ok := data.Shape()
	after, known := n.Out[0].Shape()
	if !ok || !known || !affine.EqualDims(before, after) {
		return nil
	}
	return data
}

// only is the one node that reads the elements of v; nil where there are none or more.
func (s *sizing) only(v *graph.Value) *graph.Node {
	if v.IsOutput || len(v.Captured) > 0 {
		return nil
	}
	var one *graph.Node
	for _, r := range v.Readers {
		if asks(r.Node.Node) == r.Slot {
			continue
		}
		if one != nil {
			return nil
		}
		one = r.Node
	}
	return one
}

// layered reports whether a node is a layer.
func layered(n *graph.Node) bool {
	if n == nil || n.Domain() != "" {
		return false
	}
	switch n.OpType() {
	case "Conv", "ConvTranspose", "Gemm", "MatMul", "Einsum":
		return true
	}
	return false
}
