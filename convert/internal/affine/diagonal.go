package affine

import (
	"fmt"
	"math"
	"slices"

	"repmlp/convert/internal/reason"
	"repmlp/fuse"
	"repmlp/onnxio/graph"
)

// A Diagonal scales and shifts elements by constants: y = s∘x + t.
type Diagonal struct {
	Norm bool // a BatchNormalization, which takes its axes as [N, C, spatial...]

	place   Placement
	scale   Load // one number, or as many as the constant has; nil: not scaled
	shift   Load
	sizes   Load // magnitudes that the shift was added up from, nil for its own
	none    bool // the shift is zero everywhere
	aligned bool // the numbers are those of the channels, wherever they stand
	weights []*graph.Value
	normed  bool // a BatchNormalization is in a sum of scales
	work    int  // nodes that a sum of scales stands for; 0: one
}

// NewDiagonal scales and shifts by numbers laid out like a constant that is placed
// by p; a nil Load stands for no scale, or no shift. none says that the shift is
// zero everywhere, as in a sum that starts at zero.
func NewDiagonal(p Placement, scale, shift Load, none bool, weights ...*graph.Value) *Diagonal {
	return &Diagonal{place: p, scale: scale, shift: shift, none: none, weights: weights}
}

// NewNorm is a BatchNormalization of data of the given rank; sizes are the
// magnitudes that the shift was added up from.
func NewNorm(rank, channels int, scale, shift, sizes Load, weights ...*graph.Value) *Diagonal {
	p := Everywhere(rank)
	p.sizes[1] = channels
	return &Diagonal{Norm: true, place: p, scale: scale, shift: shift, sizes: sizes, weights: weights}
}

// Scales and Shifts say what the operation does.
func (d *Diagonal) Scales() bool { return d.scale != nil }

// Shifts reports whether something is added.
func (d *Diagonal) Shifts() bool { return d.shift != nil }

// Normed reports whether there is a BatchNormalization in it.
func (d *Diagonal) Normed() bool { return d.Norm || d.normed }

// Widens reports whether the constant repeats axes of size one of the data.
func (d *Diagonal) Widens() bool { return len(d.place.widens) > 0 }

// PerChannel reports whether the numbers vary along axis 1 of a map alone, or not
// at all.
func (d *Diagonal) PerChannel() bool {
	axis, ok := d.place.channels()
	return d.Norm || ok && axis <= 1 && axis != 0 && !d.Widens()
}

// AlongOne reports whether the numbers vary along one axis of the data at most.
func (d *Diagonal) AlongOne() bool { return d.Norm || len(d.place.varies()) <= 1 }

// maxIdle is up to how many numbers are read to see whether they do anything.
const maxIdle = 1 << 20

// idle reports whether nothing is multiplied by anything but one, and nothing added but
// zeros.
func (d *Diagonal) idle() bool {
	if d.Norm || d.work > 0 || d.place.lead > 0 || d.Widens() || Size(d.place.sizes) > maxIdle {
		return false
	}
	all := func(l Load, f float64) bool {
		if l == nil {
			return true
		}
		v, err := l()
		return err == nil && !slices.ContainsFunc(v, func(x float64) bool { return x != f })
	}
	return all(d.scale, 1) && (d.none || all(d.shift, 0))
}

// Trace implements Op.
func (d *Diagonal) Trace(t *Tracer, _ *graph.Node, in []Traced) (Traced, *reason.Refusal) {
	y, over := d.place.trace(t, in[0])
	var a, b *array
	if d.scale != nil {
		a = &array{over, d.scale, nil}
	}
	if d.shift != nil {
		b = &array{over, d.shift, nil}
	}
	return t.diagonal(y, a, b), nil
}

// Window implements Op: scaled channels, a 1×1 kernel on the diagonal.
func (d *Diagonal) Window(n *graph.Node, in []Map) (Map, *reason.Refusal) {
	axis, ok := d.place.channels()
	if !ok {
		return NoMap{}.Window(n, in)
	}
	m := in[0]
	if axis >= 0 {
		if d.Widens() && m.Win.Out == 1 && axis < m.Cut.rank(m.Dims) {
			m = m.widened(axis, d.place.sizes[axis])
		}
		if !d.aligned && !m.Cut.holds(axis, 1, m.Dims) {
			return m, reason.Refuse("", "%q scales another axis than the channels", n.Title())
		}
		if m.Win.Out != d.place.sizes[axis] {
			return m, reason.Refuse("", "the constant of %q has %d channels, its data %d", n.Title(), d.place.sizes[axis], m.Win.Out)
		}
	}
	shifts := d.shift != nil && !d.none
	if d.scale == nil && !shifts {
		return m, nil
	}
	m = m.scaledBy(func() (scale, shift, sizes []float64, err error) {
		if d.scale != nil {
			if scale, err = d.scale(); err != nil {
				return nil, nil, nil, err
			}
		}
		if shifts {
			if shift, err = d.shift(); err != nil {
				return nil, nil, nil, err
			}
			if d.sizes != nil {
				sizes, err = d.sizes()
			}
		}
		return scale, shift, sizes, err
	})
	if shifts {
		m = m.shifted(n)
	}
	return m, nil
}

// Kernel implements Op.
func (d *Diagonal) Kernel(n *graph.Node, in []*fuse.Kernel) (*fuse.Kernel, error) {
	data := in[0]
	if axis, ok := d.place.channels(); ok && axis >= 0 && d.Widens() {
		data = data.Then(widening(d.place.sizes[axis], len(data.Taps)))
	}
	spread := func(l Load) ([]float64, error) {
		if l == nil {
			return nil, nil
		}
		v, err := l()
		if err == nil && len(v) == 1 {
			v = slices.Repeat(v, data.Out)
		}
		return v, err
	}
	scale, err := spread(d.scale)
	if err != nil {
		return nil, err
	}
	shift, err := spread(d.shift)
	if err != nil {
		return nil, err
	}
	for _, v := range scale {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, Refusing(n, reason.NonFiniteWeight, "the constant of %q holds %g", n.Title(), v)
		}
	}
	return data.Scaled(scale, shift), nil
}

// Weights implements Op.
func (d *Diagonal) Weights() []*graph.Value { return d.weights }

// Cost implements Op.
func (d *Diagonal) Cost() Cost { return Cost{Work: max(d.work, 1)} }

func (d *Diagonal) String() string {
	what := "Shift"
	switch {
	case d.work > 0:
		what = "Sum of scales"
	case d.Norm:
		what = "Norm"
	case d.scale != nil && d.shift != nil:
		what = "Scale and shift"
	case d.scale != nil:
		what = "Scale"
	}
	return fmt.Sprintf("%s of %v", what, d.place.sizes)
}

// Numbers are the scale and shift as they lie beside the data: sizes has one entry for
// each axis, 1 where they do not vary, and both are in row-major order over these;
// nil stands for no scale, or no shift. ok is false where the constant repeats the
// data, or has more than limit numbers.
func (d *Diagonal) Numbers(limit int) (sizes []int, scale, shift []float64, ok bool, err error) {
	if d.Widens() || d.place.lead > 0 || Size(d.place.sizes) > limit {
		return nil, nil, nil, false, nil
	}
	read := func(l Load) ([]float64, error) {
		if l == nil {
			return nil, nil
		}
		v, err := l()
		if err == nil && len(v) == 1 {
			v = slices.Repeat(v, Size(d.place.sizes))
		}
		return v, err
	}
	if scale, err = read(d.scale); err != nil {
		return nil, nil, nil, false, err
	}
	if shift, err = read(d.shift); err != nil || d.none {
		shift = nil
	}
	return slices.Clone(d.place.sizes), scale, shift, err == nil, err
}
