package graph

import (
	"math"
	"slices"

	"repmlp/internal/elementary"
	"repmlp/onnxio"
)

// Functions of one number, and activations. Their rules are written from the
// formulas of the specification, the engine's kernels elsewhere and otherwise.

// smooth is the rule of a function that small errors of its argument do not move far.
func smooth(f func(v float64) float64) constRule {
	return elementFunc{float: func(a, _ float64) float64 { return f(a) }}.unary
}

// shaped is smooth for a function that attributes of the node shape.
func shaped(f func(n *Node) func(v float64) float64) constRule {
	return func(e *evaluation, n *Node, in []*Const) (*Const, error) { return smooth(f(n))(e, n, in) }
}

// between is the rule of a function whose slope grows without end near lo and hi.
func between(lo, hi float64, f func(v float64) float64) constRule {
	return func(e *evaluation, n *Node, in []*Const) (*Const, error) {
		for _, v := range in[0].F {
			if !in[0].decided(v, lo) || !in[0].decided(v, hi) {
				return nil, errRounding
			}
		}
		return smooth(f)(e, n, in)
	}
}

// jumping is the rule of a function that jumps somewhere: nothing that a runtime may
// have rounded is given to it.
func jumping(rule constRule) constRule {
	return func(e *evaluation, n *Node, in []*Const) (*Const, error) {
		if in[0].inexact {
			return nil, errRounding
		}
		return rule(e, n, in)
	}
}

func sigmoid(v float64) float64 { return 1 / (1 + elementary.Exp(-v)) }

func softplus(v float64) float64 {
	return math.Max(v, 0) + elementary.Log1p(elementary.Exp(-math.Abs(v)))
}

func unit(v float64) float64 { return math.Min(math.Max(v, 0), 1) }

func signOf(v, _ float64) float64 {
	switch {
	case v > 0:
		return 1
	case v < 0:
		return -1
	}
	return v // zero, or no number
}

func signInt(d onnxio.DType, v, _ int64) (int64, error) {
	switch {
	case v == 0:
		return 0, nil
	case v > 0 || unsigned(d):
		return 1, nil
	}
	return -1, nil
}

func positive(v, _ float64) float64 { return math.Max(v, 0) }

func positiveInt(v, _ int64) int64 { return max(v, 0) }

// leaky is LeakyRelu: alpha below zero.
func leaky(n *Node) func(float64) float64 {
	alpha := float64(n.AttrFloat("alpha"))
	return func(v float64) float64 { return math.Max(v, 0) + float64(alpha*math.Min(v, 0)) }
}

func elu(n *Node) func(float64) float64 {
	alpha := float64(n.AttrFloat("alpha"))
	return func(v float64) float64 { return math.Max(v, 0) + float64(alpha*elementary.Expm1(math.Min(v, 0))) }
}

func celu(n *Node) func(float64) float64 {
	alpha := float64(n.AttrFloat("alpha"))
	return func(v float64) float64 { return math.Max(v, 0) + math.Min(0, alpha*elementary.Expm1(v/alpha)) }
}

func selu(n *Node) func(float64) float64 {
	gamma, inner := float64(n.AttrFloat("gamma")), elu(n)
	return func(v float64) float64 { return gamma * inner(v) }
}

func hardSigmoid(n *Node) func(float64) float64 {
	alpha, beta := float64(n.AttrFloat("alpha")), float64(n.AttrFloat("beta"))
	return func(v float64) float64 { return unit(float64(alpha*v) + beta) }
}

func swish(n *Node) func(float64) float64 {
	alpha := float64(n.AttrFloat("alpha"))
	return func(v float64) float64 { return v * sigmoid(alpha*v) }
}

// gelu follows Gelu (opset 20), by the error function or its approximation.
func gelu(n *Node) func(float64) float64 {
	if n.AttrString("approximate") == "tanh" {
		return func(v float64) float64 { // ½(1 + tanh u) is the sigmoid of 2u
			return v * sigmoid(2*math.Sqrt(2/math.Pi)*(v+float64(0.044715*elementary.Pow(v, 3))))
		}
	}
	return func(v float64) float64 { return v * elementary.Erfc(-v/math.Sqrt2) / 2 }
}

// constThreshold is ThresholdedRelu, which jumps at alpha.
func constThreshold(e *evaluation, n *Node, in []*Const) (*Const, error) {
	alpha := float64(n.AttrFloat("alpha"))
	return jumping(smooth(func(v float64) float64 {
		if v > alpha {
			return v
		}
		return 0
	}))(e, n, in)
}

// constRound is Round (opset 11): to the nearest whole number, halves to even ones.
func constRound(e *evaluation, n *Node, in []*Const) (*Const, error) {
	x := in[0]
	for _, v := range x.F {
		if !x.decided(v, math.Floor(v)+0.5) {
			return nil, errRounding
		}
	}
	return smooth(math.RoundToEven)(e, n, in)
}

// constIs is IsNaN or IsInf.
func constIs(holds func(n *Node, v float64) bool) constRule {
	return func(e *evaluation, n *Node, in []*Const) (*Const, error) {
		out, err := e.make(onnxio.Bool, in[0].Shape)
		if err != nil {
			return nil, err
		}
		for i, v := range in[0].F {
			if holds(n, v) {
				out.I[i] = 1
			}
		}
		return out, nil
	}
}

func isNaN(_ *Node, v float64) bool { return v != v }

// isInf follows IsInf (opset 10), which may look for one sign alone.
func isInf(n *Node, v float64) bool {
	return math.IsInf(v, 1) && n.AttrInt("detect_positive") != 0 || math.IsInf(v, -1) && n.AttrInt("detect_negative") != 0
}

// rectify is a where it is not below zero, else a times slope.
func rectify[T float64 | int64](a, slope T) T {
	if a < 0 {
		return a * slope
	}
	return a
}

// constPRelu is PRelu (opset 7): the slope broadcasts to the data.
func constPRelu(e *evaluation, n *Node, in []*Const) (*Const, error) {
	x, slope := in[0], in[1]
	if e.g.Opset < 7 && len(slope.Shape) > 0 && slope.Len() > 1 { // one for each channel
		shape := []int{slope.Len()}
		for len(shape) < len(x.Shape)-1 {
			shape = append(shape, 1)
		}
		slope = slope.view(shape)
	}
	out, err := elementFunc{float: rectify[float64], int: exactInt(rectify[int64])}.apply(e, x, slope)
	if err == nil && !slices.Equal(out.Shape, x.Shape) {
		return nil, errShape
	}
	return out, err
}

// constClip is Clip: bounds are attributes before opset 11, scalars later. Where the
// lower one is above the other, the other holds (opset 13).
func constClip(e *evaluation, n *Node, in []*Const) (*Const, error) {
	bounds := [2]*Const{}
	for i, name := range []string{"min", "max"} {
		switch {
		case i+1 < len(in) && in[i+1] != nil:
			bounds[i] = in[i+1]
		case n.Attr(name) != nil && in[0].F == nil:
			return nil, errShape
		case n.Attr(name) != nil:
			bounds[i] = &Const{DType: in[0].DType, F: []float64{float64(n.AttrFloat(name))}}
		}
	}
	out := in[0]
	for i, b := range bounds {
		if b == nil {
			continue
		}
		if b.Len() != 1 {
			return nil, errShape
		}
		if b.F != nil && math.IsNaN(b.F[0]) {
			return nil, errUndefined // NumPy gives NaN, ONNX Runtime leaves the bound out
		}
		f := elementFunc{float: math.Max, int: pickInt(false)}
		if i == 1 {
			f = elementFunc{float: math.Min, int: pickInt(true)}
		}
		scalar := *b
		scalar.Shape = nil
		var err error
		if out, err = f.apply(e, out, &scalar); err != nil {
			return nil, err
		}
	}
	if out == in[0] {
		return e.view(in[0], in[0].Shape), nil
	}
	return out, nil
}

// constMean is Mean: a sum of operands by their number.
func constMean(e *evaluation, n *Node, in []*Const) (*Const, error) {
	total, err := elementFunc{float: sum}.rule(e, n, in)
	if err != nil {
		return nil, err
	}
	return smooth(func(v float64) float64 { return v / float64(len(in)) })(e, n, []*Const{total})
}
