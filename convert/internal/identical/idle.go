package identical

import (
	"math"
	"slices"

	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// idle reports whether a node, which is sound, gives what it reads first, to the bit.
func (s *Side) idle(n *graph.Node, in, out *graph.Value) bool {
	switch n.OpType() {
	case "Identity":
		return true
	case "Dropout":
		return s.Graph.InferenceDropout(n)
	case "Cast":
		return in.Typed() && in.Elem == onnxio.DType(n.AttrInt("to"))
	case "CastLike":
		return in.Typed() && n.In[1].Typed() && in.Elem == n.In[1].Elem
	case "Concat", "Max", "Mean", "Min", "Sum":
		return len(n.In) == 1
	case "DepthToSpace", "SpaceToDepth":
		return n.AttrInt("blocksize") == 1
	case "Split":
		return len(n.Out) == 1
	case "Pad":
		pads, ok := s.Graph.Pads(n, in.Rank())
		return ok && !slices.ContainsFunc(pads, func(p int64) bool { return p != 0 })
	case "Tile":
		return len(n.In) == 2 && n.In[1].Ints() != nil && // before opset 6 it has three
			!slices.ContainsFunc(n.In[1].Ints(), func(d graph.Dim) bool { return !d.Is(1) })
	case "Expand":
		a, b := shapeOf(in), shapeOf(out)
		return a != nil && b != nil && slices.EqualFunc(a, b, graph.Dim.Equal)
	case "Slice":
		return s.all(n, in)
	case "Mul", "Div":
		return s.filled(n.In[1], in, out, 1)
	case "Add", "Sub":
		return s.filled(n.In[1], in, out, 0)
	}
	return false
}

// idleBehind reports whether a node, which is sound, gives what it reads second.
func (s *Side) idleBehind(n *graph.Node, out *graph.Value) bool {
	switch n.OpType() {
	case "Mul":
		return s.filled(n.In[0], n.In[1], out, 1)
	case "Add":
		return s.filled(n.In[0], n.In[1], out, 0)
	}
	return false
}

// filled reports whether an operand is a constant that holds one number, and leaves the
// shape of the other, in, alone. A number plus zero is that number, but for the sign of a zero.
func (s *Side) filled(operand, in, out *graph.Value, number float64) bool {
	if !s.Graph.IsConst(operand) {
		return false
	}
	f, ok := s.Graph.Splat(operand)
	if !ok {
		f, ok = s.splat(operand)
	}
	a, b := shapeOf(in), shapeOf(out)
	return ok && f == number && a != nil && b != nil && slices.EqualFunc(a, b, graph.Dim.Equal)
}

// endless is what exporters write for the end of an axis whose size they do not know.
const endless = math.MaxInt32

// all reports whether a Slice takes all of its input.
func (s *Side) all(n *graph.Node, in *graph.Value) bool {
	dims := shapeOf(in)
	steps, ok := s.Graph.SliceSteps(n, len(dims))
	if !ok {
		return false
	}
	for _, x := range steps {
		if x.Step != 1 {
			return false
		}
		if size, ok := dims[x.Axis].Int(); ok {
			if start, count := x.Range(size); start != 0 || count != size {
				return false
			}
		} else if x.Start != 0 || x.End < endless {
			return false
		}
	}
	return true
}

// splat reads the number that every element of a small constant equals.
func (s *Side) splat(v *graph.Value) (float64, bool) {
	dims, total := shapeOf(v), int64(1)
	for _, d := range dims {
		n, ok := d.Int()
		if total *= n; !ok || total > largestConstant || total < 1 {
			return 0, false
		}
	}
	c, err := s.Graph.Const(v)
	if dims == nil || err != nil || !c.Exact() || c.Len() == 0 {
		return 0, false
	}
	f := c.Float()
	return f[0], !slices.ContainsFunc(f, func(x float64) bool { return x != f[0] })
}
