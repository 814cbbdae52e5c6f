package affine

import (
	"math"
	"slices"
	"sync"

	"repmlp/onnxio/graph"
)

// A ScaleTerm is a term of a sum: Coef times what some scales and shifts, the first one
// first, make of one value.
type ScaleTerm struct {
	Coef float64
	Of   []*Diagonal
}

// SumOfScales is a sum of terms that all scale and shift one value of the given rank, as
// one scale and shift of it: Σ cᵢ(sᵢ∘x + tᵢ) = (Σ cᵢsᵢ)∘x + Σ cᵢtᵢ. nodes is how many nodes
// it stands for. ok is false where the constants do not fit each other, or where no constant
// is as large as the numbers of the sum.
func SumOfScales(rank, nodes int, terms []ScaleTerm) (sum *Diagonal, ok bool) {
	d := &Diagonal{place: Everywhere(rank), none: true, work: nodes}
	shifts, largest := false, 1
	for _, t := range terms {
		for _, o := range t.Of {
			if o.place.lead > 0 || o.Widens() || o.aligned || len(o.place.sizes) != rank {
				return nil, false
			}
			for axis, n := range o.place.sizes {
				if have := d.place.sizes[axis]; n != 1 && have != 1 && n != have {
					return nil, false
				}
				d.place.sizes[axis] = max(n, d.place.sizes[axis])
			}
			largest = max(largest, Size(o.place.sizes))
			d.weights = append(d.weights, o.weights...)
			d.normed = d.normed || o.Normed()
			shifts, d.none = shifts || o.shift != nil, d.none && (o.shift == nil || o.none)
		}
	}
	if Size(d.place.sizes) > min(largest, maxIdle) {
		return nil, false
	}
	d.Norm = d.normed && rank > 1 && slices.Equal(d.place.varies(), []int{1})
	numbers := sync.OnceValues(func() (scaled, error) { return addScales(d.place.sizes, terms) })
	load := func(part func(scaled) []float64) Load {
		return func() ([]float64, error) {
			s, err := numbers()
			return part(s), err
		}
	}
	d.scale = load(func(s scaled) []float64 { return s.scale })
	if shifts {
		d.shift = load(func(s scaled) []float64 { return s.shift })
		d.sizes = load(func(s scaled) []float64 { return s.sizes })
	}
	return d, true
}

// scaled are the numbers of a scale and shift, and the magnitudes that the shift was
// added up from.
type scaled struct{ scale, shift, sizes []float64 }

// addScales adds terms up over some sizes.
func addScales(sizes []int, terms []ScaleTerm) (scaled, error) {
	n := Size(sizes)
	sum := scaled{make([]float64, n), make([]float64, n), make([]float64, n)}
	for _, t := range terms {
		one := scaled{slices.Repeat([]float64{1}, n), make([]float64, n), make([]float64, n)}
		for _, d := range t.Of {
			scale, shift, magnitude, err := d.over(sizes)
			if err != nil {
				return scaled{}, err
			}
			for i := range n {
				one.scale[i] *= scale[i]
				one.shift[i] = float64(one.shift[i]*scale[i]) + shift[i]
				one.sizes[i] = float64(one.sizes[i]*math.Abs(scale[i])) + magnitude[i]
			}
		}
		for i := range n {
			sum.scale[i] += float64(t.Coef * one.scale[i])
			sum.shift[i] += float64(t.Coef * one.shift[i])
			sum.sizes[i] += float64(math.Abs(t.Coef) * one.sizes[i])
		}
	}
	return sum, nil
}

// over are the numbers over sizes that hold those of the constant: scales of one where
// nothing is scaled, shifts of zero where nothing is added.
func (d *Diagonal) over(sizes []int) (scale, shift, magnitude []float64, err error) {
	read := func(l Load, or float64) []float64 {
		v := []float64{or}
		if l != nil && err == nil {
			v, err = l()
		}
		if len(v) == 1 {
			return slices.Repeat(v, Size(sizes))
		}
		if err != nil {
			return nil
		}
		return repeated(v, d.place.sizes, sizes)
	}
	scale = read(d.scale, 1)
	if shift = read(d.shift, 0); d.none && shift != nil {
		clear(shift)
	}
	if d.sizes != nil {
		return scale, shift, read(d.sizes, 0), err
	}
	magnitude = slices.Clone(shift)
	for i, v := range magnitude {
		magnitude[i] = math.Abs(v)
	}
	return scale, shift, magnitude, err
}

// repeated lays numbers out over sizes that repeat axes of size one.
func repeated(v []float64, from, to []int) []float64 {
	out := make([]float64, Size(to))
	for i := range out {
		at, rest, step := 0, i, 1
		for axis := len(to) - 1; axis >= 0; axis-- {
			k := rest % to[axis]
			rest /= to[axis]
			if from[axis] != 1 {
				at += k * step
				step *= from[axis]
			}
		}
		out[i] = v[at]
	}
	return out
}

// ScalesOf lists what v is by operations in place alone: values, nearest first, each with
// those that lead from it to v, the first one first. v is the first itself.
func ScalesOf(of func(*graph.Value) *Affine, v *graph.Value, most int) (values []*graph.Value, by [][]*Affine) {
	values, by = []*graph.Value{v}, [][]*Affine{nil}
	var steps []*Affine // those of the farthest value: the others are its ends
	for k := most - 1; k >= 0; k-- {
		a := of(v)
		if a == nil || !InPlace(a.Op) || len(a.Args) != 1 {
			break
		}
		if steps == nil {
			steps = make([]*Affine, most)
			values, by = append(make([]*graph.Value, 0, most+1), v), append(make([][]*Affine, 0, most+1), nil)
		}
		v = a.Args[0]
		steps[k] = a
		values, by = append(values, v), append(by, steps[k:])
	}
	return values, by
}
