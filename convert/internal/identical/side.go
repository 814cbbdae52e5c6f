package identical

import (
	"fmt"
	"slices"
	"strings"

	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// A Side is a model whose values have numbers.
type Side struct {
	Graph *graph.Graph

	t       *Table
	class   map[*graph.Value]Class
	first   map[Class]*graph.Value
	sizes   *graph.Valuation      // of the inputs
	claimed map[*graph.Value]bool // that have the number of a claim
}

// A Claim says of a value that has the number c which number it has in truth; 0: that.
type Claim func(s *Side, v *graph.Value, c Class) Class

// Number gives the values of a graph numbers. claim, if it is not nil, is asked for each value
// that a node makes, behind all that the value depends on: where it knows one, the value has
// that number from now on, here and wherever else it is made alike.
func (t *Table) Number(g *graph.Graph, claim Claim) (*Side, error) {
	for pass := 1; ; pass++ {
		before := t.turned
		s, err := t.number(g, claim)
		if err != nil || t.turned == before || pass == passes {
			if t.settled == 0 {
				t.settled = Class(len(t.facts))
			}
			return s, err
		}
	}
}

// passes bounds how often numbers are given anew because what a value is a view of got the
// number of another view.
const passes = 6

func (t *Table) number(g *graph.Graph, claim Claim) (*Side, error) {
	s := &Side{Graph: g, t: t, sizes: graph.NewValuation(symbols(g)), class: map[*graph.Value]Class{}, first: map[Class]*graph.Value{}, claimed: map[*graph.Value]bool{}}
	for _, v := range g.Inputs {
		c := t.of("input " + v.Name)
		s.set(v, c)
	}
	for _, x := range g.Model.Graph().Inits() {
		if err := s.initializer(x); err != nil {
			return nil, err
		}
	}
	for _, x := range g.Model.Graph().SparseInit() {
		if v := g.Value(x.Values().Name()); v != nil {
			values, err := x.Values().Encode()
			if err != nil {
				return nil, fmt.Errorf("reading initializer %q: %w", v.Name, err)
			}
			indices, err := x.Indices().Encode()
			if err != nil {
				return nil, fmt.Errorf("reading initializer %q: %w", v.Name, err)
			}
			s.set(v, t.of(fmt.Sprintf("sparse %v %x %x", x.Dims(), values, indices)))
		}
	}
	for _, n := range g.Nodes {
		if err := s.node(n, claim); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Class is the number of a value, zero of one that has none.
func (s *Side) Class(v *graph.Value) Class { return s.class[v] }

// First is the first value of a class, nil where there is none.
func (s *Side) First(c Class) *graph.Value { return s.first[c] }

// Has reports whether a value has the number c.
func (s *Side) Has(c Class) bool { return c != 0 && s.first[c] != nil }

// Named is the number of the value called name.
func (s *Side) Named(name string) Class { return s.class[s.Graph.Value(name)] }

func (s *Side) initializer(x *onnxio.Tensor) error {
	v := s.Graph.Value(x.Name())
	if v == nil || v.Sparse {
		return nil
	}
	c, err := s.t.tensor(x)
	if err != nil {
		return err
	}
	if v.IsInput && !s.Graph.IsConst(v) { // whoever feeds it may say otherwise
		c = s.t.of(fmt.Sprintf("input %s else %d", v.Name, c))
	}
	s.set(v, c)
	return nil
}

// set gives a value its number.
func (s *Side) set(v *graph.Value, c Class) {
	s.class[v] = c
	if s.first[c] == nil {
		s.first[c] = v
	}
	if s.t.facts[c].dims == nil {
		s.t.facts[c].dims = s.shape(v)
	}
}

// node gives what a node makes numbers.
func (s *Side) node(n *graph.Node, claim Claim) error {
	base, err := s.says(n)
	if err != nil {
		return err
	}
	for i, v := range n.Out {
		if v == nil {
			continue
		}
		c, claimed := s.value(n, v, i, base)
		if claim != nil {
			if known := claim(s, v, c); known != 0 {
				if claimed = claimed || c != known; c != known {
					s.t.become(c, known)
				}
				c = known
			}
		}
		if s.set(v, c); claimed {
			s.claimed[v] = true
		}
	}
	return nil
}

// value is the number of output i of a node that says base, and whether that is so by a claim.
func (s *Side) value(n *graph.Node, v *graph.Value, i int, base string) (Class, bool) {
	if c := s.constant(v); c != 0 {
		return c, false
	}
	if i == 0 && len(n.In) > 0 && n.Sound() {
		in := n.In[0]
		switch {
		case s.idle(n, in, v):
			return s.class[in], false
		case s.idleBehind(n, v):
			return s.class[n.In[1]], false
		case views[n.OpType()]:
			if dims := s.shapeBeside(v, in); dims != nil && sized(dims) {
				return s.t.view(s.class[in], dims)
			}
		case n.OpType() == "Transpose" && in.Rank() >= 0:
			return s.t.order(s.class[in], graph.Perm(n, in.Rank()), s.shape(v))
		}
	}
	key := fmt.Sprintf("%d of %s", i, base)
	return s.t.of(key), s.t.claimed[key]
}

// views are operators that keep the order of all elements.
var views = map[string]bool{"Flatten": true, "Reshape": true, "Squeeze": true, "Unsqueeze": true}

// plain reports whether a size follows from those of the inputs, which are the same in all
// models: other names of sizes are those of one model alone.
func (s *Side) plain(d graph.Dim) bool {
	_, ok := s.sizes.Formula(d)
	return ok
}

// shape is the shape of a value, unknown where it does not follow from the inputs.
func (s *Side) shape(v *graph.Value) []graph.Dim {
	dims := slices.Clone(shapeOf(v))
	for i, d := range dims {
		if !s.plain(d) {
			dims[i] = graph.Unknown
		}
	}
	return dims
}

// shapeBeside is shape of a view, with sizes that it has in common with what it is a view of: of
// that another model may know more.
func (s *Side) shapeBeside(v, in *graph.Value) []graph.Dim {
	dims, raw, known := s.shape(v), shapeOf(v), s.t.facts[s.class[in]].dims
	for i, d := range dims {
		if d.Known() {
			continue
		}
		if k := slices.IndexFunc(shapeOf(in), raw[i].Equal); k >= 0 && k < len(known) {
			dims[i] = known[k]
		}
	}
	return dims
}

// symbols are the names of the sizes of the inputs of a graph.
func symbols(g *graph.Graph) (list []string) {
	for _, v := range g.Inputs {
		for _, d := range shapeOf(v) {
			for _, name := range d.Names() {
				if !slices.Contains(list, name) {
					list = append(list, name)
				}
			}
		}
	}
	return list
}

// shapeOf is the shape of a value, nil where it is unknown.
func shapeOf(v *graph.Value) []graph.Dim {
	dims, ok := v.Shape()
	if !ok {
		return nil
	}
	if dims == nil {
		return []graph.Dim{}
	}
	return dims
}

// largestConstant is how many elements a constant may have that is worked out.
const largestConstant = 1 << 16

// constant is the number of a value that nodes make of constants alone, or of sizes that are
// numbers, where all runtimes make the same bits; zero of others.
func (s *Side) constant(v *graph.Value) Class {
	n := v.Producer
	if n.OpType() == "Constant" && n.Domain() == "" {
		if a := n.Attr("value"); a != nil && a.T() != nil {
			if c, err := s.t.tensor(a.T()); err == nil {
				return c
			}
			return 0
		}
	}
	if !v.Typed() || v.Elem == onnxio.String {
		return 0
	}
	dims, ok := v.Shape()
	if !ok {
		return 0
	}
	numbers, total := make([]int64, len(dims)), int64(1)
	for i, d := range dims {
		if numbers[i], ok = d.Int(); !ok || numbers[i] < 0 {
			return 0
		}
		if total *= numbers[i]; total > largestConstant {
			return 0
		}
	}
	if !s.Graph.IsConst(v) {
		return s.formula(v, kindOf(v.Elem, numbers), total)
	}
	c, err := s.Graph.Const(v)
	if err != nil || c.DType != v.Elem || !c.Exact() {
		return 0
	}
	var raw []byte
	if v.Elem.IsFloat() {
		raw, err = onnxio.EncodeFloat64(c.F, v.Elem)
	} else {
		raw, err = onnxio.EncodeInt64(c.I, v.Elem)
	}
	if err != nil {
		return 0
	}
	return s.t.raw(v.Elem, numbers, raw)
}

// formula is the number of integers that follow from the sizes of inputs; zero of others.
func (s *Side) formula(v *graph.Value, kind string, total int64) Class {
	ints := v.Ints()
	if v.Elem.IsFloat() || ints == nil || int64(len(ints)) != total {
		return 0
	}
	said := "sizes"
	for _, d := range ints {
		if !s.plain(d) {
			return 0
		}
		said += fmt.Sprintf(" %q", d.String())
	}
	return s.t.of(fmt.Sprintf("%s as %s", said, kind))
}

// says is what a node computes: its operator and attributes, and the numbers of what it reads.
func (s *Side) says(n *graph.Node) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d", operator(n.Node, s.Graph.Model), len(trimmed(n.Outputs())))
	inputs := trimmed(n.Inputs())
	for i := range inputs {
		c := Class(0)
		if n.In[i] != nil {
			if c = s.class[n.In[i]]; c == 0 {
				return "", fmt.Errorf("looking at %q: nobody makes %q", n.Title(), inputs[i])
			}
		}
		fmt.Fprintf(&b, " %d", c)
	}
	if chance(n.Node) { // what is drawn belongs to the name
		fmt.Fprintf(&b, " %q", n.Outputs())
	}
	body := &bodies{t: s.t, m: s.Graph.Model, outer: func(name string) Class { return s.class[s.Graph.Value(name)] }}
	said, err := body.attributes(n.Node)
	b.WriteString(said)
	return b.String(), err
}

// trimmed is a list without what is left out at its end.
func trimmed(list []string) []string {
	for len(list) > 0 && list[len(list)-1] == "" {
		list = list[:len(list)-1]
	}
	return list
}

// random operators draw numbers.
var random = []string{"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Dropout"}

func chance(n *onnxio.Node) bool {
	return slices.Contains(random, n.OpType())
}
