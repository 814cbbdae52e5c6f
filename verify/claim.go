package verify

import "repmlp/onnxio"

// A Claim says that Output is the same function of Inputs in both models, up
// to the rounding of the weights that only After has.
type Claim struct {
	ID            string
	Before, After *onnxio.Model
	Inputs        []string // fed with random numbers
	Output        string
	Same          map[string]string                    // values of Before that equal an input, because another node makes it too
	Exact         map[string]func() ([]float64, error) // new weights before rounding, where 16-bit types round coarsely
	Reach         []Reach                              // a smaller map shows the same, as of one convolution; nil where it does not
	Roundings     int                                  // how many merged layers one way from an input to the output goes through at most, where several are claimed together; else 0

	// Rows, where it is not nil, says for every run of elements of the first input
	// which row it belongs to; the region maps rows to rows. All rows go through
	// the same weights, so that a few of them show as much as all.
	Rows func(shape []int) (row []int32, run, count int)
}

// A Proof is the evidence for a claim. Bound is the worst ratio of a
// difference to what rounding allows; below 1 the claim holds.
type Proof struct {
	Rows   int     `json:"rows"`
	MaxAbs float64 `json:"max_abs"`
	Bound  float64 `json:"bound_ratio"`
}
