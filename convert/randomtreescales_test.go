package convert_test

import (
	"slices"

	"repmlp/onnxio"
)

// scaled scales or shifts a branch by constants: beside its axes, or in a view of another
// rank, which the top of the tree need not leave again.
func (t *tree) scaled(x branch, m may, top bool) branch {
	if t.Break == "positions" && top {
		dims := t.dims(1, x.channels, x.sizes)
		if t.Open {
			dims = t.dims(1, x.channels, slices.Repeat([]int{1}, len(x.sizes)))
		}
		dims[len(dims)-1] = 1
		x.name = t.op("Mul", []string{x.name, t.weight(t.positive, dims...)})
	}
	ones := slices.Repeat([]int{1}, len(x.sizes))
	whole := t.dims(0, x.channels, x.sizes)
	back := t.ints(whole...)
	if t.Open {
		t.inits = t.inits[:len(t.inits)-1]
	}
	view := func(to string) string {
		return t.op("Reshape", []string{x.name, to})
	}
	leave := func() {
		if top && t.rng.IntN(2) == 0 {
			return
		}
		x.name = t.op("Reshape", []string{x.name, back})
	}
	switch t.rng.IntN(7) {
	case 0: // positions in one axis
		if t.Open && t.Last || len(x.sizes) < 2 {
			break
		}
		t.tags["scaled: in another rank"] = true
		if t.Open {
			back = t.op("Shape", []string{x.name})
		}
		n := -1
		if !t.Open {
			n = product(x.sizes)
		}
		x.name = view(t.ints(t.dims(0, x.channels, []int{n})...))
		x.name = t.beside(x.name, x.channels, t.dims(1, x.channels, []int{1}), m)
		leave()
		return x
	case 1: // an axis more
		t.tags["scaled: in another rank"] = true
		at := []int{0, 1, 2, len(x.sizes) + 2}[t.rng.IntN(4)]
		x.name = t.op("Unsqueeze", t.axes(t.Opset, x.name, at), t.axesAttr(t.Opset, at)...)
		x.name = t.beside(x.name, x.channels, slices.Insert(t.dims(1, x.channels, ones), at, 1), m)
		if !top || t.rng.IntN(2) == 0 {
			x.name = t.op("Squeeze", t.axes(t.Opset, x.name, at), t.axesAttr(t.Opset, at)...)
		}
		return x
	case 2: // channels in two axes
		if t.Open || x.channels%2 > 0 {
			break
		}
		t.tags["scaled: in another rank"] = true
		at := t.channelAxis()
		cut := slices.Insert(slices.Clone(whole), at, 2)
		cut[at+1] /= 2
		x.name = view(t.ints(cut...))
		dims := slices.Repeat([]int{1}, len(cut))
		if dims[at] = 2; t.rng.IntN(2) == 0 {
			dims[at+1] = cut[at+1]
		}
		x.name = t.beside(x.name, dims[at]*dims[at+1], dims, m)
		leave()
		return x
	case 3: // channels last
		if t.Last || len(x.sizes) == 0 {
			break
		}
		t.tags["scaled: channels last"] = true
		to, from := []int64{0}, []int64{0, int64(len(x.sizes) + 1)}
		for i := range x.sizes {
			to, from = append(to, int64(i+2)), append(from, int64(i+1))
		}
		x.name = t.transpose(x.name, append(to, 1)...)
		x.name = t.beside(x.name, x.channels, []int{x.channels}, m)
		if !top || t.rng.IntN(2) == 0 {
			x.name = t.transpose(x.name, from...)
		}
		return x
	case 4, 5:
		if t.channelAxis() != 1 {
			break
		}
		t.tags["scaled: by a BatchNormalization"] = true
		gamma, mean, beta := t.positive, t.draw, t.draw
		if m.negative {
			gamma = t.factor
		}
		if !m.shift {
			mean, beta = func() float64 { return 0 }, func() float64 { return 0 }
		}
		c := x.channels
		x.name = t.op("BatchNormalization", []string{x.name, t.constant(gamma, c), t.constant(beta, c), t.constant(mean, c), t.constant(t.positive, c)})
		return x
	}
	t.tags["scaled: beside"] = true
	dims := t.dims(1, x.channels, ones)
	if t.rng.IntN(4) == 0 {
		dims = nil
	} else if t.rng.IntN(2) == 0 {
		dims = dims[t.channelAxis():]
	}
	x.name = t.beside(x.name, product(dims), dims, m)
	return x
}

// beside is arithmetic with one or two constants of such a shape.
func (t *tree) beside(x string, n int, dims []int, m may) string {
	scale := t.positive
	if m.negative {
		scale = t.factor
	}
	// A product has no place for a shift alone: its bias stays a node.
	first := 0
	if t.Products && m.shift {
		first = 3
	}
	for i := range 1 + t.rng.IntN(2) {
		switch k := max(t.rng.IntN(6), first*(1-i)); {
		case k == 0 && m.negative && m.shift && !t.tags["sign: turned"]:
			t.tags["sign: turned"] = true
			x = t.op("Sub", []string{t.constant(t.draw, dims...), x})
		case k == 1 && m.shift:
			x = t.op("Add", []string{t.constant(t.draw, dims...), x})
		case k == 2 && m.shift:
			x = t.op("Sub", []string{x, t.constant(t.draw, dims...)})
		case k == 3:
			x = t.op("Div", []string{x, t.constant(scale, dims...)})
		case k == 4 && m.negative && !t.tags["sign: turned"]: // twice is nothing
			t.tags["sign: turned"] = true
			x = t.op("Neg", []string{x})
		default:
			x = t.op("Mul", []string{x, t.constant(scale, dims...)})
		}
	}
	return x
}

// leaf is a layer, or a normalisation, that takes what comes from above.
func (t *tree) leaf(like branch, m may) branch {
	if t.Break == "a part without a layer" && t.rng.IntN(3) == 0 {
		return t.input(like.channels, like.sizes)
	}
	if t.Last {
		return t.leafOfRows(like, m)
	}
	axes, c := len(like.sizes), like.channels
	bias := func(in []string) []string {
		if t.rng.IntN(2) == 0 {
			in = append(in, t.constant(t.draw, c))
		}
		return in
	}
	switch t.rng.IntN(9) {
	case 0:
		x := t.input(c, like.sizes)
		t.tags["norm: taken in"] = true
		x.name = t.op("InstanceNormalization", []string{x.name, t.constant(t.draw, c), t.constant(t.draw, c)})
		return x
	case 1:
		if t.Opset < 21 || c%2 > 0 {
			break
		}
		x := t.input(c, like.sizes)
		x.name = t.op("GroupNormalization", []string{x.name, t.constant(t.draw, c), t.constant(t.draw, c)}, onnxio.IntAttr("num_groups", 2))
		return x
	case 2:
		if !t.einsum() || !t.Products {
			break
		}
		x := t.input(1+t.rng.IntN(4), like.sizes)
		at := "chw"[:0] + "xyz"[:axes]
		equation := []string{"nc" + at + ",oc->no" + at, "nc" + at + ",co->no" + at}
		k := t.rng.IntN(2)
		dims := [][]int{{c, x.channels}, {x.channels, c}}[k]
		return branch{name: t.op("Einsum", []string{x.name, t.constant(t.small(x.channels), dims...)}, onnxio.StringAttr("equation", equation[k])), channels: c, sizes: like.sizes}
	case 3: // channels last and back
		if !t.Products {
			break
		}
		x := t.input(1+t.rng.IntN(4), like.sizes)
		to, from := []int64{0}, []int64{0, int64(axes + 1)}
		for i := range axes {
			to, from = append(to, int64(i+2)), append(from, int64(i+1))
		}
		y := t.op("MatMul", []string{t.transpose(x.name, append(to, 1)...), t.constant(t.small(x.channels), x.channels, c)})
		y = t.biased(y, c, m)
		return branch{name: t.transpose(y, from...), channels: c, sizes: like.sizes}
	case 4, 5: // transposed
		group := []int{1, 1, c}[t.rng.IntN(3)]
		each := 1 + t.rng.IntN(3)
		kernel, stride, pad, sizes := 1+2*t.rng.IntN(2), 1, 0, slices.Clone(like.sizes)
		pad = kernel / 2
		if !t.Open && t.rng.IntN(2) == 0 && !slices.ContainsFunc(sizes, func(n int) bool { return n%2 > 0 }) {
			kernel, stride, pad = 2, 2, 0
			for i := range sizes {
				sizes[i] /= 2
			}
		}
		x := t.input(group*each, sizes)
		w := append([]int{x.channels, c / group}, slices.Repeat([]int{kernel}, axes)...)
		return branch{name: t.op("ConvTranspose", bias([]string{x.name, t.constant(t.small(each*kernel), w...)}), onnxio.IntAttr("group", int64(group)),
			onnxio.IntsAttr("strides", attrs64(slices.Repeat([]int{stride}, axes)...)), onnxio.IntsAttr("pads", attrs64(slices.Repeat([]int{pad}, 2*axes)...))), channels: c, sizes: like.sizes}
	}
	group, each := 1, 1+t.rng.IntN(3)
	switch t.rng.IntN(4) {
	case 0:
		group, each = c, 1
	case 1:
		if c%2 == 0 {
			group = 2
		}
	}
	kernel := 1 + 2*t.rng.IntN(2)
	pads := slices.Repeat([]int{kernel / 2}, 2*axes)
	x := t.input(group*each, like.sizes)
	if t.rng.IntN(4) == 0 && kernel == 3 {
		t.tags["pad: before a layer"] = true
		x.name = t.op("Pad", []string{x.name, t.ints(slices.Concat([]int{0, 0}, pads[axes:], []int{0, 0}, pads[axes:])...)})
		pads = slices.Repeat([]int{0}, 2*axes)
	}
	w := append([]int{c, each}, slices.Repeat([]int{kernel}, axes)...)
	return branch{name: t.op("Conv", bias([]string{x.name, t.constant(t.small(each*kernel), w...)}), onnxio.IntAttr("group", int64(group)), onnxio.IntsAttr("pads", attrs64(pads...))), channels: c, sizes: like.sizes}
}

// einsum reports whether the opset has Einsum for the type.
func (t *tree) einsum() bool { return t.Opset >= 12 && t.Elem != onnxio.BFloat16 }

// biased adds the bias of a product, which it needs where shifts come: one of its own
// takes a node.
func (t *tree) biased(y string, c int, m may) string {
	if m.shift || t.rng.IntN(2) == 0 {
		y = t.op("Add", []string{y, t.constant(t.draw, c)})
	}
	return y
}

// leafOfRows is one whose features are the last axis.
func (t *tree) leafOfRows(like branch, m may) branch {
	c, rank := like.channels, len(like.sizes)+2
	in := 1 + t.rng.IntN(4)
	switch t.rng.IntN(5) {
	case 0:
		if t.Opset < 17 || c < 2 {
			break
		}
		x := t.input(c, like.sizes)
		inputs := []string{x.name, t.constant(t.draw, c)}
		if t.rng.IntN(2) == 0 {
			inputs = append(inputs, t.constant(t.draw, c))
		}
		x.name = t.op("LayerNormalization", inputs)
		return x
	case 1:
		if t.Opset < 23 || c < 2 || m.shift {
			break
		}
		x := t.input(c, like.sizes)
		x.name = t.op("RMSNormalization", []string{x.name, t.constant(t.draw, c)})
		return x
	case 2:
		if !t.einsum() {
			break
		}
		x, at := t.input(in, like.sizes), "xyz"[:rank-2]
		k := t.rng.IntN(2)
		equation := []string{"n" + at + "i,oi->n" + at + "o", "...i,io->...o"}[k]
		dims := [][]int{{c, in}, {in, c}}[k]
		y := t.op("Einsum", []string{x.name, t.constant(t.small(in), dims...)}, onnxio.StringAttr("equation", equation))
		return branch{name: t.biased(y, c, m), channels: c, sizes: like.sizes}
	case 3:
		if rank > 2 {
			break
		}
		x := t.input(in, nil)
		inputs := []string{x.name, t.constant(t.small(in), c, in)}
		if t.rng.IntN(2) == 0 {
			inputs = append(inputs, t.constant(t.draw, c))
		}
		return branch{name: t.op("Gemm", inputs, onnxio.IntAttr("transB", 1), onnxio.FloatAttr("alpha", []float32{1, 0.5}[t.rng.IntN(2)])), channels: c}
	}
	x := t.input(in, like.sizes)
	y := t.op("MatMul", []string{x.name, t.constant(t.small(in), in, c)})
	return branch{name: t.biased(y, c, m), channels: c, sizes: like.sizes}
}
