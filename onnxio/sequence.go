package onnxio

import "fmt"

// Plain returns the model without detours that only exporters make: calls of
// local functions replaced by their bodies, sequences that only hand on the
// pieces of a tensor written as Split. A model without them is returned as it
// is.
func (m *Model) Plain() (*Model, error) {
	inlined, err := m.Inline()
	if err != nil {
		return nil, err
	}
	return inlined.withoutSequences()
}

// withoutSequences replaces SplitToSequence (opset 11), where all that reads
// it is SequenceAt with constant positions, by Split.
func (m *Model) withoutSequences() (*Model, error) {
	var sequences []*Node
	for _, n := range m.graph.nodes {
		if n.domain == "" && n.opType == "SplitToSequence" && len(n.inputs) == 2 && len(n.outputs) == 1 {
			sequences = append(sequences, n)
		}
	}
	if len(sequences) == 0 {
		return m, nil
	}
	s := splitter{m: m, names: m.graph.names(), ints: map[string]*Tensor{}, readers: map[string][]*Node{}, declared: map[string]*ValueInfo{}, info: map[string][]*ValueInfo{}}
	s.look()
	var e Edit
	for _, n := range sequences {
		s.replace(n, &e)
	}
	if len(e.DropNodes) == 0 {
		return m, nil
	}
	out, err := m.Apply(e)
	if err != nil {
		return nil, fmt.Errorf("replacing sequences by their pieces: %w", err)
	}
	return out, nil
}

type splitter struct {
	m       *Model
	names   Names
	ints    map[string]*Tensor // constants
	readers map[string][]*Node

	declared map[string]*ValueInfo   // the first of a name that has a shape
	info     map[string][]*ValueInfo // entries of value_info
}

func (s *splitter) look() {
	g := s.m.graph
	for _, v := range g.valueInfo {
		s.info[v.name] = append(s.info[v.name], v)
	}
	for _, list := range [][]*ValueInfo{g.valueInfo, g.inputs} {
		for _, v := range list {
			if v.shape && s.declared[v.name] == nil {
				s.declared[v.name] = v
			}
		}
	}
	for _, t := range g.inits {
		s.ints[t.name] = t
	}
	for _, v := range g.inputs { // whoever runs the model may replace its value
		s.ints[v.name] = nil
	}
	for _, v := range g.outputs {
		s.readers[v.name] = append(s.readers[v.name], nil)
	}
	for _, n := range g.nodes {
		for _, r := range n.Reads() {
			s.readers[r] = append(s.readers[r], n)
		}
		if n.domain == "" && n.opType == "Constant" && len(n.outputs) == 1 {
			switch v := n.Attr("value"); {
			case v != nil:
				s.ints[n.outputs[0]] = v.t
			case n.Attr("value_int") != nil:
				s.ints[n.outputs[0]] = NewInts("", nil, []int64{n.Int("value_int", 0)})
			case n.Attr("value_ints") != nil:
				list := n.Ints("value_ints")
				s.ints[n.outputs[0]] = NewInts("", []int64{int64(len(list))}, list)
			}
		}
	}
}

// constant returns the elements of a small integer constant.
func (s *splitter) constant(name string) (t *Tensor, v []int64, ok bool) {
	if t = s.ints[name]; t == nil || !t.dtype.IsInt() || t.Len() > 1<<10 {
		return nil, nil, false
	}
	v, err := t.Int64s()
	return t, v, err == nil
}

// size is the declared size of an axis of a value.
func (s *splitter) size(name string, axis int64) (int64, bool) {
	v := s.declared[name]
	if v == nil {
		return 0, false
	}
	if axis < 0 {
		axis += int64(len(v.dims))
	}
	if axis < 0 || axis >= int64(len(v.dims)) || !v.dims[axis].Known {
		return 0, false
	}
	return v.dims[axis].Value, true
}

// sizes are those of the pieces that n makes.
func (s *splitter) sizes(n *Node) ([]int64, bool) {
	t, v, ok := s.constant(n.inputs[1])
	if !ok || len(t.dims) > 0 {
		return v, ok && len(v) > 0
	}
	total, ok := s.size(n.inputs[0], n.Int("axis", 0))
	if !ok || len(v) != 1 || v[0] <= 0 || total <= 0 || total/v[0] > 1<<10 {
		return nil, false
	}
	var out []int64
	for ; total > 0; total -= v[0] {
		out = append(out, min(v[0], total))
	}
	return out, true
}

// replace adds to e what n and the nodes that read it become, unless something
// about them is unknown.
func (s *splitter) replace(n *Node, e *Edit) {
	seq := n.outputs[0]
	sizes, ok := s.sizes(n)
	if !ok {
		return
	}
	outs := make([]string, len(sizes))
	var again []*Node
	for _, r := range s.readers[seq] {
		if r == nil || r.domain != "" || r.opType != "SequenceAt" || len(r.inputs) != 2 || len(r.outputs) != 1 {
			return
		}
		_, at, ok := s.constant(r.inputs[1])
		if !ok || len(at) != 1 {
			return
		}
		i := at[0]
		if i < 0 {
			i += int64(len(sizes))
		}
		if i < 0 || i >= int64(len(sizes)) {
			return // an error when the model runs
		}
		if outs[i] == "" {
			outs[i] = r.outputs[0]
		} else {
			again = append(again, NewNode(r.name, "Identity", []string{outs[i]}, r.outputs))
		}
	}
	for i := range outs {
		if outs[i] == "" {
			outs[i] = s.names.Fresh(fmt.Sprintf("%s.%d", seq, i))
		}
	}
	inputs, attrs := n.inputs[:1], []*Attr{IntAttr("axis", n.Int("axis", 0))}
	if s.m.Opset("") < 13 {
		attrs = append(attrs, IntsAttr("split", sizes))
	} else {
		t := NewInts(s.names.Fresh(seq+".sizes"), []int64{int64(len(sizes))}, sizes)
		e.AddInits = append(e.AddInits, t)
		inputs = []string{n.inputs[0], t.name}
	}
	e.DropNodes = append(append(e.DropNodes, n), s.readers[seq]...)
	e.AddNodes = append(e.AddNodes, Placed{NewNode(n.name, "Split", inputs, outs, attrs...), n})
	for _, r := range again {
		e.AddNodes = append(e.AddNodes, Placed{r, n})
	}
	e.DropInfo = append(e.DropInfo, s.info[seq]...)
}
