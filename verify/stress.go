package verify

import (
	"context"
	"fmt"
	"math/rand/v2"

	"repmlp/onnxio"
	"repmlp/verify/internal/random"
	"repmlp/verify/internal/tensor"
)

// A stressCase is inputs that are hard on a model. number makes a number of an input of
// floats, integer is that of any other; nil where these stay as they are.
type stressCase struct {
	name, says string
	floats     bool // only for models with inputs of floats
	number     func(d onnxio.DType, rng *rand.Rand) float64
	integer    *int64
	hot        bool // zero but for one channel of each row
}

// Factors of the large and the tiny inputs, which are standard normal otherwise; float16
// has no numbers for the others.
const (
	stressFactor   = 1e6
	stressFactor16 = 1e3
)

func factor(d onnxio.DType) float64 {
	if d == onnxio.Float16 {
		return stressFactor16
	}
	return stressFactor
}

// leastNormal is the smallest number of a type that is no denormal one.
func leastNormal(d onnxio.DType) float64 {
	switch d {
	case onnxio.Float16:
		return 0x1p-14
	case onnxio.Float64:
		return 0x1p-1022
	}
	return 0x1p-126
}

// stressCases are the kinds of inputs, in the order in which they are reported.
func stressCases() []stressCase {
	constant := func(v float64) func(onnxio.DType, *rand.Rand) float64 {
		return func(onnxio.DType, *rand.Rand) float64 { return v }
	}
	one := int64(1)
	return []stressCase{
		{name: "zeros", says: "0 everywhere", number: constant(0), integer: new(int64)},
		{name: "ones", says: "1 everywhere", number: constant(1), integer: &one},
		{name: "large", says: "a million times standard normal, a thousand times in float16", floats: true,
			number: func(d onnxio.DType, rng *rand.Rand) float64 {
				return max(-mostOf[d], min(mostOf[d], rng.NormFloat64()*factor(d)))
			}},
		{name: "tiny", says: "a millionth of standard normal, a thousandth in float16", floats: true,
			number: func(d onnxio.DType, rng *rand.Rand) float64 { return rng.NormFloat64() / factor(d) }},
		{name: "denormal", says: "between the smallest normal numbers of the type", floats: true,
			number: func(d onnxio.DType, rng *rand.Rand) float64 { return (2*rng.Float64() - 1) * leastNormal(d) }},
		{name: "one_hot_channel", says: "0, and 1 in one channel of each row", floats: true, number: constant(1), hot: true},
	}
}

// feed is the inputs of a case, of the types and shapes of base.
func (s stressCase) feed(base map[string]*Tensor, seed uint64) map[string]*Tensor {
	out := map[string]*Tensor{}
	for name, t := range base {
		rng := random.Stream(seed, "stress/"+s.name+"/"+name)
		switch {
		case t.DType.IsFloat():
			out[name] = s.fill(t, rng)
		case s.integer != nil:
			x := &Tensor{DType: t.DType, Shape: t.Shape, I: make([]int64, t.Len())}
			for i := range x.I {
				x.I[i] = *s.integer
			}
			out[name] = x
		default:
			out[name] = t
		}
	}
	return out
}

// fill makes a float tensor like t.
func (s stressCase) fill(t *Tensor, rng *rand.Rand) *Tensor {
	x := &Tensor{DType: t.DType, Shape: t.Shape}
	var set func(int, float64)
	if t.DType == onnxio.Float64 {
		x.F64 = make([]float64, t.Len())
		set = func(i int, v float64) { x.F64[i] = v }
	} else {
		x.F32 = make([]float32, t.Len())
		set = func(i int, v float64) { x.F32[i] = float32(v) }
	}
	if !s.hot {
		for i := range t.Len() {
			set(i, s.number(t.DType, rng))
		}
		tensor.Round(x)
		return x
	}
	// Channels are the second axis; of a vector, its elements.
	rows, channels := 1, t.Len()
	if len(t.Shape) > 1 {
		rows, channels = t.Shape[0], t.Shape[1]
	}
	if rows*channels == 0 {
		return x
	}
	within := t.Len() / (rows * channels)
	for r := range rows {
		at := (r*channels + rng.IntN(channels)) * within
		for i := range within {
			set(at+i, 1)
		}
	}
	return x
}

// stress compares on inputs that are hard on a model, of the types and shapes of the
// last run.
func (c *comparing) stress(ctx context.Context, base map[string]*Tensor, runs int) error {
	floats := false
	for _, t := range base {
		floats = floats || t.DType.IsFloat()
	}
	for i, s := range stressCases() {
		if s.floats && !floats {
			continue
		}
		one := *c
		one.result = &Comparison{Passed: true}
		one.saved, one.expected, one.scorings = &savings{}, nil, nil
		one.outputs = nil
		for _, o := range c.outputs {
			one.outputs = append(one.outputs, newOutcome(o.d.Name, ""))
		}
		if err := one.sample(ctx, runs+i, sample{feed: s.feed(base, c.o.Seed)}); err != nil {
			return fmt.Errorf("on stress inputs %s: %w", s.name, err)
		}
		r := StressRun{Name: s.name, Says: s.says, Passed: one.result.Passed}
		for _, o := range one.outputs {
			r.Outputs = append(r.Outputs, o.end())
		}
		c.result.Stress = append(c.result.Stress, r)
		c.result.Passed = c.result.Passed && r.Passed
	}
	return nil
}
