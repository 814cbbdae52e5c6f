package graph

import (
	"fmt"
	"slices"
	"strings"
)

// A Window is the sliding window of a Conv or pooling node, resolved for every
// spatial axis.
type Window struct {
	Kernel, Stride, Dilation []int64
	Begin, End               []int64 // zero padding
	Dynamic                  bool    // auto_pad whose pads depend on a size that is unknown here
	Ceil                     bool
}

// Pointwise reports whether axis i is left alone: each output reads the input
// at the same place.
func (w Window) Pointwise(i int) bool {
	return w.Kernel[i] == 1 && w.Stride[i] == 1 && w.Begin[i] == 0 && w.End[i] == 0
}

// Unpadded reports whether no axis is padded.
func (w Window) Unpadded() bool {
	for i := range w.Begin {
		if w.Begin[i] != 0 || w.End[i] != 0 {
			return false
		}
	}
	return !w.Dynamic
}

// ConvWindow reads the window of a Conv (weight at input 1) or a pooling node.
// in is the shape of the data, kernel the weight's spatial dims or nil.
func ConvWindow(n *Node, in []Dim, kernel []int64) (Window, error) {
	if k := n.Ints("kernel_shape"); k != nil {
		if kernel != nil && !slices.Equal(k, kernel) {
			return Window{}, fmt.Errorf("node %q says kernel_shape %v, its weight has %v", n.Title(), k, kernel)
		}
		kernel = k
	}
	r := len(kernel)
	if r == 0 || r != len(in)-2 {
		return Window{}, fmt.Errorf("node %q has a kernel of %d axes on an input of rank %d", n.Title(), r, len(in))
	}
	w := Window{Kernel: kernel, Ceil: strings.HasSuffix(n.OpType(), "Pool") && n.AttrInt("ceil_mode") != 0}
	ones := slices.Repeat([]int64{1}, r)
	list := func(name string, def []int64, want int) ([]int64, error) {
		v := n.Ints(name)
		if len(v) == 0 {
			return def, nil
		}
		if len(v) != want {
			return nil, fmt.Errorf("attribute %s of node %q has %d values, want %d", name, n.Title(), len(v), want)
		}
		return v, nil
	}
	var err error
	if w.Stride, err = list("strides", ones, r); err != nil {
		return w, err
	}
	if w.Dilation, err = list("dilations", ones, r); err != nil {
		return w, err
	}
	for i := range kernel {
		if kernel[i] < 1 || w.Stride[i] < 1 || w.Dilation[i] < 1 {
			return w, fmt.Errorf("node %q has kernel %v, strides %v, dilations %v: all must be positive", n.Title(), kernel, w.Stride, w.Dilation)
		}
	}
	pads, err := list("pads", make([]int64, 2*r), 2*r)
	if err != nil {
		return w, err
	}
	w.Begin, w.End = slices.Clone(pads[:r]), slices.Clone(pads[r:])
	mode := n.AttrString("auto_pad")
	switch mode {
	case "NOTSET", "":
	case "VALID":
		clear(w.Begin)
		clear(w.End)
	case "SAME_UPPER", "SAME_LOWER":
		for i := range kernel {
			span := (kernel[i]-1)*w.Dilation[i] + 1
			total := max(span-1, 0) // stride 1: whatever the size
			if w.Stride[i] != 1 {
				size, ok := in[i+2].Int()
				if !ok {
					w.Dynamic = true
					continue
				}
				out := (size + w.Stride[i] - 1) / w.Stride[i]
				total = max(0, (out-1)*w.Stride[i]+span-size)
			}
			w.Begin[i], w.End[i] = total/2, total-total/2
			if strings.HasSuffix(mode, "LOWER") {
				w.Begin[i], w.End[i] = w.End[i], w.Begin[i]
			}
		}
	default:
		return w, fmt.Errorf("node %q has the unknown auto_pad %q", n.Title(), mode)
	}
	return w, nil
}

// Out is the size of spatial axis i of the result.
func (w Window) Out(i int, in Dim) Dim {
	if w.Dynamic {
		return in.Plus(Size(w.Stride[i] - 1)).FloorDiv(Size(w.Stride[i]))
	}
	span := (w.Kernel[i]-1)*w.Dilation[i] + 1
	room := in.Plus(Size(w.Begin[i] + w.End[i] - span))
	if w.Ceil {
		n, ok := in.Int()
		if !ok {
			if w.Stride[i] == 1 {
				return room.Plus(Size(1))
			}
			return Unknown
		}
		r := n + w.Begin[i] + w.End[i] - span
		out := (r+w.Stride[i]-1)/w.Stride[i] + 1
		if (out-1)*w.Stride[i] >= n+w.Begin[i] { // the last window must start inside
			out--
		}
		return Size(out)
	}
	if n, ok := room.Int(); ok && n < 0 {
		return Unknown
	}
	return room.FloorDiv(Size(w.Stride[i])).Plus(Size(1))
}
