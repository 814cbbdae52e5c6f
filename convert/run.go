package convert

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/edit"
	"repmlp/convert/internal/explain"
	"repmlp/convert/internal/plan"
	"repmlp/convert/internal/reason"
	"repmlp/convert/internal/rules"
	"repmlp/internal/drawing"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
	"repmlp/verify"
)

// A result is a converted model with what was done to it.
type result struct {
	Model     *onnxio.Model // the source itself where nothing was merged
	Written   *onnxio.Model // by toFile: the result as it was read back
	Plan      *summary
	Proofs    map[string]verify.Proof // by region
	Verdict   string
	Baseline  *onnxio.Model // the model that the result must equal: the source with training switches off
	Seconds   map[string]float64
	Identical *Identical // what of the written model is the original's
	Drawings  []drawing.Region
}

// A conversion is one attempt: a plan and the edit that it makes.
type conversion struct {
	opts    Options
	res     *result
	from    *ground
	base    *graph.Graph // that the plan is about
	planned *planned
	plan    *plan.Plan // of the main graph
	written *edit.Result
	merged  *onnxio.Model // the result before it was tidied
	made    *graph.Graph  // the result, where anything was merged
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
	from, err := opts.ground(ctx, m)
	if err != nil {
		return nil, err
	}
	base, g, cut, bodies := from.base, from.g, from.cut, from.bodies
	for refused := 0; ; {
		c := &conversion{opts: opts, res: res, from: from}
		err := c.attempt(ctx, g, cut, bodies, from.notes, start)
		if err == nil {
			err = opts.matched(false)
		}
		switch {
		case err != nil:
		case len(res.Plan.Regions) == 0:
			if err := opts.matched(true); err != nil {
				return res, err
			}
			if err := c.remains(g, cut); err != nil {
				return nil, err
			}
			res.Model, res.Baseline = m, m
			if from.switched {
				res.Model, res.Baseline = from.plain, from.plain
				if res.Model, err = opts.signed(from.plain); err != nil {
					return nil, err
				}
			}
			if err := c.count(); err != nil {
				return nil, err
			}
			return res, opts.dumpResult(res)
		default:
			res.Baseline = base
			if c.merged, err = c.planned.model.Apply(c.written.Edit); err != nil {
				return nil, fmt.Errorf("writing the merged graph: %w", err)
			}
			if res.Model, err = c.tidied(); err != nil {
				return nil, err
			}
			if err := c.sign(); err != nil {
				return nil, err
			}
			if err = opts.dumpResult(res); err == nil {
				err = finish(c)
			}
			if err == nil {
				err = c.remains(nil, cut)
			}
			if err == nil {
				err = c.draw()
			}
			if err == nil {
				err = c.count()
			}
			if len(affine.ValueErrors(err)) > 0 {
				if refused++; refused > 1 { // there may be many: all others are found at once
					err = errors.Join(append(res.Model.Failures(ctx), err)...)
				}
			}
		}
		again := false
		for _, bad := range affine.ValueErrors(err) {
			if n := c.planned.from(bad.Node.Node); cut[n] == nil {
				cut[n], again, from.planned = &bad.Refusal, true, nil
			}
		}
		if again {
			start = time.Now()
			continue
		}
		if bad, ok := errors.AsType[*graph.UndefinedError](err); ok {
			without, news, e := g.Without(g.Node(c.planned.from(bad.Node.Node)), bad.Why())
			if e != nil {
				return nil, e
			}
			if news {
				g, start = without, time.Now()
				from.g, from.planned = g, nil
				continue
			}
		}
		if err == nil {
			err = opts.matched(true)
		}
		return res, err
	}
}

// attempt plans the graph without the nodes in cut, and says what the plan makes.
func (c *conversion) attempt(ctx context.Context, g *graph.Graph, cut map[*onnxio.Node]*reason.Refusal, bodies *bodyResult, notes []Warning, start time.Time) error {
	defer c.clock("plan", start)
	opts, res := c.opts, c.res
	c.base = g
	skipped, err := c.choose(ctx, g, cut)
	if err != nil {
		return err
	}
	found := explain.Of(c.planned.plan)
	if len(skipped) > 0 {
		unmerged(found, c.plan)
		found.Declined = append(found.Declined, skipped...)
	}
	var stopped bool
	c.plan, stopped = opts.stopAfter(c.plan, found, len(bodies.regions))
	o := edit.Options{FreezeInputs: opts.FreezeInputs, Reserved: opts.reserved, Elsewhere: c.planned.elsewhere, Notes: !opts.NoMetadata, Origin: c.planned.merged}
	if c.written, err = edit.Write(c.plan, o); err != nil {
		return err
	}
	s := summarise(c.planned, c.plan, found, c.written)
	s.planned = len(c.planned.plan.Regions) + bodies.planned
	s.Warnings = slices.Concat(notes, s.Warnings)
	s.Regions = append(s.Regions, bodies.regions...)
	s.Declined, s.Left = append(s.Declined, bodies.declined...), append(s.Left, bodies.left...)
	res.Plan, res.Proofs = s, bodies.proofs
	res.Verdict = s.verdict(stopped || bodies.stopped)
	return opts.dumpPlan(c.planned.explained, c.plan, s)
}

// remains names what the result still has of BatchNormalizations, constant scales and
// constant biases, beside what declined. g is the result where nothing was merged.
func (c *conversion) remains(g *graph.Graph, cut map[*onnxio.Node]*reason.Refusal) error {
	start := time.Now()
	defer c.clock("plan", start)
	s := c.res.Plan
	e := c.plan.Explained
	if g == nil {
		var err error
		if g, err = graph.New(c.res.Model, c.opts.graph()); err != nil {
			return fmt.Errorf("looking at the result: %w", err)
		}
		c.made = g
		e = rules.Explain(g, cut, nil)
	}
	declined := make([]explain.Decline, len(s.Declined))
	for i, d := range s.Declined {
		declined[i] = explain.Decline(d)
	}
	made := map[string]string{}
	for _, r := range c.plan.Regions {
		for _, name := range c.written.Into(r) {
			made[name] = r.Named()
		}
	}
	stops := map[string]*reason.Refusal{}
	for _, r := range c.planned.refused {
		stops[r.Node.Title()] = reason.Refuse(r.Code, "%s", r.Message)
	}
	for _, x := range explain.Stays(e, declined, made, stops) {
		s.Left = append(s.Left, Left(x))
	}
	return nil
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
		if err := c.prove(ctx, c.plan.Regions, c.merged); err != nil {
			return err
		}
		return opts.shown(c.res, c.rest(c.res.Model))
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
		if err := c.res.Model.Try(ctx, opts.progress("merging")); err != nil {
			return err
		}
		var open []*plan.Region
		for _, r := range c.plan.Regions {
			if r.Undone() != nil {
				open = append(open, r)
			}
		}
		if len(open) == 0 {
			return nil
		}
		return c.prove(ctx, open, c.merged)
	})
}

// toFile is inMemory for models of any size: merged weights are computed as they
// are written to a temporary file beside path, and proved as they were read
// back from there. The caller commits or discards the file and closes
// result.Written, the model as it was read back.
func toFile(ctx context.Context, m *onnxio.Model, path string, opts Options) (*result, *onnxio.Pending, error) {
	var pending *onnxio.Pending
	var back *onnxio.Model
	drop := func() {
		if back != nil {
			back.Close()
		}
		if pending != nil {
			pending.Discard()
		}
		pending, back = nil, nil
	}
	write := func(res *result) error {
		start := time.Now()
		defer func() { res.Seconds["fold"] += time.Since(start).Seconds() }()
		err := opts.begin(ctx, "merging")
		if err != nil {
			return err
		}
		if pending, err = res.Model.Write(ctx, path, opts.progress("merging")); err != nil {
			pending = nil
			return err
		}
		back, err = pending.Load()
		return err
	}
	res, err := run(ctx, m, opts, func(c *conversion) error {
		err := write(c.res)
		if err == nil {
			err = c.prove(ctx, c.plan.Regions, c.proved(back))
		}
		if err == nil {
			err = opts.shown(c.res, c.rest(back))
		}
		if err != nil { // the plan may be made anew
			drop()
		}
		return err
	})
	if err == nil && pending == nil { // nothing was merged
		if err = write(res); err == nil {
			err = opts.shown(res, opts.unmerged(res, back))
		}
	}
	if err != nil {
		drop()
		return res, nil, err
	}
	res.Written = back
	return res, pending, nil
}
