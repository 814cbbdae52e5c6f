package engine

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"repmlp/internal/budget"
	"repmlp/internal/parallel"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
	"repmlp/verify/internal/operator"
	"repmlp/verify/internal/storage"
	"repmlp/verify/internal/stored"
	"repmlp/verify/internal/tensor"
)

// An Engine executes one model.
type Engine struct {
	g      *graph.Graph
	model  *onnxio.Model
	run    operator.Running
	exact  map[string]func() ([]float64, error)
	change func(name string, x *tensor.Tensor) *tensor.Tensor
	sparse map[string]*onnxio.SparseTensor
	Seen   *stored.Magnitudes // of a run in float64 and one with magnitudes, may be nil
	Floor  map[string]float64 // added to the magnitudes of an initializer
	read   int64              // bytes of weights read since the pages were given back
	timed  func(op string, d time.Duration)
	Crop   bool // the map that is fed is a piece of the model's: nodes must do on it what they do there
	bodies map[*onnxio.Graph]*Engine
	again  bool                            // the same nodes run many times
	kept   map[constantKey]*operator.Value // small constants of such runs
	worked int64                           // numbers of constants that the last run decoded, or that its nodes made
	ids    map[string]int
	maker  map[int]place // of the values that nodes make
	order  []*step
}

// A step is a node in the order of execution. Its operator has no kernel where the
// engine lacks it.
type step struct {
	n    *graph.Node
	op   operator.Operator
	in   []int
	outs []int
	caps []string // names that subgraphs read from outside

	fixed bool // nothing that is fed reaches it
}

// A place is an output of a node in the order of execution.
type place struct{ node, output int }

// Options configure New. The zero value runs in float32.
type Options struct {
	Mode  operator.Mode
	Seed  uint64                               // of random operators
	Exact map[string]func() ([]float64, error) // replaces the values of initializers
	Sizes map[string][]int64                   // shapes of the graph inputs, for Eval
	Limit int64                                // memory budget of the tensors in bytes; 0: most of what this process may use
	Probe bool                                 // few rows are not zero: take the others for zero whatever the weights are

	// Change replaces the float initializers of the main graph as they are read, but for
	// scalars; it makes another tensor of the same type and shape. nil: none.
	Change func(name string, x *tensor.Tensor) *tensor.Tensor

	meter *budget.Meter // shared with engines that run at the same time; nil: one of Limit
}

// New prepares a model. An operator that the engine lacks is no error
// before it runs.
func New(m *onnxio.Model, o Options) (*Engine, error) {
	plain, err := m.Plain()
	if err != nil {
		return nil, err
	}
	g, err := graph.New(plain, graph.Options{Sizes: o.Sizes})
	if err != nil {
		return nil, err
	}
	e := &Engine{g: g, model: plain, exact: o.Exact, change: o.Change,
		run: operator.Running{Mode: o.Mode, Opset: g.Opset, Seed: o.Seed, Probe: o.Probe, Arena: operator.NewArena(storage.New(storage.ModelShelf))},
		ids: map[string]int{}, maker: map[int]place{}, bodies: map[*onnxio.Graph]*Engine{}, sparse: map[string]*onnxio.SparseTensor{}}
	if e.run.Arena.Meter = o.meter; o.meter == nil {
		e.run.Arena.Meter = o.memory()
	}
	for _, s := range plain.Graph().SparseInit() {
		e.sparse[s.Values().Name()] = s
	}
	table := operator.Table()
	for _, n := range g.Nodes {
		e.add(n, table)
	}
	for _, t := range plain.Graph().Inits() {
		e.id(t.Name())
	}
	for _, v := range plain.Graph().Inputs() {
		e.id(v.Name())
	}
	return e, nil
}

// id numbers the values; -1 is none.
func (e *Engine) id(name string) int {
	if name == "" {
		return -1
	}
	k, ok := e.ids[name]
	if !ok {
		k = len(e.ids)
		e.ids[name] = k
	}
	return k
}

// add appends a node to the order of execution.
func (e *Engine) add(n *graph.Node, table map[string]operator.Operator) {
	s := &step{n: n}
	if n.Domain() == "" {
		s.op = table[n.OpType()]
	}
	for _, name := range n.Inputs() {
		s.in = append(s.in, e.id(name))
	}
	if n.OpType() == "CastLike" && n.Domain() == "" && len(s.in) == 2 && len(n.Out) > 0 && n.Out[0] != nil && n.Out[0].Elem != onnxio.Undefined {
		s.in[1] = -1 // all that counts of it is its type
	}
	for k, name := range n.Outputs() {
		s.outs = append(s.outs, e.id(name))
		e.maker[s.outs[k]] = place{len(e.order), k}
	}
	for _, g := range n.Subgraphs() {
		for _, name := range g.Captures() {
			if !slices.Contains(s.caps, name) {
				s.caps = append(s.caps, name)
				s.in = append(s.in, e.id(name))
			}
		}
	}
	s.fixed = len(s.caps) == 0 && len(n.Subgraphs()) == 0
	for k, name := range n.Inputs() {
		s.fixed = s.fixed && (s.in[k] < 0 || e.isFixed(e.g.Value(name)))
	}
	e.order = append(e.order, s)
}

// isFixed reports whether a value is a constant of the model, or is made by steps that
// read nothing else.
func (e *Engine) isFixed(v *graph.Value) bool {
	if v.Producer == nil {
		return v.Init != nil || v.Sparse
	}
	at, ok := e.maker[e.id(v.Name)]
	return ok && e.order[at.node].fixed
}

// With is the engine in another mode, with other storage; the two share what is
// prepared.
func (e *Engine) With(mode operator.Mode, exact map[string]func() ([]float64, error), a *operator.Arena) *Engine {
	c := *e
	a.Meter = e.run.Arena.Meter
	c.run.Mode, c.run.Arena, c.exact, c.bodies = mode, a, exact, map[*onnxio.Graph]*Engine{}
	return &c
}

// memory is the budget of the tensors of all runs at one time.
func (o *Options) memory() *budget.Meter {
	limit := o.Limit
	if limit == 0 {
		limit = Room()
	}
	return budget.Limits{Memory: limit}.Meter(budget.Memory)
}

// Room is what tensors may take where nobody sets a limit, in bytes: three quarters
// of what this process may use now. The rest is for weights and for what the garbage
// collector has not seen yet. The system is asked each time.
func Room() int64 { return budget.Machine(os.DirFS("/")) / 4 * 3 }

// NewAll prepares models at the same time, which may run at the same time.
func NewAll(o Options, models ...*onnxio.Model) (engines []*Engine, failed []error) {
	engines, failed = make([]*Engine, len(models)), make([]error, len(models))
	o.meter = o.memory()
	var wg parallel.Group
	for i, m := range models {
		wg.Go(func() { engines[i], failed[i] = New(m, o) })
	}
	wg.Wait()
	return engines, failed
}

// Profile has every later run report the time of each node.
func (e *Engine) Profile(f func(op string, d time.Duration)) { e.timed = f }

// Mode is how the engine computes.
func (e *Engine) Mode() operator.Mode { return e.run.Mode }

// Random reports whether a random operator has run.
func (e *Engine) Random() bool { return e.run.Random }

// Value is a value of the graph, nil where it has none of that name.
func (e *Engine) Value(name string) *graph.Value { return e.g.Value(name) }

// Nodes is how many nodes the model has.
func (e *Engine) Nodes() int { return len(e.order) }

// Supports reports the first operator that the engine lacks, nil if there is
// none.
func (e *Engine) Supports() error {
	for _, s := range e.order {
		if err := s.supported(); err != nil {
			return err
		}
	}
	return nil
}

func (s *step) supported() error {
	if s.op.Kernel != nil {
		return nil
	}
	name := s.n.OpType()
	if s.n.Domain() != "" {
		name = s.n.Domain() + "." + name
	}
	return operator.Unsupportedf("the Go engine lacks the operator %s of node %q", name, s.n.Title())
}

// inputs lists the inputs of the graph that some node reads.
func (e *Engine) inputs() (names []string) {
	for _, in := range e.g.Inputs {
		if in.ReadCount() > 0 {
			names = append(names, in.Name)
		}
	}
	return names
}

// Run runs the model and returns the graph's outputs by name.
func (e *Engine) Run(ctx context.Context, feeds map[string]*tensor.Tensor) (map[string]*tensor.Tensor, error) {
	if err := e.Supports(); err != nil {
		return nil, err
	}
	var want []string
	for _, o := range e.g.Outputs {
		want = append(want, o.Name)
	}
	for _, name := range e.inputs() {
		if feeds[name] == nil {
			return nil, fmt.Errorf("running the model: input %q is not fed", name)
		}
	}
	return e.Eval(ctx, feeds, want)
}
