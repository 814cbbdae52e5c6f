package affine

import (
	"slices"

	"repmlp/fuse"
	"repmlp/onnxio/graph"
)

// fit brings the maps that an operation reads into the form that it asks for, and
// the operation into a form that fits them. What only views, scales or adds reads any
// cut of a map; a window needs one whose axes are those of the value. along says for
// each argument how its kernel follows, nil where it stays.
func fit(op Op, args []Map) (fitted Op, along [][]int) {
	switch op := op.(type) {
	case *View, *Permute, *FC:
		return op, nil
	case *Diagonal:
		return op.onChannels(args[0]), nil
	case *Sum:
		if !slices.ContainsFunc(args[1:], func(m Map) bool { return !m.sameForm(args[0]) }) {
			return op, nil
		}
	}
	for k, m := range args {
		if m.ChannelsFirst() {
			continue
		}
		if s, from, ok := m.straight(); ok {
			if along == nil {
				along = make([][]int, len(args))
			}
			args[k], along[k] = s, from
		}
	}
	return op, along
}

// sameForm reports whether two values are the same view of maps with the same axes.
func (s Map) sameForm(o Map) bool {
	return EqualDims(s.Dims, o.Dims) && sameCut(s.Cut, o.Cut) && s.sameInput(o)
}

// sameInput reports whether two values are convolutions of a map with the same axes.
func (s Map) sameInput(o Map) bool {
	return EqualDims(s.In.Dims, o.In.Dims) && sameCut(s.In.Cut, o.In.Cut)
}

// straight is the same value as a map whose axes are its own: axes of one element
// come and go, before the window and behind it. from says which spatial axis of the
// old map each of the new one is, -1 for a new one; ok is false where the value is cut
// in another way.
func (s Map) straight() (out Map, from []int, ok bool) {
	cut := s.Cut
	if len(cut) < 3 || !isWhole(cut[0], 0, s.Dims[0]) || !isWhole(cut[1], 1, s.Dims[1]) {
		return s, nil, false
	}
	used := make([]bool, len(s.Dims))
	used[0], used[1] = true, true
	for _, axis := range cut[2:] {
		at := -1
		if len(axis) > 0 {
			if at = axis[0].Axis; used[at] || !isWhole(axis, at, s.Dims[at]) {
				return s, nil, false
			}
			used[at] = true
			at -= 2
		}
		from = append(from, at)
	}
	// Axes of one element are those of the old map, as long as there are any.
	for i, axis := range cut[2:] {
		if len(axis) > 0 {
			continue
		}
		for k, d := range s.Dims {
			if !used[k] && d.Is(1) {
				from[i], used[k] = k-2, true
				break
			}
		}
	}
	for k, u := range used {
		if !u && !(s.Dims[k].Is(1) && s.In.Dims[k].Is(1)) {
			return s, nil, false
		}
	}
	out = s
	if out.Win, ok = s.Win.Along(from); !ok {
		return s, nil, false
	}
	out.Dims, out.Cut = along(s.Dims, from), nil
	out.borders = make(borders, len(from))
	for i, a := range from {
		if out.borders[i] = s.beside(); a >= 0 {
			out.borders[i] = s.borders[a]
		}
	}
	out.In = Form{Dims: along(s.In.Dims, from), Cut: renamed(s.In.Cut.pieces(s.In.Dims), from)}
	out.In.Cut = out.In.Cut.plain(out.In.Dims)
	return out, from, true
}

// along are the sizes of a map with other spatial axes.
func along(dims []graph.Dim, from []int) []graph.Dim {
	out := slices.Clone(dims[:2])
	for _, a := range from {
		if a < 0 {
			out = append(out, graph.Size(1))
		} else {
			out = append(out, dims[a+2])
		}
	}
	return out
}

// renamed is a cut of a map with other spatial axes.
func renamed(c Cut, from []int) Cut {
	out := make(Cut, len(c))
	for i, axis := range c {
		for _, p := range axis {
			if p.Axis >= 2 {
				p.Axis = slices.Index(from, p.Axis-2) + 2
			}
			out[i] = append(out[i], p)
		}
	}
	return out
}

// follow are the kernels of arguments that were fitted.
func follow(ks []*fuse.Kernel, along [][]int) []*fuse.Kernel {
	for i, from := range along {
		if from != nil {
			ks[i] = ks[i].Along(from)
		}
	}
	return ks
}

// onChannels is the operation with a number for each channel of the map, where the
// constant varies over parts of the channel axis alone, as it does behind a view.
func (d *Diagonal) onChannels(m Map) *Diagonal {
	axes := d.place.varies()
	if m.ChannelsFirst() && len(axes) < 2 || d.place.lead > 0 || d.Widens() || len(axes) == 0 || len(d.place.sizes) != m.Cut.rank(m.Dims) {
		return d
	}
	var pieces []Piece
	for _, axis := range axes {
		of := m.Cut.of(axis, m.Dims)
		if !m.Cut.size(axis, m.Dims).Is(int64(d.place.sizes[axis])) {
			return d
		}
		pieces = append(pieces, of...)
	}
	if slices.ContainsFunc(pieces, func(p Piece) bool { return p.Axis != 1 }) {
		return d
	}
	channels := m.Win.Out
	at := make([]int, channels) // where the constant has the number of a channel
	for c := range at {
		for _, p := range pieces {
			size, _ := p.Size.Int()
			inner, _ := p.Inner.Int()
			at[c] = at[c]*int(size) + c/int(inner)%int(size)
		}
	}
	spread := func(l Load) Load {
		if l == nil {
			return nil
		}
		return func() ([]float64, error) {
			v, err := l()
			if err != nil || len(v) == 1 {
				return v, err
			}
			out := make([]float64, channels)
			for c, i := range at {
				out[c] = v[i]
			}
			return out, nil
		}
	}
	out := *d
	out.place = Everywhere(len(m.Dims))
	out.place.sizes[1] = channels
	out.aligned = true
	out.scale, out.shift, out.sizes = spread(d.scale), spread(d.shift), spread(d.sizes)
	return &out
}
