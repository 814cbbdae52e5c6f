// Package affine says what one value of a graph is of others: an affine map of
// them, with the operation as a type of its own. Explanations are values; they
// hold no weights, and know where to read them.
package affine

import (
	"fmt"
	"slices"
	"strings"

	"repmlp/convert/internal/reason"
	"repmlp/fuse"
	"repmlp/onnxio/graph"
)

// An Affine explains one value: Out is Op of Args.
type Affine struct {
	Out   *graph.Value
	Args  []*graph.Value // the data that Out depends on
	Nodes []*graph.Node  // the node that is explained, then further ones that the explanation stands for
	Op    Op
	Rule  string // for people: the name of the rule that says so
}

// Node is the node that is explained. It makes Out, unless Out is explained as
// something that happens in another order.
func (a *Affine) Node() *graph.Node { return a.Nodes[0] }

// On returns the same explanation for other values.
func (a *Affine) On(out *graph.Value, args []*graph.Value) *Affine {
	b := *a
	b.Out, b.Args = out, args
	return &b
}

// String prints the explanation on one line.
func (a *Affine) String() string {
	names := make([]string, len(a.Args))
	for i, v := range a.Args {
		names[i] = v.Name
	}
	return fmt.Sprintf("%s = %v of %s", a.Out.Name, a.Op, strings.Join(names, ", "))
}

// An Op is what an affine map does. Its methods are ways to say one thing: over
// the atoms of flat orders, as a convolution of a map, and for people.
type Op interface {
	// Trace writes the operation as part of a program over atoms; n is the node
	// that refusals name.
	Trace(t *Tracer, n *graph.Node, in []Traced) (Traced, *reason.Refusal)
	// Window gives the map that the operation makes of maps, as a convolution of
	// the map in which the walk began; it refuses where it is none.
	Window(n *graph.Node, in []Map) (Map, *reason.Refusal)
	// Kernel is the numbers behind Window; it is asked only where Window agrees.
	Kernel(n *graph.Node, in []*fuse.Kernel) (*fuse.Kernel, error)
	// Weights lists the constants that the operation reads.
	Weights() []*graph.Value
	// Cost is what the operation costs as it stands.
	Cost() Cost
	// String names the operation and its sizes.
	String() string
}

// IsSpatial reports whether the operation needs its axes as [N, C, spatial...].
func IsSpatial(op Op) bool {
	switch op := op.(type) {
	case *Diagonal:
		return op.Norm
	case *Blocks:
		return op.IntoDepth
	case *Conv, *ConvTranspose, *Pool:
		return true
	}
	return false
}

// IsView reports whether the operation moves no element, or permutes them.
func IsView(op Op) bool {
	switch op.(type) {
	case *View, *Permute, *Blocks, *Unshuffle:
		return true
	}
	return false
}

// IsSelection reports whether the operation picks, joins or crops what it reads, as a
// convolution can do by itself.
func IsSelection(op Op) bool {
	switch op := op.(type) {
	case *Pick, *Join, *Crop, *Unshuffle:
		return true
	case *Blocks:
		return op.IntoDepth
	}
	return false
}

// IsLayer reports whether the operation has matrices.
func IsLayer(op Op) bool {
	switch op.(type) {
	case *Conv, *ConvTranspose, *FC:
		return true
	}
	return false
}

// IsTransposed reports whether the operation is a transposed convolution.
func IsTransposed(op Op) bool { _, ok := op.(*ConvTranspose); return ok }

// IsScale reports whether the operation scales or shifts.
func IsScale(op Op) bool { _, ok := op.(*Diagonal); return ok }

// Moves reports whether the operation is a view in which elements stand in another order.
func Moves(op Op) bool {
	_, view := op.(*View)
	return IsView(op) && !view && !InPlace(op)
}

// InPlace reports whether the operation leaves every element in its place: it scales or
// shifts, or is a view of the same axes.
func InPlace(op Op) bool {
	switch op := op.(type) {
	case *Diagonal:
		return true
	case *View:
		return op.Same
	case *Permute:
		return slices.IsSorted(op.Perm)
	}
	return false
}

// IsIdle reports whether the operation calculates and gives what it takes, but for the
// sign of a zero.
func IsIdle(op Op) bool {
	switch op := op.(type) {
	case *View:
		return op.Idle
	case *Diagonal:
		return op.idle()
	}
	return false
}

// IsNorm reports whether the operation is a BatchNormalization.
func IsNorm(op Op) bool { d, ok := op.(*Diagonal); return ok && d.Norm }

// IsSumOfScales reports whether the operation adds what scales and shifts make of one value.
func IsSumOfScales(op Op) bool { d, ok := op.(*Diagonal); return ok && d.work > 0 }

// IsSum reports whether the operation adds values of one shape.
func IsSum(op Op) bool { _, ok := op.(*Sum); return ok }

// Widens reports whether the operation repeats axes of size one.
func Widens(op Op) bool { d, ok := op.(*Diagonal); return ok && d.Widens() }

// NoMap is embedded by operations that are no convolution of a map.
type NoMap struct{}

func (NoMap) Window(n *graph.Node, in []Map) (Map, *reason.Refusal) {
	return Map{}, reason.Refuse("", "%q is no convolution of a map", n.Title())
}

func (NoMap) Kernel(n *graph.Node, _ []*fuse.Kernel) (*fuse.Kernel, error) {
	return nil, fmt.Errorf("folding %q as a convolution of a map, which it is not", n.Title())
}

// NoWeights is embedded by operations that read no constants.
type NoWeights struct{}

func (NoWeights) Weights() []*graph.Value { return nil }

// A ValueError is a weight whose numbers forbid a merge.
type ValueError struct {
	reason.Refusal
	Node *graph.Node
}

func (e *ValueError) Error() string { return e.Message }

// Refusing is a ValueError.
func Refusing(n *graph.Node, code reason.Code, format string, args ...any) error {
	return &ValueError{*reason.Refuse(code, format, args...), n}
}

// ValueErrors lists all ValueErrors that err wraps.
func ValueErrors(err error) (list []*ValueError) {
	switch e := err.(type) {
	case *ValueError:
		return []*ValueError{e}
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			list = append(list, ValueErrors(inner)...)
		}
	case interface{ Unwrap() error }:
		return ValueErrors(e.Unwrap())
	}
	return list
}
