// Package convert merges everything linear that can be merged exactly in a
// training-form ONNX graph: RepMLP blocks and other structural
// re-parameterisation blocks become the layers they deploy as.
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
	"slices"
	"sync"
	"time"

	"repmlp/internal/parallel"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
	"repmlp/verify"
)

// FC says how a merged FC layer is spelled.
type FC uint8

// The spellings. Auto takes for each layer what a table of measurements says is
// fastest over batch sizes 1, 8 and 32, and no slower than the grouped Conv at
// any of them.
const (
	FCAuto FC = iota
	FCGemm    // Gemm for one group, batched MatMul for several
	FCConv    // grouped 1×1 Conv

	fcColumns // the weights as left operand
	fcSplit   // one Gemm for each group
)

// Options of a conversion. The zero value is the default.
type Options struct {
	FC              FC
	AllowGrowth     bool // also merges that make the model larger
	FreezeInputs    bool // initializers that are graph inputs count as constants
	FoldDequantize  bool // DequantizeLinear of constants counts as a constant
	BatchStatistics bool // take training-mode nodes as inference nodes
	NoMetadata      bool // no provenance in the result
	Version         string

	// Prover checks every region; nil leaves them unproved.
	Prover Prover
	// Progress is called as the work goes on; nil is silent.
	Progress func(stage string, done, total int)

	reserved []map[string]bool // names of the graphs around, which new ones must not shadow
	look     bool              // plan the bodies of control-flow nodes, compute nothing
}

// graph says what counts as a constant.
func (o Options) graph() graph.Options {
	return graph.Options{FreezeInputs: o.FreezeInputs, FoldDequantize: o.FoldDequantize}
}

// stage is Progress for one stage, nil where it is.
func (o Options) stage(name string) func(done, total int) {
	if o.Progress == nil {
		return nil
	}
	return func(done, total int) { o.Progress(name, done, total) }
}

// A Prover runs a region's original nodes and its replacement on random rows;
// *verify.Prover is one.
type Prover interface {
	Prove(ctx context.Context, claim verify.Claim) (verify.Proof, error)
}

// ErrNotEquivalent is wrapped by the error of a failed proof.
var ErrNotEquivalent = errors.New("not equivalent")

// A Result is a converted model with what was done to it.
type Result struct {
	Model    *onnxio.Model // the source itself where nothing was merged
	Written  *onnxio.Model // by ToFile: the result as it was read back
	Plan     *Plan
	Proofs   map[string]verify.Proof // by region
	Verdict  string
	Baseline *onnxio.Model // the model that the result must equal: the source with training switches off
	Seconds  map[string]float64
}

// The verdicts of a conversion.
const (
	Fused     = "fused"     // something was merged, no candidate declined
	Partial   = "partial"   // something was merged, some candidate declined
	Declined  = "declined"  // nothing was merged, some candidate declined
	Unchanged = "unchanged" // no candidate
)

// PlanModel finds what Convert would merge, without reading large weights.
func PlanModel(m *onnxio.Model, opts Options) (*Plan, error) {
	opts.Prover, opts.look = nil, true
	res, err := planOnly(context.Background(), m, opts)
	if err != nil {
		return nil, err
	}
	return res.Plan, nil
}

// Convert merges what can be merged and proves every merge, in memory. The
// source is not changed. Without anything to merge the result is the source
// itself.
func Convert(ctx context.Context, m *onnxio.Model, opts Options) (*Result, error) {
	return run(ctx, m, opts, func(c *conversion) error {
		start := time.Now()
		err := c.res.Model.Compute()
		c.clock("fold", start)
		if err != nil {
			return err
		}
		return c.prove(ctx, c.regions, c.res.Model)
	})
}

// planOnly is Convert without weights.
func planOnly(ctx context.Context, m *onnxio.Model, opts Options) (*Result, error) {
	return run(ctx, m, opts, func(*conversion) error { return nil })
}

// ToFile is Convert for models of any size: merged weights are computed as they
// are written to a temporary file beside path, and proved as they were read
// back from there. The caller commits or discards the file and closes
// Result.Written, the model as it was read back.
func ToFile(ctx context.Context, m *onnxio.Model, path string, opts Options) (*Result, *onnxio.Pending, error) {
	var pending *onnxio.Pending
	write := func(res *Result) error {
		var err error
		start := time.Now()
		defer func() { res.Seconds["fold"] += time.Since(start).Seconds() }()
		if pending, err = res.Model.Write(ctx, path, opts.stage("merging")); err != nil {
			pending = nil
			return err
		}
		res.Written, err = pending.Load()
		return err
	}
	res, err := run(ctx, m, opts, func(c *conversion) error {
		if err := write(c.res); err != nil {
			return err
		}
		return c.prove(ctx, c.regions, c.res.Written)
	})
	if err == nil && pending == nil { // nothing was merged
		err = write(res)
	}
	if err != nil {
		if pending != nil {
			pending.Discard()
		}
		if res != nil && res.Written != nil {
			res.Written.Close()
			res.Written = nil
		}
		return res, nil, err
	}
	return res, pending, nil
}

// A conversion is one attempt: a plan and the model that it makes.
type conversion struct {
	*emitter
	res     *Result
	regions []*Region // of the main graph
}

func (c *conversion) clock(name string, from time.Time) {
	c.res.Seconds[name] += time.Since(from).Seconds()
}

// run plans, has finish compute the weights, and plans again without a step
// whose numbers turn out to forbid it.
func run(ctx context.Context, m *onnxio.Model, opts Options, finish func(*conversion) error) (*Result, error) {
	res := &Result{Model: m, Baseline: m, Proofs: map[string]verify.Proof{}, Seconds: map[string]float64{}}
	start := time.Now()
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
	switched := len(notes) > 0 // the caller asked for other semantics
	notes = slices.Concat(notes, versionNotes(m), trainingNotes(g))
	cut := map[*graph.Node]*refusal{}
	for {
		plan, x := newPlan(g, opts, cut)
		c := &conversion{res: res, regions: plan.Regions}
		c.emitter, err = x.emitAll(plan, opts)
		c.clock("plan", start)
		if err == nil {
			plan.Warnings = append(notes, plan.Warnings...)
			plan.Regions = append(slices.Clone(c.regions), bodies.regions...)
			plan.Declined = append(plan.Declined, bodies.declined...)
			res.Plan, res.Proofs = plan, bodies.proofs
			res.Verdict = plan.Verdict()
			res.Model, res.Baseline = m, m
			if len(plan.Regions) == 0 {
				if switched {
					res.Model, res.Baseline = base, base
				}
				return res, nil
			}
			res.Baseline = base
			if res.Model, err = c.apply(bodies.model, opts); err != nil {
				return nil, fmt.Errorf("writing the merged graph: %w", err)
			}
			err = finish(c)
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

// Verdict sums the plan up.
func (p *Plan) Verdict() string {
	declined := false
	for _, d := range p.Declined {
		declined = declined || !d.Growth()
	}
	switch {
	case len(p.Regions) > 0 && declined:
		return Partial
	case len(p.Regions) > 0:
		return Fused
	case declined:
		return Declined
	}
	return Unchanged
}

// emitAll writes the nodes of all regions.
func (c *explainer) emitAll(plan *Plan, opts Options) (*emitter, error) {
	e := c.newEmitter(opts)
	for _, r := range plan.Regions {
		from := len(e.edit.AddNodes)
		if err := e.region(r); err != nil {
			return nil, fmt.Errorf("merging %q: %w", r.Value, err)
		}
		for _, p := range e.edit.AddNodes[from:] {
			r.Into = append(r.Into, p.Node.Name)
		}
	}
	return e, nil
}

// apply turns the collected edit into a model without anything dead.
func (e *emitter) apply(m *onnxio.Model, opts Options) (*onnxio.Model, error) {
	e.sweep(m.Graph)
	if !opts.NoMetadata {
		e.edit.Metadata = []onnxio.Property{{Key: "repmlp.version", Value: opts.Version}}
	}
	return m.Apply(e.edit)
}

// sweep drops what nothing needs any more: nodes, initializers, inputs that
// were frozen, declared shapes.
func (e *emitter) sweep(g *onnxio.Graph) {
	dropped := map[*onnxio.Node]bool{}
	for _, n := range e.edit.DropNodes {
		dropped[n] = true
	}
	producer := map[string]*onnxio.Node{}
	var nodes []*onnxio.Node
	for _, n := range g.Nodes {
		if !dropped[n] {
			nodes = append(nodes, n)
		}
	}
	for _, p := range e.edit.AddNodes {
		nodes = append(nodes, p.Node)
	}
	for _, n := range nodes {
		for _, o := range n.Outputs {
			if o != "" {
				producer[o] = n
			}
		}
	}
	live := map[string]bool{}
	alive := map[*onnxio.Node]bool{}
	var todo []string
	for _, o := range g.Outputs {
		todo = append(todo, o.Name)
	}
	annotated := g.Annotated()
	for len(todo) > 0 {
		name := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if live[name] {
			continue
		}
		live[name] = true
		todo = append(todo, annotated[name]...)
		n := producer[name]
		if n == nil || alive[n] {
			continue
		}
		alive[n] = true
		todo = append(todo, n.Reads()...)
	}
	made := map[string]bool{}
	for _, n := range nodes {
		if !alive[n] {
			continue
		}
		for _, o := range n.Outputs {
			made[o] = true
		}
	}
	for _, n := range g.Nodes {
		if !dropped[n] && !alive[n] {
			e.edit.DropNodes = append(e.edit.DropNodes, n)
		}
	}
	kept := map[string]bool{}
	isInput := map[string]bool{}
	for _, v := range g.Inputs {
		isInput[v.Name] = true
	}
	for _, t := range g.Inits {
		frozen := isInput[t.Name] && (e.opts.FreezeInputs || e.g.Model.IRVersion < 4)
		if live[t.Name] || isInput[t.Name] && !frozen {
			kept[t.Name] = true
			continue
		}
		e.edit.DropInits = append(e.edit.DropInits, t)
	}
	hasInit := map[string]bool{}
	for _, t := range g.Inits {
		hasInit[t.Name] = true
	}
	for _, v := range g.Inputs {
		if hasInit[v.Name] && (!kept[v.Name] || e.opts.FreezeInputs && e.g.Model.IRVersion >= 4) {
			e.edit.DropInputs = append(e.edit.DropInputs, v)
		}
	}
	fresh := map[string]bool{}
	for _, p := range e.edit.AddNodes {
		for _, o := range p.Node.Outputs {
			fresh[o] = true
		}
	}
	for _, v := range g.ValueInfo {
		if !made[v.Name] && !kept[v.Name] || fresh[v.Name] && e.contradicted(v.Name) {
			e.edit.DropInfo = append(e.edit.DropInfo, v)
		}
	}
}

// contradicted reports whether the declared shape of a value is not the one that
// follows from its nodes. It is dropped where a new node makes the value. Elsewhere
// it stays: ONNX Runtime takes both sizes for unknown, and may refuse what reads the
// value once it knows better.
func (e *emitter) contradicted(name string) bool {
	v := e.g.Value(name)
	return v != nil && e.g.Contradicted(v)
}

// prove asks the prover about regions of the result, as it is in after.
func (c *conversion) prove(ctx context.Context, regions []*Region, after *onnxio.Model) error {
	start := time.Now()
	defer c.clock("proof", start)
	if c.opts.Prover == nil {
		return nil
	}
	if err := verify.CheckRounded(after, c.exact); err != nil {
		return fmt.Errorf("%w: %w", err, ErrNotEquivalent)
	}
	var mu sync.Mutex
	done, step := 0, c.opts.stage("proving")
	return parallel.Ends(len(regions), func(i int) error {
		r := regions[i]
		claim := c.claim(r)
		claim.Before, claim.After = c.res.Baseline, after
		claim.Exact = c.exact
		proof, err := c.opts.Prover.Prove(ctx, claim)
		if err != nil {
			return fmt.Errorf("proving region %s (%q): %w", r.ID, r.Value, err)
		}
		mu.Lock()
		defer mu.Unlock()
		if done++; step != nil {
			step(done, len(regions))
		}
		return c.judge(r, proof)
	})
}

// judge notes the proof of a region; it is an error where it failed.
func (c *conversion) judge(r *Region, proof verify.Proof) error {
	if !(proof.Bound < 1) && r.undone != nil {
		return &valueError{*refuse("bias_before_zero_padding", "the constant before %q does not take the bias away exactly enough, so its zeros are not the image of zero; pad with the bias value while training", r.undone.Title()), r.undone}
	}
	c.res.Proofs[r.ID] = proof
	if !(proof.Bound < 1) {
		return fmt.Errorf("proving region %s (%q): the merged layer differs by %g, %.3g times what rounding allows: %w", r.ID, r.Value, proof.MaxAbs, proof.Bound, ErrNotEquivalent)
	}
	return nil
}
