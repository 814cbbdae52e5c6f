package convert_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"repmlp/onnxio"
	"repmlp/verify"
)

// graphKind are graphs of any look: converting one succeeds and keeps its outputs, and
// whatever BatchNormalization is left is named.
var graphKind = randomKind{
	name: "graphs",
	exact: func(seed uint64) randomCase {
		return randomCase{spec: fmt.Sprint("seed ", seed), build: func() (*onnxio.Model, error) { return newRandomGraph(seed) }, noise: true}
	},
	shows: []string{
		"type: float32, float64", "opset: 13, 17, 18, 21, 23", "rank: 2, 3, 4, 5", "sizes: known, named batch", "readers: several", "outputs: several",
		"layer: Conv 1-d, Conv 2-d, Conv 3-d, Conv dense, Conv grouped, Conv depthwise, ConvTranspose dense, ConvTranspose grouped, Gemm, MatMul, Einsum, BatchNormalization",
		"norm: InstanceNormalization, LayerNormalization", "join: Add, Sub, Mul, Concat", "selection: Split, Slice, Gather",
		"passed: MaxPool, AveragePool, GlobalAveragePool, Resize, Pad constant, Pad edge", "view: Reshape, Transpose, Identity, Unsqueeze",
		"activated: Relu, Sigmoid, Tanh, identity LeakyRelu, identity Clip", "constant through: Identity, Transpose, Reshape, Mul, Cast, Concat, Neg, Add",
		"constant beside: Add, Sub, Mul", "merged into: conv, fc, scale, norm, identity, what moved", "verdict: fused, partial, declined, unchanged",
	},
}

// A randomGraph grows a graph node by node out of what networks are made of,
// without a plan: pieces are read twice, inner values are outputs, layers
// share weights, branches end nowhere. The first axis of every value is the
// batch, whose size is a name in half of the graphs.
type randomGraph struct {
	*graphBuilder
	dynamic bool
	opset   int64
	values  []piece
	weights map[string]string // layers that may be used again, by shape
}

// A piece is a value with its shape behind the batch.
type piece struct {
	name  string
	shape []int
}

func newRandomGraph(seed uint64) (*onnxio.Model, error) {
	rng := rand.New(rand.NewPCG(seed, 51))
	r := &randomGraph{graphBuilder: &graphBuilder{rng: rng, elem: onnxio.Float32}, dynamic: rng.IntN(2) == 0, weights: map[string]string{}, opset: []int64{13, 17, 18, 21, 23}[rng.IntN(5)]}
	if rng.IntN(4) == 0 {
		r.elem = onnxio.Float64
	}
	// Equal sizes make one index pass for another.
	shapes := [][]int{{4, 6, 6}, {6, 4, 4}, {8, 5, 5}, {6, 8}, {24}, {2, 4, 6}, {4, 4, 4}, {4, 4}, {2, 4, 2, 2}}
	shape := shapes[rng.IntN(len(shapes))]
	batch := onnxio.Known(2)
	if r.dynamic {
		batch = onnxio.Named("N")
	}
	dims := []onnxio.Dim{batch}
	for _, d := range shape {
		dims = append(dims, onnxio.Known(int64(d)))
	}
	r.values = []piece{{"x", shape}}
	for range 4 + rng.IntN(22) {
		r.grow()
	}
	seen := map[string]bool{"x": true}
	var outs []*onnxio.ValueInfo
	out := func(p piece) {
		if !seen[p.name] {
			seen[p.name] = true
			outs = append(outs, onnxio.NewValue(p.name, r.elem))
		}
	}
	out(r.values[len(r.values)-1])
	for range rng.IntN(3) {
		out(r.any())
	}
	if len(outs) == 0 {
		outs = append(outs, onnxio.NewValue(r.op("Relu", []string{"x"}), r.elem))
	}
	return onnxio.NewModel(onnxio.Parts{Opset: r.opset, Inputs: []*onnxio.ValueInfo{onnxio.NewValue("x", r.elem, dims...)}, Outputs: append(outs, r.outs...), Nodes: r.nodes, Inits: r.inits})
}

// any is an earlier value, the latest ones more often.
func (r *randomGraph) any() piece {
	n := len(r.values)
	if r.rng.IntN(4) > 0 {
		return r.values[n-1-r.rng.IntN(min(n, 3))]
	}
	return r.values[r.rng.IntN(n)]
}

func (r *randomGraph) add(name string, shape ...int) { r.values = append(r.values, piece{name, shape}) }

// layer is a weight of its own, or one that another layer has.
func (r *randomGraph) layer(fan int, dims ...int) string {
	key := fmt.Sprint(dims)
	if w := r.weights[key]; w != "" && r.rng.IntN(5) == 0 {
		return w
	}
	scale := 1 / math.Sqrt(float64(fan))
	w := r.through(r.opset, func() float64 { return scale * r.rng.NormFloat64() }, dims...)
	r.weights[key] = w
	return w
}

func product(v []int) int {
	n := 1
	for _, d := range v {
		n *= d
	}
	return n
}

// constant is a number for every element of some axes of p.
func (r *randomGraph) constant(p piece) string {
	dims := slices.Clone(p.shape)
	for i := range dims {
		if r.rng.IntN(2) == 0 {
			dims[i] = 1
		}
	}
	switch r.rng.IntN(4) {
	case 0:
		dims = nil
	case 1:
		dims = append([]int{1}, dims...)
	}
	return r.through(r.opset, r.rng.NormFloat64, dims...)
}

func (r *randomGraph) grow() {
	p := r.any()
	rank := len(p.shape)
	c := p.shape[0]
	switch r.rng.IntN(22) {
	case 0, 1, 2: // a conv of one, two or three axes
		if rank < 2 {
			r.linear(p)
			return
		}
		if r.rng.IntN(6) == 0 {
			r.transposed(p)
			return
		}
		groups := 1
		if r.rng.IntN(3) == 0 {
			groups = []int{c, 2}[r.rng.IntN(2)]
		}
		if c%groups != 0 {
			groups = 1
		}
		out := groups * (1 + r.rng.IntN(max(1, 8/groups)))
		k := 1 + 2*r.rng.IntN(2)
		pad := r.rng.IntN(k/2 + 1)
		shape, kernel, pads := []int{out}, []int{out, c / groups}, make([]int64, 2*(rank-1))
		for i := range rank - 1 {
			size := p.shape[i+1] + 2*pad - k + 1
			if size < 1 {
				return
			}
			shape, kernel = append(shape, size), append(kernel, k)
			pads[i], pads[rank-1+i] = int64(pad), int64(pad)
		}
		in := []string{p.name, r.layer(product(kernel[1:]), kernel...)}
		if r.rng.IntN(2) == 0 {
			in = append(in, r.normal(out))
		}
		r.add(r.op("Conv", in, onnxio.IntAttr("group", int64(groups)), onnxio.IntsAttr("pads", pads)), shape...)
	case 3:
		r.linear(p)
	case 4, 5, 6:
		r.add(r.norm(p.name, c), p.shape...)
	case 7:
		r.add(r.op([]string{"Relu", "Sigmoid", "Identity", "Tanh"}[r.rng.IntN(4)], []string{p.name}), p.shape...)
	case 8, 9: // two values of one shape
		for range 8 {
			if q := r.any(); slices.Equal(q.shape, p.shape) {
				op := []string{"Add", "Add", "Add", "Sub", "Mul"}[r.rng.IntN(5)]
				if op == "Sub" && p.name == q.name {
					op = "Add" // what is left of a zero is noise
				}
				in := []string{p.name, q.name}
				if r.rng.IntN(2) == 0 {
					in[0], in[1] = in[1], in[0]
				}
				r.add(r.op(op, in), p.shape...)
				return
			}
		}
	case 10:
		r.add(r.op([]string{"Mul", "Add", "Sub"}[r.rng.IntN(3)], []string{p.name, r.constant(p)}), p.shape...)
	case 11: // pieces
		axis := r.rng.IntN(rank)
		if p.shape[axis] < 2 {
			return
		}
		at := 1 + r.rng.IntN(p.shape[axis]-1)
		sizes := []int{at, p.shape[axis] - at}
		var outs []string
		if r.rng.IntN(3) == 0 {
			outs = r.sequenceAlong(p.name, axis+1, sizes)
		} else {
			outs = r.outputs("Split", 2, []string{p.name, r.ints(sizes...)}, onnxio.IntAttr("axis", int64(axis+1)))
		}
		for i, o := range outs {
			shape := slices.Clone(p.shape)
			shape[axis] = sizes[i]
			r.add(o, shape...)
		}
	case 12: // joined again
		axis := r.rng.IntN(rank)
		for range 8 {
			q := r.any()
			if len(q.shape) != rank {
				continue
			}
			shape := slices.Clone(p.shape)
			shape[axis] = q.shape[axis]
			if slices.Equal(shape, q.shape) && p.shape[axis]+q.shape[axis] <= 16 {
				shape[axis] += p.shape[axis]
				r.add(r.op("Concat", []string{p.name, q.name}, onnxio.IntAttr("axis", int64(axis+1))), shape...)
				return
			}
		}
	case 13: // another order of the axes
		perm := r.rng.Perm(rank)
		shape, list := make([]int, rank), []int64{0}
		for i, k := range perm {
			shape[i] = p.shape[k]
			list = append(list, int64(k+1))
		}
		r.add(r.transpose(p.name, list...), shape...)
	case 14: // another cut
		r.recut(p)
	case 15: // a part
		axis := r.rng.IntN(rank)
		size := p.shape[axis]
		from := r.rng.IntN(size)
		to := from + 1 + r.rng.IntN(size-from)
		step := 1
		if r.rng.IntN(3) == 0 {
			step = 2
		}
		shape := slices.Clone(p.shape)
		shape[axis] = (to - from + step - 1) / step
		if r.rng.IntN(4) == 0 { // one by one, some of them twice
			at := make([]int, shape[axis])
			for i := range at {
				at[i] = r.rng.IntN(size)
			}
			r.add(r.op("Gather", []string{p.name, r.ints(at...)}, onnxio.IntAttr("axis", int64(axis+1))), shape...)
			return
		}
		if r.rng.IntN(2) == 0 && to == size {
			to = math.MaxInt32
		}
		r.add(r.op("Slice", []string{p.name, r.ints(from), r.ints(to), r.ints(axis + 1), r.ints(step)}), shape...)
	case 16:
		r.pool(p)
	case 17: // a product over the channels
		at := "xyzuv"[:rank-1]
		out := 1 + r.rng.IntN(8)
		shape := slices.Clone(p.shape)
		shape[0] = out
		r.add(r.op("Einsum", []string{p.name, r.layer(c, c, out)}, onnxio.StringAttr("equation", "nc"+at+",co->no"+at)), shape...)
	case 18:
		if rank > 1 && product(p.shape[1:]) > 2 && r.rng.IntN(2) == 0 {
			r.add(r.op("InstanceNormalization", []string{p.name, r.normal(c), r.normal(c)}, onnxio.FloatAttr("epsilon", 0.1)), p.shape...)
		} else if last := p.shape[rank-1]; r.opset >= 17 && last > 1 {
			r.add(r.op("LayerNormalization", []string{p.name, r.normal(last), r.normal(last)}, onnxio.FloatAttr("epsilon", 0.1)), p.shape...)
		}
	case 19: // what gives what it takes
		switch r.rng.IntN(3) {
		case 0:
			r.add(r.op("LeakyRelu", []string{p.name}, onnxio.FloatAttr("alpha", 1)), p.shape...)
		case 1:
			r.add(r.op("Clip", []string{p.name}), p.shape...)
		case 2:
			r.add(r.op("Add", []string{p.name, r.weight(func() float64 { return 0 })}), p.shape...)
		}
	case 20: // zeros around a map, before what may take them
		if rank != 3 || p.shape[1] > 8 {
			return
		}
		x := r.op("Pad", []string{p.name, r.ints(0, 0, 1, 1, 0, 0, 1, 1)})
		r.add(r.op("Conv", []string{x, r.layer(c*9, 4, c, 3, 3)}), 4, p.shape[1], p.shape[2])
	case 21: // a scale in a view of another rank
		at := 1 + r.rng.IntN(rank+1)
		dims := slices.Repeat([]int{1}, rank+2)
		if at > 1 {
			dims[1] = c
		} else {
			dims[2] = c
		}
		x := r.op("Mul", []string{r.op("Unsqueeze", r.axes(r.opset, p.name, at)), r.normal(dims...)})
		r.add(r.op("Squeeze", r.axes(r.opset, x, at)), p.shape...)
	}
}

func (r *randomGraph) sequenceAlong(x string, axis int, sizes []int) []string {
	seq := r.op("SplitToSequence", []string{x, r.ints(sizes...)}, onnxio.IntAttr("axis", int64(axis)))
	var outs []string
	for i := range sizes {
		outs = append(outs, r.op("SequenceAt", []string{seq, r.scalar(i)}))
	}
	return outs
}

// linear is a MatMul on the last axis, or a Gemm.
func (r *randomGraph) linear(p piece) {
	last := p.shape[len(p.shape)-1]
	out := 1 + r.rng.IntN(12)
	if r.rng.IntN(2) == 0 {
		out = last
	}
	shape := slices.Clone(p.shape)
	shape[len(shape)-1] = out
	if len(p.shape) == 1 && r.rng.IntN(2) == 0 {
		r.add(r.op("Gemm", []string{p.name, r.layer(last, out, last), r.normal(out)}, onnxio.IntAttr("transB", 1)), shape...)
		return
	}
	r.add(r.op("MatMul", []string{p.name, r.layer(last, last, out)}), shape...)
}

// transposed is a transposed conv of one, two or three axes, cut off or not.
func (r *randomGraph) transposed(p piece) {
	c, axes := p.shape[0], len(p.shape)-1
	groups := 1
	if c%2 == 0 && r.rng.IntN(3) == 0 {
		groups = 2
	}
	each := 1 + r.rng.IntN(4)
	shape, kernel := []int{groups * each}, []int{c, each}
	var stride, pads []int
	for i := range axes {
		k, s := 1+r.rng.IntN(3), 1+r.rng.IntN(2)
		pad := r.rng.IntN((k-1)/2 + 1)
		size := (p.shape[i+1]-1)*s + k - 2*pad
		if size < 1 || size > 12 {
			k, s, pad, size = 1, 1, 0, p.shape[i+1]
		}
		shape, kernel, stride, pads = append(shape, size), append(kernel, k), append(stride, s), append(pads, pad)
	}
	in := []string{p.name, r.layer(c*product(kernel[2:]), kernel...)}
	if r.rng.IntN(2) == 0 {
		in = append(in, r.normal(shape[0]))
	}
	r.add(r.op("ConvTranspose", in, onnxio.IntAttr("group", int64(groups)), onnxio.IntsAttr("strides", attrs64(stride...)), onnxio.IntsAttr("pads", attrs64(slices.Concat(pads, pads)...))), shape...)
}

func (r *randomGraph) recut(p piece) {
	shape := slices.Clone(p.shape)
	i := r.rng.IntN(len(shape))
	switch {
	case len(shape) > 1 && r.rng.IntN(2) == 0: // join two axes
		i = min(i, len(shape)-2)
		shape[i] *= shape[i+1]
		shape = slices.Delete(shape, i+1, i+2)
	case shape[i]%2 == 0 && len(shape) < 5:
		shape[i] /= 2
		shape = slices.Insert(shape, i+r.rng.IntN(2), 2)
	default:
		return
	}
	r.add(r.reshape(p.name, append([]int{-1}, shape...)...), shape...)
}

func (r *randomGraph) pool(p piece) {
	if len(p.shape) != 3 {
		return
	}
	shape := slices.Clone(p.shape)
	switch r.rng.IntN(5) {
	case 0:
		r.add(r.op("GlobalAveragePool", []string{p.name}), shape[0], 1, 1)
	case 1:
		r.add(r.op("AveragePool", []string{p.name}, onnxio.IntsAttr("kernel_shape", attrs64(3, 3)), onnxio.IntsAttr("pads", attrs64(1, 1, 1, 1)),
			onnxio.IntAttr("count_include_pad", int64(r.rng.IntN(2)))), shape...)
	case 2:
		r.add(r.op("MaxPool", []string{p.name}, onnxio.IntsAttr("kernel_shape", attrs64(3, 3)), onnxio.IntsAttr("pads", attrs64(1, 1, 1, 1))), shape...)
	case 3:
		if product(shape) < 400 {
			shape[1], shape[2] = 2*shape[1], 2*shape[2]
			scales := []float64{1, 1, 2, 2}
			i := -1
			r.add(r.op("Resize", []string{p.name, "", r.weightOf(onnxio.Float32, func() float64 { i++; return scales[i] }, 4)},
				onnxio.StringAttr("coordinate_transformation_mode", "asymmetric"), onnxio.StringAttr("nearest_mode", "floor")), shape...)
		}
	case 4:
		mode := []string{"constant", "edge"}[r.rng.IntN(2)]
		shape[1] += 2
		r.add(r.op("Pad", []string{p.name, r.ints(0, 0, 1, 0, 0, 0, 1, 0)}, onnxio.StringAttr("mode", mode)), shape...)
	}
}

func (b *graphBuilder) weightOf(elem onnxio.DType, draw func() float64, dims ...int) string {
	own := b.elem
	defer func() { b.elem = own }()
	b.elem = elem
	return b.weight(draw, dims...)
}

// nothingLeft reports whether outputs differ only where the original is zero
// because equal numbers were subtracted.
func nothingLeft(c *verify.Comparison) bool {
	return !slices.ContainsFunc(c.Outputs, func(o verify.OutputDifference) bool {
		return !o.Passed && !(math.IsInf(o.MaxRel, 1) && o.MaxAbs < 1e-12)
	})
}
