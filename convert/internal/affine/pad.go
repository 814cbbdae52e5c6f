package affine

import (
	"fmt"
	"slices"
	"sync"

	"repmlp/convert/internal/reason"
	"repmlp/fuse"
	"repmlp/onnxio/graph"
)

// A PadMode says what stands outside.
type PadMode uint8

// The modes of the operator Pad.
const (
	PadConstant PadMode = iota
	PadEdge
	PadReflect
	PadWrap
)

func (m PadMode) String() string { return [...]string{"constant", "edge", "reflect", "wrap"}[m] }

// A Pad adds positions at the ends of axes; Pads lists the begins of all axes,
// then the ends, negative ones crop.
type Pad struct {
	NoWeights
	Pads  []int64
	Mode  PadMode
	Value float64 // of PadConstant
}

// Zeros reports whether a map is padded with zeros along its spatial axes alone.
func (p *Pad) Zeros() bool { return p.spatial() && p.Mode == PadConstant && p.Value == 0 }

// spatial reports whether the axes of a map but batch and channels are padded.
func (p *Pad) spatial() bool {
	rank := len(p.Pads) / 2
	return rank >= 3 && p.Pads[0] == 0 && p.Pads[1] == 0 && p.Pads[rank] == 0 && p.Pads[rank+1] == 0
}

// Trace implements Op.
func (p *Pad) Trace(t *Tracer, n *graph.Node, in []Traced) (Traced, *reason.Refusal) {
	y := in[0]
	rank := len(p.Pads) / 2
	for i := range rank {
		begin, end := int(p.Pads[i]), int(p.Pads[rank+i])
		if begin == 0 && end == 0 {
			continue
		}
		var why *reason.Refusal
		if y, why = p.traceAxis(t, y, n, i, begin, end); why != nil {
			return y, why
		}
	}
	return y, nil
}

func (p *Pad) traceAxis(t *Tracer, x Traced, n *graph.Node, axis, begin, end int) (Traced, *reason.Refusal) {
	size, ok := t.Length(x, axis)
	total := size + begin + end
	if !ok || total < 1 {
		return x, reason.Refuse("", "%q pads an axis of unknown size", n.Title())
	}
	y := t.Along(x, axis, total, sync.OnceValue(func() []fuse.Entry {
		var entries []fuse.Entry
		for o := range total {
			if i, inside := p.Mode.source(o-begin, size); inside {
				entries = append(entries, fuse.Entry{Out: o, In: i, Weight: 1})
			}
		}
		return entries
	}))
	outside := func() ([]float64, error) {
		v := make([]float64, total)
		for o := range v {
			if _, inside := p.Mode.source(o-begin, size); !inside {
				v[o] = p.Value
			}
		}
		return v, nil
	}
	if p.Mode == PadConstant && p.Value != 0 {
		y = t.diagonal(y, nil, &array{y.layout[axis], outside, nil})
	}
	return y, nil
}

// source is the input position that position i of a padded axis shows; false
// where it shows the constant.
func (m PadMode) source(i, size int) (int, bool) {
	if i >= 0 && i < size {
		return i, true
	}
	switch m {
	case PadEdge:
		return min(max(i, 0), size-1), true
	case PadReflect:
		if size == 1 {
			return 0, true
		}
		period := 2 * (size - 1)
		i = (i%period + period) % period
		return min(i, period-i), true
	case PadWrap:
		return (i%size + size) % size, true
	}
	return 0, false
}

// window is padding as a 1×1 window.
func (p *Pad) window() graph.Window {
	rank := len(p.Pads) / 2
	ones := slices.Repeat([]int64{1}, rank-2)
	return graph.Window{Kernel: ones, Stride: ones, Dilation: ones, Begin: p.Pads[2:rank], End: p.Pads[rank+2:]}
}

// Window implements Op: zeros around a map are what a convolution pads with.
func (p *Pad) Window(n *graph.Node, in []Map) (Map, *reason.Refusal) {
	if !p.Zeros() {
		return NoMap{}.Window(n, in)
	}
	return in[0].then(n, p.window(), in[0].Win.Out, 1, in[0].Win.Out)
}

// Kernel implements Op.
func (p *Pad) Kernel(_ *graph.Node, in []*fuse.Kernel) (*fuse.Kernel, error) {
	k := fuse.Identity(in[0].Out, len(p.Pads)/2-2)
	k.Window = convWindow(p.window(), k.Out, k.Out, k.Out)
	return in[0].Then(k), nil
}

// Cost implements Op.
func (p *Pad) Cost() Cost { return costMove }

func (p *Pad) String() string { return fmt.Sprintf("Pad %v with %v", p.Pads, p.Mode) }

// A Crop is the inside of a padded map, as a map of its own.
type Crop struct {
	NoWeights
	Of  *graph.Node // the padding
	Pad *Pad
}

// Inside is what p pads, as a function of the padded map; ok is false where p does
// more than add positions around a map.
func (p *Pad) Inside(n *graph.Node) (*Crop, bool) {
	return &Crop{Of: n, Pad: p}, p.spatial() && slices.Min(p.Pads) >= 0
}

// Trace implements Op.
func (c *Crop) Trace(_ *Tracer, _ *graph.Node, in []Traced) (Traced, *reason.Refusal) {
	return in[0], reason.Refuse("", "the inside of %q is no view", c.Of.Out[0].Name)
}

func (c *Crop) window(channels int) fuse.Window {
	w := fuse.IdentityWindow(channels, len(c.Pad.Pads)/2-2)
	for i := range w.Lo {
		w.Lo[i] = int(c.Pad.Pads[i+2])
	}
	return w
}

// Window implements Op: what lies outside the inside is no zero.
func (c *Crop) Window(_ *graph.Node, in []Map) (Map, *reason.Refusal) {
	out := in[0]
	if !out.ChannelsFirst() {
		return out, reason.Refuse("", "%q is padded with other axes first", c.Of.Out[0].Name)
	}
	rank := len(c.Pad.Pads) / 2
	out.Win = out.Win.Then(c.window(out.Win.Out))
	out.Dims, out.borders, out.outside = slices.Clone(out.Dims), slices.Clone(out.borders), nil
	for i := range rank - 2 {
		out.borders[i].even = false
		if c.Pad.Pads[i+2] != 0 || c.Pad.Pads[rank+i+2] != 0 {
			out.borders[i] = border{code: reason.PaddingModesDiffer, why: "\"" + c.Of.Title() + "\" pads with other values"}
		}
		out.Dims[i+2] = out.Dims[i+2].Minus(graph.Size(c.Pad.Pads[i+2] + c.Pad.Pads[rank+i+2]))
	}
	return out, nil
}

// Kernel implements Op.
func (c *Crop) Kernel(_ *graph.Node, in []*fuse.Kernel) (*fuse.Kernel, error) {
	k := fuse.Identity(in[0].Out, len(c.Pad.Pads)/2-2)
	k.Window = c.window(in[0].Out)
	return in[0].Then(k), nil
}

// Cost implements Op.
func (c *Crop) Cost() Cost { return costMove }

func (c *Crop) String() string { return fmt.Sprintf("Inside of %v", c.Pad) }
