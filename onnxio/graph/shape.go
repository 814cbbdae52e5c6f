package graph

import (
	"fmt"
	"slices"

	"repmlp/onnxio"
)

// propagate works out shapes, element types and small integer values, node by
// node. Declared shapes are used only where nothing else is known.
func (g *Graph) propagate() error {
	info := map[string]*onnxio.ValueInfo{}
	for _, list := range [][]*onnxio.ValueInfo{g.Model.Graph.ValueInfo, g.Model.Graph.Outputs} {
		for _, v := range list {
			info[v.Name] = v
		}
	}
	for _, v := range g.values {
		if v.Init != nil && g.fixed(v) && (v.Init.DType.IsInt() || v.Init.Len() <= 16) {
			g.initInts(v)
		}
	}
	for _, n := range g.Nodes {
		if err := g.check(n); err != nil {
			return err
		}
		s := &shaper{g: g, n: n}
		if rule := shapeRules[n.OpType]; rule != nil && n.Domain == "" {
			rule(s)
		}
		for i, v := range n.Out {
			if v == nil {
				continue
			}
			g.declare(v, info[v.Name])
			if v.Elem == onnxio.Undefined && i == 0 && len(n.In) > 0 && n.In[0] != nil && !notLikeInput[n.OpType] {
				v.Elem = n.In[0].Elem
			}
			g.nameUnknown(v)
		}
		g.evalInts(n)
		if err := g.bounded(n); err != nil {
			return err
		}
	}
	return nil
}

// notLikeInput lists operators whose output type is not that of their first input.
var notLikeInput = map[string]bool{"Where": true, "CastLike": true, "Equal": true, "Less": true, "Greater": true, "Not": true, "And": true, "Or": true, "If": true, "Loop": true, "Scan": true, "QuantizeLinear": true, "DequantizeLinear": true, "ArgMax": true, "ArgMin": true, "NonZero": true, "IsNaN": true}

// declare compares what is known about v with what the file declares.
func (g *Graph) declare(v *Value, d *onnxio.ValueInfo) {
	if d == nil {
		return
	}
	if v.Elem == onnxio.Undefined {
		v.Elem = d.Elem
	}
	if !d.Shape {
		return
	}
	if !v.shapeKnown {
		v.setShape(declared(d))
		return
	}
	bad := len(v.shape) != len(d.Dims)
	for i := 0; !bad && i < len(d.Dims); i++ {
		have, known := v.shape[i].Int()
		switch {
		case !v.shape[i].Known() && d.Dims[i].Known:
			v.shape[i] = Size(d.Dims[i].Value)
		case known && d.Dims[i].Known && have != d.Dims[i].Value:
			bad = true
		}
	}
	if bad {
		v.contradicted = true
		g.Notes = append(g.Notes, Note{"invalid_value_info", fmt.Sprintf("the shape that the file declares for %q contradicts the one that follows from its nodes; the declared one is dropped", v.Name)})
	}
}

// nameUnknown gives unknown dimensions a symbol of their own, so that later
// nodes can tell that it is the same unknown.
func (g *Graph) nameUnknown(v *Value) {
	for i, d := range v.shape {
		if !d.Known() {
			v.shape[i] = Symbol(fmt.Sprintf("%s.%d", v.Name, i))
		}
	}
}

// MaxElements bounds a tensor that a node without data inputs would make:
// 8 G elements fit no machine that deploys a model.
const MaxElements = 1 << 33

// bounded refuses constants that would expand beyond all measure.
func (g *Graph) bounded(n *Node) error {
	switch n.OpType {
	case "ConstantOfShape", "Expand", "Tile", "Pad", "EyeLike", "Range", "Resize", "Upsample", "OneHot":
	default:
		return nil
	}
	for _, v := range n.Out {
		if v == nil || !v.shapeKnown {
			continue
		}
		total := 1.0
		for _, d := range v.shape {
			if k, ok := d.Int(); ok {
				total *= float64(k)
			}
		}
		if total > MaxElements {
			return fmt.Errorf("node %q (%s) would make %.3g elements of %q: the shape %v cannot be meant", n.Title(), n.OpType, total, v.Name, v.shape)
		}
	}
	return nil
}

// A shaper is the view that a shape rule has of its node.
type shaper struct {
	g *Graph
	n *Node
}

// in returns the shape of an input; ok is false where it is absent or unknown.
func (s *shaper) in(i int) ([]Dim, bool) {
	if i >= len(s.n.In) || s.n.In[i] == nil {
		return nil, false
	}
	return s.n.In[i].Shape()
}

// ints returns what is known of the elements of an input that lists sizes,
// which is a scalar or a vector of integers.
func (s *shaper) ints(i int) []Dim {
	if i >= len(s.n.In) || s.n.In[i] == nil || s.n.In[i].Elem.IsFloat() || s.n.In[i].Rank() > 1 {
		return nil
	}
	return s.n.In[i].ints
}

// numbers returns an input's elements where all of them are numbers.
func (s *shaper) numbers(i int) ([]int64, bool) { return numbers(s.ints(i)) }

func numbers(dims []Dim) ([]int64, bool) {
	if dims == nil {
		return nil, false
	}
	out := make([]int64, len(dims))
	for i, d := range dims {
		v, ok := d.Int()
		if !ok {
			return nil, false
		}
		out[i] = v
	}
	return out, true
}

func (s *shaper) set(i int, dims []Dim) {
	if i < len(s.n.Out) && s.n.Out[i] != nil {
		s.n.Out[i].setShape(dims)
	}
}

func (s *shaper) elem(d onnxio.DType) {
	for _, v := range s.n.Out {
		if v != nil {
			v.Elem = d
		}
	}
}

// axes returns the axes of Squeeze, Unsqueeze and reductions, an attribute in
// older opsets and input slot 1 in newer ones. ok is false where unknown.
func (s *shaper) axes() (axes []int64, given, ok bool) {
	if a := s.n.Attr("axes"); a != nil {
		return a.Ints, true, true
	}
	if len(s.n.In) > 1 && s.n.In[1] != nil {
		axes, ok := s.numbers(1)
		return axes, true, ok
	}
	return nil, false, true
}

// Axis turns a possibly negative axis into an index; ok is false where it is
// out of range.
func Axis(a int64, rank int) (int, bool) {
	if a < 0 {
		a += int64(rank)
	}
	return int(a), a >= 0 && a < int64(rank)
}

// shapeRules says how the shape of an operator's outputs follows.
var shapeRules = newShapeRules()

func same(s *shaper) {
	if d, ok := s.in(0); ok {
		s.set(0, slices.Clone(d))
	}
}

func broadcastAll(s *shaper) {
	if s.g.Opset < 7 { // the second input fits into the first, from axis on or at its end
		s.fitsInto()
		return
	}
	var out []Dim
	for i := range s.n.In {
		d, ok := s.in(i)
		if !ok {
			return
		}
		s.broadcasts(i, out, d)
		out = Broadcast(out, d)
	}
	s.set(0, out)
}

// broadcasts asks that input i of shape b fits beside a shape.
func (s *shaper) broadcasts(i int, a, b []Dim) {
	for k := 1; k <= min(len(a), len(b)); k++ {
		s.demand(Broadcasts, i, b[len(b)-k], a[len(a)-k])
	}
}

// fitsInto follows the operators that broadcast by attributes, which opset 7 took away.
func (s *shaper) fitsInto() {
	same(s)
	d, ok := s.in(0)
	part, ok2 := s.in(1)
	if !ok || !ok2 || len(part) > len(d) {
		return
	}
	if axis, ok := s.g.Beside(s.n, len(d), len(part)); ok {
		s.broadcasts(1, d[axis:axis+len(part)], part)
	}
}

// Broadcast combines two shapes by numpy's rule; sizes that cannot be compared
// are unknown.
func Broadcast(a, b []Dim) []Dim {
	if len(a) < len(b) {
		a, b = b, a
	}
	out := slices.Clone(a)
	off := len(a) - len(b)
	for i, d := range b {
		have := out[off+i]
		switch {
		case have.Equal(d), d.Is(1):
		case have.Is(1):
			out[off+i] = d
		default:
			_, isNum := have.Int()
			_, other := d.Int()
			if other && !isNum {
				out[off+i] = d
			} else if !isNum {
				out[off+i] = Unknown
			}
		}
	}
	return out
}

func boolOut(s *shaper) { broadcastAll(s); s.elem(onnxio.Bool) }
