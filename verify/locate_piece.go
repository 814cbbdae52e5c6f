package verify

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sort"

	"repmlp/onnxio"
	"repmlp/verify/internal/tensor"
)

// A Case is a piece of two models that differs, with what both read and what the first
// makes of it.
type Case struct {
	Reference, Candidate *onnxio.Model // of the same inputs and one output
	Inputs               []*Tensor     // in the order of the models' inputs
	Output               *Tensor       // of the reference
}

// smallest looks for the smallest piece that ends in a value and differs where both models
// read the values of the reference. One that reads the nearest values that agree mostly
// does. Where differences add up from value to value it reaches further back.
func (l *locating) smallest(ctx context.Context, feed map[string]*Tensor, marks map[string]*mark, name string) (*Location, error) {
	at := l.at[name]
	try := func(back int) (*Location, error) { return l.piece(ctx, feed, marks, name, max(at-back, 0)) }
	found, err := try(0)
	passed, back := -1, 0 // how far back a piece was that agrees, and one that differs
	for err == nil && !found.Alone && back < at {
		passed, back = back, max(1, min(2*back, at))
		if back <= passed {
			back = at
		}
		found, err = try(back)
	}
	if err != nil || !found.Alone {
		return found, err
	}
	for back-passed > 1 {
		middle := passed + (back-passed)/2
		other, err := try(middle)
		if err != nil {
			return nil, err
		}
		if other.Alone {
			found, back = other, middle
		} else {
			passed = middle
		}
	}
	return found, nil
}

// piece looks at the piece that makes a value of those that agree and stand before the
// stop at.
func (l *locating) piece(ctx context.Context, feed map[string]*Tensor, marks map[string]*mark, name string, at int) (*Location, error) {
	m := marks[name]
	found := &Location{Difference: m.OutputDifference, Limit: m.limit, Noise: m.noise, Values: len(marks) - l.reshaped, Reshaped: l.reshaped}
	found.From = l.border(marks, name, at)
	made, err := l.values(ctx, feed, append(slices.Clone(found.From), name))
	if err != nil {
		return nil, err
	}
	c := &Case{Output: made[name]}
	var inputs []*onnxio.ValueInfo
	read := map[string]*Tensor{}
	for _, from := range found.From {
		t := made[from]
		c.Inputs = append(c.Inputs, t)
		inputs = append(inputs, declaredAs(from, t.DType, t.Shape))
		read[from] = t
	}
	if c.Reference, err = l.sides[0].model.Piece(inputs, []*onnxio.ValueInfo{declaredAs(name, m.kind, m.Shape)}); err != nil {
		return nil, err
	}
	if c.Candidate, err = l.sides[1].model.Piece(inputs, []*onnxio.ValueInfo{l.candidateOutput(m)}); err != nil {
		return nil, err
	}
	o := l.o
	o.Inputs, o.Dims, o.Ranges, o.Progress, o.Labels, o.Tolerances, o.Lenient = nil, nil, nil, nil, nil, nil, true
	o.Images, o.SaveInputs, o.SaveOutputs, o.Stress = ImageOptions{}, "", "", false
	if t, asked := l.o.Tolerances[name]; asked {
		o.Tolerances = map[string]Tolerance{name: t}
	}
	o.given = []sample{{feed: read, want: map[string]*Tensor{name: c.Output}}}
	shown, err := Compare(ctx, c.Reference, c.Candidate, o)
	if err != nil {
		return nil, fmt.Errorf("comparing the piece that makes %q: %w", name, err)
	}
	found.Case, found.Alone = c, !shown.Passed
	found.Reference, found.Candidate = l.sides[0].listed(c.Reference), l.sides[1].listed(c.Candidate)
	if found.Alone {
		found.Weights, err = unequal(c.Reference, c.Candidate)
	}
	return found, err
}

// declaredAs declares a value of a known shape.
func declaredAs(name string, d onnxio.DType, shape []int) *onnxio.ValueInfo {
	dims := make([]onnxio.Dim, len(shape))
	for i, n := range shape {
		dims[i] = onnxio.Known(int64(n))
	}
	return onnxio.NewValue(name, d, dims...)
}

// candidateOutput declares a value as the candidate makes it. Models whose outputs differ in
// rank are not compared, so that such a one says nothing of its shape.
func (l *locating) candidateOutput(m *mark) *onnxio.ValueInfo {
	switch {
	case m.Other == nil:
		return declaredAs(m.Name, m.kind, m.Shape)
	case len(m.Other) == len(m.Shape):
		return declaredAs(m.Name, m.kind, m.Other)
	}
	return onnxio.Untyped(m.Name, m.kind)
}

// border lists the values that both models make a value of: the nearest that agree and
// stand before the stop at, and inputs of the graph, which come first.
func (l *locating) border(marks map[string]*mark, name string, at int) []string {
	inside := map[string]bool{name: true} // what is made by nodes that make something else too
	for {
		found := map[string]bool{}
		stop := func(v string) bool {
			k, both := l.at[v]
			m := marks[v]
			return both && k < at && m != nil && m.Passed && m.Left == 0 && !inside[v]
		}
		for i := range l.sides {
			for _, v := range l.sides[i].nearest(name, stop) {
				found[v] = true
			}
		}
		again := false
		for i := range l.sides {
			for _, v := range l.sides[i].computed(name, found) {
				if found[v] && !inside[v] {
					inside[v], again = true, true
				}
			}
		}
		if again {
			continue
		}
		list := slices.Collect(maps.Keys(found))
		place := func(v string) int {
			if k, made := l.at[v]; made {
				return k
			}
			return -1
		}
		sort.Slice(list, func(i, j int) bool {
			if a, b := place(list[i]), place(list[j]); a != b {
				return a < b
			}
			return list[i] < list[j]
		})
		return list
	}
}

// computed lists all values of the nodes that make a value of some others.
func (s *side) computed(name string, from map[string]bool) (names []string) {
	seen := map[string]bool{name: true}
	todo := []string{name}
	for len(todo) > 0 {
		n := s.made[todo[len(todo)-1]].Node
		todo = todo[:len(todo)-1]
		if n == nil {
			continue
		}
		for _, out := range n.Outputs() {
			if out != "" {
				names = append(names, out)
			}
		}
		for _, in := range n.Reads() {
			if !seen[in] && !from[in] {
				seen[in] = true
				todo = append(todo, in)
			}
		}
	}
	return names
}

// values are what the reference makes, or is fed.
func (l *locating) values(ctx context.Context, feed map[string]*Tensor, names []string) (map[string]*Tensor, error) {
	out := map[string]*Tensor{}
	var stops []string
	for _, name := range names {
		if t := feed[name]; t != nil {
			out[name] = t
			continue
		}
		stops = append(stops, name)
	}
	w, err := l.engines[0].Walk(feed, stops)
	if err != nil {
		return nil, err
	}
	defer w.End()
	for _, name := range stops {
		t, err := w.To(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("running the reference up to %q: %w", name, err)
		}
		if t == nil {
			return nil, fmt.Errorf("running the reference up to %q: nothing makes it", name)
		}
		out[name] = copied(t)
		w.Pass(name)
	}
	return out, nil
}

// copied is a tensor with storage of its own.
func copied(t *Tensor) *Tensor {
	return &Tensor{DType: t.DType, Shape: slices.Clone(t.Shape), F32: slices.Clone(t.F32), F64: slices.Clone(t.F64), I: slices.Clone(t.I)}
}

// listed are the nodes of a piece that do not work out constants.
func (s *side) listed(piece *onnxio.Model) (nodes []*onnxio.Node) {
	for _, n := range piece.Graph().Nodes() {
		if slices.ContainsFunc(n.Outputs(), func(name string) bool { return name != "" && !s.made[name].Fixed }) {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

// unequal lists the constants of one name and shape that two pieces hold and whose
// numbers differ.
func unequal(ref, cand *onnxio.Model) (list []OutputDifference, err error) {
	others := map[string]*onnxio.Tensor{}
	for _, t := range cand.Graph().Inits() {
		others[t.Name()] = t
	}
	for _, t := range ref.Graph().Inits() {
		u := others[t.Name()]
		if u == nil || !slices.Equal(t.Dims(), u.Dims()) || !t.DType().IsFloat() || !u.DType().IsFloat() || t.Len() > tensor.MaxElements {
			continue
		}
		a, err := tensor.FromFile(t, false)
		if err != nil {
			return nil, err
		}
		b, err := tensor.FromFile(u, false)
		if err != nil {
			return nil, err
		}
		if d := judge(a, b, newScatter(a), nil, 0); !d.Passed {
			d.Name = t.Name()
			list = append(list, d)
		}
	}
	return list, nil
}
