package layer

import (
	"slices"

	"repmlp/convert/internal/affine"
	"repmlp/onnxio/graph"
	"repmlp/verify"
)

// A Norm is a normalisation with what scales and shifts its result in parameters of its
// own: s∘(γ∘n + β) + t = (s∘γ)∘n + (s∘β + t).
type Norm struct {
	norm   *affine.Normalised
	node   *graph.Node
	after  *Scale // what follows
	first  int    // the axes from here to behind last have parameters
	last   int
	groups int  // parameters are of groups of channels; 0 where they are of channels
	biased bool // the operator has a bias
	scale  []int
	bias   []int // shapes of the parameters
}

// groupsPerChannel is the opset from which on a GroupNormalization has parameters of
// channels.
const groupsPerChannel = 21

// PlanNorm plans a segment of a norm and scales and shifts behind it; ok is false where
// these have no place in its parameters.
func PlanNorm(s *affine.Segment, opset int64) (*Norm, bool) {
	norm, ok := s.Steps[0].Op.(*affine.Normalised)
	if !ok || len(s.Steps) < 2 {
		return nil, false
	}
	l := &Norm{norm: norm, node: s.Steps[0].Node(), first: 1, last: 2, biased: true}
	from := s.Steps[0].Out
	rank := from.Rank()
	switch norm.Op {
	case "LayerNormalization", "RMSNormalization":
		if l.first, ok = graph.Axis(l.node.AttrInt("axis"), rank); !ok {
			return nil, false
		}
		l.last, l.biased = rank, norm.Op == "LayerNormalization"
	case "GroupNormalization":
		if opset < groupsPerChannel {
			l.groups = int(l.node.AttrInt("num_groups"))
		}
	case "InstanceNormalization":
	default:
		return nil, false
	}
	if l.after, ok = following(from, s.Steps[1:]); !ok || l.after.shifts && !l.biased {
		return nil, false
	}
	return l, l.fits()
}

// following are the steps behind a norm as one scale and shift of its result.
func following(from *graph.Value, steps []*affine.Affine) (*Scale, bool) {
	walk := affine.NewRowsWalk(from)
	l := &Scale{}
	for _, a := range steps {
		shape, _ := a.Args[0].Shape()
		to, _ := a.Out.Shape()
		if !affine.InPlace(a.Op) || !affine.EqualDims(shape, to) {
			return nil, false
		}
		if d, ok := a.Op.(*affine.Diagonal); ok && !affine.IsIdle(d) { // zeros are no shift that needs a bias
			l.scales, l.shifts = l.scales || d.Scales(), l.shifts || d.Shifts()
		}
		walk.Through(a)
	}
	m, why := walk.Rows(steps[len(steps)-1].Out)
	if why != nil || len(m.Feature) > 0 || len(m.Result) > 0 {
		return nil, false
	}
	l.Rows = m
	return l, true
}

// fits lays the numbers along the norm's own axes and decides which shapes its parameters
// get: those that they have, or wider ones.
func (l *Norm) fits() bool {
	varies, ok := wholeAxesVary(l.after.Rows)
	if !ok {
		return false
	}
	for axis, some := range varies {
		if some && (axis < l.first || axis >= l.last) {
			return false
		}
	}
	dims := make([]int, 0, len(varies))
	for _, d := range l.after.dims()[l.first:l.last] {
		dims = append(dims, int(d))
	}
	gamma, ok := affine.ConstShape(l.norm.Scale)
	if !ok || len(gamma) > len(dims) {
		return false
	}
	if l.groups > 0 {
		l.scale, l.bias = gamma, gamma
		return len(gamma) == 1 && gamma[0] == l.groups && (dims[0] == 1 || dims[0]%l.groups == 0)
	}
	if l.scale, ok = wider(gamma, dims); !ok {
		return false
	}
	l.bias = l.scale
	if l.norm.Bias != nil {
		beta, known := affine.ConstShape(l.norm.Bias)
		if !known || len(beta) > len(dims) {
			return false
		}
		l.bias, ok = wider(beta, l.scale)
	}
	return ok
}

// wider is the shape to which two shapes broadcast that meet at their last axes, with as
// few axes as the first has at least.
func wider(a, b []int) ([]int, bool) {
	for len(b) > len(a) && b[0] == 1 {
		b = b[1:]
	}
	out := slices.Repeat([]int{1}, max(len(a), len(b)))
	for _, shape := range [][]int{a, b} {
		for i, d := range shape {
			at := i + len(out) - len(shape)
			if d != 1 && out[at] != 1 && d != out[at] {
				return nil, false
			}
			out[at] = max(out[at], d)
		}
	}
	return out, true
}

// spread repeats numbers of one shape until they have another.
func spread(v []float64, from, to []int) []float64 {
	out := make([]float64, affine.Size(to))
	for i := range out {
		at, rest, step := 0, i, 1
		for axis := len(to) - 1; axis >= 0; axis-- {
			k := rest % to[axis]
			rest /= to[axis]
			if j := axis - len(to) + len(from); j >= 0 {
				if from[j] != 1 {
					at += k * step
				}
				step *= from[j]
			}
		}
		out[i] = v[at]
	}
	return out
}

// Kind implements Layer.
func (l *Norm) Kind() string { return "norm" }

// Cost implements Layer.
func (l *Norm) Cost() affine.Cost { return affine.Cost{Work: 1} }

// Shape implements Layer.
func (l *Norm) Shape() Shape {
	n := affine.Size(l.scale)
	s := Shape{Groups: n, In: n, Out: n, Parameters: n}
	if l.norm.Bias != nil || l.after.shifts {
		s.Parameters += affine.Size(l.bias)
	}
	return s
}

func (l *Norm) String() string { return l.norm.Op + " with parameters " + affine.Cross(l.scale) }

// Numbers are the parameters of the merged norm, bias nil where it needs none; ok is
// false where numbers differ within a group that has one parameter.
func (l *Norm) Numbers() (scale, bias []float64, ok bool, err error) {
	s, t, err := l.after.numbers()
	if err != nil {
		return nil, nil, false, err
	}
	gamma, beta, err := l.norm.Numbers()
	if err != nil {
		return nil, nil, false, err
	}
	dims := make([]int, 0, len(l.after.Rows.Out))
	for _, d := range l.after.dims()[l.first:l.last] {
		dims = append(dims, int(d))
	}
	if l.groups > 0 {
		if s, t, ok = grouped(s, l.groups), grouped(t, l.groups), true; s == nil || t == nil {
			return nil, nil, false, nil
		}
		dims = []int{len(s)}
	}
	shape, _ := affine.ConstShape(l.norm.Scale)
	scale = spread(gamma, shape, l.scale)
	for i, f := range spread(s, dims, l.scale) {
		scale[i] *= f
	}
	if beta == nil && !l.after.shifts {
		return scale, nil, true, nil
	}
	bias = spread(t, dims, l.bias)
	if beta != nil {
		shape, _ := affine.ConstShape(l.norm.Bias)
		factors := spread(s, dims, l.bias)
		for i, b := range spread(beta, shape, l.bias) {
			bias[i] += float64(factors[i] * b)
		}
	}
	return scale, bias, true, nil
}

// grouped is one number for each group of equally many neighbours, nil where these differ.
func grouped(v []float64, groups int) []float64 {
	if len(v) == 1 {
		return v
	}
	each := len(v) / groups
	out := make([]float64, groups)
	for i, x := range v {
		if i%each == 0 {
			out[i/each] = x
		} else if out[i/each] != x {
			return nil
		}
	}
	return out
}

// Write implements Layer.
func (l *Norm) Write(w *Writer, s *affine.Segment, in, out string) error {
	scale, bias, _, err := l.Numbers()
	if err != nil {
		return err
	}
	inputs := []string{in, ""}
	parameter := func(base string, shape []int, v []float64) (string, error) {
		dims := make([]int64, len(shape))
		for i, d := range shape {
			dims[i] = int64(d)
		}
		return w.numbers(base, s.To.Elem, dims, v, s.Last().Node())
	}
	if inputs[1], err = parameter(out+".scale", l.scale, scale); err != nil {
		return err
	}
	if bias != nil {
		name, err := parameter(out+".bias", l.bias, bias)
		if err != nil {
			return err
		}
		inputs = append(inputs, name)
	}
	w.Add(l.node.Keep(1).WithInputs(w.Fresh(out+".node"), inputs, []string{out}))
	return nil
}

// provedPositions is how many positions of a map a proof shows along each axis: a norm of
// one position is zero.
const provedPositions = 8

// Claim implements Layer: a norm of the last axes treats all others alike, one of channels
// the samples; of a map it is the same function of its parameters whatever the size.
func (l *Norm) Claim(_ *affine.Segment, whole bool) (func(shape []int) ([]int32, int, int), []verify.Reach) {
	if !whole {
		return nil, nil
	}
	var out []verify.Reach
	for axis := range l.after.Rows.In {
		switch {
		case axis < l.first:
			out = append(out, verify.Reach{Axis: axis, Span: 1, Stride: 1, Out: axis})
		case axis >= l.last:
			out = append(out, verify.Reach{Axis: axis, Span: provedPositions, Stride: 1, Out: axis})
		}
	}
	return nil, out
}
