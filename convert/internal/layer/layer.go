// Package layer writes an affine map as one layer: a Conv, an FC, or a scale and
// shift. A layer is planned from how a walk wrote it, knows what it costs and
// reads, and adds its nodes and weights to a Writer.
package layer

import (
	"repmlp/convert/internal/affine"
	"repmlp/verify"
)

// A Layer is what a segment of the graph becomes.
type Layer interface {
	// Kind is what reports call it: conv, fc, scale, pool, norm or identity.
	Kind() string
	// Cost is what the layer and the nodes around it cost.
	Cost() affine.Cost
	// Shape is what people want to know of it.
	Shape() Shape
	// Write adds the layer's nodes, which read in and make out.
	Write(w *Writer, s *affine.Segment, in, out string) error
	// Claim says what a proof may suppose of the layer's rows or windows; whole
	// says that the proof begins where the layer does.
	Claim(s *affine.Segment, whole bool) (rows func(shape []int) (row []int32, run, rows int), reach []verify.Reach)
	// Units says which elements of the segment's input show every stored number of the
	// layer by itself, for shapes of both ends; nil where nobody knows.
	Units(s *affine.Segment, in, out []int) *verify.Units
	// String prints the layer on one line.
	String() string
}

// Shape is a layer in numbers.
type Shape struct {
	Groups     int
	In, Out    int // features of a row, of all groups
	Parameters int // with the bias
	Rows       int // of an FC in one run, a free batch counting as 1; 0 where unknown
}

// Options of planning layers.
type Options struct {
	Opset int64
	Form  Choice
}

// maxWeights bounds a merged weight: 2 G elements.
const maxWeights = 1 << 31
