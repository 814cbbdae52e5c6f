package convert

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"repmlp/internal/bisect"
	"repmlp/internal/dims"
	"repmlp/internal/output"
)

// BisectSchema names the layout of a Bisection.
const BisectSchema = "repmlp.bisect/1"

// The verdicts of a Bisection.
const (
	CulpritFound = "found"         // Failing fails, and passes without any one of its merges
	NothingFails = "nothing_fails" // the check passes with all merges
	AlwaysFails  = "always_fails"  // it fails without any merge
	NotTestable  = "not_testable"  // it was skipped without any merge, or with all
)

// An Outcome is what a check says of a model.
type Outcome = bisect.Outcome

// The outcomes. A model that is skipped says nothing.
const (
	CheckGood = bisect.Good
	CheckBad  = bisect.Bad
	CheckSkip = bisect.Skip
)

// A Bisection is the search for the merges that fail a check.
type Bisection struct {
	Schema  string         `json:"schema"`
	Tool    Tool           `json:"tool"`
	Input   *FileFacts     `json:"input"`
	Verdict string         `json:"verdict,omitempty"`
	Merges  int            `json:"merges"`            // that were made, in all
	Failing []RegionReport `json:"failing,omitempty"` // the smallest set that fails
	Open    bool           `json:"open,omitempty"`    // the check skipped sets, so that a smaller one may fail
	Runs    []BisectionRun `json:"runs"`
	Error   *Failure       `json:"error,omitempty"`
}

// A BisectionRun is one run of the check.
type BisectionRun struct {
	Merges  []string `json:"merges"` // that the model had
	Outcome string   `json:"outcome"`
	Code    int      `json:"exit_code"`
	Late    bool     `json:"timed_out,omitempty"`
	Seconds float64  `json:"seconds"`
}

// Bisect looks for the smallest set of merges of the model in a file with which a check
// fails. The merges are planned once; models with some of them are written into a
// temporary folder in dir, one at a time, for check, which gets the file and the IDs and
// notes in run what else it knows. No merge is proved: the check judges. An error of it ends the search.
func Bisect(ctx context.Context, path, dir string, opts Options, check func(ctx context.Context, file string, run *BisectionRun) (Outcome, error)) (*Bisection, error) {
	j := newJob("bisect", opts)
	j.report.Input = &FileFacts{Path: path}
	b := &Bisection{Schema: BisectSchema, Tool: j.report.Tool, Input: &FileFacts{Path: path}, Runs: []BisectionRun{}}
	err := classified(j.guarded(func() error { return j.bisect(ctx, b, dir, check) }))
	if err != nil {
		b.Error = &Failure{Message: err.Error()}
	}
	return b, err
}

func (j *job) bisect(ctx context.Context, b *Bisection, dir string, check func(context.Context, string, *BisectionRun) (Outcome, error)) error {
	if j.invalid != nil {
		return j.invalid
	}
	m, err := j.open(ctx, b.Input.Path, &j.report.Input)
	if err != nil {
		return err
	}
	b.Input = j.report.Input
	if err := dims.Check(m, j.opts.Dims); err != nil {
		return err
	}
	if err := m.CheckData(ctx); err != nil {
		return err
	}
	opts := j.opts
	opts.once = &ground{}
	res, err := planValues(ctx, m, opts)
	if err != nil {
		return err
	}
	merges := res.Plan.Regions
	b.Merges = len(merges)
	folder, err := output.CreateFolder(dir)
	if err != nil {
		return fmt.Errorf("making a temporary folder in %q: %w", dir, err)
	}
	defer folder.Remove()
	opts.Prover, opts.Dump = nil, nil
	found, err := bisect.Find(len(merges), func(set []int) (Outcome, error) {
		run := BisectionRun{Merges: []string{}}
		exact := map[string]bool{}
		for _, k := range set {
			run.Merges, exact[merges[k].ID] = append(run.Merges, merges[k].ID), true
		}
		o := opts
		o.selection = &selection{exact: exact}
		place := filepath.Join(folder.Path, fmt.Sprint(len(b.Runs)))
		if err := os.Mkdir(place, 0o700); err != nil {
			return 0, err
		}
		defer os.RemoveAll(place)
		file := filepath.Join(place, "model.onnx")
		res, pending, err := toFile(ctx, m, file, o)
		if err != nil {
			return 0, err
		}
		err = errors.Join(res.Written.Close(), pending.Commit())
		pending.Discard()
		if err != nil {
			return 0, err
		}
		outcome, err := check(ctx, file, &run)
		if err != nil {
			return 0, err
		}
		run.Outcome = [...]string{CheckGood: "good", CheckBad: "bad", CheckSkip: "skipped"}[outcome]
		b.Runs = append(b.Runs, run)
		return outcome, nil
	})
	if err != nil {
		return err
	}
	b.Verdict = [...]string{bisect.Found: CulpritFound, bisect.NothingFails: NothingFails, bisect.AlwaysFails: AlwaysFails, bisect.Untestable: NotTestable}[found.Verdict]
	b.Open = found.Open
	for _, k := range found.Set {
		b.Failing = append(b.Failing, merges[k])
	}
	b.Failing = slices.Clip(b.Failing)
	return j.unchanged()
}
