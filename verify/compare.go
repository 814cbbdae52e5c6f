package verify

import (
	"context"
	"errors"
	"fmt"

	"repmlp/internal/budget"
	"repmlp/internal/parallel"
	"repmlp/onnxio"
	"repmlp/verify/internal/engine"
	"repmlp/verify/internal/operator"
	"repmlp/verify/internal/storage"
)

// noiseMultiple is how far a candidate may be from the float64 truth, in units
// of the reference's own rounding error. Two correct evaluations of one network
// differ by about once that noise.
const noiseMultiple = 10

// noiseRoundoffs is the noise that is taken for granted, in unit roundoffs of
// the narrowest weight type, relative to the largest output: a shallow model
// may by chance have hardly any noise at all, and the rounding of merged weights,
// which the original does not have, is amplified where a normalisation divides by
// the deviation of a few elements.
const noiseRoundoffs = 128

// halfMultiple replaces noiseMultiple for 16-bit weights: there every operator
// rounds the numbers that it makes, so that the noise of one run is measured over
// many roundings and hardly a matter of chance. The difference of two right models
// is at most the sum of their noise; twice that for the rounding of merged weights.
const halfMultiple = 4

// halfRoundoffs replaces noiseRoundoffs for 16-bit weights, whose rounding is what
// such a model consists of: the outputs are rounded in both models, and so are the
// weights of the last layer of the candidate; a unit roundoff each, and one more
// for what one layer adds up. What earlier layers lose is measured.
const halfRoundoffs = 4

// TellingNoise is the relative rounding noise of a model from which on comparing
// outputs shows little: with ten times that allowed, a tenth of the output may
// differ.
const TellingNoise = 0.01

// doubleRoundoffs replaces noiseRoundoffs where all weights are float64: there
// is no wider run to measure the noise with, and a few hundred layers of sums of
// a few thousand terms stay below it.
const doubleRoundoffs = 1 << 16

// foreignTolerance is the tolerance where no float64 run is possible, relative
// to the largest output: what hundreds of layers rounded in the type of unit
// roundoff u, in another order of summation, stay below.
func foreignTolerance(u float64) float64 {
	switch {
	case u <= 0x1p-53:
		return 1e-9
	case u <= 0x1p-24:
		return 1e-4
	case u <= 0x1p-11:
		return 2e-2
	}
	return 1e-1
}

// A Runner executes one model.
type Runner interface {
	// Run returns the outputs of the graph by name.
	Run(ctx context.Context, feeds map[string]*Tensor) (map[string]*Tensor, error)
}

// CompareOptions say how two models are compared. The zero value runs one
// random sample with a tolerance that follows the noise floor.
type CompareOptions struct {
	Seed    uint64
	Samples int // random runs, 1 if zero
	Dims    map[string]int64
	// Inputs are real inputs: a .npy, .pb, .png or .jpg for a model with one input, a .npz
	// with an array for each, NAME=FILE of any of these for each input, a test_data_set
	// folder, whose outputs are compared as well, a folder of these, or a folder of images.
	// A first axis may hold many samples.
	Inputs []string
	Images ImageOptions
	// ByPosition pairs inputs and outputs by their order, not by name. With Cast their types
	// may differ: both models are fed the same numbers, rounded to the candidate's types.
	ByPosition, Cast bool
	// Stress also compares on inputs that are hard on a model: zeros, ones, large, tiny and
	// denormal numbers, one channel alone. Of each there is a run of the types and shapes of
	// the last one, in Comparison.Stress.
	Stress bool
	// SaveInputs names a .npz that gets what was fed, SaveOutputs a folder, made where it is
	// not there, that gets what both models gave, see SavedOutputs; "": none. They are written where the comparison
	// came to its end, whatever it showed, and without stress inputs.
	SaveInputs, SaveOutputs string
	RTol                    float64 // both zero: follow the noise floor
	ATol                    float64
	Fixed                   bool // RTol and ATol hold even where they are zero
	// Tolerances of single outputs, by name; they hold even where they are zero.
	Tolerances map[string]Tolerance
	// Ranges of random inputs by name, "" for inputs of floats without one of their
	// own: floats lie evenly between the two numbers, integers from the first to the
	// second. Floats without a range are standard normal.
	Ranges map[string][2]float64
	Limit  int64
	// Labels are the classes of the rows of all runs, for the accuracy of class scores;
	// see ReadLabels. Nil: none.
	Labels []int64
	// Lenient makes it no error that nothing was compared; Vacuous says so.
	Lenient bool
	// Ref and Cand run the models. Nil is the Go engine, which also runs the
	// reference in float64 to measure the noise floor.
	Ref, Cand Runner
	// Again runs the reference as rightly as Ref, and rounds otherwise, as an engine
	// does that optimises. With Ref it is what the noise floor is measured with,
	// beside inputs that are moved by a rounding.
	Again []Runner
	// Progress is called as runs go on; nil is silent. After the first run done follows the
	// time that they take.
	Progress func(done, total int)

	given []sample // what is run instead of all else
}

// runners returns what runs the reference, the reference in float64 (nil where
// nobody can), and the candidate.
func (o *CompareOptions) runners(ref, cand *onnxio.Model) (r [3]Runner, err error) {
	if o.Ref != nil && o.Cand != nil {
		return [3]Runner{o.Ref, nil, o.Cand}, nil
	}
	engines, failed := engine.NewAll(engine.Options{Mode: Single, Seed: o.Seed, Limit: o.Limit}, ref, cand)
	for i, err := range failed {
		if err == nil {
			err = engines[i].Supports()
		}
		if err != nil {
			return r, err
		}
	}
	double := engines[0].With(Double, nil, operator.NewArena(storage.New(storage.ModelShelf)))
	return [3]Runner{&Engine{engines[0]}, &Engine{double}, &Engine{engines[1]}}, nil
}

// oneEngine reports whether one engine is to run more than once: it does one thing at
// a time.
func oneEngine(runners [3]Runner) bool {
	seen := map[*Engine]bool{}
	for _, r := range runners {
		if e, ok := r.(*Engine); ok {
			if seen[e] {
				return true
			}
			seen[e] = true
		}
	}
	return false
}

// runAll runs what there is on one feed, the candidate on its own form of it. The Go engine's runs go side by side,
// since where one of them works on one processor another has the rest; with a
// budget of memory, or where what there is does not suffice, they go one after
// the other.
func runAll(ctx context.Context, runners [3]Runner, feed, candFeed map[string]*Tensor, inTurn bool) (got [3]map[string]*Tensor, err error) {
	inTurn = inTurn || oneEngine(runners)
	var failed [3]error
	var wg parallel.Group
	for i, r := range runners {
		if r == nil {
			continue
		}
		mine := feed
		if i == 2 {
			mine = candFeed
		}
		run := func() { got[i], failed[i] = r.Run(ctx, mine) }
		if _, ok := r.(*Engine); ok && !inTurn {
			wg.Go(run)
		} else {
			run()
		}
	}
	wg.Wait()
	if _, ok := errors.AsType[*budget.Exceeded](errors.Join(failed[:]...)); ok && !inTurn {
		return runAll(ctx, runners, feed, candFeed, true)
	}
	for i, err := range failed {
		if err != nil {
			which := "reference"
			if i == 2 {
				which = "candidate"
			}
			return got, fmt.Errorf("running the %s: %w", which, err)
		}
	}
	return got, nil
}
