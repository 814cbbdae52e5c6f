package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"repmlp/internal/budget"
	"repmlp/internal/ops"
	"repmlp/internal/parallel"
	"repmlp/onnxio"
	"repmlp/verify/internal/operator"
	"repmlp/verify/internal/tensor"
)

// Eval computes the wanted values from the fed ones, which may lie anywhere in
// the graph; only the nodes between them run. Sizes computed from values that
// are not fed come from the shapes in Options.Sizes.
func (e *Engine) Eval(ctx context.Context, feeds map[string]*tensor.Tensor, want []string) (map[string]*tensor.Tensor, error) {
	v, run := e.begin(feeds, want)
	e.worked = 0
	defer e.run.Arena.Settle(0)
	for _, i := range run {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := v.step(ctx, e.order[i]); err != nil {
			return nil, err
		}
	}
	return v.results(want)
}

// multiplications take as long as making one number of a constant.
const multiplications = 32

// An evaluation is one run of a part of the graph.
type evaluation struct {
	*Engine
	known map[int]*operator.Value // that somebody still reads
	keep  map[int]bool            // wanted values
	uses  map[int]int             // how often each value is still read
	live  int64                   // bytes of the known values
	open  map[int]bool            // constants of the model that are fed, and what follows from them
}

// feed makes a caller's tensor a known value.
func (v *evaluation) feed(name string, t *tensor.Tensor) {
	id, ok := v.ids[name]
	if !ok {
		return
	}
	fed := &operator.Value{Tensor: *tensor.Convert(t, v.run.Mode != operator.Single), Arena: v.run.Arena}
	if v.run.Mode == operator.Single && fed.Half() && fed.F32 != nil {
		fed.F32 = slices.Clone(fed.F32) // it is the caller's, who may run others beside
		fed.Round()
	}
	v.known[id] = fed
	v.run.Arena.Hold(&fed.Tensor)
	v.run.Arena.Hold(&fed.Tensor) // it is the caller's
}

// step runs one node and forgets what nobody reads after it.
func (v *evaluation) step(ctx context.Context, s *step) error {
	if err := s.supported(); err != nil {
		return err
	}
	args, err := v.arguments(s)
	if err != nil {
		return err
	}
	if v.Crop {
		if err := operator.SameMeaning(v.g, s.n, s.op.Alike, args); err != nil {
			return err
		}
	}
	outs, err := v.call(ctx, s, args)
	for _, t := range slices.Concat(args, outs) {
		if t != nil {
			t.Spare = false // it may be a view
		}
	}
	if err != nil {
		return fmt.Errorf("running node %q (%s): %w", s.n.Title(), s.n.OpType(), err)
	}
	if v.still(s) {
		for _, t := range outs {
			if t != nil {
				v.Engine.worked += int64(t.Len())
			}
		}
	}
	v.note(s, outs)
	return nil
}

// arguments are the inputs of a node. Weights are decoded where they are used and
// dropped again.
func (v *evaluation) arguments(s *step) ([]*operator.Value, error) {
	args := make([]*operator.Value, len(s.in))
	for k, id := range s.in {
		switch {
		case id < 0:
		case v.known[id] == nil:
			name := ""
			if k < len(s.n.Inputs()) {
				name = s.n.Inputs()[k]
			} else {
				name = s.caps[k-len(s.n.Inputs())]
			}
			t, err := v.initializer(name, v.modeOf(s), slices.Contains(s.op.Stored, k) && !v.still(s))
			if err != nil {
				return nil, err
			}
			args[k] = t
		case !v.still(s) && v.run.Mode == operator.Absolute && v.fixed(id):
			args[k] = magnitude(v.known[id])
		default:
			args[k] = v.known[id]
			args[k].Spare = v.uses[id] == 1 && !v.keep[id] && len(s.caps) == 0 && v.run.Arena.Alone(&args[k].Tensor)
		}
	}
	return args, nil
}

// modeOf is how a step is run. What works a constant out is run as it is, whatever is
// asked of the data: the magnitude of a constant is that of its elements, and not what
// its operators make of the magnitudes that they read.
func (v *evaluation) modeOf(s *step) operator.Mode {
	if v.still(s) && v.run.Mode == operator.Absolute {
		return operator.Double
	}
	return v.run.Mode
}

// fixed reports whether a known value is a constant that nodes worked out.
func (v *evaluation) fixed(id int) bool {
	at, made := v.maker[id]
	return made && v.order[at.node].fixed && !v.open[id]
}

// still reports whether nothing that is fed reaches a step.
func (v *evaluation) still(s *step) bool {
	return s.fixed && (len(v.open) == 0 || !slices.ContainsFunc(s.in, func(id int) bool { return v.open[id] }))
}

// magnitude is a constant without the signs of its elements.
func magnitude(t *operator.Value) *operator.Value {
	if t.F64 == nil {
		return t
	}
	out := operator.Like(t, t.DType, t.Shape)
	for i, x := range t.F64 {
		out.F64[i] = math.Abs(x)
	}
	return out
}

// note makes the outputs of a node known.
func (v *evaluation) note(s *step, outs []*operator.Value) {
	for k, id := range s.outs {
		if id < 0 || k >= len(outs) || outs[k] == nil {
			continue
		}
		v.known[id] = outs[k]
		v.run.Arena.Hold(&outs[k].Tensor)
		v.live += size(outs[k])
	}
	for _, id := range s.in {
		if id < 0 {
			continue
		}
		if v.uses[id]--; v.uses[id] == 0 && !v.keep[id] && v.known[id] != nil {
			v.forget(id)
		}
	}
	v.run.Arena.Settle(v.live)
}

// results are the wanted values, constants among them.
func (v *evaluation) results(want []string) (map[string]*tensor.Tensor, error) {
	out := map[string]*tensor.Tensor{}
	for _, w := range want {
		id, ok := v.ids[w]
		if !ok {
			return nil, fmt.Errorf("the model has no value %q", w)
		}
		if v.known[id] == nil {
			t, err := v.initializer(w, v.run.Mode, false)
			if err != nil {
				return nil, err
			}
			v.known[id] = t
		} else if v.run.Mode == operator.Absolute && v.fixed(id) {
			v.known[id] = magnitude(v.known[id])
		}
		out[w] = &v.known[id].Tensor
	}
	return out, nil
}

// call runs one operator; a panic of a kernel on inputs that contradict its
// node is an error of the model.
func (v *evaluation) call(ctx context.Context, s *step, args []*operator.Value) (outs []*operator.Value, err error) {
	defer func() {
		p := parallel.Recovered(recover())
		if p == nil {
			return
		}
		if exceeded, ok := errors.AsType[*budget.Exceeded](p); ok {
			err = exceeded
		} else if p.Fault() {
			err = p // a file that changed says nothing about the model
		} else {
			err = fmt.Errorf("its inputs do not fit: %w", p)
		}
	}()
	if v.timed != nil {
		start := time.Now()
		defer func() { v.timed(s.n.OpType(), time.Since(start)) }()
	}
	own, captured := args[:len(s.n.Inputs())], args[len(s.n.Inputs()):]
	if err := s.fits(own); err != nil {
		return nil, err
	}
	run := v.Engine.run
	run.Mode = v.modeOf(s)
	run.Work = 0
	defer func() {
		v.Engine.run.Random = v.Engine.run.Random || run.Random
		v.Engine.worked += run.Work / multiplications
	}()
	outs, err = s.op.Kernel(&operator.Call{Node: s.n, In: own, Run: &run, Ctx: ctx, Outs: len(s.outs), Fixed: v.still(s),
		Constant: func(t *onnxio.Tensor) (*operator.Value, error) { return v.constant(t, run.Mode) },
		Body: func(g *onnxio.Graph, own []*operator.Value) ([]*operator.Value, error) {
			return v.body(ctx, g, own, s.caps, captured)
		}})
	for _, t := range outs {
		if t != nil && t.Arena == nil {
			t.Arena = v.run.Arena
		}
		if t == nil || v.run.Mode != operator.Single || !t.Half() {
			continue
		}
		// A view of an input holds rounded numbers already.
		if k := t.Key(); !slices.ContainsFunc(args, func(a *operator.Value) bool { return a != nil && a.Key() == k }) {
			t.Round()
		}
	}
	return outs, err
}

// fits says what ONNX does not allow of the node with these inputs.
func (s *step) fits(in []*operator.Value) error {
	types := make([]onnxio.DType, len(in))
	for i, t := range in {
		switch {
		case t != nil:
			types[i] = t.DType
		case s.n.In[i] == nil:
			types[i] = ops.Absent
		}
	}
	return s.n.Fits(types)
}

// body runs a subgraph: its own inputs, then what it captures of the values that
// have these names outside.
func (v *evaluation) body(ctx context.Context, g *onnxio.Graph, own []*operator.Value, names []string, captured []*operator.Value) ([]*operator.Value, error) {
	e := v.bodies[g]
	if e == nil {
		var err error
		if e, err = New(v.model.Subgraph(g), Options{Mode: v.run.Mode, Seed: v.run.Seed, meter: v.run.Arena.Meter}); err != nil {
			return nil, err
		}
		if err := e.Supports(); err != nil {
			return nil, err
		}
		v.bodies[g] = e
	}
	feeds := map[string]*tensor.Tensor{}
	for i, t := range own {
		if i < len(g.Inputs()) && t != nil {
			feeds[g.Inputs()[i].Name()] = &t.Tensor
		}
	}
	reads := g.Captures()
	for i, name := range names {
		if captured[i] != nil && slices.Contains(reads, name) {
			feeds[name] = &captured[i].Tensor
		}
	}
	var want []string
	for _, o := range g.Outputs() {
		want = append(want, o.Name())
	}
	got, err := e.Eval(ctx, feeds, want)
	if err != nil {
		return nil, err
	}
	v.Engine.run.Random = v.run.Random || e.run.Random
	out := make([]*operator.Value, len(want))
	for i, name := range want {
		out[i] = &operator.Value{Tensor: *got[name]}
	}
	return out, nil
}
