package operator

import (
	"fmt"

	"repmlp/onnxio/graph"
	"repmlp/verify/internal/tensor"
)

func dims(shape []int) []graph.Dim {
	out := make([]graph.Dim, len(shape))
	for i, d := range shape {
		out[i] = graph.Size(int64(d))
	}
	return out
}

// spatial is a window with the sizes of the map it slides over.
type spatial struct {
	graph.Window
	in, out []int
}

// largestWindow bounds kernels and dilations, so that their products are numbers, and
// largestPad strides and pads, so that sums of them are. No map is as large.
const (
	largestWindow = 1 << 31
	largestPad    = 1 << 60
)

func window(c *Call, x *Value, kernel []int64) (spatial, error) {
	w, err := graph.ConvWindow(c.Node, dims(x.Shape), kernel)
	if err != nil {
		return spatial{}, err
	}
	s := spatial{Window: w, in: x.Shape[2:]}
	for i := range w.Kernel {
		if w.Kernel[i] > largestWindow || w.Dilation[i] > largestWindow || max(w.Stride[i], w.Begin[i], w.End[i]) > largestPad {
			return s, fmt.Errorf("its window of %d positions, %d apart, with pads of %d and %d cannot be meant", w.Kernel[i], w.Dilation[i], w.Begin[i], w.End[i])
		}
		n, ok := w.Out(i, graph.Size(int64(x.Shape[i+2]))).Int()
		if !ok || n < 0 {
			return s, fmt.Errorf("its window does not fit a map of %v", s.in)
		}
		s.out = append(s.out, int(n))
	}
	return s, c.fits(append([]int{x.Shape[0]}, s.out...))
}

// direct reports whether every output reads its own position alone.
func (s spatial) direct() bool {
	for i := range s.Kernel {
		if !s.Pointwise(i) {
			return false
		}
	}
	return true
}

// taps lists, for every kernel index, the displacement along each axis.
func (s spatial) taps() [][]int {
	kernel := tensor.ToInts(s.Kernel)
	var out [][]int
	idx := make([]int, len(kernel))
	for range tensor.Count(kernel) {
		t := make([]int, len(kernel))
		for i := range t {
			t[i] = idx[i]*int(s.Dilation[i]) - int(s.Begin[i])
		}
		out = append(out, t)
		for a := len(idx) - 1; a >= 0; a-- {
			if idx[a]++; idx[a] < kernel[a] {
				break
			}
			idx[a] = 0
		}
	}
	return out
}

// eachRow calls f for every row (last axis) of the output map whose input row
// exists for tap t: dst offset, src offset of the row's start.
func (s spatial) eachRow(t []int, f func(dst, src int)) {
	r := len(s.out)
	rows := tensor.Count(s.out[:r-1])
	st := tensor.Strides(s.in)
	idx := make([]int, r-1)
	for row := range rows {
		off, inside := 0, true
		for a := range idx {
			p := idx[a]*int(s.Stride[a]) + t[a]
			inside = inside && p >= 0 && p < s.in[a]
			off += p * st[a]
		}
		if inside {
			f(row*s.out[r-1], off)
		}
		for a := r - 2; a >= 0; a-- {
			if idx[a]++; idx[a] < s.out[a] {
				break
			}
			idx[a] = 0
		}
	}
}

// span is the range of positions along the last axis that read inside the map.
func (s spatial) span(t int) (from, to int) {
	r := len(s.out) - 1
	stride := int(s.Stride[r])
	if t < 0 {
		from = (-t + stride - 1) / stride
	}
	to = 0
	if last := s.in[r] - 1 - t; last >= 0 {
		to = min(s.out[r], last/stride+1)
	}
	return min(from, to), to
}
