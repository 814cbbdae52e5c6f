package operator

import (
	"math"
	"slices"

	"repmlp/verify/internal/tensor"
)

// upsample is the ancestor of Resize (opset 7 and 9).
func upsample(c *Call) ([]*Value, error) {
	x := c.In[0]
	scales := c.Node.Attr("scales")
	at := make([]float64, len(x.Shape))
	switch {
	case scales != nil && len(scales.Floats()) == len(at):
		for i, f := range scales.Floats() {
			at[i] = float64(f)
		}
	case c.has(1) && c.In[1].Len() == len(at):
		copy(at, c.In[1].Floats())
	default:
		return nil, Unsupportedf("the Go engine lacks this form of Upsample")
	}
	if c.Node.AttrString("mode") != "nearest" {
		return nil, Unsupportedf("the Go engine lacks Upsample mode %s", c.Node.AttrString("mode"))
	}
	shape, st := make([]int, len(at)), tensor.Strides(x.Shape)
	for i, f := range at {
		shape[i] = int(math.Floor(float64(x.Shape[i]) * f))
	}
	out := Like(x, x.DType, shape)
	tensor.EachIndex(shape, func(i int, idx []int) {
		off := 0
		for a, p := range idx {
			off += min(int(float64(p)/at[a]), x.Shape[a]-1) * st[a]
		}
		copyElement(out, i, x, off)
	})
	return []*Value{out}, nil
}

// resize handles nearest and linear interpolation, which act on each axis by
// itself.
func resize(c *Call) ([]*Value, error) {
	x := c.In[0]
	if c.Node.AttrInt("antialias") != 0 || c.Node.Attr("axes") != nil || c.Node.AttrString("keep_aspect_ratio_policy") != "stretch" {
		return nil, Unsupportedf("the Go engine lacks this form of Resize")
	}
	r := resampling{mode: c.Node.AttrString("mode"), coord: c.Node.AttrString("coordinate_transformation_mode"), nearest: c.Node.AttrString("nearest_mode")}
	if c.Run.Opset < 11 {
		r.coord, r.nearest = "asymmetric", "floor"
	}
	if r.mode == "cubic" || r.coord == "tf_crop_and_resize" || r.coord == "half_pixel_symmetric" {
		return nil, Unsupportedf("the Go engine lacks Resize mode %s with %s", r.mode, r.coord)
	}
	shape, scale, err := resized(c)
	if err != nil {
		return nil, err
	}
	cur := x.Floats()
	now := slices.Clone(x.Shape)
	for a := range now {
		if shape[a] == now[a] && scale[a] == 1 {
			continue
		}
		cur = r.along(cur, tensor.Count(now[:a]), now[a], tensor.Count(now[a+1:]), shape[a], scale[a])
		now[a] = shape[a]
	}
	out := Like(x, x.DType, shape)
	for i, v := range cur {
		put(out, i, v)
	}
	return []*Value{out}, nil
}

// resized is the shape of the result, and the scale of every axis.
func resized(c *Call) (shape []int, scale []float64, err error) {
	x := c.In[0]
	rank := len(x.Shape)
	scales, sizes := 2, 3 // slots
	if c.Run.Opset < 11 {
		scales, sizes = 1, 9
	}
	shape, scale = slices.Clone(x.Shape), make([]float64, rank)
	switch {
	case c.has(sizes) && c.In[sizes].Len() == rank:
		for i, n := range c.In[sizes].I {
			shape[i], scale[i] = int(n), float64(n)/float64(x.Shape[i])
		}
	case c.has(scales) && c.In[scales].Len() == rank:
		for i := range scale {
			scale[i] = c.In[scales].Float(i)
			shape[i] = int(math.Floor(float64(x.Shape[i]) * scale[i]))
		}
	default:
		return nil, nil, Unsupportedf("the Go engine lacks this form of Resize")
	}
	return shape, scale, c.fits(shape)
}

// A resampling says which elements of an axis an element of the result shows.
type resampling struct{ mode, coord, nearest string }

// between is where output position o lies: frac of the way from element lo to hi of n.
func (r resampling) between(o int, scale float64, n int) (lo, hi int, frac float64) {
	p := position(r.coord, float64(o), scale, n)
	if r.mode == "nearest" {
		lo = min(max(nearest(r.nearest, p), 0), n-1)
		return lo, lo, 0
	}
	p = math.Min(math.Max(p, 0), float64(n-1))
	lo = int(math.Floor(p))
	return lo, min(lo+1, n-1), p - float64(lo)
}

// along resamples the middle axis of [outer, n, inner] to size elements.
func (r resampling) along(src []float64, outer, n, inner, size int, scale float64) []float64 {
	dst := make([]float64, outer*size*inner)
	for o := range size {
		lo, hi, frac := r.between(o, scale, n)
		for b := range outer {
			to := dst[(b*size+o)*inner:][:inner]
			u, v := src[(b*n+lo)*inner:], src[(b*n+hi)*inner:]
			for i := range to {
				to[i] = u[i]*(1-frac) + v[i]*frac
			}
		}
	}
	return dst
}

// position is the coordinate in the input that output position o shows.
func position(mode string, o, scale float64, in int) float64 {
	out := scale * float64(in) // not rounded down, as the specification has it
	switch mode {
	case "asymmetric":
		return o / scale
	case "align_corners":
		if out == 1 {
			return 0
		}
		return o * float64(in-1) / (out - 1)
	case "pytorch_half_pixel":
		if out <= 1 {
			return 0
		}
	}
	return (o+0.5)/scale - 0.5
}

// nearest rounds a coordinate.
func nearest(mode string, p float64) int {
	switch mode {
	case "floor":
		return int(math.Floor(p))
	case "ceil":
		return int(math.Ceil(p))
	case "round_prefer_ceil":
		return int(math.Floor(p + 0.5))
	}
	return int(math.Ceil(p - 0.5))
}
