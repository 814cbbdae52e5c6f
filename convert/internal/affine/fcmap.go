package affine

import (
	"slices"

	"repmlp/convert/internal/reason"
	"repmlp/fuse"
	"repmlp/onnxio/graph"
)

// An FC that contracts the channels of a map, wherever they stand, is a 1×1 conv: its
// matrices are the groups, the axes that they do not vary along are positions.

// channelled sorts the indices of an FC that may be a 1×1 conv: the axes of the data
// that hold the channels, and the indices of these: those of the groups, then those
// that are summed over, and those that are made. ok is false where the groups are no
// blocks of neighbouring channels.
func (f *FC) channelled() (axes []int, group, summed, made []Index, ok bool) {
	var flat, out []Index
	for i, names := range f.Data {
		switch weighted := slices.ContainsFunc(names, f.weighs); {
		case weighted:
			axes = append(axes, i)
			flat = append(flat, names...)
		case len(names) != 1 || !slices.ContainsFunc(f.Out, func(o []Index) bool { return slices.Equal(o, names) }):
			return nil, nil, nil, nil, false
		}
	}
	for _, names := range f.Out {
		for _, name := range names {
			if f.weighs(name) {
				out = append(out, name)
			}
		}
	}
	k := 0
	for k < len(flat) && slices.Contains(out, flat[k]) {
		k++
	}
	group, summed = flat[:k], flat[k:]
	if f.Lead > 0 || len(out) < k || !slices.Equal(out[:k], group) || len(f.Weight) != len(flat)+len(out)-k {
		return nil, nil, nil, nil, false
	}
	made = out[k:]
	for _, name := range summed {
		if slices.Contains(out, name) {
			return nil, nil, nil, nil, false
		}
	}
	return axes, group, summed, made, len(summed) > 0
}

// weighs reports whether the weight varies along an index.
func (f *FC) weighs(name Index) bool { _, ok := f.Size[name]; return ok }

// product is the number of elements over indices of the weight.
func (f *FC) product(names []Index) int {
	n := 1
	for _, name := range names {
		n *= f.Size[name]
	}
	return n
}

// maxMapAxes is the rank of the largest map that runtimes convolve.
const maxMapAxes = 5

// mapAxes lists which axes of the data make up each axis of the map whose channels the
// FC contracts: [N, C, spatial...].
func (f *FC) mapAxes() (axes [][]int, ok bool) {
	channels, _, _, _, ok := f.channelled()
	if !ok {
		return nil, false
	}
	for i := range f.Data {
		if !slices.Contains(channels, i) {
			axes = append(axes, []int{i})
		}
	}
	if len(axes) < 2 || len(axes) >= maxMapAxes {
		return nil, false
	}
	return slices.Insert(axes, 1, channels), true
}

// Window implements Op.
func (f *FC) Window(n *graph.Node, in []Map) (Map, *reason.Refusal) {
	m := in[0]
	axes, group, summed, made, ok := f.channelled()
	if !ok || m.Cut.rank(m.Dims) != len(f.Data) {
		return NoMap{}.Window(n, in)
	}
	cut := m.Cut.pieces(m.Dims)
	free := map[Index][]Piece{}
	var channels []Piece
	for i, names := range f.Data {
		if !slices.Contains(axes, i) {
			free[names[0]] = cut[i]
			continue
		}
		for _, p := range cut[i] {
			channels = joined(channels, p)
		}
	}
	for i, names := range f.Data {
		if slices.Contains(axes, i) && !m.Cut.size(i, m.Dims).Is(int64(f.product(names))) {
			return m, reason.Refuse("", "%q sums over an axis of another size", n.Title())
		}
	}
	if !isWhole(channels, 1, m.Dims[1]) {
		return m, reason.Refuse("", "%q sums over another axis than the channels", n.Title())
	}
	first := m
	first.Cut = nil
	out, why := first.then(n, pointwise(len(m.Win.Taps)), f.product(group)*f.product(made), f.product(summed), f.product(group))
	if why != nil {
		return m, why
	}
	inner := out.Dims[1]
	to := make(Cut, len(f.Out))
	for i, names := range f.Out {
		for _, name := range names {
			if !f.weighs(name) {
				to[i] = free[name]
				continue
			}
			size := graph.Size(int64(f.Size[name]))
			inner, _ = inner.Over(size)
			if !size.Is(1) {
				to[i] = joined(to[i], Piece{1, size, inner})
			}
		}
	}
	out.Cut = to.plain(out.Dims)
	if len(f.Biases) == 0 {
		return out, nil
	}
	return out.withBias(n, f.bias), nil
}

// pointwise is a window of one position.
func pointwise(axes int) graph.Window {
	ones, zeros := slices.Repeat([]int64{1}, axes), make([]int64, axes)
	return graph.Window{Kernel: ones, Stride: ones, Dilation: ones, Begin: zeros, End: zeros}
}

// bias is a number for each channel that is made.
func (f *FC) bias() ([]float64, error) {
	_, group, _, made, _ := f.channelled()
	v, err := times(f.constants.Stacked(f.Biases), f.Beta)()
	if err != nil {
		return nil, err
	}
	return spreadOver(v, f.Over, slices.Concat(group, made), f.Size), nil
}

// Kernel implements Op.
func (f *FC) Kernel(_ *graph.Node, in []*fuse.Kernel) (*fuse.Kernel, error) {
	_, group, summed, made, _ := f.channelled()
	w, err := f.weight(nil).load()
	if err != nil {
		return nil, err
	}
	k := &fuse.Kernel{Window: fuse.IdentityWindow(f.product(group)*f.product(made), len(in[0].Taps)),
		W: spreadOver(w, f.Weight, slices.Concat(group, made, summed), f.Size)}
	k.In, k.Groups = f.product(group)*f.product(summed), f.product(group)
	k.B = make([]float64, k.Out)
	if len(f.Biases) > 0 {
		if k.B, err = f.bias(); err != nil {
			return nil, err
		}
	}
	return in[0].Then(k), nil
}

// spreadOver puts numbers over some indices, row-major, in the order of others, among
// which these are: what does not vary along an index is repeated.
func spreadOver(v []float64, have, want []Index, size map[Index]int) []float64 {
	stride := map[Index]int{}
	n := 1
	for _, name := range slices.Backward(have) {
		stride[name] = n
		n *= size[name]
	}
	out := []float64{}
	at := make([]int, len(want))
	total := 1
	for _, name := range want {
		total *= size[name]
	}
	for range total {
		from := 0
		for i, name := range want {
			from += at[i] * stride[name]
		}
		out = append(out, v[from])
		for i := len(want) - 1; i >= 0; i-- {
			if at[i]++; at[i] < size[want[i]] {
				break
			}
			at[i] = 0
		}
	}
	return out
}
