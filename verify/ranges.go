package verify

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"repmlp/onnxio"
	"repmlp/verify/internal/random"
	"repmlp/verify/internal/tensor"
)

// rangeOf is the range that random numbers of an input have: its own, or for floats
// that without a name. ok is false where there is none.
func rangeOf(ranges map[string][2]float64, in *onnxio.ValueInfo) (r [2]float64, ok bool) {
	if r, ok = ranges[in.Name()]; ok || !in.Elem().IsFloat() {
		return r, ok
	}
	r, ok = ranges[""]
	return r, ok
}

// checkRanges refuses a range of an input that there is not, and one that its type
// does not have.
func checkRanges(m *onnxio.Model, ranges map[string][2]float64) error {
	var have []string
	floats := false
	for _, in := range feedable(m) {
		have = append(have, in.Name())
		floats = floats || in.Elem().IsFloat()
		if r, ok := rangeOf(ranges, in); ok {
			if !(r[0] <= r[1]) || !finite(r[1]-r[0]) {
				return fmt.Errorf("making random inputs: %g to %g of input %q is no range of numbers", r[0], r[1], in.Name())
			}
			if _, _, err := within(in, r); err != nil {
				return err
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(ranges)) {
		if name != "" && !slices.Contains(have, name) {
			return fmt.Errorf("making random inputs: the model has no input %q; its inputs are %q", name, have)
		}
	}
	if _, ok := ranges[""]; ok && !floats {
		return fmt.Errorf("making random inputs: a range without a name is for inputs of floats, and the model has none; name one of %q", have)
	}
	return nil
}

// mostOf are the largest magnitudes of the float types.
var mostOf = map[onnxio.DType]float64{onnxio.Float16: 65504, onnxio.BFloat16: 0x1.fep127, onnxio.Float32: math.MaxFloat32, onnxio.Float64: math.MaxFloat64}

// within are the integers of a range, of which an integer type has to have all; a
// float type has to reach its ends.
func within(in *onnxio.ValueInfo, r [2]float64) (low, high int64, err error) {
	d := in.Elem()
	if d.IsFloat() {
		if max(-r[0], r[1]) > mostOf[d] {
			return 0, 0, fmt.Errorf("making random inputs: %s of input %q does not reach from %g to %g", d, in.Name(), r[0], r[1])
		}
		return 0, 0, nil
	}
	from, to := math.Ceil(r[0]), math.Floor(r[1])
	if !d.IsInt() && d != onnxio.Bool {
		return 0, 0, fmt.Errorf("making random inputs: input %q has type %s, which has no range", in.Name(), d)
	}
	least, most := integerEnds(d)
	if from > to || from < least || to > most {
		return 0, 0, fmt.Errorf("making random inputs: %s of input %q has no whole range from %g to %g", d, in.Name(), r[0], r[1])
	}
	return int64(from), int64(to), nil
}

// evenTensor is numbers that lie evenly in a range.
func evenTensor(seed uint64, key string, in *onnxio.ValueInfo, shape []int64, r [2]float64) (*Tensor, error) {
	if tensor.TooLarge(shape) {
		return nil, fmt.Errorf("making random inputs: input %q of shape %v is too large", in.Name(), shape)
	}
	low, high, err := within(in, r)
	if err != nil {
		return nil, err
	}
	t := &Tensor{DType: in.Elem(), Shape: tensor.ToInts(shape)}
	rng := random.Stream(seed, key)
	draw := func() float64 { return min(r[1], r[0]+rng.Float64()*(r[1]-r[0])) }
	switch {
	case in.Elem() == onnxio.Float64:
		t.F64 = make([]float64, t.Len())
		for i := range t.F64 {
			t.F64[i] = draw()
		}
	case in.Elem().IsFloat():
		t.F32 = make([]float32, t.Len())
		for i := range t.F32 {
			t.F32[i] = float32(draw())
		}
		tensor.Round(t)
	default:
		t.I = make([]int64, t.Len())
		for i := range t.I {
			t.I[i] = low + rng.Int64N(high-low+1)
		}
	}
	return t, nil
}
