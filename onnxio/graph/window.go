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
	w := Window{Kernel: kernel, Ceil: n.Int("ceil_mode", 0) != 0}
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
	mode := n.Str("auto_pad", "NOTSET")
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

func shapeConv(s *shaper) {
	in, ok := s.in(0)
	weight, ok2 := s.in(1)
	if x := s.n.In[0]; ok2 && len(weight) >= 3 && x != nil { // a map that the weight fits
		channels := weight[1].Times(Size(s.n.Int("group", 1)))
		if len(in) == len(weight) {
			s.demand(Equals, 0, in[1], channels)
		}
		switch {
		case !ok:
			in = make([]Dim, len(weight))
			in[1] = channels
			x.setShape(in)
			s.g.nameUnknown(x)
		case len(in) == len(weight) && x.Init == nil:
			if _, number := in[1].Int(); !number {
				in = slices.Clone(in)
				in[1] = channels
				x.setShape(in)
			}
		}
		in, ok = s.in(0)
	}
	if !ok || !ok2 || len(in) < 3 || len(weight) != len(in) {
		return
	}
	kernel, known := numbers(weight[2:])
	if !known {
		kernel = nil
	}
	s.window(in, weight[0], kernel)
}

func shapePool(s *shaper) {
	if in, ok := s.in(0); ok && len(in) >= 3 {
		s.window(in, in[1], nil)
	}
}

func (s *shaper) window(in []Dim, channels Dim, kernel []int64) {
	out := make([]Dim, len(in))
	out[0], out[1] = in[0], channels
	if w, err := ConvWindow(s.n, in, kernel); err == nil {
		for i := 2; i < len(in); i++ {
			out[i] = w.Out(i-2, in[i])
			if k := i - 2; !w.Dynamic && !w.Ceil {
				s.demand(AtLeast, 0, in[i].Plus(Size(w.Begin[k]+w.End[k])), Size((w.Kernel[k]-1)*w.Dilation[k]+1))
			}
		}
	}
	for i := range s.n.Out {
		s.set(i, slices.Clone(out))
	}
}

// An EinsumSpec is a parsed Einsum equation without ellipsis.
type EinsumSpec struct {
	In  []string
	Out string
}

// ParseEinsum reads an equation; ok is false for forms with an ellipsis or a
// repeated index within one operand.
func ParseEinsum(eq string) (EinsumSpec, bool) {
	eq = strings.ReplaceAll(eq, " ", "")
	left, right, explicit := strings.Cut(eq, "->")
	spec := EinsumSpec{In: strings.Split(left, ","), Out: right}
	if strings.Contains(eq, ".") {
		return spec, false
	}
	count := map[rune]int{}
	for _, in := range spec.In {
		seen := map[rune]bool{}
		for _, r := range in {
			if seen[r] {
				return spec, false
			}
			seen[r] = true
			count[r]++
		}
	}
	if !explicit {
		var once []rune
		for r, n := range count {
			if n == 1 {
				once = append(once, r)
			}
		}
		slices.Sort(once)
		spec.Out = string(once)
	}
	return spec, true
}

func shapeEinsum(s *shaper) {
	spec, ok := ParseEinsum(s.n.Str("equation", ""))
	if !ok || len(spec.In) != len(s.n.In) {
		return
	}
	size := map[byte]Dim{}
	for i, idx := range spec.In {
		d, ok := s.in(i)
		if !ok || len(d) != len(idx) {
			return
		}
		for k := range idx {
			if old, seen := size[idx[k]]; seen {
				s.demand(Broadcasts, i, d[k], old)
			}
			if old, seen := size[idx[k]]; !seen || !old.Known() || old.Is(1) {
				size[idx[k]] = d[k]
			} else if _, num := old.Int(); !num {
				size[idx[k]] = d[k]
			}
		}
	}
	out := make([]Dim, len(spec.Out))
	for k := range spec.Out {
		out[k] = size[spec.Out[k]]
	}
	s.set(0, out)
}
