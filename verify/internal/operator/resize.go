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
	case scales != nil && len(scales.Floats) == len(at):
		for i, f := range scales.Floats {
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
	rank := len(x.Shape)
	if c.Node.AttrInt("antialias") != 0 || c.Node.Attr("axes") != nil || c.Node.AttrString("keep_aspect_ratio_policy") != "stretch" {
		return nil, Unsupportedf("the Go engine lacks this form of Resize")
	}
	mode := c.Node.AttrString("mode")
	coord := c.Node.AttrString("coordinate_transformation_mode")
	scaleSlot, sizeSlot := 2, 3
	if c.Run.Opset < 11 {
		coord, scaleSlot, sizeSlot = "asymmetric", 1, 9
	}
	if mode == "cubic" || coord == "tf_crop_and_resize" || coord == "half_pixel_symmetric" {
		return nil, Unsupportedf("the Go engine lacks Resize mode %s with %s", mode, coord)
	}
	shape := slices.Clone(x.Shape)
	scale := make([]float64, rank)
	switch {
	case c.has(sizeSlot) && c.In[sizeSlot].Len() == rank:
		for i, n := range c.In[sizeSlot].I {
			shape[i] = int(n)
			scale[i] = float64(n) / float64(x.Shape[i])
		}
	case c.has(scaleSlot) && c.In[scaleSlot].Len() == rank:
		for i := range scale {
			scale[i] = c.In[scaleSlot].Float(i)
			shape[i] = int(math.Floor(float64(x.Shape[i]) * scale[i]))
		}
	default:
		return nil, Unsupportedf("the Go engine lacks this form of Resize")
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
		outer, inner, n := tensor.Count(now[:a]), tensor.Count(now[a+1:]), now[a]
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
	out := Like(x, x.DType, shape)
	for i, v := range cur {
		put(out, i, v)
	}
	return []*Value{out}, nil
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

func nearest(c *Call, p float64) int {
	mode := c.Node.AttrString("nearest_mode")
	if c.Run.Opset < 11 {
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
