package verify

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"repmlp/budget"
	"repmlp/onnxio"
	"repmlp/parallel"
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
	Inputs  []string // real inputs: .npy, .npz, or test_data_set folders
	RTol    float64  // both zero: follow the noise floor
	ATol    float64
	Fixed   bool // RTol and ATol hold even where they are zero
	Limit   int64
	// Ref and Cand run the models. Nil is the Go engine, which also runs the
	// reference in float64 to measure the noise floor.
	Ref, Cand Runner
	// Progress is called while the Go engine runs; nil is silent.
	Progress func(done, total int)
}

// A Comparison is the evidence that two models agree, or do not.
type Comparison struct {
	Passed     bool
	Runs       int // of each model
	Samples    int // in all runs; see countSamples
	RTol, ATol float64
	NoiseFloor float64 // largest rounding error of the reference, relative to its largest output; NaN if unknown
	Outputs    []OutputDifference
}

// An OutputDifference is the worst difference of one output over all samples.
type OutputDifference struct {
	Name   string
	Shape  []int
	MaxAbs float64
	MaxRel float64 // relative to the largest magnitude of the reference
	Worst  []int   // where
	Finite bool    // the reference gave a finite number, or no number was asked for
	Passed bool
}

// CheckInterface reports how the inputs and outputs of two models differ in
// name, type or rank; nil if they do not.
func CheckInterface(a, b *onnxio.Model) error {
	if err := CheckInputs(a, b); err != nil {
		return err
	}
	return sameValues("output", a.Graph.Outputs, b.Graph.Outputs)
}

// CheckInputs is CheckInterface for the inputs alone.
func CheckInputs(a, b *onnxio.Model) error { return sameValues("input", feedable(a), feedable(b)) }

// feedable lists the inputs that a caller must feed.
func feedable(m *onnxio.Model) []*onnxio.ValueInfo {
	inits := map[string]bool{}
	for _, t := range m.Graph.Inits {
		inits[t.Name] = true
	}
	var out []*onnxio.ValueInfo
	for _, v := range m.Graph.Inputs {
		if !inits[v.Name] {
			out = append(out, v)
		}
	}
	return out
}

func sameValues(what string, a, b []*onnxio.ValueInfo) error {
	if len(a) != len(b) {
		return fmt.Errorf("comparing models: the reference has %d %ss, the candidate %d", len(a), what, len(b))
	}
	for i, v := range a {
		w := b[i]
		switch {
		case v.Name != w.Name:
			return fmt.Errorf("comparing models: %s %d is %q in the reference and %q in the candidate", what, i, v.Name, w.Name)
		case v.Elem != w.Elem:
			return fmt.Errorf("comparing models: %s %q is %s in the reference and %s in the candidate", what, v.Name, v.Elem, w.Elem)
		case v.Shape && w.Shape && len(v.Dims) != len(w.Dims):
			return fmt.Errorf("comparing models: %s %q has rank %d in the reference and %d in the candidate", what, v.Name, len(v.Dims), len(w.Dims))
		}
	}
	return nil
}

// runners returns what runs the reference, the reference in float64 (nil where
// nobody can), and the candidate.
func (o *CompareOptions) runners(ref, cand *onnxio.Model) (r [3]Runner, err error) {
	if o.Ref != nil && o.Cand != nil {
		return [3]Runner{o.Ref, nil, o.Cand}, nil
	}
	engines, failed := newEngines(EngineOptions{Mode: Single, Seed: o.Seed, Limit: o.Limit}, ref, cand)
	for i, err := range failed {
		if err == nil {
			err = engines[i].Supports()
		}
		if err != nil {
			return r, err
		}
	}
	return [3]Runner{engines[0], engines[0].with(Double, nil, newArena(newStorage(modelShelf))), engines[1]}, nil
}

// Compare runs both models on the same inputs: the reference in float32 and,
// with the Go engine, in float64, the candidate as it is deployed.
func Compare(ctx context.Context, ref, cand *onnxio.Model, o CompareOptions) (*Comparison, error) {
	if err := CheckInterface(ref, cand); err != nil {
		return nil, err
	}
	feeds, err := samples(ref, o)
	if err != nil {
		return nil, err
	}
	runners, err := o.runners(ref, cand)
	if err != nil {
		return nil, err
	}
	r := &Comparison{Passed: true, Runs: len(feeds), Samples: len(feeds), RTol: o.RTol, ATol: o.ATol}
	if len(o.Inputs) > 0 {
		r.Samples = countSamples(ref, feeds)
	}
	u := narrowest(ref, cand)
	granted := float64(noiseRoundoffs)
	if u == 0x1p-53 {
		granted = doubleRoundoffs
	}
	fixed := o.Fixed || o.RTol != 0 || o.ATol != 0
	if runners[1] == nil {
		r.NoiseFloor = math.NaN()
		if !fixed {
			r.RTol = foreignTolerance(u)
		}
		fixed = true
	}
	for _, v := range ref.Graph.Outputs {
		r.Outputs = append(r.Outputs, OutputDifference{Name: v.Name, Passed: true})
	}
	o.follow(runners, len(feeds))
	for _, feed := range feeds {
		got, err := runAll(ctx, runners, feed, o.Limit > 0)
		if err != nil {
			return nil, err
		}
		for i := range r.Outputs {
			out := &r.Outputs[i]
			a, b := got[0][out.Name], got[2][out.Name]
			if len(a.Shape) != len(b.Shape) || a.Len() != b.Len() {
				return nil, fmt.Errorf("comparing models: output %q has shape %v in the reference and %v in the candidate", out.Name, a.Shape, b.Shape)
			}
			out.Shape = a.Shape
			scale, noise := 0.0, 0.0
			out.Finite = out.Finite || a.Len() == 0
			for k := range a.Len() {
				x := math.Abs(a.Float(k))
				if !math.IsInf(x, 0) && x > scale {
					scale = x
				}
				out.Finite = out.Finite || !math.IsInf(x, 0) && !math.IsNaN(x)
			}
			if truth := got[1][out.Name]; truth != nil {
				for k := range a.Len() {
					if d := math.Abs(a.Float(k) - truth.Float(k)); !math.IsInf(d, 0) && d > noise {
						noise = d
					}
				}
				if scale > 0 {
					r.NoiseFloor = max(r.NoiseFloor, noise/scale)
				}
			}
			limit := r.ATol + r.RTol*scale
			if !fixed {
				limit = noiseMultiple*noise + granted*u*scale
				if scale > 0 {
					r.RTol = max(r.RTol, limit/scale)
				}
			}
			if !o.Fixed && o.RTol == 0 && o.ATol == 0 && !a.DType.IsFloat() {
				limit = 0
			}
			out.judge(a, b, scale, limit)
			r.Passed = r.Passed && out.Passed
		}
	}
	return r, nil
}

// follow has the Go engines report their nodes as progress.
func (o *CompareOptions) follow(runners [3]Runner, runs int) {
	if o.Progress == nil {
		return
	}
	var mu sync.Mutex
	done, total := 0, 0
	for _, r := range runners {
		e, ok := r.(*Engine)
		if !ok {
			continue
		}
		total += runs * len(e.order)
		e.Profile(func(string, time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			if done++; done%16 == 0 {
				o.Progress(done, total)
			}
		})
	}
}

// runAll runs what there is on one feed. The Go engine's runs go side by side,
// since where one of them works on one processor another has the rest; with a
// budget of memory, or where what there is does not suffice, they go one after
// the other.
func runAll(ctx context.Context, runners [3]Runner, feed map[string]*Tensor, inTurn bool) (got [3]map[string]*Tensor, err error) {
	var failed [3]error
	var wg parallel.Group
	for i, r := range runners {
		if r == nil {
			continue
		}
		run := func() { got[i], failed[i] = r.Run(ctx, feed) }
		if _, ok := r.(*Engine); ok && !inTurn {
			wg.Go(run)
		} else {
			run()
		}
	}
	wg.Wait()
	if _, ok := errors.AsType[*budget.Exceeded](errors.Join(failed[:]...)); ok && !inTurn {
		return runAll(ctx, runners, feed, true)
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

// judge updates the worst difference of an output with one more run.
func (out *OutputDifference) judge(a, b *Tensor, scale, limit float64) {
	for k := range a.Len() {
		x, y := a.Float(k), b.Float(k)
		d := math.Abs(x - y)
		if x == y || math.IsNaN(x) && math.IsNaN(y) {
			d = 0
		}
		if math.IsNaN(d) {
			d = math.Inf(1)
		}
		if d > out.MaxAbs || d > 0 && out.Worst == nil {
			out.MaxAbs = d
			out.Worst = indexOf(k, a.Shape)
		}
		if scale > 0 {
			out.MaxRel = max(out.MaxRel, d/scale)
		} else if d > 0 {
			out.MaxRel = math.Inf(1)
		}
		if !(d <= limit) {
			out.Passed = false
		}
	}
}

func indexOf(k int, shape []int) []int {
	idx := make([]int, len(shape))
	for i := len(shape) - 1; i >= 0; i-- {
		idx[i] = k % shape[i]
		k /= shape[i]
	}
	return idx
}

// narrowest is the unit roundoff of the narrowest float type among the weights.
func narrowest(ms ...*onnxio.Model) float64 {
	u := 0x1p-53
	found := false
	for _, m := range ms {
		for _, t := range m.Graph.Inits {
			if t.DType.IsFloat() && len(t.Dims) > 0 {
				v, _ := unitRoundoff(t.DType)
				u, found = max(u, v), true
			}
		}
	}
	if !found {
		return 0x1p-24
	}
	return u
}
