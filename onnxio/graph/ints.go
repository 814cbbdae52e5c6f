package graph

import (
	"math"

	"repmlp/onnxio"
)

// Small integer tensors are evaluated element by element, with symbols where a
// size is not known: Shape, Gather, Slice, Concat and arithmetic build the
// targets of Reshape in most exports. Exporters that divide in floating point
// are covered too: a quotient keeps its numerator and denominator until Floor
// or a Cast to an integer asks for the rounded value.

// maxInts bounds the tensors that are evaluated this way.
const maxInts = 1024

// fixed reports whether v is an initializer that nobody can override.
func (g *Graph) fixed(v *Value) bool {
	return v.Init != nil && (!v.IsInput || g.opts.FreezeInputs)
}

// stored reports whether the values of an initializer may be read.
func (g *Graph) stored(v *Value) bool { return !g.opts.Sure || !v.Init.Computed() }

// A list of more than longList elements is kept only while those of all values are
// no more than maxListed: no size is made of so many, and they take 64 bytes each.
const (
	longList  = 64
	maxListed = 1 << 21
)

// lists reports whether there is room for a list of so many elements, and takes it.
func (g *Graph) lists(n int) bool {
	if n <= longList {
		return true
	}
	if g.listed+n > maxListed {
		return false
	}
	g.listed += n
	return true
}

// initInts lets the elements of an initializer be read when they are asked for: most
// are weights, and nobody does.
func (g *Graph) initInts(v *Value) {
	n := v.Init.Len()
	v.unread = n <= maxInts && g.lists(int(n))
}

func tensorInts(t *onnxio.Tensor) []Dim {
	if t.Len() > maxInts {
		return nil
	}
	var f []float64
	var err error
	if t.DType().IsInt() || t.DType() == onnxio.Bool || t.DType().IsFloat() {
		f, err = t.Float64s()
	} else {
		return nil
	}
	if err != nil {
		return nil
	}
	out := make([]Dim, len(f))
	for i, x := range f {
		if x == math.Trunc(x) && math.Abs(x) < 1<<62 {
			out[i] = Size(int64(x))
			if math.Abs(x) > 1<<53 && t.DType() == onnxio.Int64 {
				if ints, err := t.Int64s(); err == nil {
					out[i] = Size(ints[i])
				}
			}
		} else if t.DType() == onnxio.Int64 {
			if ints, err := t.Int64s(); err == nil {
				out[i] = Size(ints[i])
			}
		}
	}
	return out
}

// evalInts works out the elements of n's first output where it is a small
// integer tensor computed from sizes.
func (g *Graph) evalInts(n *Node) {
	if n.op == nil || len(n.Out) == 0 || n.Out[0] == nil {
		return
	}
	out := n.Out[0]
	for _, v := range n.Out[1:] {
		if v != nil && v.Index < constOps[n.OpType()].outputs(n) {
			g.constInts(v)
		}
	}
	if g.constInts(out) {
		return
	}
	if out.Elem != onnxio.Undefined && !countable(out.Elem) {
		return // arithmetic that wraps early holds no sizes
	}
	if rule := intRules[n.OpType()]; rule != nil {
		if ints := within(out.Elem, rule(&shaper{g: g, n: n})); g.lists(len(ints)) {
			out.ints = ints
			g.sized(out)
		}
	}
}

// sized makes a constant of sizes that are numbers.
func (g *Graph) sized(v *Value) {
	list, ok := numbers(v.ints)
	dims, known := v.Shape()
	shape, fixed := numbers(dims)
	if !g.opts.Sure || !ok || !known || !fixed && len(dims) > 0 || !v.Typed() || v.Elem.IsFloat() {
		return
	}
	c := &Const{DType: v.Elem, Shape: make([]int, len(shape)), I: list}
	for i, n := range shape {
		c.Shape[i] = int(n)
	}
	if c.Len() == len(list) {
		v.sizes, v.constState = c, 1
	}
}

// constInts takes the elements of a small constant from its evaluation, which
// knows how integers wrap, and its shape where nothing else tells it. It
// reports whether it did; what only sizes decide is left to the caller.
func (g *Graph) constInts(v *Value) bool {
	if !g.IsConst(v) {
		return false
	}
	if dims, ok := v.Shape(); ok {
		if k, ok := product(dims).Int(); ok && k > maxInts {
			return true
		}
	}
	c := v.constant // small ones are kept
	if c == nil {
		return true
	}
	if dims, ok := v.Shape(); ok && len(dims) > 0 || !ok {
		if _, known := numbers(dims); !known {
			v.setShape(sizes(c.Shape))
		}
	}
	if v.Elem == onnxio.Undefined {
		v.Elem = c.DType
	}
	if c.Len() > maxInts || v.Index > 0 && c.F != nil {
		return true
	}
	if !g.lists(c.Len()) {
		return true
	}
	v.ints = make([]Dim, c.Len())
	for i := range v.ints {
		switch {
		case c.F == nil && (c.I[i] >= 0 || c.DType != onnxio.Uint64):
			v.ints[i] = Size(c.I[i])
		case c.F != nil && c.F[i] == math.Trunc(c.F[i]) && math.Abs(c.F[i]) < 1<<53 && !c.inexact:
			v.ints[i] = Size(int64(c.F[i]))
		}
	}
	return true
}

// sizes are dimensions of a known shape.
func sizes(shape []int) []Dim {
	out := make([]Dim, len(shape))
	for i, n := range shape {
		out[i] = Size(int64(n))
	}
	return out
}

// countable types hold sizes, and what is computed from them.
func countable(d onnxio.DType) bool {
	return d == onnxio.Int64 || d == onnxio.Int32 || d == onnxio.Bool || d.IsFloat()
}

// within drops numbers that an int32 cannot hold, which wrap at run time.
func within(d onnxio.DType, dims []Dim) []Dim {
	if d != onnxio.Int32 {
		return dims
	}
	return mapDims(dims, func(x Dim) Dim {
		if k, ok := x.Int(); ok && k != int64(int32(k)) {
			return Unknown
		}
		return x
	})
}

// mapDims applies f to what is known.
func mapDims(in []Dim, f func(Dim) Dim) []Dim {
	if in == nil {
		return nil
	}
	out := make([]Dim, len(in))
	for i, d := range in {
		if d.Known() {
			out[i] = f(d)
		}
	}
	return out
}
