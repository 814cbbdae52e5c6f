package verify

import (
	"math"
	"slices"

	"repmlp/onnxio"
)

// A scatter is how far right runs of the reference lie apart in one output: the
// scale that a candidate is measured with, and the elements that rounding alone
// decides, which show nothing.
type scatter struct {
	base   *Tensor
	scale  float64   // largest finite magnitude of base
	moved  []float64 // largest difference per element, for a disturbance of one rounding
	flips  []bool    // integers that change, numbers that become infinite or NaN; nil: none
	shapes bool      // the shape itself changes
}

func newScatter(base *Tensor) *scatter {
	s := &scatter{base: base}
	for k := range base.Len() {
		if x := math.Abs(base.Float(k)); !math.IsInf(x, 0) && x > s.scale {
			s.scale = x
		}
	}
	return s
}

// add takes another run, whose inputs were moved by so many roundings.
func (s *scatter) add(t *Tensor, roundings float64) {
	if t == nil {
		return
	}
	if !slices.Equal(t.Shape, s.base.Shape) {
		s.shapes = true
		return
	}
	if s.moved == nil {
		s.moved = make([]float64, s.base.Len())
	}
	for k := range s.moved {
		if same(s.base, t, k) {
			continue
		}
		d := math.Abs(s.base.Float(k) - t.Float(k))
		if !s.base.DType.IsFloat() || math.IsNaN(d) || math.IsInf(d, 0) {
			if s.flips == nil {
				s.flips = make([]bool, s.base.Len())
			}
			s.flips[k] = true
			continue
		}
		s.moved[k] = max(s.moved[k], d/roundings)
	}
}

// jumpQuantiles: an element that moves this many times as far as nine out of ten
// do moves for another reason than rounding. The largest of 10^9 normally
// distributed numbers is four times that quantile, and outputs of several kinds
// in one tensor differ by some powers of two.
const jumpQuantiles = 64

// noise is the largest rounding error that is not a jump, and the elements that
// jump, nil for none. Only a model with operators that turn rounding into jumps
// has any; granted is what is taken for rounding whatever the others do.
func (s *scatter) noise(jumpy bool, granted float64) (noise float64, jumps []bool) {
	jumps = slices.Clone(s.flips)
	if len(s.moved) == 0 {
		return 0, jumps
	}
	bound := math.Inf(1)
	if jumpy && s.base.DType.IsFloat() {
		sorted := slices.Sorted(slices.Values(s.moved))
		bound = max(granted, min(jumpQuantiles*sorted[len(sorted)*9/10], TellingNoise*s.scale))
	}
	for k, d := range s.moved {
		switch {
		case d <= bound:
			noise = max(noise, d)
		default:
			if jumps == nil {
				jumps = make([]bool, len(s.moved))
			}
			jumps[k] = true
		}
	}
	return noise, jumps
}

// same reports whether two tensors hold the same at one place: NaN equals NaN,
// infinities equal themselves, integers are compared as integers.
func same(a, b *Tensor, k int) bool {
	if a.I != nil && b.I != nil {
		return a.I[k] == b.I[k]
	}
	x, y := a.Float(k), b.Float(k)
	return x == y || math.IsNaN(x) && math.IsNaN(y)
}

// jumps reports whether a model has operators that turn a rounding into a jump:
// those that compare, choose, count or round, and those that nobody here knows.
func jumps(m *onnxio.Model) bool {
	plain, err := m.Plain()
	return err != nil || graphJumps(plain.Graph())
}

func graphJumps(g *onnxio.Graph) bool {
	return slices.ContainsFunc(g.Nodes(), func(n *onnxio.Node) bool {
		if n.Domain() != "" && n.Domain() != "ai.onnx" || jumping[n.OpType()] {
			return true
		}
		switch n.OpType() {
		case "Cast":
			to := n.Attr("to")
			return to == nil || !onnxio.DType(to.I()).IsFloat()
		case "MaxPool": // its second output is where the largest element stands
			return len(n.Outputs()) > 1 && n.Outputs()[1] != ""
		case "If", "Loop", "Scan":
			return n.OpType() != "Scan" || slices.ContainsFunc(n.Subgraphs(), graphJumps)
		}
		return slices.ContainsFunc(n.Subgraphs(), graphJumps)
	})
}

var jumping = map[string]bool{
	"ArgMax": true, "ArgMin": true, "TopK": true, "NonMaxSuppression": true, "Unique": true, "NonZero": true, "Hardmax": true,
	"Round": true, "Floor": true, "Ceil": true, "Sign": true, "Mod": true, "QuantizeLinear": true, "DynamicQuantizeLinear": true, "QLinearConv": true, "QLinearMatMul": true,
	"Greater": true, "GreaterOrEqual": true, "Less": true, "LessOrEqual": true, "Equal": true, "CastLike": true,
	"ThresholdedRelu": true, "Shrink": true, "MaxUnpool": true, "MaxRoiPool": true, "RoiAlign": true, "GridSample": true,
	"BitShift": true, "Bernoulli": true, "Multinomial": true, "IsInf": true, "StringNormalizer": true, "TfIdfVectorizer": true,
}
