package operator

import (
	"errors"
	"fmt"

	"repmlp/verify/internal/tensor"
)

func pad(c *Call) ([]*Value, error) {
	x := c.In[0]
	rank := len(x.Shape)
	pads, err := padsOf(c, rank)
	if err != nil {
		return nil, err
	}
	shape := make([]int, rank)
	for i, d := range x.Shape {
		if shape[i] = d + int(pads[i]+pads[rank+i]); shape[i] < 0 {
			return nil, fmt.Errorf("its pads leave %d elements of axis %d", shape[i], i)
		}
	}
	if err := c.fits(shape); err != nil {
		return nil, err
	}
	out := Like(x, x.DType, shape)
	source, st := make([][]int, rank), tensor.Strides(x.Shape)
	for i, d := range x.Shape {
		x.Arena.ask(8 * int64(shape[i]))
		if source[i], err = padded(c.Node.AttrString("mode"), int(pads[i]), d, shape[i], st[i]); err != nil {
			return nil, err
		}
	}
	with := padValue(c)
	tensor.EachIndex(shape, func(i int, at []int) {
		from := 0
		for a, p := range at {
			s := source[a][p]
			if s < 0 {
				put(out, i, with)
				return
			}
			from += s
		}
		copyElement(out, i, x, from)
	})
	return []*Value{out}, nil
}

// padsOf are the pads before all axes and then behind them: an attribute under two
// names, or an input, which may be for some axes alone.
func padsOf(c *Call, rank int) ([]int64, error) {
	pads, ok := c.list("pads", 1)
	if a := c.Node.Attr("paddings"); !ok && a != nil {
		pads, ok = a.Ints(), true
	}
	if !ok {
		return nil, errors.New("it has no pads")
	}
	if c.has(3) {
		full := make([]int64, 2*rank)
		axes := c.In[3].I
		for i, a := range axes {
			k, err := tensor.AxisOf(a, rank)
			if err != nil {
				return nil, err
			}
			full[k], full[rank+k] = pads[i], pads[len(axes)+i]
		}
		pads = full
	}
	if len(pads) != 2*rank {
		return nil, fmt.Errorf("it has %d pads for rank %d", len(pads), rank)
	}
	return pads, nil
}

// padValue is what stands beside the map.
func padValue(c *Call) float64 {
	with := float64(c.Node.AttrFloat("value"))
	if c.has(2) {
		with = c.In[2].Float(0)
	}
	if c.Run.Mode == Absolute && with < 0 {
		with = -with
	}
	return with
}

// padded says for each of n positions of an axis from which of its d elements, which
// lie stride apart, it is; -1 is none.
func padded(mode string, before, d, n, stride int) ([]int, error) {
	source := make([]int, n)
	for o := range source {
		k := o - before
		switch {
		case k >= 0 && k < d:
		case mode == "constant" || d == 0:
			source[o] = -1
			continue
		case mode == "edge":
			k = min(max(k, 0), d-1)
		case mode == "wrap":
			k = (k%d + d) % d
		case mode == "reflect" && d > 1:
			p := 2 * (d - 1)
			k = (k%p + p) % p
			k = min(k, p-k)
		case mode == "reflect":
			k = 0
		default:
			return nil, Unsupportedf("the Go engine lacks Pad mode %q", mode)
		}
		source[o] = k * stride
	}
	return source, nil
}
