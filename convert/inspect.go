package convert

import (
	"cmp"
	"context"
	"fmt"

	"repmlp/internal/dims"
	"repmlp/onnxio"
)

// Inspect says what Model would do, without weights: it cannot know what only
// numbers forbid. With opts.Values it reads them and knows. The report is never nil;
// with an error its verdict is Failed.
func Inspect(ctx context.Context, m *onnxio.Model, opts Options) (*Report, error) {
	j := newJob("inspect", opts)
	j.report.Input = loadedFacts(m)
	j.models = []*onnxio.Model{m}
	return j.end(j.guarded(func() error { return j.inspect(ctx, m) }))
}

// InspectFile is Inspect of the model in a file.
func InspectFile(ctx context.Context, path string, opts Options) (*Report, error) {
	j := newJob("inspect", opts)
	j.report.Input = &FileFacts{Path: path}
	return j.end(j.guarded(func() error {
		m, err := j.open(ctx, path, &j.report.Input)
		if err != nil {
			return err
		}
		return j.inspect(ctx, m)
	}))
}

func (j *job) inspect(ctx context.Context, m *onnxio.Model) error {
	if j.invalid != nil {
		return j.invalid
	}
	if err := dims.Check(m, j.opts.Dims); err != nil {
		return err
	}
	r := j.report
	hashed := func() error { return nil }
	if r.Input.Path != "" {
		j.opts.source = func() (string, error) { return noHash, nil }
		if j.opts.Hashes {
			hashed = j.hash(ctx, r.Input.Path, &r.Input.SHA256)
		}
	}
	look := planOnly
	if j.opts.Values {
		look = planValues
	}
	res, err := look(ctx, m, j.opts)
	if err := cmp.Or(err, hashed(), j.unchanged(), ctx.Err()); err != nil {
		return fmt.Errorf("inspecting %q: %w", r.Input.Path, err)
	}
	r.Blocks, r.Regions, r.Warnings = res.Plan.Blocks, res.Plan.Regions, res.Plan.Warnings
	r.Declined, r.Left, r.Drawings = res.Plan.Declined, res.Plan.Left, res.Drawings
	r.Ops = &OpCounts{Before: countOps(m), After: countOps(res.Model)}
	if err := j.totals(m, res); err != nil {
		return err
	}
	r.Verdict = Would(res.Verdict)
	return j.strict(res)
}
