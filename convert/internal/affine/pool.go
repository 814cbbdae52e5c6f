package affine

import (
	"fmt"
	"slices"
	"sync"

	"repmlp/convert/internal/reason"
	"repmlp/fuse"
	"repmlp/onnxio/graph"
)

// A Pool averages over a sliding window of a map.
type Pool struct {
	NoWeights
	Win      graph.Window
	Channels int  // 0 where unknown
	Include  bool // padding is counted
}

// KeepsConstants reports whether a constant map stays constant, border included,
// so that a scale and shift per channel may move behind the average.
func (p *Pool) KeepsConstants() bool { return !p.Win.Ceil && (!p.Include || p.Win.Unpadded()) }

// Trace implements Op.
func (p *Pool) Trace(t *Tracer, n *graph.Node, in []Traced) (Traced, *reason.Refusal) {
	x := in[0]
	layout := slices.Clone(x.layout)
	var axes []fuse.Axis
	for i := range p.Win.Kernel {
		if p.Win.Pointwise(i) {
			continue
		}
		axis, out, why := t.windowAxis(x.layout[i+2], n, p.Win, i)
		if why != nil {
			return x, why
		}
		axis.Entries = averaged(axis.Entries, p.Win.Kernel[i], p.Include)
		axes = append(axes, axis)
		layout[i+2] = out
	}
	if len(axes) == 0 {
		return x, nil
	}
	return t.link(x, nil, nil, nil, axes, layout), nil
}

// averaged gives the taps of a window equal weights that add up to one: over the
// kernel where padding is included, else over the taps inside the map.
func averaged(taps func() []fuse.Entry, kernel int64, include bool) func() []fuse.Entry {
	return sync.OnceValue(func() []fuse.Entry {
		entries := slices.Clone(taps())
		count := map[int]int{}
		for _, e := range entries {
			count[e.Out]++
		}
		for k := range entries {
			e := &entries[k]
			e.Tap = 0
			e.Weight = 1 / float64(count[e.Out])
			if include {
				e.Weight = 1 / float64(kernel)
			}
		}
		return entries
	})
}

// Window implements Op: a depthwise kernel of equal weights, where they are the
// same at the border.
func (p *Pool) Window(n *graph.Node, in []Map) (Map, *reason.Refusal) {
	if p.Channels == 0 {
		return NoMap{}.Window(n, in)
	}
	if !p.Include && !p.Win.Unpadded() {
		return in[0], reason.Refuse(reason.BorderDependentPool, "%q does not count its padding, so its weights differ at the border; export with count_include_pad", n.Title())
	}
	return in[0].then(n, p.Win, p.Channels, 1, p.Channels)
}

// Kernel implements Op.
func (p *Pool) Kernel(_ *graph.Node, in []*fuse.Kernel) (*fuse.Kernel, error) {
	k := &fuse.Kernel{Window: convWindow(p.Win, p.Channels, p.Channels, p.Channels), B: make([]float64, p.Channels)}
	area := 1
	for _, t := range p.Win.Kernel {
		area *= int(t)
	}
	k.W = slices.Repeat([]float64{1 / float64(area)}, area*p.Channels)
	return in[0].Then(k), nil
}

// Cost implements Op.
func (p *Pool) Cost() Cost { return costMove }

func (p *Pool) String() string { return fmt.Sprintf("Average over %s", Cross(p.Win.Kernel)) }

// A Reduce adds up or averages over whole axes.
type Reduce struct {
	NoWeights
	NoMap
	Axes []int
	Keep bool // they stay as axes of size one
	Mean bool
}

// Trace implements Op.
func (r *Reduce) Trace(t *Tracer, n *graph.Node, in []Traced) (Traced, *reason.Refusal) {
	var out graph.Layout
	var joined []fuse.Axis
	for i, axis := range in[0].layout {
		if !slices.Contains(r.Axes, i) {
			out = append(out, axis)
			continue
		}
		if r.Keep {
			out = append(out, nil)
		}
		size, ok := t.fixed(axis)
		if !ok {
			return in[0], reason.Refuse("", "%q averages over an axis of unknown size", n.Title())
		}
		w := 1.0
		if r.Mean {
			w = 1 / float64(size)
		}
		joined = append(joined, fuse.Axis{In: labels(axis), Entries: fuse.Listed(size, func(k int) fuse.Entry { return fuse.Entry{In: k, Weight: w} })})
	}
	return t.link(in[0], nil, nil, nil, joined, out), nil
}

// Cost implements Op.
func (r *Reduce) Cost() Cost { return costMove }

func (r *Reduce) String() string {
	if r.Mean {
		return fmt.Sprintf("Mean over axes %v", r.Axes)
	}
	return fmt.Sprintf("Sum over axes %v", r.Axes)
}

// IsPool reports whether op averages or adds up positions.
func IsPool(op Op) bool {
	switch op.(type) {
	case *Pool, *Reduce:
		return true
	}
	return false
}
