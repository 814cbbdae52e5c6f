package affine

import (
	"fmt"
	"slices"

	"repmlp/convert/internal/reason"
	"repmlp/fuse"
	"repmlp/onnxio/graph"
)

// maxListed bounds the channels that a window lists one by one.
const maxListed = 1 << 16

// A Pick reads positions of axes, one axis after the other.
type Pick struct {
	NoWeights
	Axes []Picked
	Drop int // an axis that goes, of which one position was picked; -1 for none
}

// Picked says which positions of one axis are read: every Step-th from Start on, or those
// of a list.
type Picked struct {
	Axis        int
	Count       int // of the result, 0 where it is no number
	Start, Step int
	List        []int     // nil for Start and Step
	Size        graph.Dim // of the result
	Crops       bool      // one more step, at either end, would still meet a position
}

// Run picks count positions of an axis of the given size from start on.
func Run(axis, start, count, size int) Picked {
	return Stepping(axis, start, 1, count, size)
}

// Stepping picks count positions of an axis of the given size, in steps.
func Stepping(axis, start, step, count, size int) Picked {
	return Picked{Axis: axis, Count: count, Start: start, Step: step, Size: graph.Size(int64(count)), Crops: step < 1 || start >= step || (size-1-start)/step >= count}
}

// Listed picks the positions of a list from an axis of the given size.
func Listed(axis int, at []int, size int) Picked {
	step := 1
	if len(at) > 1 {
		step = at[1] - at[0]
	}
	for i := range at {
		if step < 1 || at[i] != at[0]+i*step {
			return Picked{Axis: axis, Count: len(at), List: at, Size: graph.Size(int64(len(at)))}
		}
	}
	if len(at) == 0 {
		return Stepping(axis, 0, 1, 0, size)
	}
	return Stepping(axis, at[0], step, len(at), size)
}

// At is the position that i of the result shows.
func (a Picked) At(i int) int {
	if a.List != nil {
		return a.List[i]
	}
	return a.Start + i*a.Step
}

// all lists what At says.
func (a Picked) all() []int {
	out := make([]int, a.Count)
	for i := range out {
		out[i] = a.At(i)
	}
	return out
}

// Trace implements Op.
func (p *Pick) Trace(t *Tracer, n *graph.Node, in []Traced) (Traced, *reason.Refusal) {
	y := in[0]
	for _, a := range p.Axes {
		if _, ok := t.Length(y, a.Axis); !ok || a.Count < 1 {
			return y, reason.Refuse("", "%q picks from an axis of unknown size", n.Title())
		}
		y = t.Along(y, a.Axis, a.Count, fuse.Listed(a.Count, func(o int) fuse.Entry { return fuse.Entry{Out: o, In: a.At(o), Weight: 1} }))
	}
	if p.Drop >= 0 {
		y.layout = slices.Delete(slices.Clone(y.layout), p.Drop, p.Drop+1)
	}
	return y, nil
}

// Window implements Op: positions of a map are one tap at a stride, channels a 1×1 kernel
// that has ones and zeros.
func (p *Pick) Window(n *graph.Node, in []Map) (Map, *reason.Refusal) {
	out := in[0]
	order := out.order()
	if p.Drop >= 0 || order == nil {
		return NoMap{}.Window(n, in)
	}
	out.Dims, out.borders = slices.Clone(out.Dims), slices.Clone(out.borders)
	for _, a := range p.Axes {
		if a.Axis >= len(order) || order[a.Axis] == 0 {
			return NoMap{}.Window(n, in)
		}
		axis := order[a.Axis]
		out.Dims[axis] = a.Size
		if axis == 1 {
			if a.Count > maxListed {
				return in[0], reason.Refuse("", "%q picks too many channels", n.Title())
			}
			out.outside = out.outside.of(a.all())
			continue
		}
		if a.List != nil || a.Step < 1 || max(a.Start, a.Step) > maxReach || a.Size.Is(0) {
			return in[0], reason.Refuse("", "%q picks positions of a map otherwise than a convolution does", n.Title())
		}
		if b := &out.borders[axis-2]; a.Crops {
			*b = border{code: reason.InnerZeroPadding, why: "\"" + n.Title() + "\" crops the map; pad the map before it"}
		}
	}
	next, ok := p.window(in[0].Win.Out, order)
	if !ok {
		return in[0], reason.Refuse("", "%q picks channels that are not there", n.Title())
	}
	out.Win = out.Win.Then(next)
	return out.cutBy(order), tooFar(n, out.Win)
}

// window is the convolution that p is of a map whose axes stand in the given order.
func (p *Pick) window(channels int, order []int) (_ fuse.Window, ok bool) {
	w := fuse.IdentityWindow(channels, len(order)-2)
	for _, a := range p.Axes {
		if order[a.Axis] == 1 {
			from := a.all()
			if len(from) == 0 || slices.Min(from) < 0 || slices.Max(from) >= channels {
				return w, false
			}
			w = fuse.Picking(from, channels, len(order)-2)
		}
	}
	w.Lo, w.Stride = slices.Clone(w.Lo), slices.Clone(w.Stride)
	for _, a := range p.Axes {
		if axis := order[a.Axis]; axis > 1 {
			w.Lo[axis-2], w.Stride[axis-2] = a.Start, a.Step
		}
	}
	return w, true
}

// Kernel implements Op.
func (p *Pick) Kernel(n *graph.Node, in []*fuse.Kernel) (*fuse.Kernel, error) {
	return p.ordered(n, in, inOrder(len(in[0].Taps)+2))
}

func (p *Pick) ordered(n *graph.Node, in []*fuse.Kernel, order []int) (*fuse.Kernel, error) {
	w, ok := p.window(in[0].Out, order)
	if !ok {
		return NoMap{}.Kernel(n, in)
	}
	return in[0].Then(fuse.Ones(w)), nil
}

// Cost implements Op.
func (p *Pick) Cost() Cost { return costMove }

func (p *Pick) String() string {
	s := "Pick"
	for _, a := range p.Axes {
		s += fmt.Sprintf(" %v from axis %d", a.Size, a.Axis)
	}
	return s
}
