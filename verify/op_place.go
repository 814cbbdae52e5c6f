package verify

import (
	"errors"
	"fmt"

	"repmlp/onnxio"
)

func pad(c *call) ([]*Tensor, error) {
	x := c.in[0]
	rank := len(x.Shape)
	pads, ok := c.list("pads", 1)
	if !ok {
		if a := c.n.Attr("paddings"); a != nil {
			pads, ok = a.Ints, true
		}
	}
	if !ok {
		return nil, errors.New("it has no pads")
	}
	if c.has(3) {
		full := make([]int64, 2*rank)
		axes := c.in[3].I
		for i, a := range axes {
			k, err := axisOf(a, rank)
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
	value := float64(c.n.Float("value", 0))
	if c.has(2) {
		value = c.in[2].Float(0)
	}
	if c.e.mode == Absolute && value < 0 {
		value = -value
	}
	mode := c.n.Str("mode", "constant")
	shape := make([]int, rank)
	source := make([][]int, rank)
	st := strides(x.Shape)
	for i, d := range x.Shape {
		shape[i] = d + int(pads[i]+pads[rank+i])
		if shape[i] < 0 {
			return nil, fmt.Errorf("its pads leave %d elements of axis %d", shape[i], i)
		}
	}
	if err := c.fits(shape); err != nil {
		return nil, err
	}
	out := like(x, x.DType, shape)
	for i, d := range x.Shape {
		x.arena.ask(8 * int64(shape[i]))
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
					return nil, unsupported("the Go engine lacks Pad mode %q", mode)
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
			out.F32[i] = float32(value)
		case out.F64 != nil:
			out.F64[i] = value
		default:
			out.I[i] = int64(value)
		}
		for a := rank - 1; a >= 0; a-- {
			if idx[a]++; idx[a] < shape[a] {
				break
			}
			idx[a] = 0
		}
	}
	return []*Tensor{out}, nil
}

func depthToSpace(c *call) ([]*Tensor, error) {
	x := c.in[0]
	b := int(c.n.Int("blocksize", 1))
	if len(x.Shape) != 4 || b < 1 || x.Shape[1]%(b*b) != 0 {
		return nil, fmt.Errorf("shape %v does not fit blocks of %d", x.Shape, b)
	}
	n, d, h, w := x.Shape[0], x.Shape[1]/(b*b), x.Shape[2], x.Shape[3]
	cut, perm := []int{n, b, b, d, h, w}, []int{0, 3, 4, 1, 5, 2}
	if c.n.Str("mode", "DCR") == "CRD" {
		cut, perm = []int{n, d, b, b, h, w}, []int{0, 1, 4, 2, 5, 3}
	}
	return reshaped(permuted(x.view(cut), perm), []int{n, d, h * b, w * b})
}

func spaceToDepth(c *call) ([]*Tensor, error) {
	x := c.in[0]
	b := int(c.n.Int("blocksize", 1))
	if len(x.Shape) != 4 || b < 1 || x.Shape[2]%b != 0 || x.Shape[3]%b != 0 {
		return nil, fmt.Errorf("shape %v does not fit blocks of %d", x.Shape, b)
	}
	n, d, h, w := x.Shape[0], x.Shape[1], x.Shape[2]/b, x.Shape[3]/b
	return reshaped(permuted(x.view([]int{n, d, h, b, w, b}), []int{0, 3, 5, 1, 2, 4}), []int{n, d * b * b, h, w})
}

func scatterND(c *call) ([]*Tensor, error) {
	x, idx, up := c.in[0], c.in[1], c.in[2]
	mode := c.n.Str("reduction", "none")
	if len(idx.Shape) == 0 {
		return nil, errors.New("its indices are a scalar")
	}
	k := idx.Shape[len(idx.Shape)-1]
	if k > len(x.Shape) {
		return nil, errors.New("its indices are longer than the rank")
	}
	inner := count(x.Shape[k:])
	st := strides(x.Shape)
	out := pick(x, x.Shape, st, 0)
	for i := range count(idx.Shape[:len(idx.Shape)-1]) {
		base := 0
		for j := range k {
			a, err := axisOf(idx.I[i*k+j], x.Shape[j])
			if err != nil {
				return nil, err
			}
			base += a * st[j]
		}
		for j := range inner {
			if mode == "none" {
				copyElement(out, base+j, up, i*inner+j)
				continue
			}
			if err := reduceElement(out, base+j, up, i*inner+j, mode); err != nil {
				return nil, err
			}
		}
	}
	return []*Tensor{out}, nil
}

func reduceElement(dst *Tensor, i int, src *Tensor, j int, mode string) error {
	f := func(a, b float64) float64 { return a + b }
	switch mode {
	case "add":
	case "mul":
		f = func(a, b float64) float64 { return a * b }
	case "max":
		f = func(a, b float64) float64 { return max(a, b) }
	case "min":
		f = func(a, b float64) float64 { return min(a, b) }
	default:
		return unsupported("the Go engine lacks the reduction %q", mode)
	}
	v := f(dst.Float(i), src.Float(j))
	switch {
	case dst.F32 != nil:
		dst.F32[i] = float32(v)
	case dst.F64 != nil:
		dst.F64[i] = v
	default:
		dst.I[i] = int64(v)
	}
	return nil
}

// dropout is the identity, or a random mask from a stream keyed by the seed and
// the output's name, the same in every model that has that output.
func dropout(c *call) ([]*Tensor, error) {
	x := c.in[0]
	live := c.e.opset >= 12 && c.has(2) && c.in[2].I[0] != 0
	mask := &Tensor{DType: onnxio.Bool, Shape: x.Shape, I: make([]int64, x.Len())}
	if c.e.opset < 10 && c.outs > 1 && c.e.opset >= 7 {
		mask = like(x, x.DType, x.Shape) // opset 7 has a mask of the data's type
	}
	ratio := float64(c.n.Float("ratio", 0.5))
	if c.has(1) {
		ratio = c.in[1].Float(0)
	}
	if !live || ratio == 0 {
		for i := range mask.I {
			mask.I[i] = 1
		}
		return []*Tensor{x, mask}, nil
	}
	out := like(x, x.DType, x.Shape)
	c.e.random = true
	rng := stream(c.e.seed, c.n.Outputs[0])
	for i := range x.Len() {
		if rng.Float64() < ratio {
			continue
		}
		mask.I[i] = 1
		v := x.Float(i) / (1 - ratio)
		if out.F64 != nil {
			out.F64[i] = v
		} else {
			out.F32[i] = float32(v)
		}
	}
	return []*Tensor{out, mask}, nil
}
