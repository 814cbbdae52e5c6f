package verify

import (
	"fmt"

	"repmlp/onnxio"
	"repmlp/verify/internal/random"
	"repmlp/verify/internal/tensor"
)

// A sample is the inputs of one run, and the outputs that came with them, nil
// where there are none.
type sample struct{ feed, want map[string]*Tensor }

// A series is the inputs of every run, made or read when they are asked for.
type series struct {
	count   int
	samples int // rows of real inputs, see samples of an inputSet; else runs
	at      func(k int) (sample, error)
	named   func(k, row int) string // what a row of a run comes from; nil: nothing to say
	unread  []string                // files beside the inputs that nothing is taken from
}

// samples lists the inputs of every run: the real ones where any are given,
// random ones otherwise.
func samples(m *onnxio.Model, o CompareOptions) (*series, error) {
	if o.given != nil {
		return &series{count: len(o.given), samples: len(o.given), at: func(k int) (sample, error) { return o.given[k], nil }}, nil
	}
	if len(o.Inputs) > 0 {
		return realInputs(m, o.Inputs, o.Images, o.Dims)
	}
	sizes, err := ChooseSizes(m, o.Dims, 2)
	if err != nil {
		return nil, err
	}
	if err := checkRanges(m, o.Ranges); err != nil {
		return nil, err
	}
	n := max(o.Samples, 1)
	return &series{count: n, samples: n, at: func(k int) (sample, error) {
		feed, err := randomInputs(m, sizes, o.Ranges, o.Seed, k)
		return sample{feed: feed}, err
	}}, nil
}

// RandomInputs makes standard normal inputs, see ChooseSizes for their shapes.
func RandomInputs(m *onnxio.Model, dims map[string]int64, batch int64, seed uint64) (map[string]*Tensor, error) {
	sizes, err := ChooseSizes(m, dims, batch)
	if err != nil {
		return nil, err
	}
	return randomInputs(m, sizes, nil, seed, 0)
}

func randomInputs(m *onnxio.Model, sizes map[string][]int64, ranges map[string][2]float64, seed uint64, sample int) (map[string]*Tensor, error) {
	feed := map[string]*Tensor{}
	for _, in := range feedable(m) {
		shape, ok := sizes[in.Name()]
		if !ok {
			return nil, &onnxio.Hint{Err: fmt.Errorf("making random inputs: the rank of input %q is not declared", in.Name()), Advice: "give real inputs with --inputs"}
		}
		if r, ok := rangeOf(ranges, in); ok {
			var err error
			if feed[in.Name()], err = evenTensor(seed, fmt.Sprintf("%s/%d", in.Name(), sample), in, shape, r); err != nil {
				return nil, err
			}
			continue
		}
		var err error
		if feed[in.Name()], err = randomTensor(seed, fmt.Sprintf("%s/%d", in.Name(), sample), in, shape, indexRange(m, in.Name())); err != nil {
			return nil, err
		}
	}
	return feed, nil
}

// values is how many integers an integer input takes.
func randomTensor(seed uint64, key string, in *onnxio.ValueInfo, shape []int64, values int64) (*Tensor, error) {
	t := &Tensor{DType: in.Elem(), Shape: tensor.ToInts(shape)}
	if tensor.TooLarge(shape) {
		return nil, fmt.Errorf("making random inputs: input %q of shape %v is too large", in.Name(), shape)
	}
	rng := random.Stream(seed, key)
	switch {
	case in.Elem() == onnxio.Float64:
		t.F64 = make([]float64, t.Len())
		for i := range t.F64 {
			t.F64[i] = rng.NormFloat64()
		}
	case in.Elem().IsFloat():
		t.F32 = make([]float32, t.Len())
		for i := range t.F32 {
			t.F32[i] = float32(rng.NormFloat64())
		}
		tensor.Round(t)
	case in.Elem().IsInt() || in.Elem() == onnxio.Bool:
		t.I = make([]int64, t.Len())
		for i := range t.I {
			t.I[i] = rng.Int64N(values)
		}
	default:
		return nil, &onnxio.Hint{Err: fmt.Errorf("making random inputs: input %q has type %s", in.Name(), in.Elem()), Advice: "give real inputs with --inputs"}
	}
	return t, nil
}
