package layer

import (
	"math"
	"slices"

	"repmlp/convert/internal/affine"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
	"repmlp/verify"
)

// A Padded is a Conv or an average that pads by itself with the zeros which a Pad put
// around its map. Its weights stay the same tensors.
type Padded struct {
	conv       *Conv // the segment as a convolution
	begin, end []int64
	node       *graph.Node
	weights    []*graph.Value
}

// countsPadding is the opset from which on an average can count its padding.
const countsPadding = 7

// PlanPadded plans a segment of a zero Pad and a Conv or AveragePool behind it; ok is
// false where that is no one window.
func PlanPadded(s *affine.Segment, opset int64) (*Padded, bool) {
	m, why := s.AsMap()
	if why != nil {
		return nil, false
	}
	conv, ok := PlanConv(s, m, math.MaxInt, opset)
	if !ok || !conv.InPlace() {
		return nil, false
	}
	begin, end, ok := affine.Pads(conv.Window, m.In.Dims, m.Dims)
	if !ok {
		return nil, false
	}
	last := s.Last()
	var kernel []int64
	switch op := last.Op.(type) {
	case *affine.Conv:
		kernel = op.Win.Kernel
	case *affine.Pool:
		kernel = op.Win.Kernel
		// Runtimes refuse padding as wide as the window.
		if opset < countsPadding || !narrower(begin, kernel) || !narrower(end, kernel) {
			return nil, false
		}
	default:
		return nil, false
	}
	for i, taps := range conv.Window.Taps {
		if int64(taps) != kernel[i] { // a kernel that crops
			return nil, false
		}
	}
	return &Padded{conv, begin, end, last.Node(), last.Op.Weights()}, true
}

// narrower reports whether pads are smaller than a kernel, each along its axis.
func narrower(pads, kernel []int64) bool {
	for i, p := range pads {
		if p >= kernel[i] {
			return false
		}
	}
	return true
}

func (l *Padded) pool() bool { return l.node.OpType() != "Conv" }

// Kind implements Layer.
func (l *Padded) Kind() string {
	if l.pool() {
		return "pool"
	}
	return "conv"
}

// Cost implements Layer. An average moves numbers.
func (l *Padded) Cost() affine.Cost {
	if l.pool() {
		return affine.Cost{Moves: 1}
	}
	return affine.Cost{Weights: l.conv.Window.Size(), Work: 1}
}

// Shape implements Layer.
func (l *Padded) Shape() Shape {
	w := l.conv.Window
	return Shape{Groups: w.Groups, In: w.In, Out: w.Out, Parameters: affine.Elements(l.weights)}
}

func (l *Padded) String() string {
	return l.node.OpType() + " that pads " + affine.Cross(l.begin) + " and " + affine.Cross(l.end)
}

// Write implements Layer: the node as it is, but for its padding.
func (l *Padded) Write(w *Writer, _ *affine.Segment, in, out string) error {
	var attrs []*onnxio.Attr
	for _, a := range l.node.Attrs() {
		switch a.Name() {
		case "pads", "auto_pad", "count_include_pad":
		default:
			attrs = append(attrs, a)
		}
	}
	attrs = append(attrs, onnxio.IntsAttr("pads", slices.Concat(l.begin, l.end)))
	if l.pool() {
		attrs = append(attrs, onnxio.IntAttr("count_include_pad", 1))
	}
	inputs := slices.Clone(l.node.Inputs())
	inputs[0] = in
	w.Add(onnxio.NewNode(w.Fresh(out+".node"), l.node.OpType(), inputs, []string{out}, attrs...))
	return nil
}

// Claim implements Layer.
func (l *Padded) Claim(s *affine.Segment, whole bool) (func(shape []int) ([]int32, int, int), []verify.Reach) {
	return l.conv.Claim(s, whole)
}
