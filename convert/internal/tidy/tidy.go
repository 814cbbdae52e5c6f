// Package tidy takes out of a merged model what has become, or always was, of no
// use, so that every output stays the same to the bit: nodes that do nothing, chains
// of nodes that move data, constants and sizes that nodes compute.
//
// No sum, product or rounding of a float is done here: it stays with the runtime that
// always did it. Runtimes read matrices that are constants in another order than those
// that nodes make, and round differently then, so a value read as a matrix does not
// become a constant either.
package tidy

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// Options of a tidy model.
type Options struct {
	FreezeInputs bool              // initializers that are inputs are constants
	Reserved     []map[string]bool // names of the graphs around, which new ones must not shadow
}

// A Result is an edit of the model, and what it does.
type Result struct {
	Edit  onnxio.Edit
	Names map[string]string // of values that are gone: another that has the same elements

	lines []string
	net   *net
}

// Of looks for what can go in a graph, which was made with graph.Options.Sure. It takes
// time in the number of nodes and reads no weights.
func Of(g *graph.Graph, o Options) *Result {
	t := read(g)
	for _, w := range t.nodes {
		t.grade(w.Node)
		t.equal(w)
		t.resize(w)
	}
	t.mark()
	t.link()
	for _, w := range t.nodes {
		t.fuse(w)
	}
	t.mark()
	t.rename()
	return t.write(o)
}

// Empty reports whether there is nothing to do.
func (r *Result) Empty() bool {
	e := r.Edit
	return len(e.DropNodes)+len(e.AddNodes)+len(e.DropInits)+len(e.AddInits)+len(e.DropInputs)+len(e.DropInfo) == 0
}

// String lists what was done, a line each, and how many nodes that leaves.
func (r *Result) String() string {
	return strings.Join(r.lines, "")
}

func (r *Result) say(format string, args ...any) {
	r.lines = append(r.lines, fmt.Sprintf(format+"\n", args...))
}

// Check looks at what any result must hold: values that others than nodes read keep
// their names, and every new node is a valid move.
func (r *Result) Check() error {
	var wrong []error
	for name := range r.Names {
		if v := r.net.g.Value(name); v == nil || v.IsOutput || len(v.Captured) > 0 {
			wrong = append(wrong, fmt.Errorf("the value %q is gone and others than nodes read it", name))
		}
	}
	made := map[*graph.Value]bool{} // in the place of others
	for _, out := range r.net.names {
		made[out] = true
	}
	for _, w := range r.net.nodes {
		if !w.alive {
			continue
		}
		open := 0
		for _, n := range w.sizes {
			if n < 0 {
				open++
			}
		}
		if open > 1 {
			wrong = append(wrong, fmt.Errorf("node %q becomes a view of sizes %v", w.Title(), w.sizes))
		}
		sorted := slices.Sorted(slices.Values(w.perm))
		for i, p := range sorted {
			if p != int64(i) {
				wrong = append(wrong, fmt.Errorf("node %q becomes a Transpose by %v", w.Title(), w.perm))
				break
			}
		}
		for _, in := range w.in {
			if in != nil && !made[in] && in.Producer != nil && r.net.tensors[in] == nil && !r.net.nodes[in.Producer.Index].alive {
				wrong = append(wrong, fmt.Errorf("node %q reads %q, which nobody makes any more", w.Title(), in.Name))
			}
		}
	}
	return errors.Join(wrong...)
}
