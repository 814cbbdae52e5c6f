package tidy

import (
	"slices"

	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// A grade says how far a runtime is known to compute the elements that are known of a
// value, if it is a constant or made from sizes.
type grade uint8

const (
	unsure   grade = iota
	rounded        // numbers that something may have rounded, but not far
	quotient       // a/b of sizes so small that the rounded quotient has the right floor: it is a whole number or 1/b away from one
	sure           // to the bit
)

// whole operators on integers and booleans compute what ONNX says, on every machine.
var whole = named("Abs Add And Div Equal Greater GreaterOrEqual Less LessOrEqual Max Min Mod Mul Neg Not Or Range ReduceProd " +
	"ReduceSum Sub Where Xor")

// carried operators move elements, or make them of sizes.
var carried = named("Concat Constant ConstantOfShape Dropout Expand EyeLike Flatten Gather Identity Reshape ScatterND Shape Size " +
	"Slice Squeeze Tile Transpose Unsqueeze Where")

// measured operators compute sizes in floating point, as exporters have them do.
var measured = named("Add Cast Ceil Div Floor Max Min Mul Neg Sub")

// compared operators make a boolean of two numbers.
var compared = named("Equal Greater GreaterOrEqual Less LessOrEqual")

// grade grades what a node makes; what it reads is graded.
func (t *net) grade(n *graph.Node) {
	if n.First() == nil || !n.Sound() || n.Index < 0 {
		return
	}
	out := n.Out[0]
	if !out.Typed() {
		return
	}
	if t.g.IsConst(out) {
		t.grades[out] = t.ofConstant(n, out)
		return
	}
	if out.Ints() != nil {
		t.grades[out] = t.ofSizes(n, out)
	}
}

// of is the grade of a value.
func (t *net) of(v *graph.Value) grade {
	if v.Init != nil {
		if t.g.IsConst(v) {
			return sure
		}
		return unsure
	}
	return t.grades[v]
}

// trusted reports whether the elements of some inputs are known as a runtime has them.
func (t *net) trusted(w *work, slots ...int) bool {
	for _, i := range slots {
		if i < len(w.In) && w.In[i] != nil && t.of(w.In[i]) != sure {
			return false
		}
	}
	return true
}

// elements lists the inputs whose elements a node reads: none where it asks for a shape
// only, no second one where it asks for a type.
func elements(n *graph.Node) []*graph.Value {
	switch n.OpType() {
	case "Shape", "Size", "EyeLike":
		return nil
	case "CastLike":
		return n.In[:1]
	}
	return n.In
}

// least is the lowest grade of what a node reads.
func (t *net) least(n *graph.Node) grade {
	least := sure
	for _, in := range elements(n) {
		if in != nil {
			least = min(least, t.of(in))
		}
	}
	return least
}

// integral reports whether a node works on integers and booleans alone.
func integral(n *graph.Node) bool {
	return !slices.ContainsFunc(slices.Concat(n.In, n.Out), func(v *graph.Value) bool { return v != nil && (!v.Typed() || v.Elem.IsFloat()) })
}

// ofConstant grades a constant, which the graph works out: integers as ONNX defines
// them, floats in float64, and it knows which of them a runtime would have rounded,
// and refuses steps that rounding could decide.
func (t *net) ofConstant(n *graph.Node, out *graph.Value) grade {
	op, least := n.OpType(), t.least(n)
	if slices.ContainsFunc(elements(n), func(v *graph.Value) bool { return v != nil && t.g.IsConst(v) && !small(v) }) {
		return unsure // it is not read
	}
	if op == "CastLike" {
		op = "Cast"
	}
	switch {
	case least == unsure:
	case carried[op]:
		return least
	case whole[op] && integral(n):
		return least
	case compared[op] || op == "Cast" && !out.Elem.IsFloat():
		return sure // else it were no constant
	case op == "Cast" && least == sure && small(out):
		if c, err := t.g.Const(out); err == nil && c.Exact() {
			return sure
		}
		return rounded
	case measured[op]:
		return rounded
	}
	return unsure
}

// maxElements is how many elements a constant may have that is worked out here.
const maxElements = 1 << 16

// small reports whether a value has so few elements that they may be worked out.
func small(v *graph.Value) bool {
	n := count(v)
	return n >= 0 && n <= maxElements
}

// count is the number of elements of v, negative where it is unknown or large.
func count(v *graph.Value) int64 {
	total := int64(1)
	dims, ok := v.Shape()
	if !ok {
		return -1
	}
	for _, d := range dims {
		n, ok := d.Int()
		if !ok || n < 0 || n > 1<<40 {
			return -1
		}
		if total *= n; total > 1<<40 {
			return -1
		}
	}
	return total
}

// ofSizes grades a small tensor of which some elements are known because they are
// sizes, or computed from them.
func (t *net) ofSizes(n *graph.Node, out *graph.Value) grade {
	op, least := n.OpType(), t.least(n)
	switch {
	case least == unsure || least == rounded:
		return unsure
	case (op == "Max" || op == "Min" || op == "Where") && !allNumbers(n.In):
		return unsure // a size might be zero
	case op == "Floor" || op == "Cast" && out.Elem.IsInt():
		if least == sure || op == "Cast" || exactly(1, out) {
			return sure
		}
		return unsure
	case least != sure:
		return unsure
	case carried[op], whole[op] && integral(n):
		return sure
	case (op == "Cast" || measured[op]) && exactly(1, out) && exactly(1, n.In...):
		return sure
	case op == "Div" && exactly(2, n.In...):
		return quotient
	}
	return unsure
}

func allNumbers(values []*graph.Value) bool {
	for _, v := range values {
		if v != nil && slices.ContainsFunc(v.Ints(), func(d graph.Dim) bool { _, ok := d.Int(); return !ok }) {
			return false
		}
	}
	return true
}

// largest is up to where a type holds every integer.
func largest(d onnxio.DType) int64 {
	switch d {
	case onnxio.Float16:
		return 1 << 11
	case onnxio.BFloat16:
		return 1 << 8
	case onnxio.Float32:
		return 1 << 24
	case onnxio.Float64:
		return 1 << 53
	case onnxio.Int32, onnxio.Int64, onnxio.Bool:
		return 1 << 31
	}
	return 0
}

// exactly reports whether all elements are numbers that their types hold, even times
// room.
func exactly(room int64, values ...*graph.Value) bool {
	for _, v := range values {
		if v == nil {
			continue
		}
		limit := largest(v.Elem) / room
		if v.Ints() == nil || slices.ContainsFunc(v.Ints(), func(d graph.Dim) bool {
			n, ok := d.Int()
			return !ok || n > limit || n < -limit
		}) {
			return false
		}
	}
	return true
}
