package affine

import (
	"errors"
	"math"
	"slices"

	"repmlp/convert/internal/reason"
	"repmlp/onnxio/graph"
)

// A border is what the formula of a map gives where an index along one axis lies
// outside the map, wherever the others lie. Padding counts per axis: a layer that
// pads axis i reads nothing outside the map but where i lies outside. A kernel over
// other axes than i makes zeros of zeros there.
type border struct {
	code reason.Code // why it is not zero, "" where it is
	why  string
	even bool // it is one number for each channel, Map.outside says which
}

// borders are those of all spatial axes. They do not change: maps share them.
type borders []border

// anyZero reports whether the formula is zero outside along some axis, and so
// wherever it is one number.
func (b borders) anyZero() bool {
	return slices.ContainsFunc(b, func(x border) bool { return x.code == "" })
}

// behind are the borders of what a window makes. zeroed says that even borders are
// zero but for rounding.
func (b borders) behind(n *graph.Node, w graph.Window, zeroed bool) borders {
	out := slices.Clone(b)
	for i := range out {
		if zeroed && out[i].even {
			out[i] = border{}
		}
		// One tap reads inside the map only for positions inside its own, whatever
		// the stride.
		if w.Kernel[i] > 1 && out[i].code == "" {
			out[i] = border{code: reason.InnerZeroPadding, why: "\"" + n.Title() + "\" has a kernel above 1×1; put all padding on the first conv"}
		}
	}
	return out
}

// outside is what a map's formula gives outside the map: one number per channel,
// and the sum of the magnitudes that it was added up from. It is worked out when
// somebody asks.
type outside func() (value, size []float64, err error)

// of is what lies outside of a map that is made of channels of this one; nil stays nil.
func (o *outside) of(channels []int) *outside {
	if o == nil {
		return nil
	}
	var f outside = func() (value, size []float64, err error) {
		v, m, err := (*o)()
		if err != nil {
			return nil, nil, err
		}
		for _, c := range channels {
			value, size = append(value, v[c]), append(size, m[c])
		}
		return value, size, nil
	}
	return &f
}

// cancelRoundoffs is how much of what it was added up from may be left of a value
// that stands for zero, in unit roundoffs of float32: exporters work the
// constant out in float32, in a handful of operations.
const cancelRoundoffs = 8

// cancels reports whether all that is left along even borders is rounding. Blocks
// that pad with the image of zero subtract it, pad with zeros and add it again.
func (s Map) cancels() bool {
	if s.outside == nil {
		return false
	}
	value, size, err := (*s.outside)()
	if err != nil {
		return false
	}
	for i, v := range value {
		if !(math.Abs(v) <= cancelRoundoffs*0x1p-24*size[i]) {
			return false
		}
	}
	return true
}

// padded refuses zeros of a window that stand where the formula gives something
// else. undone says that they do so but for rounding.
func (s Map) padded(n *graph.Node, w graph.Window) (undone bool, why *reason.Refusal) {
	for i, b := range s.borders {
		if w.Begin[i] == 0 && w.End[i] == 0 || b.code == "" {
			continue
		}
		if !b.even || !undone && !s.cancels() {
			return false, reason.Refuse(b.code, "%s, and %q pads with zeros after it", b.why, n.Title())
		}
		undone = true
	}
	return undone, nil
}

// Outside is what the formula gives outside the map, a number for each channel. It is
// an error where that is not one number.
func (s Map) Outside() ([]float64, error) {
	zero := true
	for _, b := range s.borders {
		if zero = zero && b.code == ""; b.code != "" && (!b.even || s.outside == nil) {
			return nil, errors.New("working out what lies outside a map: it is not one number")
		}
	}
	if zero {
		return make([]float64, s.Win.Out), nil
	}
	value, _, err := (*s.outside)()
	return value, err
}

// withBias is the map with a bias added to it, a number for each channel.
func (s Map) withBias(n *graph.Node, bias func() ([]float64, error)) Map {
	return s.scaledBy(func() (scale, shift, sizes []float64, err error) {
		shift, err = bias()
		return nil, shift, nil, err
	}).shifted(n)
}

// shifted notes that a bias was added.
func (s Map) shifted(n *graph.Node) Map {
	s.borders, s.biased = slices.Clone(s.borders), true
	for i := range s.borders {
		b := &s.borders[i]
		b.even = b.even || b.code == ""
		if b.code == "" || b.code == reason.InnerZeroPadding {
			b.code, b.why = reason.BiasBeforeZeroPadding, "\""+n.Title()+"\" adds a bias; pad with the bias value while training"
		}
	}
	return s
}

// beside is the border along an axis that a view adds: there the formula gives what it
// makes of zeros, wherever the other axes lie.
func (s Map) beside() border {
	if !s.biased {
		return border{}
	}
	for _, b := range s.borders {
		if b.even && b.code != "" {
			return b
		}
	}
	return border{code: reason.BiasBeforeZeroPadding, why: "a bias is added before; pad with the bias value while training"}
}

// besides are the borders of a sum, which is not looked into any further.
func (b borders) besides(o borders) borders {
	out := slices.Clone(b)
	for i := range out {
		if out[i].code == "" || o[i].code == reason.BiasBeforeZeroPadding {
			out[i] = o[i]
		}
		out[i].even = false
	}
	return out
}
