package verify

import (
	"errors"
	"fmt"
	"slices"

	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

func shapes() map[string]operator {
	return map[string]operator{
		"Reshape": reshape, "Flatten": flatten, "Squeeze": squeeze, "Unsqueeze": unsqueeze, "Transpose": transpose,
		"Concat": concat, "Split": split, "Slice": slice, "Gather": gather, "Expand": expand, "Tile": tile,
		"Shape": shapeOf, "Size": sizeOf, "ConstantOfShape": constantOfShape, "Constant": constantOp, "Range": rangeOp,
		"EyeLike": eyeLike, "Pad": pad, "DepthToSpace": depthToSpace, "SpaceToDepth": spaceToDepth, "ScatterND": scatterND,
		"Cast": cast, "CastLike": cast, "Dropout": dropout,
	}
}

func toInts(v []int64) []int {
	out := make([]int, len(v))
	for i, x := range v {
		out[i] = int(x)
	}
	return out
}

func one(t *Tensor, err error) ([]*Tensor, error) {
	if err != nil {
		return nil, err
	}
	return []*Tensor{t}, nil
}

// reshaped views t under a new shape of as many elements.
func reshaped(t *Tensor, shape []int) ([]*Tensor, error) {
	if count(shape) != t.Len() {
		return nil, fmt.Errorf("%d elements of shape %v do not fit %v", t.Len(), t.Shape, shape)
	}
	return []*Tensor{t.view(shape)}, nil
}

func reshape(c *call) ([]*Tensor, error) {
	x := c.in[0]
	target, ok := c.list("shape", 1)
	if !ok {
		return nil, errors.New("it has no target shape")
	}
	shape := toInts(target)
	infer, rest := -1, 1
	for i, d := range shape {
		switch {
		case d == 0 && c.n.Int("allowzero", 0) == 0:
			if i >= len(x.Shape) {
				return nil, fmt.Errorf("it copies axis %d of a tensor of rank %d", i, len(x.Shape))
			}
			shape[i] = x.Shape[i]
		case d == -1:
			if infer >= 0 {
				return nil, errors.New("it infers two sizes")
			}
			infer = i
			continue
		case d < 0:
			return nil, fmt.Errorf("its target %v has a negative size", target)
		}
		rest *= shape[i]
	}
	if infer >= 0 {
		shape[infer] = 0
		if rest > 0 {
			shape[infer] = x.Len() / rest
		}
	}
	return reshaped(x, shape)
}

func flatten(c *call) ([]*Tensor, error) {
	x := c.in[0]
	a := int(c.n.Int("axis", 1))
	if a < 0 {
		a += len(x.Shape)
	}
	if a < 0 || a > len(x.Shape) {
		return nil, fmt.Errorf("axis %d is out of range", a)
	}
	return reshaped(x, []int{count(x.Shape[:a]), count(x.Shape[a:])})
}

func squeeze(c *call) ([]*Tensor, error) {
	x := c.in[0]
	axes, given := c.list("axes", 1)
	drop := make([]bool, len(x.Shape))
	for _, a := range axes {
		k, err := axisOf(a, len(x.Shape))
		if err != nil {
			return nil, err
		}
		if x.Shape[k] != 1 {
			return nil, fmt.Errorf("it drops axis %d of size %d", k, x.Shape[k])
		}
		drop[k] = true
	}
	shape := []int{}
	for i, d := range x.Shape {
		if !drop[i] && (given || d != 1) {
			shape = append(shape, d)
		}
	}
	return reshaped(x, shape)
}

func unsqueeze(c *call) ([]*Tensor, error) {
	x := c.in[0]
	axes, _ := c.list("axes", 1)
	rank := len(x.Shape) + len(axes)
	isNew := make([]bool, rank)
	for _, a := range axes {
		k, err := axisOf(a, rank)
		if err != nil || isNew[k] {
			return nil, fmt.Errorf("its axes %v do not fit rank %d", axes, rank)
		}
		isNew[k] = true
	}
	shape := make([]int, 0, rank)
	next := 0
	for i := range rank {
		if isNew[i] {
			shape = append(shape, 1)
		} else {
			shape = append(shape, x.Shape[next])
			next++
		}
	}
	return reshaped(x, shape)
}

// pick makes a tensor of the given shape from elements of x at base plus the
// strides.
func pick(x *Tensor, shape, stride []int, base int) *Tensor {
	out := like(x, x.DType, shape)
	// Trailing axes that lie dense are copied as runs.
	run, k := 1, len(shape)
	for k > 0 && stride[k-1] == run {
		run *= shape[k-1]
		k--
	}
	walk(shape[:k], stride[:k], func(i, o int) {
		switch {
		case out.F32 != nil:
			copy(out.F32[i*run:(i+1)*run], x.F32[base+o:])
		case out.F64 != nil:
			copy(out.F64[i*run:(i+1)*run], x.F64[base+o:])
		default:
			copy(out.I[i*run:(i+1)*run], x.I[base+o:])
		}
	})
	return out
}

func permuted(x *Tensor, perm []int) *Tensor {
	st := strides(x.Shape)
	shape, stride := make([]int, len(perm)), make([]int, len(perm))
	for i, p := range perm {
		shape[i], stride[i] = x.Shape[p], st[p]
	}
	return pick(x, shape, stride, 0)
}

func transpose(c *call) ([]*Tensor, error) {
	if p := c.n.Ints("perm"); p != nil && len(p) != len(c.in[0].Shape) {
		return nil, fmt.Errorf("it permutes %d axes of a tensor of rank %d", len(p), len(c.in[0].Shape))
	}
	return []*Tensor{permuted(c.in[0], graph.Perm(c.n, len(c.in[0].Shape)))}, nil
}

func concat(c *call) ([]*Tensor, error) {
	axis, err := axisOf(c.n.Int("axis", 1), len(c.in[0].Shape))
	if err != nil {
		return nil, err
	}
	shape := slices.Clone(c.in[0].Shape)
	shape[axis] = 0
	for _, x := range c.in {
		if len(x.Shape) != len(shape) {
			return nil, errors.New("its inputs differ in rank")
		}
		for i, d := range x.Shape {
			if i != axis && d != shape[i] {
				return nil, fmt.Errorf("shapes %v and %v cannot be joined along axis %d", c.in[0].Shape, x.Shape, axis)
			}
		}
		shape[axis] += x.Shape[axis]
	}
	out := like(c.in[0], c.in[0].DType, shape)
	outer, inner := count(shape[:axis]), count(shape[axis+1:])
	at := 0
	for o := range outer {
		for _, x := range c.in {
			n := x.Shape[axis] * inner
			switch {
			case out.F32 != nil:
				copy(out.F32[at:at+n], x.F32[o*n:])
			case out.F64 != nil:
				copy(out.F64[at:at+n], x.F64[o*n:])
			default:
				copy(out.I[at:at+n], x.I[o*n:])
			}
			at += n
		}
	}
	return []*Tensor{out}, nil
}

func split(c *call) ([]*Tensor, error) {
	x := c.in[0]
	axis, err := axisOf(c.n.Int("axis", 0), len(x.Shape))
	if err != nil {
		return nil, err
	}
	sizes, given := c.list("split", 1)
	if !given {
		n := c.n.Int("num_outputs", int64(c.outs))
		chunk := (int64(x.Shape[axis]) + n - 1) / n
		left := int64(x.Shape[axis])
		for range n {
			sizes = append(sizes, min(chunk, left))
			left -= min(chunk, left)
		}
	}
	st := strides(x.Shape)
	var outs []*Tensor
	from := 0
	for _, s := range sizes {
		shape := slices.Clone(x.Shape)
		shape[axis] = int(s)
		if from+int(s) > x.Shape[axis] || s < 0 {
			return nil, fmt.Errorf("its sizes %v do not fit axis %d of %v", sizes, axis, x.Shape)
		}
		outs = append(outs, pick(x, shape, st, from*st[axis]))
		from += int(s)
	}
	return outs, nil
}

func slice(c *call) ([]*Tensor, error) {
	x := c.in[0]
	starts, ok := c.list("starts", 1)
	ends, ok2 := c.list("ends", 2)
	if !ok || !ok2 || len(starts) != len(ends) {
		return nil, errors.New("its bounds do not fit")
	}
	axes, given := c.list("axes", 3)
	var steps []int64
	if c.has(4) {
		steps = c.in[4].I
	}
	shape, st := slices.Clone(x.Shape), strides(x.Shape)
	base := 0
	for i := range starts {
		a := int64(i)
		if given {
			a = axes[i]
		}
		k, err := axisOf(a, len(shape))
		if err != nil {
			return nil, err
		}
		s := graph.Steps{Axis: int64(k), Start: starts[i], End: ends[i], Step: 1}
		if steps != nil {
			s.Step = steps[i]
		}
		if s.Step == 0 {
			return nil, errors.New("it has step 0")
		}
		start, n := s.Range(int64(x.Shape[k]))
		base += int(start) * st[k]
		shape[k] = int(n)
		st[k] *= int(s.Step)
	}
	if count(shape) == 0 {
		return []*Tensor{like(x, x.DType, shape)}, nil
	}
	return []*Tensor{pick(x, shape, st, base)}, nil
}

func gather(c *call) ([]*Tensor, error) {
	x, idx := c.in[0], c.in[1]
	axis, err := axisOf(c.n.Int("axis", 0), len(x.Shape))
	if err != nil {
		return nil, err
	}
	outer, inner, n := count(x.Shape[:axis]), count(x.Shape[axis+1:]), x.Shape[axis]
	shape := slices.Concat(x.Shape[:axis], idx.Shape, x.Shape[axis+1:])
	out := like(x, x.DType, shape)
	at := 0
	for o := range outer {
		for _, i := range idx.I {
			k, err := axisOf(i, n)
			if err != nil {
				return nil, fmt.Errorf("index %d is out of range for axis %d of %v", i, axis, x.Shape)
			}
			from := (o*n + k) * inner
			for j := range inner {
				copyElement(out, at+j, x, from+j)
			}
			at += inner
		}
	}
	return []*Tensor{out}, nil
}

func expand(c *call) ([]*Tensor, error) {
	shape, err := broadcast(c.in[0].Shape, toInts(c.in[1].I))
	if err != nil {
		return nil, err
	}
	if err := c.fits(shape); err != nil {
		return nil, err
	}
	return []*Tensor{pick(c.in[0], shape, spread(c.in[0].Shape, shape), 0)}, nil
}

func (c *call) fits(shape []int) error {
	if tooLarge(shape) {
		return fmt.Errorf("a tensor of shape %v is too large", shape)
	}
	return nil
}

func tile(c *call) ([]*Tensor, error) {
	x := c.in[0]
	r := toInts(c.in[1].I)
	if len(r) != len(x.Shape) {
		return nil, errors.New("its repeats do not fit the rank")
	}
	// Repeat axes of stride zero in front of each axis.
	var shape, stride, final []int
	st := strides(x.Shape)
	for i, d := range x.Shape {
		shape, stride = append(shape, r[i], d), append(stride, 0, st[i])
		final = append(final, r[i]*d)
	}
	if err := c.fits(final); err != nil {
		return nil, err
	}
	return reshaped(pick(x, shape, stride, 0), final)
}

func shapeOf(c *call) ([]*Tensor, error) {
	r := int64(len(c.in[0].Shape))
	clamp := func(v int64) int64 {
		if v < 0 {
			v += r
		}
		return min(max(v, 0), r)
	}
	from, to := clamp(c.n.Int("start", 0)), clamp(c.n.Int("end", r))
	out := &Tensor{DType: onnxio.Int64, I: []int64{}}
	for i := from; i < to; i++ {
		out.I = append(out.I, int64(c.in[0].Shape[i]))
	}
	out.Shape = []int{len(out.I)}
	return []*Tensor{out}, nil
}

func sizeOf(c *call) ([]*Tensor, error) {
	return []*Tensor{{DType: onnxio.Int64, Shape: []int{}, I: []int64{int64(c.in[0].Len())}}}, nil
}

func constantOfShape(c *call) ([]*Tensor, error) {
	shape := toInts(c.in[0].I)
	if err := c.fits(shape); err != nil {
		return nil, err
	}
	v := &Tensor{DType: onnxio.Float32, Shape: []int{1}, arena: c.e.arena}
	if c.e.mode == Single {
		v.F32 = []float32{0}
	} else {
		v.F64 = []float64{0}
	}
	if a := c.n.Attr("value"); a != nil && a.T != nil {
		var err error
		if v, err = c.e.constant(a.T); err != nil {
			return nil, err
		}
	}
	return []*Tensor{pick(v, shape, make([]int, len(shape)), 0)}, nil
}

func constantOp(c *call) ([]*Tensor, error) {
	float := func(shape []int, v []float32) *Tensor {
		t := &Tensor{DType: onnxio.Float32, Shape: shape, F32: v}
		return t.convert(c.e.mode != Single)
	}
	for _, a := range c.n.Attrs {
		switch a.Name {
		case "value":
			return one(c.e.constant(a.T))
		case "value_int":
			return []*Tensor{{DType: onnxio.Int64, Shape: []int{}, I: []int64{a.I}}}, nil
		case "value_ints":
			return []*Tensor{{DType: onnxio.Int64, Shape: []int{len(a.Ints)}, I: slices.Clone(a.Ints)}}, nil
		case "value_float":
			return []*Tensor{float([]int{}, []float32{a.F})}, nil
		case "value_floats":
			return []*Tensor{float([]int{len(a.Floats)}, slices.Clone(a.Floats))}, nil
		}
	}
	return nil, unsupported("the Go engine has no constants of this kind")
}

func rangeOp(c *call) ([]*Tensor, error) {
	a, b, d := c.in[0], c.in[1], c.in[2]
	if d.Float(0) == 0 {
		return nil, errors.New("it has step 0")
	}
	n := int(max(0, ceil((b.Float(0)-a.Float(0))/d.Float(0))))
	if err := c.fits([]int{n}); err != nil {
		return nil, err
	}
	out := like(a, a.DType, []int{n})
	for i := range n {
		switch {
		case out.I != nil:
			out.I[i] = a.I[0] + int64(i)*d.I[0]
		case out.F64 != nil:
			out.F64[i] = a.Float(0) + float64(i)*d.Float(0)
		default:
			out.F32[i] = a.F32[0] + float32(i)*d.F32[0]
		}
	}
	return []*Tensor{out}, nil
}

func ceil(v float64) float64 {
	t := float64(int64(v))
	if t < v {
		t++
	}
	return t
}

func eyeLike(c *call) ([]*Tensor, error) {
	x := c.in[0]
	d := onnxio.DType(c.n.Int("dtype", int64(x.DType)))
	ref := &Tensor{arena: c.e.arena}
	if c.e.mode != Single {
		ref.F64 = []float64{}
	}
	out := like(ref, d, x.Shape)
	for i := range x.Shape[0] {
		j := i + int(c.n.Int("k", 0))
		if j < 0 || j >= x.Shape[1] {
			continue
		}
		k := i*x.Shape[1] + j
		switch {
		case out.F32 != nil:
			out.F32[k] = 1
		case out.F64 != nil:
			out.F64[k] = 1
		default:
			out.I[k] = 1
		}
	}
	return []*Tensor{out}, nil
}
