package layer

import (
	"fmt"
	"slices"

	"repmlp/convert/internal/affine"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
	"repmlp/verify"
)

// A Scale is a run of scales and shifts as one Mul and one Add, or as one
// BatchNormalization where there was one.
type Scale struct {
	Rows           *affine.Rows
	scales, shifts bool
	norm           bool // it may be a BatchNormalization
}

// PlanScale plans a segment whose steps all scale or shift in place; ok is false where
// there is another, or where the numbers do not broadcast.
func PlanScale(s *affine.Segment, walk *affine.Walk, opset int64) (*Scale, bool) {
	l := &Scale{}
	for _, a := range s.Steps {
		from, _ := a.Args[0].Shape()
		to, _ := a.Out.Shape()
		if !affine.InPlace(a.Op) || !affine.EqualDims(from, to) {
			return nil, false
		}
		d, ok := a.Op.(*affine.Diagonal)
		if !ok {
			continue
		}
		l.scales, l.shifts = l.scales || d.Scales(), l.shifts || d.Shifts()
		l.norm = l.norm || d.Normed()
	}
	m, why := walk.Rows(s.To)
	if why != nil || len(m.Feature) > 0 || len(m.Result) > 0 {
		return nil, false
	}
	l.Rows = m
	varies, ok := wholeAxesVary(m)
	l.norm = l.norm && opset >= attributeless && len(varies) > 1 && slices.Index(varies, true) == 1 && !slices.Contains(varies[2:], true)
	return l, ok && scaleFits(opset, varies)
}

// wholeAxesVary tells for each axis whether the numbers vary along it; ok is false
// where they vary along a part of one, and so cannot be broadcast.
func wholeAxesVary(m *affine.Rows) (varies []bool, ok bool) {
	for _, axis := range m.In {
		some, all := false, true
		for _, a := range axis {
			weighted := slices.Contains(m.Group, a)
			some, all = some || weighted, all && weighted
		}
		if some && !all {
			return nil, false
		}
		varies = append(varies, some)
	}
	return varies, true
}

// Kind implements Layer.
func (l *Scale) Kind() string { return "scale" }

// Cost implements Layer.
func (l *Scale) Cost() affine.Cost {
	if l.norm {
		return affine.Cost{Work: 1}
	}
	return affine.Cost{Work: l.parts()}
}

// parts is how many of the two halves there are.
func (l *Scale) parts() int {
	n := 0
	if l.scales {
		n++
	}
	if l.shifts {
		n++
	}
	return n
}

// Shape implements Layer.
func (l *Scale) Shape() Shape {
	n := l.Rows.Count(l.Rows.Group)
	each := l.parts()
	if l.norm && each > 1 {
		each = 4
	}
	return Shape{Groups: n, In: n, Out: n, Parameters: n * each}
}

func (l *Scale) String() string {
	return fmt.Sprintf("Scale of %d numbers", l.Rows.Count(l.Rows.Group))
}

// Write implements Layer. What a scale of ones or a shift of zeros would do is not
// written.
func (l *Scale) Write(w *Writer, s *affine.Segment, in, out string) error {
	scale, shift, err := l.numbers()
	if err != nil {
		return err
	}
	dims, attrs := w.beside(l.dims())
	type part struct {
		op, name string
		v        []float64
		skip     float64
	}
	var parts []part
	for _, q := range []part{{"Mul", ".scale", scale, 1}, {"Add", ".shift", shift, 0}} {
		if slices.ContainsFunc(q.v, func(x float64) bool { return x != q.skip }) {
			parts = append(parts, q)
		}
	}
	if len(parts) == 0 {
		w.node("Identity", out, out, []string{in})
		return nil
	}
	if len(parts) == 2 && l.norm {
		return overflows(s, w.batchNorm(s, in, out, scale, shift))
	}
	for i, q := range parts {
		to := ""
		if i == len(parts)-1 {
			to = out
		}
		c, err := w.numbers(out+q.name, s.To.Elem, dims, q.v, s.Last().Node())
		if err != nil {
			return overflows(s, err)
		}
		in = w.node(q.op, out+q.name+"d", to, []string{in, c}, attrs...)
	}
	return nil
}

// batchNorm writes a scale and shift of channels as a BatchNormalization of mean 0 and
// variance 1.
func (w *Writer) batchNorm(s *affine.Segment, in, out string, scale, shift []float64) error {
	n := len(scale)
	inputs := []string{in}
	for _, q := range []struct {
		name string
		v    []float64
	}{{".scale", scale}, {".bias", shift}, {".mean", make([]float64, n)}, {".variance", slices.Repeat([]float64{1}, n)}} {
		c, err := w.numbers(out+q.name, s.To.Elem, []int64{int64(n)}, q.v, s.Last().Node())
		if err != nil {
			return err
		}
		inputs = append(inputs, c)
	}
	w.node("BatchNormalization", out, out, inputs, onnxio.FloatAttr("epsilon", 0))
	return nil
}

// numbers are what the program makes of zeros, and what it makes of ones without
// its shifts.
func (l *Scale) numbers() (scale, shift []float64, err error) {
	m := l.Rows
	order := m.Form().Group
	n := m.Count(m.Group)
	if shift, err = m.Program.Push(make([]float64, n), 1, order); err != nil {
		return nil, nil, err
	}
	linear := *m.Program
	linear.Ops = slices.Clone(linear.Ops)
	for i := range linear.Ops {
		linear.Ops[i].Shift = nil
	}
	scale, err = linear.Push(slices.Repeat([]float64{1}, n), 1, order)
	return scale, shift, err
}

// dims is the shape of the numbers beside the data.
func (l *Scale) dims() []int64 {
	var dims []int64
	for _, axis := range l.Rows.Out {
		d := int64(1)
		if len(axis) > 0 && slices.Contains(l.Rows.Group, axis[0]) {
			d = int64(l.Rows.Count(axis))
		}
		dims = append(dims, d)
	}
	return dims
}

// Claim implements Layer: along which axes all positions are alike.
func (l *Scale) Claim(_ *affine.Segment, whole bool) (func(shape []int) ([]int32, int, int), []verify.Reach) {
	if !whole {
		return nil, nil
	}
	return nil, alike(l.Rows)
}

// alike lists the axes along which all positions are alike.
func alike(m *affine.Rows) (out []verify.Reach) {
	if len(m.In) != len(m.Out) {
		return nil
	}
	for i, axis := range m.In {
		mixed := slices.ContainsFunc(axis, func(a graph.Atom) bool { return !m.Row[a] || slices.Contains(m.Group, a) })
		if slices.Equal(axis, m.Out[i]) && !mixed {
			out = append(out, verify.Reach{Axis: i, Span: 1, Stride: 1, Out: i})
		}
	}
	return out
}
