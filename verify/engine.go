// Package verify runs models and decides whether two of them are equivalent.
//
// It shares nothing with the converter: a pure-Go engine executes ONNX in
// float32 or float64, proofs run a region's original nodes and its replacement
// on random rows, and whole models are compared on random and real inputs with
// a tolerance that takes the model's own rounding noise as its scale.
package verify

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"repmlp/internal/budget"
	"repmlp/internal/parallel"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// Unsupported says that the engine lacks an operator, a type or a form of an
// operator.
type Unsupported struct{ What string }

func (u *Unsupported) Error() string { return u.What }

func unsupported(format string, args ...any) error { return &Unsupported{fmt.Sprintf(format, args...)} }

// Mode is how an engine computes.
type Mode uint8

// The modes. Absolute runs in float64 with the magnitude of every constant, so
// that on non-negative inputs a sum of products shows Σ|w||x|.
const (
	Single Mode = iota
	Double
	Absolute
)

// An Engine executes one model.
type Engine struct {
	g      *graph.Graph
	model  *onnxio.Model
	mode   Mode
	seed   uint64
	exact  map[string]func() ([]float64, error)
	sparse map[string]*onnxio.SparseTensor
	probe  bool
	seen   *magnitudes // of a run in float64 and one with magnitudes, may be nil
	read   int64       // bytes of weights read since the pages were given back
	arena  *arena
	timed  func(op string, d time.Duration)
	opset  int64
	random bool // a random operator has run
	crop   bool // the map that is fed is a piece of the model's: nodes must do on it what they do there
	bodies map[*onnxio.Graph]*Engine
	ids    map[string]int
	maker  map[int]place // of the values that nodes make
	order  []*compiled
}

type compiled struct {
	n    *graph.Node
	op   operator
	in   []int
	outs []int
	caps []string // names that subgraphs read from outside
}

// A place is an output of a node in the order of execution.
type place struct{ node, output int }

// An operator computes the outputs of one node.
type operator func(c *call) ([]*Tensor, error)

// A call is what an operator sees.
type call struct {
	n    *graph.Node
	in   []*Tensor
	e    *Engine
	ctx  context.Context
	outs int

	captured map[string]*Tensor
}

// EngineOptions configure NewEngine. The zero value runs in float32.
type EngineOptions struct {
	Mode  Mode
	Seed  uint64                               // of random operators
	Exact map[string]func() ([]float64, error) // replaces the values of initializers
	Sizes map[string][]int64                   // shapes of the graph inputs, for Eval
	Limit int64                                // memory budget of the tensors in bytes; 0: most of what this process may use
	Probe bool                                 // few rows are not zero: take the others for zero whatever the weights are

	meter *budget.Meter // shared with engines that run at the same time; nil: one of Limit
}

// NewEngine prepares a model. An operator that the engine lacks is an error
// that names it.
func NewEngine(m *onnxio.Model, o EngineOptions) (*Engine, error) {
	plain, err := m.Plain()
	if err != nil {
		return nil, err
	}
	g, err := graph.New(plain, graph.Options{Sizes: o.Sizes})
	if err != nil {
		return nil, err
	}
	e := &Engine{g: g, model: plain, mode: o.Mode, seed: o.Seed, exact: o.Exact, opset: g.Opset, probe: o.Probe, arena: newArena(newStorage(modelShelf)),
		ids: map[string]int{}, maker: map[int]place{}, bodies: map[*onnxio.Graph]*Engine{}, sparse: map[string]*onnxio.SparseTensor{}}
	if e.arena.meter = o.meter; o.meter == nil {
		e.arena.meter = o.memory()
	}
	for _, s := range plain.Graph.SparseInit {
		e.sparse[s.Values.Name] = s
	}
	table := operators()
	id := func(name string) int {
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
	for _, n := range g.Nodes {
		c := &compiled{n: n}
		if n.Domain == "" {
			c.op = table[n.OpType]
		}
		for _, name := range n.Inputs {
			c.in = append(c.in, id(name))
		}
		if n.OpType == "CastLike" && n.Domain == "" && len(c.in) == 2 && len(n.Out) > 0 && n.Out[0] != nil && n.Out[0].Elem != onnxio.Undefined {
			c.in[1] = -1 // all that counts of it is its type
		}
		for k, name := range n.Outputs {
			c.outs = append(c.outs, id(name))
			e.maker[c.outs[k]] = place{len(e.order), k}
		}
		for _, g := range n.Subgraphs() {
			for _, name := range g.Captures() {
				if !slices.Contains(c.caps, name) {
					c.caps = append(c.caps, name)
					c.in = append(c.in, id(name))
				}
			}
		}
		e.order = append(e.order, c)
	}
	for _, t := range plain.Graph.Inits {
		id(t.Name)
	}
	for _, v := range plain.Graph.Inputs {
		id(v.Name)
	}
	return e, nil
}

// with is the engine in another mode, with other storage; the two share what is
// prepared.
func (e *Engine) with(mode Mode, exact map[string]func() ([]float64, error), a *arena) *Engine {
	c := *e
	a.meter = e.arena.meter
	c.mode, c.exact, c.arena, c.bodies = mode, exact, a, map[*onnxio.Graph]*Engine{}
	return &c
}

// memory is the budget of the tensors of all runs at one time. Without a limit it
// is three quarters of what this process may use: the rest is for weights and for
// what the garbage collector has not seen yet.
func (o *EngineOptions) memory() *budget.Meter {
	limit := o.Limit
	if limit == 0 {
		limit = budget.Machine(os.DirFS("/")) / 4 * 3
	}
	return budget.Limits{Memory: limit}.Meter(budget.Memory)
}

// newEngines prepares models at the same time, which may run at the same time.
func newEngines(o EngineOptions, models ...*onnxio.Model) (engines []*Engine, failed []error) {
	engines, failed = make([]*Engine, len(models)), make([]error, len(models))
	o.meter = o.memory()
	var wg parallel.Group
	for i, m := range models {
		wg.Go(func() { engines[i], failed[i] = NewEngine(m, o) })
	}
	wg.Wait()
	return engines, failed
}

// Profile has every later run report the time of each node.
func (e *Engine) Profile(f func(op string, d time.Duration)) { e.timed = f }

// Supports reports the first operator that the engine lacks, nil if there is
// none.
func (e *Engine) Supports() error {
	for _, c := range e.order {
		if c.op == nil {
			name := c.n.OpType
			if c.n.Domain != "" {
				name = c.n.Domain + "." + name
			}
			return unsupported("the Go engine lacks the operator %s of node %q", name, c.n.Title())
		}
	}
	return nil
}

// Run executes the model and returns the graph's outputs by name.
func (e *Engine) Run(ctx context.Context, feeds map[string]*Tensor) (map[string]*Tensor, error) {
	if err := e.Supports(); err != nil {
		return nil, err
	}
	var want []string
	for _, o := range e.g.Outputs {
		want = append(want, o.Name)
	}
	for _, in := range e.g.Inputs {
		if feeds[in.Name] == nil && in.ReadCount() > 0 {
			return nil, fmt.Errorf("running the model: input %q is not fed", in.Name)
		}
	}
	return e.Eval(ctx, feeds, want)
}

// Eval computes the wanted values from the fed ones, which may lie anywhere in
// the graph; only the nodes between them run. Sizes computed from values that
// are not fed come from the shapes in EngineOptions.Sizes.
func (e *Engine) Eval(ctx context.Context, feeds map[string]*Tensor, want []string) (map[string]*Tensor, error) {
	known := map[int]*Tensor{}
	e.arena.uses, e.arena.mine = map[any]int{}, map[any]bool{}
	for name, t := range feeds {
		if id, ok := e.ids[name]; ok {
			fed := *t.convert(e.mode != Single)
			fed.arena = e.arena
			if e.mode == Single && fed.half() && fed.F32 != nil {
				fed.F32 = slices.Clone(fed.F32) // it is the caller's, who may run others beside
				fed.round()
			}
			known[id] = &fed
			e.arena.hold(&fed)
			e.arena.hold(&fed) // it is the caller's
		}
	}
	keep := map[int]bool{}
	for _, w := range want {
		if id, ok := e.ids[w]; ok {
			keep[id] = true
		}
	}
	run, uses := e.between(known, len(feeds) > 0 && !e.fedAll(feeds), slices.Sorted(maps.Keys(keep)))
	live := int64(0)
	for _, t := range known {
		live += size(t)
	}
	defer e.arena.settle(0)
	e.arena.settle(live)
	for _, i := range run {
		c := e.order[i]
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if c.op == nil {
			return nil, unsupported("the Go engine lacks the operator %s of node %q", c.n.OpType, c.n.Title())
		}
		args := make([]*Tensor, len(c.in))
		for k, id := range c.in {
			if id < 0 {
				continue
			}
			if known[id] == nil {
				name := ""
				if k < len(c.n.Inputs) {
					name = c.n.Inputs[k]
				} else {
					name = c.caps[k-len(c.n.Inputs)]
				}
				t, err := e.initializer(name, reads(c.n.OpType, k))
				if err != nil {
					return nil, err
				}
				args[k] = t // weights are decoded where they are used and dropped again
				continue
			}
			args[k] = known[id]
			args[k].spare = uses[id] == 1 && !keep[id] && len(c.caps) == 0 && e.arena.alone(args[k])
		}
		if e.crop {
			if err := sameMeaning(e.g, c.n, args); err != nil {
				return nil, err
			}
		}
		outs, err := e.call(ctx, c, args)
		for _, t := range slices.Concat(args, outs) {
			if t != nil {
				t.spare = false // it may be a view
			}
		}
		if err != nil {
			return nil, fmt.Errorf("running node %q (%s): %w", c.n.Title(), c.n.OpType, err)
		}
		for k, id := range c.outs {
			if id < 0 || k >= len(outs) || outs[k] == nil {
				continue
			}
			known[id] = outs[k]
			e.arena.hold(outs[k])
			live += size(outs[k])
		}
		for _, id := range c.in {
			if id < 0 {
				continue
			}
			if uses[id]--; uses[id] == 0 && !keep[id] && known[id] != nil {
				live -= size(known[id])
				e.arena.release(known[id])
				known[id] = nil
			}
		}
		e.arena.settle(live)
	}
	out := map[string]*Tensor{}
	for _, w := range want {
		id, ok := e.ids[w]
		if !ok {
			return nil, fmt.Errorf("the model has no value %q", w)
		}
		if known[id] == nil {
			t, err := e.initializer(w, false)
			if err != nil {
				return nil, err
			}
			known[id] = t
		}
		out[w] = known[id]
	}
	return out, nil
}

// between lists the nodes that have to run for some values, in order, and how
// often each value is read by them. With sizes, integers that shapes determine
// become known instead.
func (e *Engine) between(known map[int]*Tensor, sizes bool, todo []int) (run []int, uses map[int]int) {
	uses = map[int]int{}
	runs := map[int]bool{}
	for len(todo) > 0 {
		id := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		at, made := e.maker[id]
		if !made || known[id] != nil {
			continue
		}
		c := e.order[at.node]
		if v := c.n.Out[at.output]; v != nil && sizes {
			if t := e.sizeTensor(v); t != nil {
				known[id] = t
				continue
			}
		}
		if runs[at.node] {
			continue
		}
		runs[at.node] = true
		for _, in := range c.in {
			if in >= 0 {
				uses[in]++
				todo = append(todo, in)
			}
		}
	}
	return slices.Sorted(maps.Keys(runs)), uses
}

func size(t *Tensor) int64 { return int64(4*len(t.F32) + 8*len(t.F64) + 8*len(t.I)) }

// fedAll reports whether all graph inputs are fed, so that sizes come from
// running their nodes.
func (e *Engine) fedAll(feeds map[string]*Tensor) bool {
	for _, in := range e.g.Inputs {
		if feeds[in.Name] == nil {
			return false
		}
	}
	return true
}

// sizeTensor is an integer tensor that the shapes alone determine, nil for any
// other. Constants are none: what the graph makes of them is what a proof has to
// find out with operators of its own.
func (e *Engine) sizeTensor(v *graph.Value) *Tensor {
	dims := v.Ints()
	if dims == nil || !v.Elem.IsInt() {
		return nil
	}
	if n := v.Producer; e.g.IsConst(v) && (n == nil || n.OpType != "Shape" && n.OpType != "Size") {
		return nil
	}
	shape, ok := v.Shape()
	if !ok {
		return nil
	}
	t := &Tensor{DType: v.Elem, I: make([]int64, len(dims)), Shape: make([]int, len(shape))}
	for i, d := range dims {
		n, ok := d.Int()
		if !ok {
			return nil
		}
		t.I[i] = n
	}
	for i, d := range shape {
		n, ok := d.Int()
		if !ok {
			return nil
		}
		t.Shape[i] = int(n)
	}
	if t.Len() != len(t.I) {
		return nil
	}
	return t
}

// trimAfter is how much is read of a mapped file before its pages are given
// back.
const trimAfter = 8 << 20

// aroundFault is how much the system brings into memory with any page.
const aroundFault = 64 << 10

// initializer reads a constant in the engine's mode. With stream it may stay in
// its file.
func (e *Engine) initializer(name string, stream bool) (*Tensor, error) {
	if s := e.sparse[name]; s != nil {
		return e.densify(s)
	}
	v := e.g.Value(name)
	if v == nil || v.Init == nil {
		return nil, fmt.Errorf("value %q is not fed", name)
	}
	if e.read += max(v.Init.Len()*int64(v.Init.DType.Bits()/8), aroundFault); e.read > trimAfter {
		e.model.Trim()
		e.read = 0
	}
	if stream {
		if t := e.stream(v.Init); t != nil {
			return t, nil
		}
	}
	return e.constant(v.Init)
}

func (e *Engine) constant(t *onnxio.Tensor) (*Tensor, error) {
	if t.DType == onnxio.String || !t.DType.IsFloat() && !t.DType.IsInt() && t.DType != onnxio.Bool && t.DType != onnxio.Int4 && t.DType != onnxio.Uint4 {
		return nil, unsupported("the Go engine has no tensors of type %s (%q)", t.DType, t.Name)
	}
	if e.mode == Single && t.DType == onnxio.Float32 {
		if out, err := inPlace(t); out != nil || err != nil {
			if out != nil {
				out.arena = e.arena
			}
			return out, err
		}
	}
	out, err := FromFile(t, e.mode != Single)
	if err != nil {
		return nil, err
	}
	out.arena = e.arena
	if compute := e.exact[t.Name]; compute != nil && out.F64 != nil {
		x, err := compute()
		if err != nil {
			return nil, err
		}
		copy(out.F64, x)
	}
	if e.mode == Absolute && t.DType.IsFloat() {
		for i, x := range out.F64 {
			if x < 0 {
				out.F64[i] = -x
			}
		}
	}
	return out, nil
}

func (e *Engine) densify(s *onnxio.SparseTensor) (*Tensor, error) {
	values, err := FromFile(s.Values, e.mode != Single)
	if err != nil {
		return nil, err
	}
	at, err := s.Indices.Int64s()
	if err != nil {
		return nil, err
	}
	shape := make([]int, len(s.Dims))
	for i, d := range s.Dims {
		shape[i] = int(d)
	}
	out := like(values, s.Values.DType, shape)
	st := strides(shape)
	for i := range values.Len() {
		k := 0
		if len(s.Indices.Dims) == 1 {
			k = int(at[i])
		} else {
			for j := range shape {
				k += int(at[i*len(shape)+j]) * st[j]
			}
		}
		if k < 0 || k >= out.Len() {
			return nil, errors.New("a sparse tensor has an index out of range")
		}
		switch {
		case out.F64 != nil:
			out.F64[k] = values.F64[i]
		case out.F32 != nil:
			out.F32[k] = values.F32[i]
		default:
			out.I[k] = values.I[i]
		}
	}
	return out, nil
}

// call runs one operator; a panic of a kernel on inputs that contradict its
// node is an error of the model.
func (e *Engine) call(ctx context.Context, c *compiled, args []*Tensor) (outs []*Tensor, err error) {
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
	if e.timed != nil {
		start := time.Now()
		defer func() { e.timed(c.n.OpType, time.Since(start)) }()
	}
	k := &call{n: c.n, in: args[:len(c.n.Inputs)], e: e, ctx: ctx, outs: len(c.outs)}
	if len(c.caps) > 0 {
		k.captured = map[string]*Tensor{}
		for i, name := range c.caps {
			k.captured[name] = args[len(c.n.Inputs)+i]
		}
	}
	outs, err = c.op(k)
	for _, t := range outs {
		if t != nil && t.arena == nil {
			t.arena = e.arena
		}
		if t == nil || e.mode != Single || !t.half() {
			continue
		}
		// A view of an input holds rounded numbers already.
		if k := t.key(); !slices.ContainsFunc(args, func(a *Tensor) bool { return a != nil && a.key() == k }) {
			t.round()
		}
	}
	return outs, err
}

func (c *call) has(i int) bool { return i < len(c.in) && c.in[i] != nil }

// listAttr returns an integer list that is an attribute in older opsets and an
// input in newer ones.
func (c *call) list(name string, slot int) ([]int64, bool) {
	if a := c.n.Attr(name); a != nil {
		return a.Ints, true
	}
	if c.has(slot) {
		return c.in[slot].I, true
	}
	return nil, false
}
