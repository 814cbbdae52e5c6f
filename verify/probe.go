package verify

import (
	"fmt"
	"math"
	"slices"

	"repmlp/verify/internal/random"
	"repmlp/verify/internal/tensor"
)

// probed is how many rows of a region carry random numbers. The others are
// zero: they show the bias, and that the order of the rows is kept.
const probed = 2

// feeds makes the random inputs of a claim from their shapes.
func (t *trial) feeds(c Claim, like []*Tensor) (feeds map[string]*Tensor, rows int) {
	feeds = map[string]*Tensor{}
	for i, name := range c.Inputs {
		x, n := t.rows(c, like[i], i)
		if i == 0 {
			rows = n
		}
		feeds[name] = x
		for other, in := range c.Same {
			if in == name {
				feeds[other] = x
			}
		}
	}
	return feeds, rows
}

// rows makes random numbers for an input of a claim: magnitudes between a half
// and one and a half, so that no weight hides behind a small number. It also
// says how many rows carry them.
func (t *trial) rows(c Claim, like *Tensor, k int) (*Tensor, int) {
	shape := like.Shape
	x := &Tensor{DType: like.DType, Shape: shape, F64: t.arena.Floats64(tensor.Count(shape))}
	rng := random.Stream(t.seed, c.ID+"/"+fmt.Sprint(k))
	fill := func(v []float64) {
		for i := range v {
			v[i] = telling(rng.Uint64())
		}
	}
	if c.Rows != nil && k == 0 {
		if row, run, n := c.Rows(shape); n > probed && len(row)*run == len(x.F64) {
			var kept []int32
			for len(kept) < probed {
				if r := rng.Int32N(int32(n)); !slices.Contains(kept, r) {
					kept = append(kept, r)
				}
			}
			for i, r := range row {
				if slices.Contains(kept, r) {
					fill(x.F64[i*run:][:run])
				}
			}
			return x, probed
		}
	}
	fill(x.F64)
	return x, batch(x)
}

// telling is a number of a magnitude between a half and one and a half: 52 random bits behind
// the point and one for the sign.
func telling(bits uint64) float64 {
	v := math.Float64frombits(bits&(1<<52-1)|1023<<52) - 0.5
	if bits>>63 != 0 {
		return -v
	}
	return v
}
