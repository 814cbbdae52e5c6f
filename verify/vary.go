package verify

import (
	"context"
	"fmt"
	"math/rand/v2"

	"repmlp/onnxio"
	"repmlp/verify/internal/engine"
	"repmlp/verify/internal/random"
	"repmlp/verify/internal/tensor"
)

// moved is a feed whose floats are moved up or down at random by so many
// roundings of their type; ok is false where there is nothing to move.
func moved(feed map[string]*Tensor, roundings int, seed uint64, key string) (out map[string]*Tensor, ok bool) {
	out = map[string]*Tensor{}
	for name, t := range feed {
		if !t.DType.IsFloat() || t.Len() == 0 {
			out[name] = t
			continue
		}
		ok = true
		out[name] = move(t, roundings, random.Stream(seed, key+"/"+name))
	}
	return out, ok
}

// roundingsPerMove is how many numbers of a 16-bit type there are to one that
// moves: rounding to the nearest number has a variance of 1/12 of the squared
// distance between two, which is that of one number in twelve moving to the next.
const roundingsPerMove = 12

func move(t *Tensor, roundings int, rng *rand.Rand) *Tensor {
	u := roundingOf(t.DType).unit
	step := 2 * u * float64(roundings)
	out := &Tensor{DType: t.DType, Shape: t.Shape}
	coarse := tensor.Half(t)
	shift := func(x float64) float64 {
		r := rng.Uint64()
		switch {
		case coarse && (r>>1)%roundingsPerMove != 0:
			return x
		case r&1 == 0:
			return x * (1 - step)
		}
		return x * (1 + step)
	}
	if t.F64 != nil {
		out.F64 = make([]float64, len(t.F64))
		for i, x := range t.F64 {
			out.F64[i] = shift(x)
		}
		return out
	}
	out.F32 = make([]float32, len(t.F32))
	for i, x := range t.F32 {
		out.F32[i] = float32(shift(float64(x)))
	}
	tensor.Round(out)
	return out
}

// movedWeights runs a model whose float weights are moved by one rounding as they are
// read, as those of a merged layer are. Small ones, such as the parameters of
// normalisations, are moved too.
func movedWeights(m *onnxio.Model, mode Mode, seed uint64, key string, limit int64) (*Engine, error) {
	e, err := engine.New(m, engine.Options{Mode: mode, Seed: seed, Limit: limit, Change: func(name string, x *Tensor) *Tensor {
		return move(x, 1, random.Stream(seed, key+"/"+name))
	}})
	if err != nil {
		return nil, err
	}
	return &Engine{e}, nil
}

// Variations of the reference that are run where a candidate differs: a model
// without jumps shows its noise at once. One that jumps may do so at many places,
// each of which a variation meets with a chance of a half.
const (
	calmVariations  = 4
	jumpyVariations = 24
)

// reach is by how many roundings inputs are moved in turn: a candidate may be
// noiseMultiple times as far off as the reference, and what jumps between the two
// is left out.
var reach = [...]int{1, 4, 16}

// A variety makes other runs of the reference that are as right as the first.
type variety struct {
	ref    *onnxio.Model
	runner Runner
	again  []Runner
	seed   uint64
	limit  int64
	jumpy  bool
	half   bool
}

// run makes variation k of a feed, nil where there is no such.
func (v *variety) run(ctx context.Context, feed map[string]*Tensor, sample, k int) (out map[string]*Tensor, roundings float64, err error) {
	if k < len(v.again) {
		out, err = v.again[k].Run(ctx, feed)
		return out, 1, err
	}
	n := reach[0]
	if v.jumpy {
		n = reach[k%len(reach)]
		if v.half { // sixteen roundings of these are a hundredth
			n = min(n, 4)
		}
	}
	key := fmt.Sprintf("moved/%d/%d", sample, k)
	runner := v.runner
	feed, ok := moved(feed, n, v.seed, key)
	if e, own := v.runner.(*Engine); own && (v.half || !ok || v.jumpy && k%2 == 1) {
		ok = true
		if runner, err = movedWeights(v.ref, e.m.Mode(), v.seed, key, v.limit); err != nil {
			return nil, 0, err
		}
	}
	if !ok {
		return nil, 0, nil
	}
	out, err = runner.Run(ctx, feed)
	return out, float64(n), err
}

// most is how many variations are worth a run.
func (v *variety) most() int {
	if v.jumpy {
		return jumpyVariations
	}
	return calmVariations
}

// multiple is how far a candidate may be from the reference, in units of its noise.
func multiple(u float64) float64 {
	if u > 0x1p-24 {
		return halfMultiple
	}
	return noiseMultiple
}

// roundoffs is what is granted to any model in unit roundoffs u of its narrowest
// weights, relative to its largest output.
func roundoffs(u float64) float64 {
	switch {
	case u <= 0x1p-53:
		return doubleRoundoffs
	case u > 0x1p-24:
		return halfRoundoffs
	}
	return noiseRoundoffs
}
