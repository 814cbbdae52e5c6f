package operator

import (
	"errors"
	"fmt"

	"repmlp/verify/internal/tensor"
)

func pad(c *Call) ([]*Value, error) {
	x := c.In[0]
	rank := len(x.Shape)
	pads, ok := c.list("pads", 1)
	if !ok {
		if a := c.Node.Attr("paddings"); a != nil {
			pads, ok = a.Ints, true
		}
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
	with := float64(c.Node.AttrFloat("value"))
	if c.has(2) {
		with = c.In[2].Float(0)
	}
	if c.Run.Mode == Absolute && with < 0 {
		with = -with
	}
	mode := c.Node.AttrString("mode")
	shape := make([]int, rank)
	source := make([][]int, rank)
	st := tensor.Strides(x.Shape)
	for i, d := range x.Shape {
		shape[i] = d + int(pads[i]+pads[rank+i])
		if shape[i] < 0 {
			return nil, fmt.Errorf("its pads leave %d elements of axis %d", shape[i], i)
		}
	}
	if err := c.fits(shape); err != nil {
		return nil, err
	}
	out := Like(x, x.DType, shape)
	for i, d := range x.Shape {
		x.Arena.ask(8 * int64(shape[i]))
		source[i] = make([]int, 0, shape[i])
		for o := range shape[i] {
			k := o - int(pads[i])
			if k < 0 || k >= d {
				switch {
				case mode == "constant" || d == 0:
					source[i] = append(source[i], -1)
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
			}
			source[i] = append(source[i], k*st[i])
		}
	}
	idx := make([]int, rank)
	for i := range out.Len() {
		from, inside := 0, true
		for a := range idx {
			s := source[a][idx[a]]
			inside = inside && s >= 0
			from += s
		}
		switch {
		case inside:
			copyElement(out, i, x, from)
		case out.F32 != nil:
			out.F32[i] = float32(with)
		case out.F64 != nil:
			out.F64[i] = with
		default:
			out.I[i] = int64(with)
		}
		for a := rank - 1; a >= 0; a-- {
			if idx[a]++; idx[a] < shape[a] {
				break
			}
			idx[a] = 0
		}
	}
	return []*Value{out}, nil
}
