package convert_test

import (
	"slices"

	"repmlp/onnxio"
)

// joined are several branches together.
func (t *tree) joined(depth int, like branch, m may) branch {
	c := like.channels
	if t.Break == "signs and borders" {
		m = may{}
	}
	other := func(n int) branch { return t.grow(depth, branch{channels: n, sizes: like.sizes}, m) }
	switch k := t.rng.IntN(7); {
	case k == 0 && c > 1:
		n := 1 + t.rng.IntN(c-1)
		like.name = t.op("Concat", []string{other(n).name, other(c - n).name}, onnxio.IntAttr("axis", int64(t.channelAxis())))
	case k == 1:
		like.name = t.op("Sub", []string{other(c).name, other(c).name})
	case k == 2:
		like.name = t.op("Sum", []string{other(c).name, other(c).name, other(c).name})
	case k == 3 && !m.negative:
		like.name = t.op([]string{"Max", "Min"}[t.rng.IntN(2)], []string{other(c).name, other(c).name})
	case k == 4 && !m.shift: // a gate
		like.name = t.op("Mul", []string{t.op("Sigmoid", []string{t.input(c, like.sizes).name}), other(c).name})
	default:
		like.name = t.op("Add", []string{other(c).name, other(c).name})
	}
	return like
}

// picked is a part of a branch, or its channels in another order.
func (t *tree) picked(depth int, like branch, m may) branch {
	c, axis := like.channels, t.channelAxis()
	grow := func(n int) string { return t.grow(depth, branch{channels: n, sizes: like.sizes}, m).name }
	switch t.rng.IntN(4) {
	case 0:
		more := 1 + t.rng.IntN(2)
		from := t.rng.IntN(more + 1)
		like.name = t.op("Slice", []string{grow(c + more), t.ints(from), t.ints(from + c), t.ints(axis)})
	case 1:
		more := 1 + t.rng.IntN(2)
		x := grow(c + more)
		inputs, attrs := []string{x}, []*onnxio.Attr{onnxio.IntAttr("axis", int64(axis))}
		if t.Opset < 13 {
			attrs = append(attrs, onnxio.IntsAttr("split", attrs64(c, more)))
		} else {
			inputs = append(inputs, t.ints(c, more))
		}
		like.name = t.outputs("Split", 2, inputs, attrs...)[0]
	case 2:
		like.name = t.op("Gather", []string{grow(c), t.ints(t.rng.Perm(c)...)}, onnxio.IntAttr("axis", int64(axis)))
	case 3: // positions
		if len(like.sizes) == 0 || t.Open {
			return t.joined(depth, like, m)
		}
		i := t.rng.IntN(len(like.sizes))
		larger := branch{channels: c, sizes: slices.Clone(like.sizes)}
		larger.sizes[i]++
		like.name = t.op("Slice", []string{t.grow(depth, larger, m).name, t.ints(0), t.ints(like.sizes[i]), t.ints(t.axis(i))})
	}
	return like
}

// recut is a view that comes back to the axes.
func (t *tree) recut(depth int, like branch, m may) branch {
	c := like.channels
	x := t.grow(depth, like, m)
	whole := t.dims(0, c, like.sizes)
	switch {
	case c%2 == 0 && !t.Open: // channels in another order
		at := t.channelAxis()
		cut := slices.Insert(slices.Clone(whole), at, 2)
		cut[at+1] /= 2
		perm := make([]int64, len(cut))
		for i := range perm {
			perm[i] = int64(i)
		}
		perm[at], perm[at+1] = perm[at+1], perm[at]
		x.name = t.op("Reshape", []string{t.transpose(t.op("Reshape", []string{x.name, t.ints(cut...)}), perm...), t.ints(whole...)})
	case len(like.sizes) > 1 && !t.Open: // positions in one axis
		x.name = t.op("Reshape", []string{x.name, t.ints(t.dims(0, c, []int{-1})...)})
		x.name = t.op("Reshape", []string{x.name, t.ints(whole...)})
	default:
		x = t.idle(x)
	}
	return x
}

// passed is what works on positions, or lets scales pass.
func (t *tree) passed(depth int, like branch, m may) branch {
	if t.Break == "signs and borders" {
		m = may{}
	}
	axes, c := len(like.sizes), like.channels
	sized := func(f func(n int) int) branch {
		b := branch{channels: c, sizes: slices.Clone(like.sizes)}
		for i, n := range b.sizes {
			b.sizes[i] = f(n)
		}
		return b
	}
	even := !t.Open && axes > 0 && !slices.ContainsFunc(like.sizes, func(n int) bool { return n%2 > 0 })
	window := func(k, pad int) []*onnxio.Attr {
		return []*onnxio.Attr{onnxio.IntsAttr("kernel_shape", attrs64(slices.Repeat([]int{k}, axes)...)), onnxio.IntsAttr("pads", attrs64(slices.Repeat([]int{pad}, 2*axes)...))}
	}
	unary := func(op string, inputs []string, attrs ...*onnxio.Attr) branch {
		like.name = t.op(op, append([]string{t.grow(depth, like, m).name}, inputs...), attrs...)
		return like
	}
	first := !t.Last && axes > 0
	switch k := t.rng.IntN(14); {
	case k == 0 && first && !m.negative:
		return unary("MaxPool", nil, window(3, 1)...)
	case k == 1 && first:
		return unary("AveragePool", nil, window(3, 1)...)
	case k == 2 && first && !m.shift:
		return unary("AveragePool", nil, append(window(3, 1), onnxio.IntAttr("count_include_pad", 1))...)
	case k == 3 && first && even:
		scales := append([]float64{1, 1}, slices.Repeat([]float64{2}, axes)...)
		i := -1
		at := t.weightOf(onnxio.Float32, func() float64 { i++; return scales[i] }, len(scales))
		mode := []string{"nearest", "linear"}[t.rng.IntN(2)]
		if axes > 2 || t.Elem == onnxio.BFloat16 {
			mode = "nearest"
		}
		attrs := []*onnxio.Attr{onnxio.StringAttr("mode", mode), onnxio.StringAttr("coordinate_transformation_mode", []string{"asymmetric", "half_pixel"}[t.rng.IntN(2)])}
		if mode == "nearest" {
			attrs = append(attrs, onnxio.StringAttr("nearest_mode", "floor"))
		}
		roi := ""
		if t.Opset < 13 {
			roi = t.weightOf(onnxio.Float32, func() float64 { return 0 }, 0)
		}
		like.name = t.op("Resize", []string{t.grow(depth, sized(func(n int) int { return n / 2 }), m).name, roi, at}, attrs...)
		return like
	case k == 4 && first && even && axes == 2 && c < 4:
		b := sized(func(n int) int { return n / 2 })
		b.channels = 4 * c
		like.name = t.op("DepthToSpace", []string{t.grow(depth, b, m).name}, onnxio.IntAttr("blocksize", 2), onnxio.StringAttr("mode", []string{"DCR", "CRD"}[t.rng.IntN(2)]))
		return like
	case k == 6 && axes > 0 && !t.Open:
		x := t.grow(depth, sized(func(int) int { return 1 }), m).name
		if t.rng.IntN(2) == 0 {
			like.name = t.op("Expand", []string{x, t.ints(t.dims(1, c, like.sizes)...)})
		} else {
			like.name = t.op("Tile", []string{x, t.ints(t.dims(1, 1, like.sizes)...)})
		}
		return like
	case k == 7 && axes > 0 && !t.Open && t.Opset < 18:
		at := make([]int, axes)
		for i := range at {
			at[i] = t.axis(i)
		}
		x := t.op("ReduceMean", []string{t.grow(depth, like, m).name}, onnxio.IntsAttr("axes", attrs64(at...)))
		like.name = t.op("Expand", []string{x, t.ints(t.dims(1, c, like.sizes)...)})
		return like
	case k == 8 && axes > 0 && !t.Open && slices.Min(like.sizes) > 1:
		mode, value := "edge", []string(nil)
		if t.pads++; !m.shift && t.rng.IntN(2) == 0 {
			mode = "constant"
		}
		pads := slices.Repeat([]int{0}, 2*(axes+2))
		i := t.rng.IntN(axes)
		pads[t.axis(i)+(axes+2)*t.rng.IntN(2)] = 1
		b := sized(func(n int) int { return n })
		b.sizes[i]--
		like.name = t.op("Pad", append([]string{t.grow(depth, b, m).name, t.ints(pads...)}, value...), onnxio.StringAttr("mode", mode))
		return like
	case k == 9 && !m.shift && !m.negative:
		return unary("Relu", nil)
	case k == 10 && !m.shift && !m.negative:
		return unary("LeakyRelu", nil, onnxio.FloatAttr("alpha", 0.25))
	case k == 11 && !m.shift && !m.negative:
		return unary("PRelu", []string{t.weight(t.positive, t.dims(1, c, slices.Repeat([]int{1}, axes))[t.channelAxis():]...)})
	case k == 12 && !t.tags["sign: turned"]:
		t.tags["sign: turned"] = true
		like.name = t.op("Neg", []string{t.grow(depth, like, may{m.shift, true}).name})
		return like
	}
	return unary("Identity", nil)
}
