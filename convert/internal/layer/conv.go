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

// A convolution is what Conv and ConvTranspose have in common.
type convolution struct {
	Window     fuse.Window // what the nodes make
	Touch      fuse.Window // what of it touches the map, which is what is written
	Begin, End []int64     // pads
	Undone     *graph.Node // zeros behind a bias that a later constant takes away again

	frame
}

// A Conv is a segment as one convolution of a map.
type Conv struct{ convolution }

// PlanConv plans a segment that a walk wrote as end; ok is false where that is no
// single Conv node, or one with more weights than limit.
func PlanConv(s *affine.Segment, end affine.Map, limit int, opset int64) (*Conv, bool) {
	w := end.Win.Regular()
	if w.Up != nil || w.Size() > maxWeights || w.Size() > limit || slowBlocks(s, w) {
		return nil, false
	}
	start := end.In
	if !end.Dims[0].Equal(start.Dims[0]) {
		return nil, false
	}
	w, ok := affine.Spanning(w, start.Dims, end.Dims)
	if !ok || w.Size() > maxWeights || w.Size() > limit {
		return nil, false
	}
	c := &Conv{convolution{Window: w, Touch: w, Undone: end.Undone}}
	c.Begin, c.End, _ = affine.Pads(w, start.Dims, end.Dims)
	touch := w.Touching(sizes(start.Dims[2:]), sizes(end.Dims[2:]))
	if b, e, ok := affine.Pads(touch, start.Dims, end.Dims); ok {
		c.Touch, c.Begin, c.End = touch, b, e
	}
	if c.frame, ok = framed(s, end, opset); !ok {
		return nil, false
	}
	return c, true
}

// sizes are the numbers among dims, zero for the others.
func sizes(dims []graph.Dim) []int {
	out := make([]int, len(dims))
	for i, d := range dims {
		n, _ := d.Int()
		out[i] = int(n)
	}
	return out
}

// wideBlockChannels is from how many channels on a SpaceToDepth stays before a conv
// of more than one position: a kernel of twice the size at stride two took up to a
// tenth longer than both nodes, with fewer channels half to nine tenths of the time.
const wideBlockChannels = 32

// slowBlocks reports whether one conv that takes in a SpaceToDepth, or the slices that a
// Concat joins to one, is slower than what it stands for. ONNX Runtime's convs lie in
// blocks of 8 or 16 channels: up to 8, or multiples of 16, took 0.6 to 0.98 of the time of
// Slices, Concat and Conv, others up to twice of it, at 1×1 those between 8 and 16 up to 1.1.
func slowBlocks(s *affine.Segment, w fuse.Window) bool {
	wide := w.In >= wideBlockChannels
	narrow := w.In <= 8 || w.In%16 == 0
	one := s.Count(affine.IsLayer) == 1
	if one && w.Groups > 1 && s.Count(func(op affine.Op) bool { _, ok := op.(*affine.Unshuffle); return ok }) > 0 {
		return true // an FC of share sets behind its views, which a merge wrote so
	}
	if !wide && (narrow || !one) {
		return false
	}
	joins := s.Count(func(op affine.Op) bool { _, ok := op.(*affine.Join); return ok }) > 0
	return slices.ContainsFunc(s.Steps, func(a *affine.Affine) bool {
		block := 0
		switch op := a.Op.(type) {
		case *affine.Blocks:
			block = op.B
		case *affine.Unshuffle:
			block = op.Block()
		case *affine.Pick:
			for _, p := range op.Axes {
				if joins && p.Step > block {
					block = p.Step
				}
			}
		}
		return block > 1 && (slices.Max(w.Taps) > block || w.In < 16)
	})
}

// Kind implements Layer: reports call both a conv.
func (c *convolution) Kind() string { return "conv" }

// Cost implements Layer.
func (c *convolution) Cost() affine.Cost {
	return affine.Cost{Weights: c.Touch.Size(), Work: 1, Moves: c.frame.cost()}
}

// Shape implements Layer.
func (c *convolution) Shape() Shape {
	return Shape{Groups: c.Window.Groups, In: c.Window.In, Out: c.Window.Out, Parameters: c.Touch.Size() + c.Window.Out}
}

func (c *Conv) String() string {
	s := fmt.Sprintf("Conv %s %d -> %d in %d groups, stride %v, dilation %v, pads %v %v", affine.Cross(c.Touch.Taps), c.Window.In, c.Window.Out, c.Window.Groups, c.Touch.Stride, c.Touch.Step, c.Begin, c.End)
	return s + c.text()
}

// Write implements Layer.
func (c *Conv) Write(w *Writer, s *affine.Segment, in, out string) error {
	last := s.Last().Node()
	weight, bias, err := c.numbers(s)
	if err != nil {
		return err
	}
	k := c.Touch
	dims := []int64{int64(k.Out), int64(k.In / k.Groups)}
	var kernel, step, stride []int64
	for i := range k.Taps {
		dims = append(dims, int64(k.Taps[i]))
		kernel, step, stride = append(kernel, int64(k.Taps[i])), append(step, int64(k.Step[i])), append(stride, int64(k.Stride[i]))
	}
	t := s.To.Elem
	wt, err := w.computed(out+".weight", t, dims, weight, last)
	if err != nil {
		return err
	}
	b, err := w.computed(out+".bias", t, []int64{int64(k.Out)}, bias, last)
	if err != nil {
		return err
	}
	c.frame.write(w, in, out, ".conv", func(in, to string) {
		w.node("Conv", out, to, []string{in, wt, b},
			onnxio.IntsAttr("dilations", step), onnxio.IntAttr("group", int64(k.Groups)), onnxio.IntsAttr("kernel_shape", kernel),
			onnxio.IntsAttr("pads", slices.Concat(c.Begin, c.End)), onnxio.IntsAttr("strides", stride))
	})
	return nil
}

// numbers says how weight and bias are computed: where one stored conv is scaled,
// in its place; else the segment is folded once for both.
func (c *Conv) numbers(s *affine.Segment) (weight, bias folding, err error) {
	if !c.partial() {
		scaled, err := asScaledConv(s)
		if err != nil {
			return nil, nil, err
		}
		if scaled != nil {
			return scaled, whole{c.Touch.Out, scaled.foldBias}, nil
		}
	}
	once := &shared{fold: func() (*fuse.Kernel, error) { return c.fold(s) }}
	return whole{c.Touch.Size(), func() ([]float64, error) { return once.take(false) }},
		whole{c.Touch.Out, func() ([]float64, error) { return once.take(true) }}, nil
}

// partial reports whether some taps touch nothing of the map.
func (c *convolution) partial() bool { return c.Touch.Size() < c.Window.Size() }

// fold computes the kernel of the taps that touch the map.
func (c *convolution) fold(s *affine.Segment) (*fuse.Kernel, error) {
	k, err := affine.Fold(s)
	if err != nil {
		return nil, err
	}
	if k = k.Over(c.Window); !c.partial() {
		return k, nil
	}
	if why := unstorable(k.W, s.To.Elem, s.Last().Node()); why != nil {
		return nil, why
	}
	return k.Within(c.Touch), nil
}

// Claim implements Layer: how far the convolution reads along the axes of its
// input. What it leaves out at the begin of an axis counts too.
func (c *Conv) Claim(s *affine.Segment, whole bool) (func(shape []int) ([]int32, int, int), []verify.Reach) {
	if !whole {
		return nil, nil
	}
	var out []verify.Reach
	c.frame.axes(func(k, in, to int) {
		r := verify.Reach{Axis: in, Span: 1, Stride: 1, Out: to}
		if w, i := c.Window, k-2; i >= 0 {
			r.Span, r.Stride = (w.Taps[i]-1)*w.Step[i]+w.Stride[i]+max(w.Lo[i], 0), w.Stride[i]
		}
		out = append(out, r)
	})
	return nil, out
}
