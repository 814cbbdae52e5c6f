package verify

import (
	"math"
	"slices"
)

func resizers() map[string]operator { return map[string]operator{"Resize": resize} }

// resize handles nearest and linear interpolation, which act on each axis by
// itself.
func resize(c *call) ([]*Tensor, error) {
	x := c.in[0]
	rank := len(x.Shape)
	if c.n.Int("antialias", 0) != 0 || c.n.Attr("axes") != nil || c.n.Str("keep_aspect_ratio_policy", "stretch") != "stretch" {
		return nil, unsupported("the Go engine lacks this form of Resize")
	}
	mode := c.n.Str("mode", "nearest")
	coord := c.n.Str("coordinate_transformation_mode", "half_pixel")
	scaleSlot, sizeSlot := 2, 3
	if c.e.opset < 11 {
		coord, scaleSlot, sizeSlot = "asymmetric", 1, 9
	}
	if mode == "cubic" || coord == "tf_crop_and_resize" || coord == "half_pixel_symmetric" {
		return nil, unsupported("the Go engine lacks Resize mode %s with %s", mode, coord)
	}
	shape := slices.Clone(x.Shape)
	scale := make([]float64, rank)
	switch {
	case c.has(sizeSlot) && c.in[sizeSlot].Len() == rank:
		for i, n := range c.in[sizeSlot].I {
			shape[i] = int(n)
			scale[i] = float64(n) / float64(x.Shape[i])
		}
	case c.has(scaleSlot) && c.in[scaleSlot].Len() == rank:
		for i := range scale {
			scale[i] = c.in[scaleSlot].Float(i)
			shape[i] = int(math.Floor(float64(x.Shape[i]) * scale[i]))
		}
	default:
		return nil, unsupported("the Go engine lacks this form of Resize")
	}
	if err := c.fits(shape); err != nil {
		return nil, err
	}
	cur := x.Floats()
	now := slices.Clone(x.Shape)
	for a := range rank {
		if shape[a] == now[a] && scale[a] == 1 {
			continue
		}
		outer, inner, n := count(now[:a]), count(now[a+1:]), now[a]
		next := make([]float64, outer*shape[a]*inner)
		for o := range shape[a] {
			p := position(coord, float64(o), scale[a], n)
			lo, hi, frac := 0, 0, 0.0
			if mode == "nearest" {
				lo = min(max(nearest(c, p), 0), n-1)
				hi = lo
			} else {
				p = math.Min(math.Max(p, 0), float64(n-1))
				lo = int(math.Floor(p))
				hi = min(lo+1, n-1)
				frac = p - float64(lo)
			}
			for b := range outer {
				for i := range inner {
					u, v := cur[(b*n+lo)*inner+i], cur[(b*n+hi)*inner+i]
					next[(b*shape[a]+o)*inner+i] = u*(1-frac) + v*frac
				}
			}
		}
		cur = next
		now[a] = shape[a]
	}
	out := like(x, x.DType, shape)
	for i, v := range cur {
		put(out, i, v)
	}
	return []*Tensor{out}, nil
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

func nearest(c *call, p float64) int {
	mode := c.n.Str("nearest_mode", "round_prefer_floor")
	if c.e.opset < 11 {
		mode = "floor"
	}
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
