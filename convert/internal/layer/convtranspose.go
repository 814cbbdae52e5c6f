package layer

import (
	"fmt"
	"slices"

	"repmlp/convert/internal/affine"
	"repmlp/fuse"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
	"repmlp/verify"
)

// A ConvTranspose is a segment as one convolution of a map with zeros between its
// positions, or of one that cuts its map off.
type ConvTranspose struct {
	convolution
	Extra []int64 // output_padding

	up, dilation []int // by how much each axis is spread, and its taps are
}

// PlanConvTranspose plans a segment that a walk wrote as end; ok is false where that is
// no single ConvTranspose node, or one with more weights than limit.
func PlanConvTranspose(s *affine.Segment, end affine.Map, limit int, opset int64) (*ConvTranspose, bool) {
	w := end.Win.Regular()
	if w.Size() > maxWeights || w.Size() > limit || slices.Max(w.Stride) > 1 {
		return nil, false
	}
	start := end.In
	if !end.Dims[0].Equal(start.Dims[0]) {
		return nil, false
	}
	c := &ConvTranspose{convolution: convolution{Window: w, Touch: w, Undone: end.Undone}, up: w.Up}
	if c.up == nil {
		c.up = slices.Repeat([]int{1}, len(w.Taps))
	}
	most := mostExtra(s, c.up)
	if !c.pads(w, start.Dims, end.Dims, most) {
		return nil, false
	}
	spread := sizes(start.Dims[2:])
	for i, up := range c.up {
		spread[i] = max((spread[i]-1)*up+1, 0)
	}
	if touch := w.Touching(spread, sizes(end.Dims[2:])); c.pads(touch, start.Dims, end.Dims, most) {
		c.Touch = touch
	}
	var ok bool
	if c.frame, ok = framed(s, end, opset); !ok {
		return nil, false
	}
	return c, true
}

// Beats reports whether the layer is written where conv, which may be nil, could do the
// same: with fewer weights, or with fewer output channels than input ones. A Conv of a
// stride of one took 0.7 to 1.0 of the time of a ConvTranspose with at least as many, and up
// to five times as long with few, since it gathers all taps of all input channels.
func (c *ConvTranspose) Beats(conv *Conv) bool {
	if conv == nil {
		return true
	}
	a, b := c.Cost(), conv.Cost()
	return a.Less(b) || a == b && c.Window.Out < c.Window.In
}

// mostExtra is the largest output_padding that may be written for each axis: runtimes
// ask for less than the stride, ONNX for less than the dilation too, which is written
// where a node of the segment has it, and the map has the axes of that node.
func mostExtra(s *affine.Segment, up []int) []int64 {
	most := make([]int64, len(up))
	for i := range most {
		most[i] = int64(up[i]) - 1
	}
	for _, a := range s.Steps {
		op, ok := a.Op.(*affine.ConvTranspose)
		if !ok || len(op.Spread.Extra) != len(up) {
			continue
		}
		for i, extra := range op.Spread.Extra {
			if extra <= most[i] || extra >= op.Spread.Dilation[i] {
				continue
			}
			if _, same := s.Fitted(); same {
				most[i] = extra
			}
		}
	}
	return most
}

// pads finds the pads with which a window makes a map of the sizes out of one of the
// sizes in, equal ones at both ends where output_padding makes up for it, as frameworks
// have them; without any it changes nothing.
func (c *ConvTranspose) pads(w fuse.Window, in, out []graph.Dim, most []int64) bool {
	var begin, end, extra []int64
	dilation := slices.Clone(w.Step)
	for i, up := range c.up {
		reach := int64((w.Taps[i] - 1) * w.Step[i])
		b := int64(w.Lo[i]) + reach
		full := in[i+2].Minus(graph.Size(1)).Times(graph.Size(int64(up))).Plus(graph.Size(reach + 1 - b))
		cut, ok := full.Minus(out[i+2]).Int() // pads at the end less output_padding
		if !ok || b < 0 || -cut > most[i] {
			return false
		}
		e := max(cut, 0)
		if b > e && b-cut < int64(up) {
			e = b
		}
		begin, end, extra = append(begin, b), append(end, e), append(extra, e-cut)
		if w.Taps[i] == 1 && e-cut >= int64(up) { // one tap is dilated by anything
			dilation[i] = int(e-cut) + 1
		}
	}
	c.Begin, c.End, c.Extra, c.dilation = begin, end, extra, dilation
	return true
}

func (c *ConvTranspose) String() string {
	s := fmt.Sprintf("ConvTranspose %s %d -> %d in %d groups, stride %v, dilation %v, pads %v %v, output_padding %v", affine.Cross(c.Touch.Taps), c.Window.In, c.Window.Out, c.Window.Groups, c.up, c.dilation, c.Begin, c.End, c.Extra)
	return s + c.text()
}

// Write implements Layer.
func (c *ConvTranspose) Write(w *Writer, s *affine.Segment, in, out string) error {
	last, t := s.Last().Node(), s.To.Elem
	k := c.Touch
	dims := []int64{int64(k.In), int64(k.Out / k.Groups)}
	var kernel, step, stride []int64
	for i := range k.Taps {
		dims = append(dims, int64(k.Taps[i]))
		kernel, step, stride = append(kernel, int64(k.Taps[i])), append(step, int64(c.dilation[i])), append(stride, int64(c.up[i]))
	}
	once := &shared{fold: func() (*fuse.Kernel, error) { return c.turned(s) }}
	weight, err := w.computed(out+".weight", t, dims, whole{k.Size(), func() ([]float64, error) { return once.take(false) }}, last)
	if err != nil {
		return err
	}
	bias, err := w.computed(out+".bias", t, []int64{int64(k.Out)}, whole{k.Out, func() ([]float64, error) { return once.take(true) }}, last)
	if err != nil {
		return err
	}
	c.frame.write(w, in, out, ".convtranspose", func(in, to string) {
		w.node("ConvTranspose", out, to, []string{in, weight, bias},
			onnxio.IntsAttr("dilations", step), onnxio.IntAttr("group", int64(k.Groups)), onnxio.IntsAttr("kernel_shape", kernel),
			onnxio.IntsAttr("output_padding", c.Extra), onnxio.IntsAttr("pads", slices.Concat(c.Begin, c.End)), onnxio.IntsAttr("strides", stride))
	})
	return nil
}

// turned computes the kernel, with its weight as the node has it.
func (c *ConvTranspose) turned(s *affine.Segment) (*fuse.Kernel, error) {
	k, err := c.fold(s)
	if err != nil {
		return nil, err
	}
	g := k.Groups
	return &fuse.Kernel{Window: k.Window, W: fuse.Turned(k.W, g, k.Out/g, k.In/g, affine.Size(k.Taps)), B: k.B}, nil
}

// Claim implements Layer: how far the layer reads along the axes of its input, and what
// it cuts off at the borders.
func (c *ConvTranspose) Claim(s *affine.Segment, whole bool) (func(shape []int) ([]int32, int, int), []verify.Reach) {
	if !whole {
		return nil, nil
	}
	var out []verify.Reach
	c.frame.axes(func(k, in, to int) {
		r := verify.Reach{Axis: in, Span: 1, Stride: 1, Out: to}
		if w, i := c.Window, k-2; i >= 0 {
			far := (w.Taps[i]-1)*w.Step[i] + int(c.Begin[i]+c.End[i])
			r.Span, r.Up = far/c.up[i]+2, c.up[i]
		}
		out = append(out, r)
	})
	return nil, out
}
