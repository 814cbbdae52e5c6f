package affine

import (
	"fmt"
	"slices"

	"repmlp/convert/internal/reason"
	"repmlp/fuse"
	"repmlp/onnxio/graph"
)

// An Unshuffle is what a view, a permutation and another view do together where
// all they do to a map is to move the positions of blocks into the channels, or
// channels among each other: SpaceToDepth, pixel unshuffle and channel shuffle as
// frameworks write them.
type Unshuffle struct {
	NoWeights
	Mid      []graph.Dim // the first view
	Perm     []int
	Out      []graph.Dim // the second
	Channels int         // the axis that holds the channels, before and behind
	Parts    []Part      // what a channel behind is made of, the outermost first
}

// A Part is an index that is a piece of one of an axis before: index / Inner % Size.
// The pieces of positions have no others inside.
type Part struct{ Axis, Size, Inner int }

// NewUnshuffle recognises one; ok is false where the steps do anything else to x, or
// nothing at all.
func NewUnshuffle(x, mid []graph.Dim, perm []int, out []graph.Dim) (_ *Unshuffle, ok bool) {
	if len(x) != len(out) || len(x) < 3 || len(perm) != len(mid) {
		return nil, false
	}
	atoms := graph.NewAtoms()
	from := make(graph.Layout, len(x))
	for i, d := range x {
		from[i] = atoms.Axis(d)
	}
	to, ok := atoms.Regroup(from.Flat(), mid)
	if !ok {
		return nil, false
	}
	to = permute(Traced{layout: to}, perm).layout
	if to, ok = atoms.Regroup(to.Flat(), out); !ok {
		return nil, false
	}
	from, to = atoms.ResolveLayout(from), atoms.ResolveLayout(to)
	for _, channels := range []int{1, len(x) - 1} {
		if parts, ok := partsOf(atoms, from, to, channels); ok {
			return &Unshuffle{Mid: mid, Perm: perm, Out: out, Channels: channels, Parts: parts}, true
		}
	}
	return nil, false
}

// partsOf are what the channels behind are made of; ok is false where another axis
// holds more than its own, outer positions.
func partsOf(atoms *graph.Atoms, from, to graph.Layout, channels int) (parts []Part, ok bool) {
	piece := map[graph.Atom]Part{}
	for i, axis := range from {
		rest := axis
		if i != channels {
			if len(to[i]) > len(axis) || !slices.Equal(to[i], axis[:len(to[i])]) {
				return nil, false
			}
			rest = axis[len(to[i]):]
		}
		inner := 1
		for _, a := range slices.Backward(rest) {
			size, known := atoms.Size(a).Int()
			if !known || i == 0 || size > maxListed {
				return nil, false
			}
			piece[a] = Part{i, int(size), inner}
			inner *= int(size)
		}
	}
	if slices.Equal(to[channels], from[channels]) {
		return nil, false // nothing moves
	}
	for _, a := range to[channels] {
		p, known := piece[a]
		if !known {
			return nil, false
		}
		parts = append(parts, p)
	}
	return parts, len(parts) == len(piece)
}

// Trace implements Op.
func (u *Unshuffle) Trace(t *Tracer, _ *graph.Node, in []Traced) (Traced, *reason.Refusal) {
	y, why := t.regroup(in[0], u.Mid)
	if why != nil {
		return y, why
	}
	return t.regroup(permute(y, u.Perm), u.Out)
}

// size is the product of the parts of an axis.
func (u *Unshuffle) size(axis int) int {
	n := 1
	for _, p := range u.Parts {
		if p.Axis == axis {
			n *= p.Size
		}
	}
	return n
}

// Block is the size of its blocks along the axis where they are longest, 1 where
// positions stay.
func (u *Unshuffle) Block() int {
	n := 1
	for axis := range u.Out {
		if axis != u.Channels {
			n = max(n, u.size(axis))
		}
	}
	return n
}

// from is where channel o is read: a channel, and a position in a block.
func (u *Unshuffle) from(o int, order []int) (channel int, at []int) {
	at = make([]int, len(order)-2)
	for _, p := range slices.Backward(u.Parts) {
		digit := o % p.Size * p.Inner
		o /= p.Size
		if p.Axis == u.Channels {
			channel += digit
		} else {
			at[order[p.Axis]-2] += digit
		}
	}
	return channel, at
}

// channels lists which channel each of the result is made of.
func (u *Unshuffle) channels(order []int) []int {
	n := 1
	for _, p := range u.Parts {
		n *= p.Size
	}
	out := make([]int, n)
	for o := range out {
		out[o], _ = u.from(o, order)
	}
	return out
}

// window is the convolution of a map whose axes stand in the given order: one tap of a
// block for each channel.
func (u *Unshuffle) window(channels int, order []int) fuse.Window {
	w := fuse.Picking(u.channels(order), channels, len(order)-2)
	w.Taps, w.Stride = slices.Clone(w.Taps), slices.Clone(w.Stride)
	for axis, k := range order {
		if k > 1 {
			w.Taps[k-2], w.Stride[k-2] = u.size(axis), u.size(axis)
		}
	}
	return w
}

// Window implements Op. Blocks lie inside of the map or outside of it, so what stands
// around it stays.
func (u *Unshuffle) Window(n *graph.Node, in []Map) (Map, *reason.Refusal) {
	out := in[0]
	order := out.order()
	if len(order) != len(u.Out) || order[0] != 0 || order[u.Channels] != 1 {
		return out, reason.Refuse("", "%q reads its map with other axes first", n.Title())
	}
	total := 1
	for axis := range order {
		if total *= u.size(axis); total > maxListed {
			return out, reason.Refuse("", "%q makes too many channels", n.Title())
		}
	}
	if out.Win.Out != u.size(u.Channels) {
		return out, reason.Refuse("", "channels of %q do not fit", n.Title())
	}
	out.outside = out.outside.of(u.channels(order))
	out.Dims = slices.Clone(out.Dims)
	for axis, k := range order {
		if k > 0 {
			out.Dims[k] = u.Out[axis]
		}
	}
	out.Win = out.Win.Then(u.window(out.Win.Out, order))
	return out.cutBy(order), tooFar(n, out.Win)
}

// Kernel implements Op.
func (u *Unshuffle) Kernel(n *graph.Node, in []*fuse.Kernel) (*fuse.Kernel, error) {
	return u.ordered(n, in, inOrder(len(u.Out)))
}

func (u *Unshuffle) ordered(_ *graph.Node, in []*fuse.Kernel, order []int) (*fuse.Kernel, error) {
	k := fuse.NewKernel(u.window(in[0].Out, order))
	taps := Size(k.Taps)
	for o := range k.Out {
		_, at := u.from(o, order)
		tap := 0
		for i, size := range k.Taps {
			tap = tap*size + at[i]
		}
		k.W[o*taps+tap] = 1
	}
	return in[0].Then(k), nil
}

// Cost implements Op: two views and a permutation.
func (u *Unshuffle) Cost() Cost { return costMove.Plus(costTranspose).Plus(costMove) }

func (u *Unshuffle) String() string {
	s := "Unshuffle"
	for axis := range u.Out {
		if n := u.size(axis); n > 1 && axis != u.Channels {
			s += fmt.Sprintf(" blocks of %d along axis %d", n, axis)
		}
	}
	return s + fmt.Sprintf(" into %v channels", u.Out[u.Channels])
}
