package verify

import (
	"context"
	"fmt"
	"slices"
	"time"

	"repmlp/internal/parallel"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
	"repmlp/verify/internal/engine"
	"repmlp/verify/internal/operator"
	"repmlp/verify/internal/storage"
)

// A Location is where two models begin to differ.
type Location struct {
	Run        int              // of the comparison, from 0
	Difference OutputDifference // of the value
	Limit      float64          // what it may differ by
	Noise      float64          // largest rounding error of the reference there
	Values     int              // that both models have and that were compared, up to the outputs
	Reshaped   int              // values of one name that have two shapes or types, and were taken for different ones

	// The smallest failing piece: the nodes of both models that make the value of values
	// which both have and which agree. Nodes that work out constants are not listed.
	From                 []string
	Reference, Candidate []*onnxio.Node
	Weights              []OutputDifference // constants of one name in both pieces that differ
	Alone                bool               // both pieces differ where both read the reference's values
	Case                 *Case
}

// Locate looks for the first value, in the order of the reference, that both models have
// by its name, that differs by more than rounding explains, and whose difference reaches
// an output through such values; nil where the outputs agree in all runs. Both models, and
// the reference in float64, walk from value to value side by side with the Go engine,
// which keeps what is still needed. The limit is that of Compare, for each value.
func Locate(ctx context.Context, ref, cand *onnxio.Model, o CompareOptions) (*Location, error) {
	if err := CheckInterface(ref, cand); err != nil {
		return nil, err
	}
	runs, err := samples(ref, o)
	if err != nil {
		return nil, err
	}
	o.Ref, o.Cand, o.Again = nil, nil, nil
	l, err := newLocating(ref, cand, o)
	if err != nil {
		return nil, err
	}
	for k := range runs.count {
		s, err := runs.at(k)
		if err != nil {
			return nil, err
		}
		l.follow(k, runs.count)
		found, err := l.run(ctx, s.feed)
		if err != nil {
			return nil, fmt.Errorf("looking for the first value that differs: %w", err)
		}
		if found != nil {
			found.Run = k
			return found, nil
		}
	}
	return nil, nil
}

// A side is one of the two models.
type side struct {
	model *onnxio.Model // without functions
	made  map[string]engine.Made
}

// A locating is the state of one search.
type locating struct {
	o        CompareOptions
	rule     *comparing // whose limits hold
	sides    [2]side
	engines  [3]*engine.Engine // the reference, the same in float64, the candidate
	outputs  []string
	stops    []string       // values that both models have, in the order of the reference
	at       map[string]int // where they stand in stops
	reshaped int
}

func newLocating(ref, cand *onnxio.Model, o CompareOptions) (*locating, error) {
	l := &locating{o: o, at: map[string]int{}}
	for i, m := range []*onnxio.Model{ref, cand} {
		plain, err := m.Plain()
		if err != nil {
			return nil, err
		}
		l.sides[i] = side{plain, map[string]engine.Made{}}
	}
	engines, failed := engine.NewAll(engine.Options{Mode: Single, Seed: o.Seed, Limit: o.Limit}, l.sides[0].model, l.sides[1].model)
	for i, err := range failed {
		if err == nil {
			err = engines[i].Supports()
		}
		if err != nil {
			return nil, err
		}
		for _, v := range engines[i].Made() {
			l.sides[i].made[v.Name] = v
		}
	}
	l.engines = [3]*engine.Engine{engines[0], engines[0].With(Double, nil, operator.NewArena(storage.New(storage.ModelShelf))), engines[1]}
	l.rule = newRule(ref, cand, o)
	isOutput := map[string]bool{}
	for _, v := range ref.Graph().Outputs() {
		isOutput[v.Name()] = true
		l.outputs = append(l.outputs, v.Name())
	}
	for _, v := range engines[0].Made() {
		w, both := l.sides[1].made[v.Name]
		if !both || !isOutput[v.Name] && (v.Fixed || w.Fixed) {
			continue
		}
		l.at[v.Name] = len(l.stops)
		l.stops = append(l.stops, v.Name)
	}
	return l, nil
}

// newRule says what values may differ by, as Compare does of outputs.
func newRule(ref, cand *onnxio.Model, o CompareOptions) *comparing {
	c := &comparing{o: o, roundoff: narrowest(ref, cand)}
	c.granted = roundoffs(c.roundoff) * c.roundoff
	c.variety = &variety{jumpy: jumps(ref) || jumps(cand)}
	return c
}

// follow has the engines report their nodes as progress of one run.
func (l *locating) follow(run, runs int) {
	if l.o.Progress == nil {
		return
	}
	done, total := 0, 0
	for _, e := range l.engines {
		total += e.Nodes()
	}
	tick := make(chan struct{}, 1) // the engines run side by side
	for _, e := range l.engines {
		e.Profile(func(string, time.Duration) {
			tick <- struct{}{}
			if done++; done%16 == 0 {
				l.o.Progress(min(run*total+done, runs*total), runs*total)
			}
			<-tick
		})
	}
}

// A mark is what one value showed.
type mark struct {
	OutputDifference
	limit, noise float64
	kind         onnxio.DType
	reshaped     bool
}

// run looks at one run; nil where the outputs agree.
func (l *locating) run(ctx context.Context, feed map[string]*Tensor) (*Location, error) {
	marks, err := l.compare(ctx, feed)
	if err != nil {
		return nil, err
	}
	chain := l.chain(marks)
	if len(chain) == 0 {
		return nil, nil
	}
	var first *Location
	for _, name := range chain {
		found, err := l.smallest(ctx, feed, marks, name)
		if err != nil {
			return nil, err
		}
		if found.Alone {
			return found, nil
		}
		if first == nil {
			first = found
		}
	}
	return first, nil
}

// compare walks both models from value to value.
func (l *locating) compare(ctx context.Context, feed map[string]*Tensor) (map[string]*mark, error) {
	var walks [3]*engine.Walk
	for i, e := range l.engines {
		w, err := e.Walk(feed, l.stops)
		if err != nil {
			return nil, err
		}
		defer w.End()
		walks[i] = w
	}
	l.reshaped = 0
	marks := map[string]*mark{}
	for _, name := range l.stops {
		got, err := together(ctx, walks, name, l.o.Limit > 0)
		if err != nil {
			return nil, err
		}
		if m := l.judged(name, got); m != nil {
			marks[name] = m
		}
		for _, w := range walks {
			w.Pass(name)
		}
	}
	return marks, nil
}

// together has all walks go on to one value, in turn where memory is short.
func together(ctx context.Context, walks [3]*engine.Walk, name string, inTurn bool) (got [3]*Tensor, err error) {
	var failed [3]error
	var wg parallel.Group
	for i, w := range walks {
		to := func() { got[i], failed[i] = w.To(ctx, name) }
		if inTurn {
			to()
		} else {
			wg.Go(to)
		}
	}
	wg.Wait()
	for i, err := range failed {
		if err != nil {
			which := "reference"
			if i == 2 {
				which = "candidate"
			}
			return got, fmt.Errorf("running the %s up to %q: %w", which, name, err)
		}
	}
	return got, nil
}

// judged compares one value; nil where there is nothing to compare.
func (l *locating) judged(name string, got [3]*Tensor) *mark {
	a, double, b := got[0], got[1], got[2]
	if a == nil || double == nil || b == nil {
		return nil
	}
	if a.DType != b.DType || !slices.Equal(a.Shape, b.Shape) {
		l.reshaped++
		d := OutputDifference{Name: name, Shape: slices.Clone(a.Shape), Other: slices.Clone(b.Shape), Elements: int64(a.Len())}
		return &mark{OutputDifference: d, kind: a.DType, reshaped: true}
	}
	s := newScatter(a)
	s.add(double, 1)
	w := l.rule.allowed(name, s, nil, false)
	m := &mark{OutputDifference: judge(a, b, s, w.leave, w.limit), limit: w.limit, noise: w.noise * s.scale, kind: a.DType}
	m.Name, m.Shape = name, slices.Clone(m.Shape)
	return m
}

// differs reports whether a value differs. One that has two shapes only does where it is
// an output: elsewhere the name stands for two values.
func (l *locating) differs(m *mark) bool {
	return m != nil && !m.Passed && (!m.reshaped || slices.Contains(l.outputs, m.Name))
}

// chain lists the values that differ and whose difference reaches an output through
// values that do, in the order of the reference.
func (l *locating) chain(marks map[string]*mark) (chain []string) {
	seen := map[string]bool{}
	var todo []string
	take := func(name string) {
		if !seen[name] && l.differs(marks[name]) {
			seen[name] = true
			todo = append(todo, name)
		}
	}
	for _, name := range l.outputs {
		take(name)
	}
	all := func(name string) bool { return marks[name] != nil && !marks[name].reshaped }
	for len(todo) > 0 {
		name := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		chain = append(chain, name)
		for i := range l.sides {
			for _, from := range l.sides[i].nearest(name, all) {
				take(from)
			}
		}
	}
	slices.SortFunc(chain, func(a, b string) int { return l.at[a] - l.at[b] })
	return chain
}

// nearest lists the values that a value is made of, back to those at which to stop and to
// the inputs of the graph.
func (s *side) nearest(name string, stop func(string) bool) (from []string) {
	seen := map[*graph.Value]bool{}
	todo := []*graph.Node{s.made[name].Node}
	visit := func(v *graph.Value) {
		if v == nil || seen[v] {
			return
		}
		seen[v] = true
		switch {
		case v.Producer == nil && v.IsInput && v.Init == nil && !v.Sparse, v.Producer != nil && stop(v.Name):
			from = append(from, v.Name)
		case v.Producer != nil && !s.made[v.Name].Fixed:
			todo = append(todo, v.Producer)
		}
	}
	for len(todo) > 0 {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, v := range n.In {
			visit(v)
		}
		for _, v := range n.Captures {
			visit(v)
		}
	}
	return from
}
