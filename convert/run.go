package convert

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"repmlp/onnxio"
	"repmlp/onnxio/graph"
	"repmlp/verify"
)

// A result is a converted model with what was done to it.
type result struct {
	Model    *onnxio.Model // the source itself where nothing was merged
	Written  *onnxio.Model // by toFile: the result as it was read back
	Plan     *Plan
	Proofs   map[string]verify.Proof // by region
	Verdict  string
	Baseline *onnxio.Model // the model that the result must equal: the source with training switches off
	Seconds  map[string]float64
}

// A conversion is one attempt: a plan and the model that it makes.
type conversion struct {
	*emitter
	res     *result
	regions []*Region // of the main graph
}

func (c *conversion) clock(name string, from time.Time) {
	c.res.Seconds[name] += time.Since(from).Seconds()
}

// run plans, has finish compute the weights, and plans again without a step
// whose numbers turn out to forbid it.
func run(ctx context.Context, m *onnxio.Model, opts Options, finish func(*conversion) error) (*result, error) {
	res := &result{Model: m, Baseline: m, Proofs: map[string]verify.Proof{}, Seconds: map[string]float64{}}
	start := time.Now()
	if err := opts.begin(ctx, "planning"); err != nil {
		return nil, err
	}
	base, notes, err := baseline(m, opts)
	if err != nil {
		return nil, err
	}
	bodies, err := convertBodies(ctx, base, opts)
	if err != nil {
		return nil, err
	}
	g, err := graph.New(bodies.model, opts.graph())
	if err != nil {
		return nil, err
	}
	if err := opts.dumpSource(m, bodies.model, g); err != nil {
		return nil, err
	}
	switched := len(notes) > 0 // the caller asked for other semantics
	notes = slices.Concat(notes, versionNotes(m), trainingNotes(g))
	cut := map[*graph.Node]*refusal{}
	for {
		if err := ctx.Err(); err != nil {
			return res, err
		}
		plan, x := newPlan(g, opts, cut)
		stopped := plan.stopAfter(opts, len(bodies.regions))
		c := &conversion{res: res, regions: plan.Regions}
		c.emitter, err = x.emitAll(plan, opts)
		c.clock("plan", start)
		if err == nil {
			plan.Warnings = append(notes, plan.Warnings...)
			plan.Regions = append(slices.Clone(c.regions), bodies.regions...)
			plan.Declined = append(plan.Declined, bodies.declined...)
			res.Plan, res.Proofs = plan, bodies.proofs
			res.Verdict = plan.verdict(stopped || bodies.stopped)
			res.Model, res.Baseline = m, m
			if len(plan.Regions) == 0 {
				if switched {
					res.Model, res.Baseline = base, base
				}
				return res, opts.dumpResult(res)
			}
			res.Baseline = base
			if res.Model, err = c.apply(bodies.model, opts); err != nil {
				return nil, fmt.Errorf("writing the merged graph: %w", err)
			}
			if err = opts.dumpResult(res); err == nil {
				err = finish(c)
			}
		}
		if bad, ok := errors.AsType[*valueError](err); ok && cut[bad.node] == nil {
			cut[bad.node] = &bad.refusal
			start = time.Now()
			continue
		}
		if bad, ok := errors.AsType[*graph.UndefinedError](err); ok && g.Disown(bad.Node) {
			start = time.Now()
			continue
		}
		return res, err
	}
}

// stopAfter keeps the first merges where that is asked for, and reports whether
// there were more. Those in the bodies of control flow came first.
func (p *Plan) stopAfter(opts Options, before int) (stopped bool) {
	if opts.StopAfter == 0 {
		return false
	}
	n := max(0, opts.StopAfter-before)
	if len(p.Regions) <= n {
		return false
	}
	kept := map[string]bool{}
	for _, r := range p.Regions[:n] {
		kept[r.ID] = true
	}
	for i := range p.Blocks {
		if b := &p.Blocks[i]; !kept[b.Region] {
			b.Becomes, b.Region = "", ""
		}
	}
	p.Warnings = append(p.Warnings, Warning{"stopped_early", fmt.Sprintf("%d of %d merges of the main graph were made, as asked for", n, len(p.Regions))})
	p.Regions = p.Regions[:n:n]
	return true
}

// inMemory merges what can be merged and proves every merge. The source is not
// changed. Without anything to merge the result is the source itself.
func inMemory(ctx context.Context, m *onnxio.Model, opts Options) (*result, error) {
	return run(ctx, m, opts, func(c *conversion) error {
		start := time.Now()
		if err := opts.begin(ctx, "merging"); err != nil {
			return err
		}
		err := c.res.Model.Compute(ctx)
		c.clock("fold", start)
		if err != nil {
			return err
		}
		return c.prove(ctx, c.regions, c.res.Model)
	})
}

// planOnly is inMemory without weights.
func planOnly(ctx context.Context, m *onnxio.Model, opts Options) (*result, error) {
	opts.Prover, opts.look = nil, true
	return run(ctx, m, opts, func(*conversion) error { return nil })
}

// planValues is planOnly that also reads all weights: it declines what their
// numbers forbid, as a conversion would. Merged weights are computed and dropped.
// Where the proof of a region decides whether it stays, the prover is asked.
func planValues(ctx context.Context, m *onnxio.Model, opts Options) (*result, error) {
	return run(ctx, m, opts, func(c *conversion) error {
		if err := opts.begin(ctx, "merging"); err != nil {
			return err
		}
		if err := c.res.Model.Try(ctx, opts.stage("merging")); err != nil {
			return err
		}
		var open []*Region
		for _, r := range c.regions {
			if r.undone != nil {
				open = append(open, r)
			}
		}
		if len(open) == 0 {
			return nil
		}
		return c.prove(ctx, open, c.res.Model)
	})
}

// toFile is inMemory for models of any size: merged weights are computed as they
// are written to a temporary file beside path, and proved as they were read
// back from there. The caller commits or discards the file and closes
// result.Written, the model as it was read back.
func toFile(ctx context.Context, m *onnxio.Model, path string, opts Options) (*result, *onnxio.Pending, error) {
	var pending *onnxio.Pending
	var written *onnxio.Model
	drop := func() {
		if written != nil {
			written.Close()
		}
		if pending != nil {
			pending.Discard()
		}
		pending, written = nil, nil
	}
	write := func(res *result) error {
		start := time.Now()
		defer func() { res.Seconds["fold"] += time.Since(start).Seconds() }()
		err := opts.begin(ctx, "merging")
		if err != nil {
			return err
		}
		if pending, err = res.Model.Write(ctx, path, opts.stage("merging")); err != nil {
			pending = nil
			return err
		}
		written, err = pending.Load()
		return err
	}
	res, err := run(ctx, m, opts, func(c *conversion) error {
		err := write(c.res)
		if err == nil {
			err = c.prove(ctx, c.regions, written)
		}
		if err != nil { // the plan may be made anew
			drop()
		}
		return err
	})
	if err == nil && pending == nil { // nothing was merged
		err = write(res)
	}
	if err != nil {
		drop()
		return res, nil, err
	}
	res.Written = written
	return res, pending, nil
}
