package verify

import (
	"math"

	"repmlp/onnxio"
)

// A Claim says that Output is the same function of Inputs in both models, up
// to the rounding of the weights that only After has.
type Claim struct {
	ID            string
	Before, After *onnxio.Model
	Inputs        []string // fed with random numbers
	Output        string
	Same          map[string]string                    // values of Before that equal an input, because another node makes it too
	Exact         map[string]func() ([]float64, error) // new weights before rounding, where 16-bit types round coarsely
	ExactBefore   map[string]func() ([]float64, error) // the same of weights of Before that stand for others
	Reach         []Reach                              // a smaller map shows the same, as of one convolution; nil where it does not
	Roundings     int                                  // how many merged layers one way from an input to the output goes through at most, where several are claimed together; else 0

	// Folds, where it is not 0, says that After was folded in its own type, step by step: its
	// numbers may be off by so many roundings of the terms that Before sums up. The bound of
	// the proof is in such roundings then, and may be as large.
	Folds int

	// Rows, where it is not nil, says for every run of elements of the first input
	// which row it belongs to; the region maps rows to rows. All rows go through
	// the same weights, so that a few of them show as much as all.
	Rows func(shape []int) (row []int32, run, count int)

	// Units, where it is not nil, says which elements of the first input show every
	// coefficient, for shapes of the input and of the output; it may return nil. The other
	// inputs are added to what the first one makes.
	Units func(in, out []int) *Units

	// Part is the value of After that the layer makes whose coefficients are meant, where
	// Output has others added; "" where it is the output.
	Part string

	// Apart are values that are zero where coefficients are read: what other layers make of
	// which Output is the sum too, by the names that either side has for them.
	Apart []string
}

// limit is up to where the bound of a proof holds.
func (c *Claim) limit() float64 {
	if c.Folds > 0 {
		return math.Nextafter(float64(c.Folds), math.Inf(1))
	}
	return 1
}

// A Proof is the evidence for a claim. Bound is the worst ratio of a
// difference to what rounding allows; below 1 the claim holds.
//
// A complete proof read every coefficient off both sides, and holds for all finite inputs;
// any other is of so many random rows.
type Proof struct {
	Complete   bool    `json:"complete,omitempty"`
	Read       int64   `json:"read,omitempty"`       // numbers that were read off: every coefficient at least once, and biases
	Evaluation float64 `json:"evaluation,omitempty"` // the most that float64 may have rounded of one of them, where that was asked
	Moved      bool    `json:"moved,omitempty"`      // they were read off a model in which scales stand elsewhere, which equals the original on random rows, in float64
	Sampled    string  `json:"sampled,omitempty"`    // why it is not complete
	Rows       int     `json:"rows"`
	MaxAbs     float64 `json:"max_abs"`
	Bound      float64 `json:"bound_ratio"`
}
