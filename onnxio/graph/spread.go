package graph

import (
	"fmt"
	"slices"
)

// A Spread is how a ConvTranspose node puts its input into its output, for every
// spatial axis: position p under tap k goes to p·Stride + k·Dilation - Begin. The
// output ends Extra positions behind the last one of these, less End.
type Spread struct {
	Kernel, Stride, Dilation []int64
	Begin, End, Extra        []int64
	Dynamic                  bool // pads follow from output_shape and a size that is unknown here
	Short                    bool // auto_pad asks for more positions than there are: runtimes differ in how many they make
}

// Pointwise reports whether axis i is left alone.
func (s Spread) Pointwise(i int) bool {
	return s.Kernel[i] == 1 && s.Stride[i] == 1 && s.Begin[i] == 0 && s.End[i] == 0 && s.Extra[i] == 0
}

// Out is the size of spatial axis i of the result.
func (s Spread) Out(i int, in Dim) Dim {
	rest := (s.Kernel[i]-1)*s.Dilation[i] + 1 + s.Extra[i] - s.Begin[i] - s.End[i]
	return in.Minus(Size(1)).Times(Size(s.Stride[i])).Plus(Size(rest))
}

// ConvTransposeSpread reads the geometry of a ConvTranspose (opset 1, 11, 22). in is
// the shape of the data, kernel the spatial sizes of the weight.
func ConvTransposeSpread(n *Node, in []Dim, kernel []int64) (Spread, error) {
	r := len(kernel)
	if k := n.Ints("kernel_shape"); len(k) > 0 && !slices.Equal(k, kernel) {
		return Spread{}, fmt.Errorf("node %q says kernel_shape %v, its weight has %v", n.Title(), k, kernel)
	}
	if r == 0 || r != len(in)-2 {
		return Spread{}, fmt.Errorf("node %q has a kernel of %d axes on an input of rank %d", n.Title(), r, len(in))
	}
	s := Spread{Kernel: kernel}
	var pads []int64
	for _, a := range []struct {
		name  string
		count int
		def   int64
		to    *[]int64
	}{{"strides", r, 1, &s.Stride}, {"dilations", r, 1, &s.Dilation}, {"output_padding", r, 0, &s.Extra}, {"pads", 2 * r, 0, &pads}} {
		v := n.Ints(a.name)
		if len(v) == 0 {
			v = slices.Repeat([]int64{a.def}, a.count)
		}
		if len(v) != a.count {
			return Spread{}, fmt.Errorf("attribute %s of node %q has %d values, want %d", a.name, n.Title(), len(v), a.count)
		}
		*a.to = slices.Clone(v)
	}
	for i := range kernel {
		if kernel[i] < 1 || s.Stride[i] < 1 || s.Dilation[i] < 1 || s.Extra[i] < 0 {
			return Spread{}, fmt.Errorf("node %q has kernel %v, strides %v, dilations %v, output_padding %v: sizes must be positive", n.Title(), kernel, s.Stride, s.Dilation, s.Extra)
		}
	}
	s.Begin, s.End = pads[:r:r], pads[r:]
	auto, want := n.AttrString("auto_pad"), n.Ints("output_shape")
	switch auto {
	case "NOTSET", "", "VALID", "SAME_UPPER", "SAME_LOWER":
	default:
		return Spread{}, fmt.Errorf("node %q has the unknown auto_pad %q", n.Title(), auto)
	}
	if auto != "NOTSET" && auto != "" && slices.ContainsFunc(pads, func(p int64) bool { return p != 0 }) {
		return Spread{}, fmt.Errorf("node %q has both pads %v and auto_pad %s", n.Title(), pads, auto)
	}
	if len(want) > r {
		want = want[len(want)-r:] // batch and channels, as early exporters wrote them
	}
	if len(want) > 0 && len(want) < r {
		return Spread{}, fmt.Errorf("output_shape of node %q has %d values, want %d", n.Title(), len(want), r)
	}
	if len(want) > 0 || auto == "SAME_UPPER" || auto == "SAME_LOWER" {
		s.resolve(in[2:], want, auto == "SAME_UPPER")
	}
	return s, nil
}

// resolve works the pads out that follow from a wanted size; without one the output has
// stride positions for each of the input.
func (s *Spread) resolve(in []Dim, want []int64, upper bool) {
	for i := range s.Kernel {
		span := (s.Kernel[i]-1)*s.Dilation[i] + 1 + s.Extra[i]
		total := span - s.Stride[i]
		if len(want) > 0 {
			size, ok := in[i].Int()
			if !ok {
				s.Dynamic = true
				continue
			}
			total += size*s.Stride[i] - want[i]
		}
		if total < 0 {
			s.Extra[i], s.Short = s.Extra[i]-total, s.Short || len(want) == 0
			total = 0
		}
		s.Begin[i] = total - total/2
		if upper {
			s.Begin[i] = total / 2
		}
		s.End[i] = total - s.Begin[i]
	}
}
