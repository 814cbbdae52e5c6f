package graph

import (
	"errors"
	"math"
	"slices"
)

// Resize and Upsample of constants: nearest and linear interpolation, axis by axis.

// An interpolation says which elements of an axis an element of the result shows.
type interpolation struct{ mode, coordinates, rounding string }

// place is the coordinate in an axis of n elements that position o of a result shows,
// which has n·scale of them (Resize, coordinate_transformation_mode).
func (r interpolation) place(o int, scale float64, n int) (float64, error) {
	length := float64(scale * float64(n))
	switch r.coordinates {
	case "asymmetric":
		return float64(o) / scale, nil
	case "align_corners":
		if length <= 1 {
			return 0, nil
		}
		return float64(o) * float64(n-1) / (length - 1), nil
	case "pytorch_half_pixel":
		if length <= 1 {
			return 0, nil
		}
	case "half_pixel":
	default:
		return 0, errors.New("its coordinates are not worked out")
	}
	return (float64(o)+0.5)/scale - 0.5, nil
}

// closeToEdge is how near to a step a coordinate may lie that runtimes work out in
// float32: next to it they may go either way.
const closeToEdge = 1e-4

// nearest is the element that a coordinate is rounded to.
func (r interpolation) nearest(p float64) (int, error) {
	edge := math.Round(p) // of whole numbers
	if r.rounding == "round_prefer_floor" || r.rounding == "round_prefer_ceil" {
		edge = math.Floor(p) + 0.5
	}
	if p != edge && math.Abs(p-edge) < closeToEdge*max(1, math.Abs(p)) {
		return 0, errRounding
	}
	switch r.rounding {
	case "floor":
		return int(math.Floor(p)), nil
	case "ceil":
		return int(math.Ceil(p)), nil
	case "round_prefer_ceil":
		return int(math.Floor(p + 0.5)), nil
	case "round_prefer_floor":
		return int(math.Ceil(p - 0.5)), nil
	}
	return 0, errors.New("its rounding is not worked out")
}

// axis is c with an axis of a number of elements as large as scale says.
func (r interpolation) axis(e *evaluation, c *Const, axis, count int, scale float64) (*Const, error) {
	n := c.Shape[axis]
	if n == 0 || !(scale > 0) {
		return nil, errShape
	}
	low, high, part := make([]int, count), make([]int, count), make([]float64, count)
	for o := range count {
		p, err := r.place(o, scale, n)
		if err != nil {
			return nil, err
		}
		if r.mode == "nearest" {
			if low[o], err = r.nearest(p); err != nil {
				return nil, err
			}
			low[o] = min(max(low[o], 0), n-1)
			high[o] = low[o]
			continue
		}
		p = min(max(p, 0), float64(n-1))
		low[o] = int(p)
		high[o], part[o] = min(low[o]+1, n-1), p-float64(low[o])
	}
	shape, st := slices.Clone(c.Shape), strides(c.Shape)
	shape[axis] = count
	if r.mode == "nearest" {
		return e.gather(c, shape, func(_ int, idx []int) int { return dot(idx, st) + (low[idx[axis]]-idx[axis])*st[axis] })
	}
	if c.F == nil {
		return nil, errRounding
	}
	out, err := e.make(c.DType, shape)
	if err != nil {
		return nil, err
	}
	walk(shape, func(i int, idx []int) {
		o, at := idx[axis], dot(idx, st)-idx[axis]*st[axis]
		out.F[i] = float64(c.F[at+low[o]*st[axis]]*(1-part[o])) + float64(c.F[at+high[o]*st[axis]]*part[o])
	})
	return out.settle(true)
}

// constResize is Resize (opset 10, 11, 18) and Upsample (7, 9).
func constResize(e *evaluation, n *Node, in []*Const) (*Const, error) {
	c := in[0]
	rank := len(c.Shape)
	r := interpolation{mode: n.AttrString("mode"), coordinates: "asymmetric", rounding: "floor"}
	slot := 1 // of the scales
	if n.OpType() == "Resize" {
		if n.AttrInt("antialias") != 0 || n.Attr("axes") != nil || n.AttrString("keep_aspect_ratio_policy") != "stretch" {
			return nil, errors.New("its form is not worked out")
		}
		if e.g.Opset >= 11 {
			r.coordinates, r.rounding, slot = n.AttrString("coordinate_transformation_mode"), n.AttrString("nearest_mode"), 2
		}
	}
	if r.mode != "nearest" && (r.mode != "linear" || n.OpType() != "Resize") {
		return nil, errors.New("its mode is not worked out")
	}
	var scales []float64
	if a := n.Attr("scales"); a != nil {
		for _, f := range a.Floats() {
			scales = append(scales, float64(f))
		}
	} else if slot < len(in) && in[slot] != nil {
		scales = in[slot].F
	}
	counts := make([]int, rank)
	switch {
	case n.OpType() == "Resize" && e.g.Opset >= 11 && len(in) > 3 && in[3] != nil && in[3].Len() == rank:
		scales = make([]float64, rank)
		for i, d := range in[3].I {
			if d < 1 || d > math.MaxInt32 || c.Shape[i] == 0 {
				return nil, errShape
			}
			counts[i], scales[i] = int(d), float64(d)/float64(c.Shape[i])
		}
	case len(scales) == rank:
		for i, f := range scales {
			d := math.Floor(float64(c.Shape[i]) * f)
			if !(d >= 1 && d <= math.MaxInt32) {
				return nil, errShape
			}
			counts[i] = int(d)
		}
	default:
		return nil, errShape
	}
	out := e.view(c, c.Shape)
	for a := range rank {
		if counts[a] == c.Shape[a] && scales[a] == 1 {
			continue
		}
		var err error
		if out, err = r.axis(e, out, a, counts[a], scales[a]); err != nil {
			return nil, err
		}
	}
	return out, nil
}
