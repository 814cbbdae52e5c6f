package graph

import (
	"math"
	"slices"
	"strings"
)

// Convolutions and pooling of constants.

// A tap is a position of a window on one axis: which outputs read the map there, and
// where the first of them does.
type tap struct{ from, count, at int }

// taps lists, for every axis and tap, the outputs that read the map there.
func (w Window) taps(in, out []int) [][]tap {
	list := make([][]tap, len(in))
	for a := range in {
		for k := range int(w.Kernel[a]) {
			shift, stride := k*int(w.Dilation[a])-int(w.Begin[a]), int(w.Stride[a])
			from := 0
			if shift < 0 {
				from = (stride - 1 - shift) / stride
			}
			count := 0
			if last := in[a] - 1 - shift; last >= 0 {
				count = max(0, min(out[a]-1, last/stride)-from+1)
			}
			list[a] = append(list[a], tap{from, count, from*stride + shift})
		}
	}
	return list
}

// each calls f for every output that reads the map under the tap at index k, with its
// place and that which it reads.
func (w Window) each(taps [][]tap, k, in, out []int, f func(to, from int)) {
	count, step, ist, ost := make([]int, len(in)), make([]int, len(in)), strides(in), strides(out)
	to, from := 0, 0
	for a := range in {
		t := taps[a][k[a]]
		count[a], step[a] = t.count, int(w.Stride[a])*ist[a]
		to += t.from * ost[a]
		from += t.at * ist[a]
	}
	walk(count, func(_ int, idx []int) { f(to+dot(idx, ost), from+dot(idx, step)) })
}

// window is the window of a node on a constant map, and the shape of its result.
func (n *Node) window(x *Const, kernel []int) (w Window, out []int, err error) {
	if len(x.Shape) < 3 {
		return w, nil, errShape
	}
	var k []int64
	for _, d := range kernel {
		k = append(k, int64(d))
	}
	dims := sizes(x.Shape)
	if w, err = ConvWindow(n, dims, k); err != nil {
		return w, nil, err
	}
	for i := range w.Kernel {
		d, ok := w.Out(i, dims[i+2]).Int()
		if !ok || d < 1 || w.Begin[i] < 0 || w.End[i] < 0 || w.Dynamic || w.Kernel[i]*w.Dilation[i] > math.MaxInt32 || w.Stride[i] > math.MaxInt32 || w.Begin[i] > math.MaxInt32 {
			return w, nil, errShape
		}
		out = append(out, int(d))
	}
	return w, out, nil
}

// constConv is Conv over any number of axes: groups, strides, dilations, pads.
func constConv(e *evaluation, n *Node, in []*Const) (*Const, error) {
	x, w := in[0], in[1]
	groups := int(n.AttrInt("group"))
	if len(x.Shape) < 3 || len(w.Shape) != len(x.Shape) || groups < 1 || w.Shape[0]%groups != 0 || x.Shape[1] != w.Shape[1]*groups || groups > x.Shape[1] {
		return nil, errShape
	}
	if len(in) > 2 && (len(in[2].Shape) != 1 || in[2].Len() != w.Shape[0]) {
		return nil, errShape
	}
	win, shape, err := n.window(x, w.Shape[2:])
	if err != nil {
		return nil, err
	}
	out, err := e.make(x.DType, slices.Concat([]int{x.Shape[0], w.Shape[0]}, shape))
	if err != nil {
		return nil, err
	}
	if err := e.spend(slices.Concat(out.Shape, w.Shape[1:])...); err != nil {
		return nil, err
	}
	kernel := w.Shape[2:]
	taps := win.taps(x.Shape[2:], shape)
	mapIn, mapOut, per := size(x.Shape[2:]), size(shape), w.Shape[0]/groups
	walk(kernel, func(k int, at []int) {
		type pair struct{ to, from int }
		var pairs []pair
		win.each(taps, at, x.Shape[2:], shape, func(to, from int) { pairs = append(pairs, pair{to, from}) })
		for image := range x.Shape[0] {
			for o := range w.Shape[0] {
				dst := out.F[(image*w.Shape[0]+o)*mapOut:]
				for c := range w.Shape[1] {
					src := x.F[(image*x.Shape[1]+o/per*w.Shape[1]+c)*mapIn:]
					f := w.F[(o*w.Shape[1]+c)*size(kernel)+k]
					for _, p := range pairs {
						dst[p.to] += float64(f * src[p.from])
					}
				}
			}
		}
	})
	return withBias(out, in)
}

// withBias adds the third input, a number for each channel, where there is one.
func withBias(out *Const, in []*Const) (*Const, error) {
	if len(in) > 2 {
		inner := size(out.Shape[2:])
		for i := range out.F {
			out.F[i] += in[2].F[i/inner%out.Shape[1]]
		}
	}
	return out.settle(true)
}

// constConvTranspose is ConvTranspose (opset 1, 11): position p of the map under tap k
// goes to p·stride + k·dilation - begin.
func constConvTranspose(e *evaluation, n *Node, in []*Const) (*Const, error) {
	x, w := in[0], in[1]
	groups := int(n.AttrInt("group"))
	if len(x.Shape) < 3 || len(w.Shape) != len(x.Shape) || groups < 1 || w.Shape[0]%groups != 0 || x.Shape[1] != w.Shape[0] || groups > w.Shape[0] {
		return nil, errShape
	}
	channels := w.Shape[1] * groups
	if len(in) > 2 && (len(in[2].Shape) != 1 || in[2].Len() != channels) {
		return nil, errShape
	}
	if k := n.Ints("kernel_shape"); k != nil && !slices.Equal(toInts(k), w.Shape[2:]) {
		return nil, errShape
	}
	g, err := n.spreading(x.Shape[2:], w.Shape[2:])
	if err != nil {
		return nil, err
	}
	out, err := e.make(x.DType, slices.Concat([]int{x.Shape[0], channels}, g.out))
	if err != nil {
		return nil, err
	}
	if err := e.spend(slices.Concat(x.Shape, w.Shape[1:])...); err != nil {
		return nil, err
	}
	mapIn, mapOut, kernel := size(x.Shape[2:]), size(g.out), w.Shape[2:]
	ist, ost, per := strides(x.Shape[2:]), strides(g.out), w.Shape[0]/groups
	walk(kernel, func(k int, tap []int) {
		walk(x.Shape[2:], func(_ int, at []int) {
			to := 0
			for a, p := range at {
				q := p*g.stride[a] + tap[a]*g.dilation[a] - g.begin[a]
				if q < 0 || q >= g.out[a] {
					return
				}
				to += q * ost[a]
			}
			from := dot(at, ist)
			for image := range x.Shape[0] {
				for c := range w.Shape[0] {
					v := x.F[(image*w.Shape[0]+c)*mapIn+from]
					for o := range w.Shape[1] {
						out.F[(image*channels+c/per*w.Shape[1]+o)*mapOut+to] += float64(v * w.F[(c*w.Shape[1]+o)*size(kernel)+k])
					}
				}
			}
		})
	})
	return withBias(out, in)
}

// A spreadingWindow says where a ConvTranspose puts what it multiplies.
type spreadingWindow struct{ out, begin, stride, dilation []int }

// spreading is the geometry of a ConvTranspose on a map. Where the shape of the result
// is given, or pads keep it a multiple, what is left over is cut off at both ends.
func (n *Node) spreading(in, kernel []int) (g spreadingWindow, err error) {
	r := len(in)
	list := func(name string, def, count int) []int {
		v := toInts(n.Ints(name))
		if len(v) == 0 {
			return slices.Repeat([]int{def}, count)
		}
		if len(v) != count || slices.ContainsFunc(v, func(x int) bool { return x < 0 || x > math.MaxInt32 }) {
			err = errShape
			return make([]int, count)
		}
		return v
	}
	g = spreadingWindow{stride: list("strides", 1, r), dilation: list("dilations", 1, r)}
	pads, extra, want := list("pads", 0, 2*r), list("output_padding", 0, r), n.Ints("output_shape")
	mode := n.AttrString("auto_pad")
	for a := range r {
		if g.stride[a] < 1 || g.dilation[a] < 1 {
			return g, errShape
		}
		whole := (in[a]-1)*g.stride[a] + (kernel[a]-1)*g.dilation[a] + 1 + extra[a]
		same := strings.HasPrefix(mode, "SAME")
		out, begin := whole-pads[a]-pads[r+a], pads[a]
		if mode == "VALID" {
			out, begin = whole, 0
		}
		if same || want != nil {
			if out = in[a] * g.stride[a]; want != nil {
				if len(want) < r {
					return g, errShape
				}
				out = int(want[len(want)-r+a])
			}
			cut := max(whole-out, 0)
			begin = cut / 2
			if mode != "SAME_UPPER" {
				begin = cut - cut/2
			}
		}
		if out < 1 || out > math.MaxInt32 {
			return g, errShape
		}
		g.out, g.begin = append(g.out, out), append(g.begin, begin)
	}
	return g, err
}

// constPool is AveragePool or MaxPool.
func constPool(average bool) constRule {
	return func(e *evaluation, n *Node, in []*Const) (*Const, error) {
		x := in[0]
		win, shape, err := n.window(x, nil)
		if err != nil {
			return nil, err
		}
		out, err := e.make(x.DType, slices.Concat(x.Shape[:2], shape))
		if err != nil {
			return nil, err
		}
		kernel := toInts(win.Kernel)
		if err := e.spend(slices.Concat(out.Shape, kernel)...); err != nil {
			return nil, err
		}
		if average && n.AttrInt("count_include_pad") != 0 && win.Ceil {
			return nil, errUndefined // what a window beyond the padding counts differs
		}
		count := make([]float64, size(shape))
		if !average {
			for i := range out.F {
				out.F[i] = math.Inf(-1)
			}
		}
		taps := win.taps(x.Shape[2:], shape)
		mapIn, mapOut := size(x.Shape[2:]), size(shape)
		walk(kernel, func(_ int, at []int) {
			win.each(taps, at, x.Shape[2:], shape, func(to, from int) {
				count[to]++
				for image := range size(x.Shape[:2]) {
					if v := &out.F[image*mapOut+to]; average {
						*v += x.F[image*mapIn+from]
					} else {
						*v = math.Max(*v, x.F[image*mapIn+from])
					}
				}
			})
		})
		for i := range out.F {
			n := count[i%mapOut]
			if n == 0 {
				return nil, errUndefined
			}
			if average {
				out.F[i] /= n
			}
		}
		if average && n.AttrInt("count_include_pad") != 0 {
			for i := range out.F {
				out.F[i] *= count[i%mapOut] / float64(size(kernel))
			}
		}
		return out.settle(average || x.inexact)
	}
}

// constGlobalPool is GlobalAveragePool or GlobalMaxPool.
func constGlobalPool(average bool) constRule {
	return func(e *evaluation, n *Node, in []*Const) (*Const, error) {
		x := in[0]
		if len(x.Shape) < 3 || size(x.Shape[2:]) == 0 {
			return nil, errShape
		}
		inner := size(x.Shape[2:])
		out, err := e.make(x.DType, slices.Concat(x.Shape[:2], slices.Repeat([]int{1}, len(x.Shape)-2)))
		if err != nil {
			return nil, err
		}
		for i := range out.F {
			values := x.F[i*inner : (i+1)*inner]
			if !average {
				out.F[i] = slices.Max(values)
				continue
			}
			for _, v := range values {
				out.F[i] += v / float64(inner)
			}
		}
		return out.settle(average || x.inexact)
	}
}
