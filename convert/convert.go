// Package convert merges everything linear that can be merged exactly in a
// training-form ONNX graph: RepMLP blocks and other structural
// re-parameterisation blocks become the layers they deploy as.
//
// File does the whole job from file to file, Model in memory; Inspect says what
// they would do. Every merge is proved, the result is read by a second reader, and
// the whole models are run side by side before the result gets its name.
//
// Nodes are explained, not rewritten: one walk says of every value that it is
// an affine map of an earlier one, the largest such maps that do not grow are
// the regions, one place folds a region's weights in float64 and one place
// spells it as ONNX nodes.
package convert

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"repmlp/internal/dims"
	"repmlp/internal/output"
	"repmlp/onnxio"
)

// File converts the model in the file in and writes the result to out: it loads,
// plans, computes merged weights as they are written to a temporary file, proves
// every merge on what was written, has the second reader read it, runs both whole
// models, syncs, calls opts.Commit, and gives the file its name. Models of any size
// take little memory. Where there is nothing to merge, out gets in's bytes.
//
// The report is never nil. With an error nothing was written, and the report says
// how far the run came: its verdict is Failed, NotEquivalent, or with a
// *StrictError what was found. See ErrNotONNX and its like for the kinds of errors;
// one of ctx is passed through.
func File(ctx context.Context, in, out string, opts Options) (*Report, error) {
	j := newJob("convert", opts)
	j.report.Input, j.report.Seconds = &FileFacts{Path: in}, map[string]float64{}
	return j.end(j.guarded(func() error { return j.file(ctx, in, out) }))
}

// Model is File in memory: it converts m, which does not change, proves and checks
// the result, and returns it. The result shares untouched weights with m, so m must
// stay open while it is used; it is m itself where there is nothing to merge. With
// an error there is none.
func Model(ctx context.Context, m *onnxio.Model, opts Options) (*onnxio.Model, *Report, error) {
	j := newJob("convert", opts)
	j.report.Input, j.report.Seconds = loadedFacts(m), map[string]float64{}
	j.models = []*onnxio.Model{m}
	var made *onnxio.Model
	r, err := j.end(j.guarded(func() (err error) {
		made, err = j.model(ctx, m)
		return err
	}))
	if err != nil {
		return nil, r, err
	}
	return made, r, nil
}

// file is what File does.
func (j *job) file(ctx context.Context, in, out string) error {
	if j.invalid != nil {
		return j.invalid
	}
	target := output.Target{Flag: "output", Path: out}
	if output.SameFile(out, in) {
		return fmt.Errorf("the output %q is the input itself; choose another with -o", out)
	}
	if err := output.Check(append([]string{in}, j.opts.Reads()...), target); err != nil {
		return err
	}
	r := j.report
	start := time.Now()
	m, err := j.open(ctx, in, &r.Input)
	if err != nil {
		return err
	}
	if err := output.Spare(m.Files(), target); err != nil {
		return err
	}
	finished, err := j.examine(ctx, m)
	if err != nil {
		return err
	}
	r.Seconds["load"] = time.Since(start).Seconds()

	folder := &lazyFolder{in: filepath.Dir(out)}
	defer folder.remove() // when nothing in it is open any more, which Windows wants
	res, pending, err := toFile(ctx, m, out, j.opts)
	if pending != nil {
		defer pending.Discard()
		defer res.Written.Close()
	}
	if err := j.planned(m, res, err, finished); err != nil {
		return err
	}
	if res.Model != m {
		ref := Side{res.Baseline, j.baselineFile(res, m, folder)}
		cand := Side{res.Written, folder.file(pending.Expose)}
		if err := j.check(ctx, res, res.Written.FileBytes(), ref, cand); err != nil {
			return err
		}
	}

	start = time.Now()
	if err := j.opts.begin(ctx, "saving"); err != nil {
		return err
	}
	if err := pending.Sync(); err != nil {
		return err
	}
	r.Seconds["save"] = time.Since(start).Seconds()
	if err := j.unchanged(); err != nil {
		return err
	}
	r.Output = factsOf(res.Model)
	r.Output.Path, r.Output.Bytes, r.Output.External = out, pending.Bytes(), pending.External()
	r.Output.Identical = res.Model == m && len(m.ExternalFiles()) == 0
	if j.opts.Hashes {
		r.Output.SHA256 = hashBytes(res.Written.FileBytes())
	}
	if err := j.commit(ctx); err != nil {
		return err
	}
	return pending.Commit()
}

// model is what Model does.
func (j *job) model(ctx context.Context, m *onnxio.Model) (*onnxio.Model, error) {
	if j.invalid != nil {
		return nil, j.invalid
	}
	finished, err := j.examine(ctx, m)
	if err != nil {
		return nil, err
	}
	res, err := inMemory(ctx, m, j.opts)
	if err := j.planned(m, res, err, finished); err != nil {
		return nil, err
	}
	if res.Model != m {
		folder := &lazyFolder{}
		defer folder.remove()
		ref := Side{res.Baseline, j.baselineFile(res, m, folder)}
		cand := Side{res.Model, folder.saved(res.Model, "model.onnx")}
		var written []byte
		if j.opts.SecondReader != nil && len(res.Model.ExternalFiles()) == 0 {
			if written, err = res.Model.Encode(); err != nil {
				return nil, err
			}
		}
		if err := j.check(ctx, res, written, ref, cand); err != nil {
			return nil, err
		}
	}
	if err := j.unchanged(); err != nil {
		return nil, err
	}
	j.report.Output = factsOf(res.Model)
	j.report.Output.Identical = res.Model == m
	return res.Model, j.commit(ctx)
}

// examine looks at a model before any work on it. What takes long goes on beside
// the work; finished waits for it.
func (j *job) examine(ctx context.Context, m *onnxio.Model) (finished func() error, err error) {
	if err := dims.Check(m, j.opts.Dims); err != nil {
		return nil, err
	}
	hashed := func() error { return nil }
	if path := j.report.Input.Path; path != "" && (j.opts.Hashes || !j.opts.NoMetadata) {
		sum, to := "", j.report.Input
		worked := j.hash(ctx, path, &sum)
		j.opts.source = func() (string, error) {
			err := worked()
			return sum, err
		}
		hashed = func() error {
			err := worked()
			if j.opts.Hashes {
				to.SHA256 = sum
			}
			return err
		}
	}
	intact := j.later(func() error { return m.CheckData(ctx) })
	return func() error { return errors.Join(hashed(), intact()) }, nil
}

// planned notes what was merged, if it came that far, and judges it.
func (j *job) planned(m *onnxio.Model, res *result, err error, finished func() error) error {
	r := j.report
	if res != nil && res.Plan != nil {
		r.Verdict, r.Declined, r.Left, r.Warnings = res.Verdict, res.Plan.Declined, res.Plan.Left, res.Plan.Warnings
		r.Regions = res.Plan.proved(res.Proofs)
		r.Blocks, r.Drawings = res.Plan.Blocks, res.Drawings
		r.Identical = res.Identical
		r.Ops = &OpCounts{Before: countOps(m), After: countOps(res.Model)}
		for k, v := range res.Seconds {
			r.Seconds[k] = v
		}
	}
	if e := finished(); e != nil && err == nil {
		err = e
	}
	if err == nil {
		err = j.totals(m, res)
	}
	if err != nil {
		return advised(err, "an operator inside a merge cannot be run, so the merge cannot be proved; please report the model")
	}
	return j.strict(res)
}

// strict refuses what did not end as Fused, where that is asked for.
func (j *job) strict(res *result) error {
	r := j.report
	if j.opts.Strict && res.Verdict != Fused {
		e := &StrictError{Verdict: res.Verdict}
		for i, d := range r.Declined {
			if !d.Growth() {
				e.First = &r.Declined[i]
				break
			}
		}
		return e
	}
	return nil
}

// check has the second reader read the result, nil bytes where it cannot, and runs
// both whole models.
func (j *job) check(ctx context.Context, res *result, written []byte, ref, cand Side) error {
	if err := j.readAgain(written, res.Model); err != nil {
		return err
	}
	if j.opts.NoCheck {
		return nil
	}
	start := time.Now()
	if err := j.opts.begin(ctx, "checking"); err != nil {
		return err
	}
	err := j.compare(ctx, ref, cand, true)
	j.report.Seconds["check"] = time.Since(start).Seconds()
	return advised(err, "--no-check keeps the proofs of the merges and skips the run of the whole model")
}

// baselineFile is where an engine finds the model that a conversion starts from. A
// file of its own is needed only where the source means something else.
func (j *job) baselineFile(res *result, m *onnxio.Model, folder *lazyFolder) func() (string, error) {
	if files := m.Files(); len(files) > 0 && (res.Baseline == m || !j.opts.BatchStatistics && !j.opts.FreezeInputs) {
		return func() (string, error) { return files[0], nil }
	}
	return folder.saved(res.Baseline, "baseline.onnx")
}

// commit lets the caller have the last word.
func (j *job) commit(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if j.opts.Commit == nil {
		return nil
	}
	return j.opts.Commit(j.report)
}
