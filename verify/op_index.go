package verify

import (
	"fmt"
	"math"
	"slices"
	"sort"

	"repmlp/onnxio"
)

func indexers() map[string]operator {
	return map[string]operator{"GatherElements": gatherElements, "GatherND": gatherND, "ScatterElements": scatterElements, "CumSum": cumSum,
		"Trilu": trilu, "TopK": topK, "NonZero": nonZero, "OneHot": oneHot, "Col2Im": col2Im, "IsNaN": isNaN, "IsInf": isInf,
		"Hardmax": hardmax, "LpNormalization": lpNorm, "MeanVarianceNormalization": meanVariance, "Upsample": upsample}
}

func gatherElements(c *call) ([]*Tensor, error) {
	x, idx := c.in[0], c.in[1]
	axis, err := axisOf(c.n.Int("axis", 0), len(x.Shape))
	if err != nil {
		return nil, err
	}
	out := like(x, x.DType, idx.Shape)
	st := strides(x.Shape)
	eachIndex(idx.Shape, func(i int, at []int) {
		off, e := replaced(at, axis, idx.I[i], x.Shape[axis], st)
		if e != nil {
			err = e
			return
		}
		copyElement(out, i, x, off)
	})
	return []*Tensor{out}, err
}

// replaced is the offset of index at with its position along axis, which has n
// of them, replaced by k.
func replaced(at []int, axis int, k int64, n int, stride []int) (int, error) {
	p, err := axisOf(k, n)
	if err != nil {
		return 0, err
	}
	off := 0
	for a, q := range at {
		if a == axis {
			q = p
		}
		off += q * stride[a]
	}
	return off, nil
}

func gatherND(c *call) ([]*Tensor, error) {
	x, idx := c.in[0], c.in[1]
	b := int(c.n.Int("batch_dims", 0))
	r := len(idx.Shape)
	if r == 0 || b >= r || b > len(x.Shape) {
		return nil, fmt.Errorf("indices of shape %v do not fit %v", idx.Shape, x.Shape)
	}
	k := idx.Shape[r-1]
	if b+k > len(x.Shape) {
		return nil, fmt.Errorf("indices of shape %v do not fit %v", idx.Shape, x.Shape)
	}
	st := strides(x.Shape)
	inner := count(x.Shape[b+k:])
	out := like(x, x.DType, slices.Concat(idx.Shape[:r-1], x.Shape[b+k:]))
	batch := count(idx.Shape[:b])
	per := count(idx.Shape[b : r-1])
	for i := range batch * per {
		off := i / max(per, 1) * count(x.Shape[b:])
		for j := range k {
			a, err := axisOf(idx.I[i*k+j], x.Shape[b+j])
			if err != nil {
				return nil, err
			}
			off += a * st[b+j]
		}
		for j := range inner {
			copyElement(out, i*inner+j, x, off+j)
		}
	}
	return []*Tensor{out}, nil
}

func scatterElements(c *call) ([]*Tensor, error) {
	x, idx, up := c.in[0], c.in[1], c.in[2]
	axis, err := axisOf(c.n.Int("axis", 0), len(x.Shape))
	if err != nil {
		return nil, err
	}
	mode := c.n.Str("reduction", "none")
	st := strides(x.Shape)
	out := pick(x, x.Shape, st, 0)
	eachIndex(idx.Shape, func(i int, at []int) {
		off, e := replaced(at, axis, idx.I[i], x.Shape[axis], st)
		if e != nil {
			err = e
			return
		}
		if mode == "none" {
			copyElement(out, off, up, i)
		} else if e := reduceElement(out, off, up, i, mode); e != nil {
			err = e
		}
	})
	return []*Tensor{out}, err
}

func cumSum(c *call) ([]*Tensor, error) {
	x := c.in[0]
	axis, err := axisOf(c.in[1].I[0], len(x.Shape))
	if err != nil {
		return nil, err
	}
	n, inner := x.Shape[axis], count(x.Shape[axis+1:])
	out := like(x, x.DType, x.Shape)
	exclusive, reverse := c.n.Int("exclusive", 0) != 0, c.n.Int("reverse", 0) != 0
	for r := 0; n > 0 && r < x.Len()/n; r++ {
		base := r/inner*n*inner + r%inner
		s := 0.0
		for i := range n {
			k := i
			if reverse {
				k = n - 1 - i
			}
			v := x.Float(base + k*inner)
			if exclusive {
				put(out, base+k*inner, s)
				s += v
			} else {
				s += v
				put(out, base+k*inner, s)
			}
		}
	}
	return []*Tensor{out}, nil
}

func trilu(c *call) ([]*Tensor, error) {
	x := c.in[0]
	r := len(x.Shape)
	if r < 2 {
		return nil, fmt.Errorf("shape %v has no matrices", x.Shape)
	}
	k := 0
	if c.has(1) {
		k = int(c.in[1].I[0])
	}
	upper := c.n.Int("upper", 1) != 0
	h, w := x.Shape[r-2], x.Shape[r-1]
	out := like(x, x.DType, x.Shape)
	for i := range x.Len() {
		row, col := i/w%h, i%w
		if upper && col-row >= k || !upper && col-row <= k {
			copyElement(out, i, x, i)
		}
	}
	return []*Tensor{out}, nil
}

func topK(c *call) ([]*Tensor, error) {
	x := c.in[0]
	axis, err := axisOf(c.n.Int("axis", -1), len(x.Shape))
	if err != nil {
		return nil, err
	}
	k := c.n.Int("k", 0)
	if c.has(1) {
		k = c.in[1].I[0]
	}
	n, inner := x.Shape[axis], count(x.Shape[axis+1:])
	if k < 0 || int(k) > n {
		return nil, fmt.Errorf("it takes %d of %d elements", k, n)
	}
	shape := slices.Clone(x.Shape)
	shape[axis] = int(k)
	out := like(x, x.DType, shape)
	at := &Tensor{DType: onnxio.Int64, Shape: shape, I: make([]int64, count(shape))}
	sign := 1.0
	if c.n.Int("largest", 1) == 0 {
		sign = -1
	}
	order := make([]int, n)
	for r := 0; n > 0 && r < x.Len()/n; r++ {
		base := r/inner*n*inner + r%inner
		for i := range order {
			order[i] = i
		}
		sort.SliceStable(order, func(a, b int) bool {
			return sign*x.Float(base+order[a]*inner) > sign*x.Float(base+order[b]*inner)
		})
		to := r/inner*int(k)*inner + r%inner
		for i := range int(k) {
			copyElement(out, to+i*inner, x, base+order[i]*inner)
			at.I[to+i*inner] = int64(order[i])
		}
	}
	return []*Tensor{out, at}, nil
}

func nonZero(c *call) ([]*Tensor, error) {
	x := c.in[0]
	r := len(x.Shape)
	var rows [][]int
	eachIndex(x.Shape, func(i int, at []int) {
		if x.Float(i) != 0 {
			rows = append(rows, slices.Clone(at))
		}
	})
	out := &Tensor{DType: onnxio.Int64, Shape: []int{r, len(rows)}, I: make([]int64, r*len(rows))}
	for j, at := range rows {
		for a, p := range at {
			out.I[a*len(rows)+j] = int64(p)
		}
	}
	return []*Tensor{out}, nil
}

func oneHot(c *call) ([]*Tensor, error) {
	idx, values := c.in[0], c.in[2]
	depth := int(c.in[1].Float(0))
	axis, err := axisOf(c.n.Int("axis", -1), len(idx.Shape)+1)
	if err != nil {
		return nil, err
	}
	shape := slices.Insert(slices.Clone(idx.Shape), axis, depth)
	if err := c.fits(shape); err != nil {
		return nil, err
	}
	out := like(values, values.DType, shape)
	inner := count(idx.Shape[axis:])
	for i := range out.Len() {
		row, col := i/inner/depth*inner+i%inner, i/inner%depth
		k := int(idx.Float(row))
		if k < 0 {
			k += depth
		}
		from := 0
		if k == col {
			from = 1
		}
		copyElement(out, i, values, from)
	}
	return []*Tensor{out}, nil
}

// col2Im adds the columns of an unfolded map back into the map.
func col2Im(c *call) ([]*Tensor, error) {
	x := c.in[0]
	image, block := toInts(c.in[1].I), toInts(c.in[2].I)
	r := len(image)
	list := func(name string, def int64, n int) []int {
		if v := c.n.Ints(name); len(v) == n {
			return toInts(v)
		}
		return toInts(slices.Repeat([]int64{def}, n))
	}
	dil, pads, stride := list("dilations", 1, r), list("pads", 0, 2*r), list("strides", 1, r)
	if len(x.Shape) != 3 || len(block) != r || x.Shape[1]%max(count(block), 1) != 0 {
		return nil, fmt.Errorf("columns of shape %v do not fit blocks of %v", x.Shape, block)
	}
	channels := x.Shape[1] / count(block)
	steps := make([]int, r)
	for i := range steps {
		steps[i] = (image[i]+pads[i]+pads[r+i]-dil[i]*(block[i]-1)-1)/stride[i] + 1
	}
	if count(steps) != x.Shape[2] {
		return nil, fmt.Errorf("%d columns do not fit %v positions", x.Shape[2], steps)
	}
	out := like(x, x.DType, slices.Concat([]int{x.Shape[0], channels}, image))
	acc := make([]float64, out.Len())
	st := strides(image)
	for n := range x.Shape[0] {
		for ch := range channels {
			eachIndex(block, func(k int, tap []int) {
				eachIndex(steps, func(s int, at []int) {
					off := 0
					for a := range at {
						p := at[a]*stride[a] + tap[a]*dil[a] - pads[a]
						if p < 0 || p >= image[a] {
							return
						}
						off += p * st[a]
					}
					acc[(n*channels+ch)*count(image)+off] += x.Float(((n*channels+ch)*count(block)+k)*x.Shape[2] + s)
				})
			})
		}
	}
	fill(out, acc)
	return []*Tensor{out}, nil
}

func isNaN(c *call) ([]*Tensor, error) {
	out := like(c.in[0], onnxio.Bool, c.in[0].Shape)
	for i := range out.I {
		if math.IsNaN(c.in[0].Float(i)) {
			out.I[i] = 1
		}
	}
	return []*Tensor{out}, nil
}

func isInf(c *call) ([]*Tensor, error) {
	out := like(c.in[0], onnxio.Bool, c.in[0].Shape)
	for i := range out.I {
		v := c.in[0].Float(i)
		if math.IsInf(v, 1) && c.n.Int("detect_positive", 1) != 0 || math.IsInf(v, -1) && c.n.Int("detect_negative", 1) != 0 {
			out.I[i] = 1
		}
	}
	return []*Tensor{out}, nil
}

func hardmax(c *call) ([]*Tensor, error) {
	x := c.in[0]
	def := int64(-1)
	if c.e.opset < 13 {
		def = 1
	}
	axis, err := axisOf(c.n.Int("axis", def), len(x.Shape))
	if err != nil {
		return nil, err
	}
	n, inner := x.Shape[axis], count(x.Shape[axis+1:])
	if c.e.opset < 13 {
		n, inner = count(x.Shape[axis:]), 1
	}
	out := like(x, x.DType, x.Shape)
	for r := 0; n > 0 && r < x.Len()/n; r++ {
		base := r/inner*n*inner + r%inner
		best := 0
		for i := range n {
			if x.Float(base+i*inner) > x.Float(base+best*inner) {
				best = i
			}
		}
		put(out, base+best*inner, 1)
	}
	return []*Tensor{out}, nil
}

func lpNorm(c *call) ([]*Tensor, error) {
	x := c.in[0]
	axis, err := axisOf(c.n.Int("axis", -1), len(x.Shape))
	if err != nil {
		return nil, err
	}
	p := c.n.Int("p", 2)
	n, inner := x.Shape[axis], count(x.Shape[axis+1:])
	out := like(x, x.DType, x.Shape)
	for r := 0; n > 0 && r < x.Len()/n; r++ {
		base := r/inner*n*inner + r%inner
		s := 0.0
		for i := range n {
			v := math.Abs(x.Float(base + i*inner))
			if p == 2 {
				v *= v
			}
			s += v
		}
		if p == 2 {
			s = math.Sqrt(s)
		}
		for i := range n {
			put(out, base+i*inner, x.Float(base+i*inner)/s)
		}
	}
	return []*Tensor{out}, nil
}

func meanVariance(c *call) ([]*Tensor, error) {
	x := c.in[0]
	axes := c.n.Ints("axes")
	if axes == nil {
		axes = []int64{0, 2, 3}
	}
	kept := slices.Clone(x.Shape)
	for _, a := range axes {
		k, err := axisOf(a, len(x.Shape))
		if err != nil {
			return nil, err
		}
		kept[k] = 1
	}
	var to []int
	walk(x.Shape, spread(kept, x.Shape), func(_, o int) { to = append(to, o) })
	mean, square := make([]float64, count(kept)), make([]float64, count(kept))
	n := float64(x.Len() / max(len(mean), 1))
	for i, o := range to {
		mean[o] += x.Float(i) / n
	}
	for i, o := range to {
		d := x.Float(i) - mean[o]
		square[o] += d * d / n
	}
	out := like(x, x.DType, x.Shape)
	for i, o := range to {
		put(out, i, (x.Float(i)-mean[o])/(math.Sqrt(square[o])+1e-9))
	}
	return []*Tensor{out}, nil
}

// upsample is the ancestor of Resize (opset 7 and 9).
func upsample(c *call) ([]*Tensor, error) {
	x := c.in[0]
	scales := c.n.Attr("scales")
	at := make([]float64, len(x.Shape))
	switch {
	case scales != nil && len(scales.Floats) == len(at):
		for i, f := range scales.Floats {
			at[i] = float64(f)
		}
	case c.has(1) && c.in[1].Len() == len(at):
		copy(at, c.in[1].Floats())
	default:
		return nil, unsupported("the Go engine lacks this form of Upsample")
	}
	if c.n.Str("mode", "nearest") != "nearest" {
		return nil, unsupported("the Go engine lacks Upsample mode %s", c.n.Str("mode", ""))
	}
	shape, st := make([]int, len(at)), strides(x.Shape)
	for i, f := range at {
		shape[i] = int(math.Floor(float64(x.Shape[i]) * f))
	}
	out := like(x, x.DType, shape)
	eachIndex(shape, func(i int, idx []int) {
		off := 0
		for a, p := range idx {
			off += min(int(float64(p)/at[a]), x.Shape[a]-1) * st[a]
		}
		copyElement(out, i, x, off)
	})
	return []*Tensor{out}, nil
}
