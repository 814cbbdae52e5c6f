// Package nudge moves a single weight of a model, as a mistake would, until a comparison
// fails, and asks where the models differ.
package nudge

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"repmlp/convert"
	"repmlp/onnxio"
	"repmlp/verify"
)

// Options of a trial.
type Options struct {
	Match     func(weight string) bool // the weights of which one is moved
	Converted bool                     // the candidate is the nudged model after its conversion
	Compare   verify.CompareOptions
	Folder    string // for saved cases; it is there
}

// A Trial is one nudge and what was said of it.
type Trial struct {
	Weight string
	Index  int
	By     float64  // of the largest magnitude of the weight
	Want   []string // values that would be right
	Found  *verify.Location
	Saved  bool // the saved case fails as well
}

// Right reports whether the place was named and shown.
func (t *Trial) Right() bool {
	return t.Found != nil && slices.Contains(t.Want, t.Found.Difference.Name) && t.Found.Alone && t.Saved
}

func (t *Trial) String() string {
	found := "nothing"
	if t.Found != nil {
		found = fmt.Sprintf("%s, alone %v, %d and %d nodes, saved %v", t.Found.Difference.Name, t.Found.Alone, len(t.Found.Reference), len(t.Found.Candidate), t.Saved)
	}
	return fmt.Sprintf("%s[%d] by %.3g of its largest: %s", t.Weight, t.Index, t.By, found)
}

// The first nudge, in units of the largest magnitude of the weight, how it grows, and how
// far.
const (
	start  = 0.02
	growth = 4
	most   = 1e5
)

// Find makes one trial of a model.
func Find(ctx context.Context, m *onnxio.Model, rng *rand.Rand, o Options) (*Trial, error) {
	m, err := m.Plain()
	if err != nil {
		return nil, err
	}
	var weights []*onnxio.Tensor
	for _, t := range m.Graph().Inits() {
		if o.Match(t.Name()) && t.DType().IsFloat() && t.Len() > 0 {
			weights = append(weights, t)
		}
	}
	if len(weights) == 0 {
		return nil, errors.New("no weight matches")
	}
	w := weights[rng.IntN(len(weights))]
	trial := &Trial{Weight: w.Name(), Index: rng.IntN(int(w.Len())), By: start}
	for {
		nudged, err := Weight(m, w, trial.Index, trial.By)
		if err != nil {
			return nil, err
		}
		cand := nudged
		nodes, values := behind(m, w.Name())
		trial.Want = values
		if o.Converted {
			made, report, err := convert.Model(ctx, nudged, convert.Options{Unproved: true, NoCheck: true})
			if err != nil {
				return nil, err
			}
			cand = made
			for _, r := range report.Regions {
				if slices.ContainsFunc(nodes, func(title string) bool { return slices.Contains(r.Merged, title) }) {
					trial.Want = append(trial.Want, r.Value)
				}
			}
		}
		c, err := verify.Compare(ctx, m, cand, o.Compare)
		if err != nil {
			return nil, err
		}
		if !c.Passed {
			if trial.Found, err = verify.Locate(ctx, m, cand, o.Compare); err == nil && trial.Found != nil {
				trial.Saved, err = fails(ctx, trial.Found.Case, o)
			}
			return trial, err
		}
		if trial.By *= growth; trial.By > most {
			return nil, fmt.Errorf("no nudge of %s[%d] shows", w.Name(), trial.Index)
		}
	}
}

// Weight is m with one element of an initializer moved by so much of its largest
// magnitude.
func Weight(m *onnxio.Model, t *onnxio.Tensor, at int, by float64) (*onnxio.Model, error) {
	v, err := t.Float64s()
	if err != nil {
		return nil, err
	}
	v = slices.Clone(v)
	top := 0.0
	for _, x := range v {
		top = max(top, math.Abs(x))
	}
	v[at] += by * top
	return with(m, t, v)
}

// behind lists the nodes that read a constant together with data, and what they make;
// nodes that read constants alone are looked through.
func behind(m *onnxio.Model, name string) (titles, values []string) {
	fixed := map[string]bool{"": true}
	for _, t := range m.Graph().Inits() {
		fixed[t.Name()] = true
	}
	nodes, _ := onnxio.SortNodes(m.Graph().Nodes())
	of := map[string]bool{name: true}
	for _, n := range nodes {
		constant := !slices.ContainsFunc(n.Reads(), func(in string) bool { return !fixed[in] })
		reads := slices.ContainsFunc(n.Reads(), func(in string) bool { return of[in] })
		if reads && !constant {
			titles, values = append(titles, n.Title()), append(values, n.Outputs()...)
		}
		for _, out := range n.Outputs() {
			if constant {
				fixed[out] = true
				of[out] = of[out] || reads
			}
		}
	}
	return titles, values
}

// fails saves a case and compares the files.
func fails(ctx context.Context, c *verify.Case, o Options) (bool, error) {
	dir, err := os.MkdirTemp(o.Folder, "case")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	if err := c.Save(ctx, dir); err != nil {
		return false, err
	}
	r, err := convert.CompareFiles(ctx, filepath.Join(dir, verify.CaseReference), filepath.Join(dir, verify.CaseCandidate), convert.Options{Inputs: []string{filepath.Join(dir, verify.CaseInputs)}, Seed: o.Compare.Seed})
	if errors.Is(err, convert.ErrNotEquivalent) {
		return r.Verdict == convert.NotEquivalent, nil
	}
	return false, err
}
