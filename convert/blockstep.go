package convert

import (
	"slices"

	"repmlp/fuse"
	"repmlp/onnxio/graph"
)

// maxBlockKernel bounds the kernel that stands for a SpaceToDepth while a region is
// folded.
const maxBlockKernel = 1 << 22

// asBlocks gives a SpaceToDepth of b×b blocks as a convolution of a map: a b×b
// kernel at stride b whose channel (i·b+j)·C + c is channel c at (i, j) of a block.
func asBlocks(s *step, n *graph.Node, b int) {
	s.needsMap = true
	window := func(channels int) fuse.Window {
		return fuse.Window{Out: channels * b * b, In: channels, Groups: 1, Lo: []int{0, 0}, Taps: []int{b, b}, Step: []int{1, 1}, Stride: []int{b, b}}
	}
	s.window = func(in []mapState) (mapState, *refusal) {
		m := in[0]
		c := m.win.Out
		w := window(c)
		if !m.channelsFirst() {
			return m, refuse("", "%q reads its map with other axes first", n.Title())
		}
		if c > maxBlockKernel/b/b || w.Size() > maxBlockKernel {
			return m, refuse("", "%q has too many channels to be a convolution", n.Title())
		}
		k := int64(b)
		blocks := graph.Window{Kernel: []int64{k, k}, Stride: []int64{k, k}, Dilation: []int64{1, 1}, Begin: []int64{0, 0}, End: []int64{0, 0}}
		dims := slices.Clone(m.dims)
		dims[1] = graph.Size(int64(w.Out))
		for i := range 2 {
			if size, ok := dims[i+2].Int(); ok && size%int64(b) != 0 {
				return m, refuse("", "the sizes of %q are no multiples of its blocks", n.Title())
			}
			dims[i+2] = blocks.Out(i, dims[i+2])
		}
		// Blocks lie inside of the map or outside of it, so zeros around it stay zeros.
		m.dims, m.win = dims, m.win.Then(w)
		if before := m.outside; before != nil {
			var f outside = func() (value, size []float64, err error) {
				value, size, err = (*before)()
				return slices.Repeat(value, b*b), slices.Repeat(size, b*b), err
			}
			m.outside = &f
		}
		return m, nil
	}
	s.kernel = func(in []*fuse.Kernel) (*fuse.Kernel, error) {
		c := in[0].Out
		w := window(c)
		k := &fuse.Kernel{Window: w, W: make([]float64, w.Size()), B: make([]float64, w.Out)}
		for o := range w.Out {
			k.W[(o*c+o%c)*b*b+o/c] = 1
		}
		return in[0].Then(k), nil
	}
}

// wideBlockChannels is from how many channels on a SpaceToDepth stays before a conv
// of more than one position: a kernel of twice the size at stride two took up to a
// tenth longer than both nodes, with fewer channels half to nine tenths of the time.
const wideBlockChannels = 32

// widensBlocks reports whether a window would take in a SpaceToDepth that is better
// left.
func (s *segment) widensBlocks(w fuse.Window) bool {
	for _, st := range s.steps {
		if st.node.OpType != "SpaceToDepth" || w.In < wideBlockChannels {
			continue
		}
		if b := int(st.node.Int("blocksize", 1)); slices.Max(w.Taps) > b {
			return true
		}
	}
	return false
}
