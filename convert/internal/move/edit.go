package move

import (
	"fmt"
	"slices"

	"repmlp/convert/internal/layer"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// A Result is the graph that moves make, as an edit, and which nodes of it stand for
// which of the graph before.
type Result struct {
	Edit   onnxio.Edit
	Origin map[*onnxio.Node]*graph.Node // of pieces the scale or shift that they were, of others the node that they repeat
	Move   map[*onnxio.Node]*Move       // of pieces
}

// Write makes the edit of some moves of one graph.
func Write(g *graph.Graph, moves []*Move, fresh func(string) string) (*Result, error) {
	w := &Result{Origin: map[*onnxio.Node]*graph.Node{}, Move: map[*onnxio.Node]*Move{}}
	for _, m := range moves {
		for _, n := range m.Roots {
			w.Edit.DropNodes = append(w.Edit.DropNodes, n.Node)
		}
		for _, r := range m.redone {
			w.Edit.DropNodes = append(w.Edit.DropNodes, r.node.Node)
			n := r.node.WithInputs(r.node.Name(), r.inputs, r.outputs)
			w.Origin[n] = r.node
			w.Edit.AddNodes = append(w.Edit.AddNodes, onnxio.Placed{Node: n, Before: r.node.Node})
		}
		for _, p := range m.placed {
			if err := w.place(g, m, p, fresh); err != nil {
				return nil, fmt.Errorf("moving %q: %w", m.Roots[0].Title(), err)
			}
		}
	}
	w.sweep(g)
	return w, nil
}

// sweep drops nodes that nobody needs and that read what goes.
func (w *Result) sweep(g *graph.Graph) {
	gone := map[string]bool{}
	for _, n := range w.Edit.DropNodes {
		for _, v := range n.Outputs() {
			gone[v] = true
		}
	}
	for _, p := range w.Edit.AddNodes {
		for _, v := range p.Node.Outputs() {
			delete(gone, v)
		}
	}
	alive := g.Alive()
	for _, n := range g.Nodes {
		if alive[n] || !slices.ContainsFunc(n.Reads(), func(v string) bool { return v != "" && gone[v] }) {
			continue
		}
		w.Edit.DropNodes = append(w.Edit.DropNodes, n.Node)
		for _, v := range n.Outputs() {
			gone[v] = true
		}
	}
}

// place writes a piece as a Mul and an Add, as an Identity where what moves undoes itself.
func (w *Result) place(g *graph.Graph, m *Move, p placed, fresh func(string) string) error {
	in := p.in
	if p.piece.scale == nil && p.piece.shift == nil {
		n := onnxio.NewNode(fresh(p.out+".node"), "Identity", []string{in}, []string{p.out})
		w.Origin[n] = m.Roots[0]
		w.Edit.AddNodes = append(w.Edit.AddNodes, onnxio.Placed{Node: n, Before: p.before.Node})
		return nil
	}
	part := func(op, what, out string, v []float64) error {
		sizes := p.piece.sizes
		for g.Opset >= 7 && len(sizes) > 1 && sizes[0] == 1 {
			sizes = sizes[1:]
		}
		dims := make([]int64, len(sizes))
		for i, n := range sizes {
			dims[i] = int64(n)
		}
		dims, attrs := layer.Beside(g.Opset, dims)
		t, err := onnxio.NewUnrounded(fresh(p.out+what), p.value.Elem, dims, v)
		if err != nil {
			return err
		}
		n := onnxio.NewNode(fresh(p.out+what+".node"), op, []string{in, t.Name()}, []string{out}, attrs...)
		w.Edit.AddInits = append(w.Edit.AddInits, t)
		w.Edit.AddNodes = append(w.Edit.AddNodes, onnxio.Placed{Node: n, Before: p.before.Node})
		if w.Origin[n] = m.Roots[0]; !p.stays {
			w.Move[n] = m
		}
		in = out
		return nil
	}
	if p.piece.scale != nil {
		out := p.out
		if p.piece.shift != nil {
			out = fresh(p.out + ".times")
		}
		if err := part("Mul", ".scale", out, p.piece.scale); err != nil {
			return err
		}
	}
	if p.piece.shift != nil {
		return part("Add", ".shift", p.out, p.piece.shift)
	}
	return nil
}

// Unpaid lists the moves of which some piece is not part of a layer in the graph that
// was made of them: layers says of a node whether it is.
func (w *Result) Unpaid(layers func(*onnxio.Node) bool) map[*Move]bool {
	unpaid := map[*Move]bool{}
	for n, m := range w.Move {
		if !layers(n) {
			unpaid[m] = true
		}
	}
	return unpaid
}
