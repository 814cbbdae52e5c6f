// Package differ finds which nodes and initializers of two models are the same ones, and
// what differs. Names of nodes count for nothing: nodes are found by the values that they
// make, and by what they read and what reads them.
package differ

import (
	"context"

	"repmlp/onnxio"
)

// A Result is what two main graphs have in common and what not.
type Result struct {
	Pairs        []Pair // in the order of the first model
	First        []*onnxio.Node
	Second       []*onnxio.Node // that only one of the models has
	Tensors      []TensorPair
	FirstInits   []*Init
	SecondInits  []*Init // that only one of the models has
	FirstSparse  int
	SecondSparse int
}

// A Pair is a node of each model that is the same operator in the same place.
type Pair struct {
	First, Second *onnxio.Node
	Attrs         []string // whose values differ
	Inputs        []int    // that are other values
}

// Changed reports whether the nodes differ.
func (p Pair) Changed() bool { return len(p.Attrs)+len(p.Inputs) > 0 }

// Of compares the main graphs of two models. What a Constant node makes of a tensor counts
// as an initializer. Of the ways to find what belongs together,
// by names of values first or by structure alone, the one counts by which more nodes are
// equal: exporters number values, and equal numbers may mean nothing.
func Of(ctx context.Context, a, b *onnxio.Model) (*Result, error) {
	m, err := best(ctx, a, b)
	if err != nil {
		return nil, err
	}
	return m.result(ctx, a, b)
}

// best finds what belongs together in the better of both ways.
func best(ctx context.Context, a, b *onnxio.Model) (found *matching, err error) {
	for _, names := range []bool{true, false} {
		m, err := match(a.Graph(), b.Graph(), names)
		if err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if found == nil || m.alike(a, b) > found.alike(a, b) {
			found = m
		}
	}
	return found, nil
}

// alike counts the pairs that do not differ.
func (m *matching) alike(a, b *onnxio.Model) int {
	n := 0
	for _, x := range m.first.nodes {
		if y := m.nodes[x]; y != nil && !m.pair(x, y, a, b).Changed() {
			n++
		}
	}
	return n
}

// pair says how two nodes that belong together differ.
func (m *matching) pair(x, y *onnxio.Node, a, b *onnxio.Model) Pair {
	p := Pair{First: x, Second: y, Attrs: attributes(x, y, a.Opset(x.Domain()), b.Opset(y.Domain()))}
	in, other := x.Inputs(), y.Inputs()
	for i := range max(len(in), len(other)) {
		if !m.sameInput(at(in, i), at(other, i)) {
			p.Inputs = append(p.Inputs, i)
		}
	}
	return p
}

// at is input i, "" where there is none.
func at(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return ""
}

// sameInput reports whether two values belong together: initializers as far as nothing
// says otherwise, and what nodes make that stand in one model alone, in each other's
// place.
func (m *matching) sameInput(x, y string) bool {
	if x == "" || y == "" {
		return x == y
	}
	t, u := m.first.inits[x], m.second.inits[y]
	if t != nil || u != nil {
		return t != nil && u != nil && (m.inits[t] == u || m.inits[t] == nil && m.back[u] == nil || equal(t.Tensor, u.Tensor))
	}
	if p, q := m.first.maker[x], m.second.maker[y]; p != nil && q != nil && m.nodes[p] == nil && !m.taken[q] {
		return true
	}
	return m.values[x] == y
}

// result lists what was found.
func (m *matching) result(ctx context.Context, a, b *onnxio.Model) (*Result, error) {
	m.pairInits()
	r := &Result{FirstSparse: len(a.Graph().SparseInit()), SecondSparse: len(b.Graph().SparseInit())}
	taken := map[*onnxio.Node]bool{}
	for _, x := range m.first.nodes {
		y := m.nodes[x]
		if y == nil {
			r.First = append(r.First, x)
			continue
		}
		taken[y] = true
		r.Pairs = append(r.Pairs, m.pair(x, y, a, b))
	}
	for _, y := range m.second.nodes {
		if !taken[y] {
			r.Second = append(r.Second, y)
		}
	}
	for _, t := range m.first.list {
		u := m.inits[t]
		if u == nil {
			r.FirstInits = append(r.FirstInits, t)
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		p, err := compare(t, u)
		if err != nil {
			return nil, err
		}
		r.Tensors = append(r.Tensors, p)
	}
	for _, u := range m.second.list {
		if m.back[u] == nil {
			r.SecondInits = append(r.SecondInits, u)
		}
	}
	return r, nil
}
