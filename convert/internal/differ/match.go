package differ

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"repmlp/onnxio"
)

// An Init is an initializer, or what a Constant node makes of a tensor.
type Init struct {
	Name string
	*onnxio.Tensor
}

// A side is one of two graphs, indexed.
type side struct {
	nodes []*onnxio.Node // each behind those that it reads from, without constants
	maker map[string]*onnxio.Node
	inits map[string]*Init
	list  []*Init // in the order of the file
}

func newSide(g *onnxio.Graph) (*side, error) {
	nodes, err := onnxio.SortNodes(g.Nodes())
	if err != nil {
		return nil, err
	}
	s := &side{maker: map[string]*onnxio.Node{}, inits: map[string]*Init{}}
	add := func(name string, t *onnxio.Tensor) {
		x := &Init{name, t}
		s.inits[name], s.list = x, append(s.list, x)
	}
	for _, t := range g.Inits() {
		add(t.Name(), t)
	}
	for _, n := range nodes {
		if a := n.Attr("value"); n.OpType() == "Constant" && n.Domain() == "" && len(n.Outputs()) == 1 && a != nil && a.T() != nil {
			add(n.Outputs()[0], a.T())
			continue
		}
		s.nodes = append(s.nodes, n)
		for _, o := range n.Outputs() {
			if o != "" {
				s.maker[o] = n
			}
		}
	}
	return s, nil
}

// A matching says which nodes, values and initializers of two graphs belong together.
type matching struct {
	first, second *side
	nodes         map[*onnxio.Node]*onnxio.Node
	taken         map[*onnxio.Node]bool // of the second graph
	values        map[string]string
	inits, back   map[*Init]*Init
}

// match finds what belongs together: the inputs and outputs by name, or where none of
// these is the same by place, with names what makes values of the same name, then by
// structure, and what is left by its order.
func match(a, b *onnxio.Graph, names bool) (*matching, error) {
	first, err := newSide(a)
	if err != nil {
		return nil, err
	}
	second, err := newSide(b)
	if err != nil {
		return nil, err
	}
	m := &matching{first: first, second: second, nodes: map[*onnxio.Node]*onnxio.Node{}, taken: map[*onnxio.Node]bool{}, values: map[string]string{},
		inits: map[*Init]*Init{}, back: map[*Init]*Init{}}
	m.interfaces(fed(a, first), fed(b, second))
	if names {
		m.names()
	}
	m.ends(a.Outputs(), b.Outputs())
	m.spread()
	m.align()
	m.spread()
	return m, nil
}

// names has values of one name belong together, and the nodes that make them.
func (m *matching) names() {
	for _, x := range m.first.nodes {
		for i, o := range x.Outputs() {
			y := m.second.maker[o]
			if y == nil || o == "" {
				continue
			}
			m.values[o] = o
			if i < len(y.Outputs()) && y.Outputs()[i] == o {
				m.join(x, y)
			}
		}
	}
}

// spread joins nodes by structure, downwards and upwards, until nothing new is found.
func (m *matching) spread() {
	for before := -1; before < len(m.nodes); {
		before = len(m.nodes)
		m.down()
		m.up()
	}
}

// fed are the names of the inputs that a caller feeds.
func fed(g *onnxio.Graph, s *side) (list []string) {
	for _, v := range g.Inputs() {
		if s.inits[v.Name()] == nil {
			list = append(list, v.Name())
		}
	}
	return list
}

// interfaces joins inputs of the same name, or where there is none all by their place.
func (m *matching) interfaces(a, b []string) {
	common := false
	for _, name := range a {
		if slices.Contains(b, name) {
			m.values[name], common = name, true
		}
	}
	if !common && len(a) == len(b) {
		for i, name := range a {
			m.values[name] = b[i]
		}
	}
}

// ends joins the nodes that make outputs of the same name, or where there is none all by
// their place.
func (m *matching) ends(a, b []*onnxio.ValueInfo) {
	pairs := map[string]string{}
	for _, v := range a {
		if slices.ContainsFunc(b, func(w *onnxio.ValueInfo) bool { return w.Name() == v.Name() }) {
			pairs[v.Name()] = v.Name()
		}
	}
	if len(pairs) == 0 && len(a) == len(b) {
		for i, v := range a {
			pairs[v.Name()] = b[i].Name()
		}
	}
	for _, v := range a {
		x, y := m.first.maker[v.Name()], m.second.maker[pairs[v.Name()]]
		if x != nil && y != nil {
			m.join(x, y)
		}
	}
}

// join has two nodes belong together, unless they are other operators or one of them
// belongs elsewhere.
func (m *matching) join(x, y *onnxio.Node) {
	if m.nodes[x] != nil || m.taken[y] || operator(x) != operator(y) {
		return
	}
	m.nodes[x], m.taken[y] = y, true
	for i, o := range x.Outputs() {
		if o != "" && i < len(y.Outputs()) && y.Outputs()[i] != "" && m.values[o] == "" {
			m.values[o] = y.Outputs()[i]
		}
	}
}

// down joins nodes that read the same: values that belong together, and initializers of
// one shape. Of several those whose initializers are equal come first.
func (m *matching) down() {
	open := map[string][]*onnxio.Node{}
	for _, y := range m.second.nodes {
		if !m.taken[y] {
			key, _ := m.second.reads(y, func(v string) (string, bool) { return v, true })
			open[key] = append(open[key], y)
		}
	}
	for _, x := range m.first.nodes {
		if m.nodes[x] != nil {
			continue
		}
		key, ok := m.first.reads(x, func(v string) (string, bool) { w, ok := m.values[v]; return w, ok })
		if !ok {
			continue
		}
		list := slices.DeleteFunc(open[key], func(y *onnxio.Node) bool { return m.taken[y] })
		open[key] = list
		if y := m.nearest(x, list); y != nil {
			m.join(x, y)
		}
	}
}

// reads is the operator of a node and what it reads, as another graph calls it; ok is
// false where that is not known, and for nodes that read nothing but initializers.
func (s *side) reads(n *onnxio.Node, called func(string) (string, bool)) (key string, ok bool) {
	var b strings.Builder
	b.WriteString(operator(n))
	any := false
	for _, in := range n.Inputs() {
		b.WriteByte(0)
		switch t := s.inits[in]; {
		case in == "":
		case t != nil:
			fmt.Fprint(&b, "\x01", t.Dims())
		default:
			v, known := called(in)
			if !known {
				return "", false
			}
			b.WriteString("\x02" + v)
			any = true
		}
	}
	return b.String(), any
}

// nearest is the node among some that has most in common with x, the first of several.
func (m *matching) nearest(x *onnxio.Node, list []*onnxio.Node) (best *onnxio.Node) {
	most := -1
	for _, y := range list {
		n := 0
		if len(list) > 1 {
			n = m.common(x, y)
		}
		if n > most {
			best, most = y, n
		}
	}
	return best
}

// common counts what two nodes have in common beside what they read: attributes, and
// initializers by name and by value.
func (m *matching) common(x, y *onnxio.Node) int {
	n := 0
	if x.AttrKey() == y.AttrKey() {
		n++
	}
	in, other := x.Inputs(), y.Inputs()
	for i := range min(len(in), len(other)) {
		t, u := m.first.inits[in[i]], m.second.inits[other[i]]
		if t == nil || u == nil {
			continue
		}
		if t.Name == u.Name {
			n++
		}
		if equal(t.Tensor, u.Tensor) {
			n += 2
		}
	}
	return n
}

// up joins the nodes that make what nodes which belong together read.
func (m *matching) up() {
	for i := len(m.first.nodes) - 1; i >= 0; i-- {
		x := m.first.nodes[i]
		y := m.nodes[x]
		if y == nil {
			continue
		}
		in, other := x.Inputs(), y.Inputs()
		for k := range min(len(in), len(other)) {
			p, q := m.first.maker[in[k]], m.second.maker[other[k]]
			if p != nil && q != nil && slices.Index(p.Outputs(), in[k]) == slices.Index(q.Outputs(), other[k]) && m.shapes(p, q) {
				m.join(p, q)
			}
		}
	}
}

// shapes reports whether two nodes read initializers of the same shapes.
func (m *matching) shapes(x, y *onnxio.Node) bool {
	in, other := x.Inputs(), y.Inputs()
	if len(in) != len(other) {
		return false
	}
	for i := range in {
		t, u := m.first.inits[in[i]], m.second.inits[other[i]]
		if (t == nil) != (u == nil) || t != nil && !slices.Equal(t.Dims(), u.Dims()) {
			return false
		}
	}
	return true
}

// pairInits joins initializers that nodes which belong together read in the same place,
// then those of the same name and shape, then equal ones.
func (m *matching) pairInits() {
	join := func(t, u *Init) {
		if t != nil && u != nil && m.inits[t] == nil && m.back[u] == nil {
			m.inits[t], m.back[u] = u, t
		}
	}
	for _, x := range m.first.nodes {
		y := m.nodes[x]
		if y == nil {
			continue
		}
		in, other := x.Inputs(), y.Inputs()
		for i := range min(len(in), len(other)) {
			join(m.first.inits[in[i]], m.second.inits[other[i]])
		}
	}
	for _, t := range m.first.list {
		if u := m.second.inits[t.Name]; u != nil && slices.Equal(t.Dims(), u.Dims()) {
			join(t, u)
		}
	}
	share(m.first.list, m.second.list, m.inits, m.back)
	share(m.second.list, m.first.list, m.back, m.inits)
}

// share gives initializers without a partner one that is equal to them, which may have
// another partner too: what one file stores once, another may store several times.
func share(list, others []*Init, partner, back map[*Init]*Init) {
	by := map[string][]*Init{}
	for _, u := range others {
		key := fmt.Sprint(u.DType(), u.Dims())
		by[key] = append(by[key], u)
	}
	for _, t := range list {
		if partner[t] != nil {
			continue
		}
		var shared *Init
		for _, u := range by[fmt.Sprint(t.DType(), t.Dims())] {
			if free := back[u] == nil; (free || shared == nil) && equal(t.Tensor, u.Tensor) {
				if shared = u; free {
					break
				}
			}
		}
		if shared == nil {
			continue
		}
		partner[t] = shared
		if back[shared] == nil {
			back[shared] = t
		}
	}
}

// equal reports whether two tensors are the same to the bit.
func equal(t, u *onnxio.Tensor) bool {
	if t.DType() != u.DType() || !slices.Equal(t.Dims(), u.Dims()) {
		return false
	}
	a, err := t.Bytes()
	b, err2 := u.Bytes()
	return err == nil && err2 == nil && bytes.Equal(a, b)
}

func operator(n *onnxio.Node) string {
	if n.Domain() == "" {
		return n.OpType()
	}
	return n.Domain() + "." + n.OpType()
}
