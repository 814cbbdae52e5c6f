package move

import (
	"slices"

	"repmlp/convert/internal/affine"
	"repmlp/onnxio/graph"
)

// pointwise passes activations that commute with positive scales.
func (c *crossing) pointwise() *passage {
	switch c.n.OpType() {
	case "Relu", "LeakyRelu":
	case "PRelu":
		if c.n.In[1] == nil || !c.g.IsConst(c.n.In[1]) {
			return nil
		}
		from, ok := c.n.In[0].Shape()
		to, ok2 := c.n.Out[0].Shape()
		if !ok || !ok2 || !affine.EqualDims(from, to) {
			return nil
		}
	default:
		return nil
	}
	rank := c.n.In[0].Rank()
	if rank < 0 {
		return nil
	}
	u := kept(rank, func(int) bool { return false })
	u.positive = true
	return c.one(u)
}

// extreme passes the largest and smallest of positions. Outside of the map there is
// nothing, so that shifts pass too.
func (c *crossing) extreme() *passage {
	x := c.n.In[0]
	rank := x.Rank()
	if rank < 0 || !c.othersUnused() {
		return nil
	}
	var u unary
	switch c.n.OpType() {
	case "MaxPool", "GlobalMaxPool":
		u = kept(rank, func(axis int) bool { return axis >= 2 })
	case "ReduceMax", "ReduceMin":
		axes, keep, ok := c.reduces(rank)
		if !ok {
			return nil
		}
		u = reduced(rank, axes, keep)
	default:
		return nil
	}
	u.shifts, u.positive = true, true
	return c.one(u)
}

// reduces reads the axes of a reduction; ok is false where they are not known.
func (c *crossing) reduces(rank int) (axes []int, keep, ok bool) {
	list := c.n.Ints("axes")
	if len(c.n.In) > 1 && c.n.In[1] != nil {
		for _, d := range c.n.In[1].Ints() {
			v, known := d.Int()
			if !known {
				return nil, false, false
			}
			list = append(list, v)
		}
	}
	for _, a := range list {
		k, ok := graph.Axis(a, rank)
		if !ok {
			return nil, false, false
		}
		axes = append(axes, k)
	}
	return axes, c.n.Int("keepdims", 1) == 1, len(axes) > 0
}

// resampled passes nearest and linear interpolation, whose weights are no less than
// zero and add up to one; modes that look beyond the map do not.
func (c *crossing) resampled() *passage {
	x := c.n.In[0]
	from, ok := x.Shape()
	to, ok2 := c.n.Out[0].Shape()
	if !ok || !ok2 || len(from) != len(to) {
		return nil
	}
	scales := 1
	switch c.n.OpType() {
	case "Upsample":
		if c.n.Str("mode", "nearest") != "nearest" {
			return nil
		}
	case "Resize":
		mode := c.n.AttrString("mode")
		if mode != "nearest" && mode != "linear" || c.n.Int("antialias", 0) != 0 || c.n.Attr("axes") != nil || c.n.Str("keep_aspect_ratio_policy", "stretch") != "stretch" {
			return nil
		}
		if c.g.Opset >= 11 {
			if scales = 2; !slices.Contains([]string{"half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "tf_half_pixel_for_nn"}, c.n.AttrString("coordinate_transformation_mode")) {
				return nil
			}
		}
	default:
		return nil
	}
	var by []float64
	if a := c.n.Attr("scales"); a != nil {
		for _, f := range a.Floats() {
			by = append(by, float64(f))
		}
	}
	if len(c.n.In) > scales && c.n.In[scales] != nil && c.g.IsConst(c.n.In[scales]) {
		k, err := c.g.Const(c.n.In[scales])
		if err != nil {
			return nil
		}
		by = k.Float()
	}
	u := kept(len(from), func(axis int) bool {
		if len(by) == len(from) {
			return by[axis] != 1
		}
		return !from[axis].Equal(to[axis]) // sizes, of which equal ones leave an axis as it is
	})
	u.shifts = true
	if len(by) == 0 && (c.n.OpType() == "Upsample" || len(c.n.In) < 4 || c.n.In[3] == nil) {
		return nil // scales that are not known
	}
	return c.one(u)
}

// repeated passes Expand and Tile.
func (c *crossing) repeated() *passage {
	if op := c.n.OpType(); op != "Expand" && op != "Tile" {
		return nil
	}
	from, ok := c.n.In[0].Shape()
	to, ok2 := c.n.Out[0].Shape()
	lead := len(to) - len(from)
	if !ok || !ok2 || lead < 0 {
		return nil
	}
	repeats := func(axis int) bool { // of the result
		if axis < lead {
			return true
		}
		n, known := from[axis-lead].Int()
		return !known || !to[axis].Is(n)
	}
	return c.one(unary{shifts: true,
		back: func(p *piece) (*piece, bool) {
			if len(p.sizes) != len(to) || slices.ContainsFunc(p.varies(), repeats) {
				return nil, false
			}
			return &piece{p.sizes[lead:], p.scale, p.shift}, true
		},
		forth: func(p *piece) (*piece, bool) {
			q := &piece{append(slices.Repeat([]int{1}, lead), p.sizes...), p.scale, p.shift}
			return q, len(p.sizes) == len(from) && !slices.ContainsFunc(q.varies(), repeats)
		}})
}
