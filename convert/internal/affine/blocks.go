package affine

import (
	"fmt"
	"slices"

	"repmlp/convert/internal/reason"
	"repmlp/fuse"
	"repmlp/onnxio/graph"
)

// Blocks is a permutation between two views: SpaceToDepth moves the positions of
// B×B blocks into the channels, DepthToSpace back.
type Blocks struct {
	NoWeights
	B         int
	IntoDepth bool // SpaceToDepth
	CRD       bool // DepthToSpace whose channels are depth, row, column
	In, Out   []graph.Dim
}

// Cut is the permutation: the axes of the argument are cut into these sizes, permuted
// and joined to those of the result.
func (b *Blocks) Cut() (cut []graph.Dim, perm []int) {
	bs := graph.Size(int64(b.B))
	switch {
	case b.IntoDepth:
		return []graph.Dim{b.In[0], b.In[1], b.Out[2], bs, b.Out[3], bs}, []int{0, 3, 5, 1, 2, 4}
	case b.CRD:
		return []graph.Dim{b.In[0], b.Out[1], bs, bs, b.In[2], b.In[3]}, []int{0, 1, 4, 2, 5, 3}
	}
	return []graph.Dim{b.In[0], bs, bs, b.Out[1], b.In[2], b.In[3]}, []int{0, 3, 4, 1, 5, 2}
}

// Trace implements Op.
func (b *Blocks) Trace(t *Tracer, _ *graph.Node, in []Traced) (Traced, *reason.Refusal) {
	cut, perm := b.Cut()
	y, why := t.regroup(in[0], cut)
	if why != nil {
		return y, why
	}
	return t.regroup(permute(y, perm), b.Out)
}

// window is SpaceToDepth as a convolution: a B×B kernel at stride B whose channel
// (i·B+j)·C + c is channel c at (i, j) of a block.
func (b *Blocks) window(channels int) fuse.Window {
	w := fuse.Picking(b.from(channels), channels, 2)
	w.Taps, w.Stride = []int{b.B, b.B}, []int{b.B, b.B}
	return w
}

// from lists which channel each of the result is made of.
func (b *Blocks) from(channels int) []int {
	out := make([]int, channels*b.B*b.B)
	for o := range out {
		out[o] = o % channels
	}
	return out
}

// Window implements Op. Blocks lie inside of the map or outside of it, so zeros
// around it stay zeros.
func (b *Blocks) Window(n *graph.Node, in []Map) (Map, *reason.Refusal) {
	if !b.IntoDepth {
		return NoMap{}.Window(n, in)
	}
	m := in[0]
	if !m.ChannelsFirst() {
		return m, reason.Refuse("", "%q reads its map with other axes first", n.Title())
	}
	if m.Win.Out > maxListed/b.B/b.B {
		return m, reason.Refuse("", "%q has too many channels to be a convolution", n.Title())
	}
	w := b.window(m.Win.Out)
	k := int64(b.B)
	blocks := graph.Window{Kernel: []int64{k, k}, Stride: []int64{k, k}, Dilation: []int64{1, 1}, Begin: []int64{0, 0}, End: []int64{0, 0}}
	dims := slices.Clone(m.Dims)
	dims[1] = graph.Size(int64(w.Out))
	for i := range 2 {
		if size, ok := dims[i+2].Int(); ok && size%k != 0 {
			return m, reason.Refuse("", "the sizes of %q are no multiples of its blocks", n.Title())
		}
		dims[i+2] = blocks.Out(i, dims[i+2])
	}
	m.outside = m.outside.of(b.from(m.Win.Out))
	m.Dims, m.Win = dims, m.Win.Then(w)
	return m, nil
}

// Kernel implements Op.
func (b *Blocks) Kernel(_ *graph.Node, in []*fuse.Kernel) (*fuse.Kernel, error) {
	c := in[0].Out
	k := fuse.NewKernel(b.window(c))
	for o := range k.Out { // one channel's block, of which one position counts
		k.W[o*b.B*b.B+o/c] = 1
	}
	return in[0].Then(k), nil
}

// Cost implements Op.
func (b *Blocks) Cost() Cost { return costTranspose }

func (b *Blocks) String() string {
	if b.IntoDepth {
		return fmt.Sprintf("Blocks of %d×%d into channels", b.B, b.B)
	}
	return fmt.Sprintf("Channels into blocks of %d×%d", b.B, b.B)
}
