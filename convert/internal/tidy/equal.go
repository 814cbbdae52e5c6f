package tidy

import (
	"math"
	"slices"

	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// idle says of operators when their first output is their first input, to the bit.
var idle = map[string]func(t *net, w *work, in, out *graph.Value) bool{
	"Cast":         sameType,
	"CastLike":     likeSame,
	"Concat":       single,
	"DepthToSpace": blockOfOne,
	"Dropout":      func(t *net, w *work, _, _ *graph.Value) bool { return t.g.InferenceDropout(w.Node) },
	"Expand":       nothingRepeated,
	"Flatten":      func(_ *net, _ *work, in, out *graph.Value) bool { return sameSizes(in, out) },
	"Identity":     func(*net, *work, *graph.Value, *graph.Value) bool { return true },
	"Max":          single,
	"Mean":         single,
	"Min":          single,
	"Pad":          nothingPadded,
	"Reshape":      sameView,
	"Slice":        allOfIt,
	"SpaceToDepth": blockOfOne,
	"Split":        func(_ *net, w *work, _, _ *graph.Value) bool { return len(w.Out) == 1 },
	"Sum":          single,
	"Tile":         nothingTiled,
	"Transpose": func(_ *net, w *work, in, _ *graph.Value) bool {
		return in.Rank() >= 0 && inOrder(graph.Perm(w.Node, in.Rank()))
	},
}

// equal takes a node away that does nothing; those that follow read what it read.
func (t *net) equal(w *work) {
	for i, v := range w.in {
		if v != nil {
			w.in[i] = t.now(v)
		}
	}
	in, out, ok := w.first()
	if ok && t.idle(w, in, out) {
		t.replace(w, in, out)
	}
}

// idle reports whether a node makes out of in, which is the same.
func (t *net) idle(w *work, in, out *graph.Value) bool {
	rule := idle[w.OpType()]
	return rule != nil && w.Sound() && rule(t, w, in, out)
}

// replace has the readers of out read in, where nobody else asks for out by its name
// and none cares for the difference.
func (t *net) replace(w *work, in, out *graph.Value) bool {
	if t.bound[out] || t.constant(in) && !t.plain[out] {
		return false
	}
	t.becomes(out, in)
	w.gone = true
	return true
}

// constant reports whether a runtime may know v before it runs.
func (t *net) constant(v *graph.Value) bool {
	return v.Init != nil || v.Sparse || t.g.IsConst(v)
}

func sameType(_ *net, w *work, in, out *graph.Value) bool {
	return in.Typed() && in.Elem == onnxio.DType(w.AttrInt("to"))
}

func likeSame(_ *net, w *work, in, _ *graph.Value) bool {
	return in.Typed() && len(w.in) > 1 && w.in[1] != nil && w.in[1].Typed() && in.Elem == w.in[1].Elem
}

func single(_ *net, w *work, _, _ *graph.Value) bool { return len(w.in) == 1 }

func blockOfOne(_ *net, w *work, _, _ *graph.Value) bool { return w.Int("blocksize", 0) == 1 }

func nothingPadded(t *net, w *work, in, _ *graph.Value) bool {
	pads, ok := t.g.Pads(w.Node, in.Rank())
	return ok && t.trusted(w, 1, 3) && !slices.ContainsFunc(pads, func(p int64) bool { return p != 0 })
}

func nothingTiled(t *net, w *work, _, _ *graph.Value) bool {
	if len(w.In) != 2 || w.In[1] == nil || !t.trusted(w, 1) {
		return false // before opset 6 it has three
	}
	counts := w.In[1].Ints()
	return counts != nil && !slices.ContainsFunc(counts, func(d graph.Dim) bool { return !d.Is(1) })
}

// nothingRepeated is about an Expand every size of which is one or that of the axis.
func nothingRepeated(t *net, w *work, in, _ *graph.Value) bool {
	if len(w.In) != 2 || w.In[1] == nil || !t.trusted(w, 1) {
		return false
	}
	want, dims := w.In[1].Ints(), dimsOf(in)
	if want == nil || len(want) > len(dims) {
		return false
	}
	for i, d := range want {
		if !d.Is(1) && !d.Equal(dims[len(dims)-len(want)+i]) {
			return false
		}
	}
	return true
}

// endless is what exporters write for the end of an axis whose size they do not know.
const endless = math.MaxInt32

func allOfIt(t *net, w *work, in, _ *graph.Value) bool {
	dims := dimsOf(in)
	steps, ok := t.g.SliceSteps(w.Node, len(dims))
	if !ok || dims == nil || !t.trusted(w, 1, 2, 3, 4) {
		return false
	}
	for _, s := range steps {
		if s.Step != 1 {
			return false
		}
		if n, ok := dims[s.Axis].Int(); ok {
			if start, count := s.Range(n); start != 0 || count != n {
				return false
			}
		} else if s.Start != 0 || s.End < endless {
			return false
		}
	}
	return true
}

// sameView is about a Reshape to the shape that its input has. It keeps the number of
// elements, so one size may be unknown.
func sameView(t *net, w *work, in, out *graph.Value) bool {
	return t.trusted(w, 1) && sameSizes(in, out)
}

// sameSizes reports whether a view has the shape of what it is a view of.
func sameSizes(in, out *graph.Value) bool {
	a, b := dimsOf(in), dimsOf(out)
	if a == nil || len(a) != len(b) {
		return false
	}
	open, numbers := 0, 0
	for i := range a {
		if !a[i].Equal(b[i]) {
			open++
		} else if n, ok := a[i].Int(); ok && n > 0 {
			numbers++
		}
	}
	return open == 0 || open == 1 && numbers == len(a)-1
}

// dimsOf is the shape of a value, nil where it is unknown and for scalars.
func dimsOf(v *graph.Value) []graph.Dim {
	dims, ok := v.Shape()
	if !ok {
		return nil
	}
	return dims
}

func inOrder[N int | int64](perm []N) bool {
	for i, p := range perm {
		if int(p) != i {
			return false
		}
	}
	return true
}
