package tidy

import (
	"slices"

	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// A net is a graph whose nodes may read other values than they did.
type net struct {
	g       *graph.Graph
	nodes   []*work                       // as in the graph, which makes every value before it is read
	bound   map[*graph.Value]bool         // their names are read by others than nodes: outputs, bodies, annotations
	noted   []*graph.Value                // of these, those of annotations
	plain   map[*graph.Value]bool         // no reader cares whether they are constants
	grades  map[*graph.Value]grade        // what is known of their elements
	same    map[*graph.Value]*graph.Value // values that are gone, and what has their elements
	readers map[*graph.Value][]*work      // that are alive
	tensors map[*graph.Value]*onnxio.Tensor
	made    map[*graph.Value]bool         // of these, those that are read
	names   map[*graph.Value]*graph.Value // values that are made under the name of another
}

// work is what a node does now.
type work struct {
	*graph.Node
	in    []*graph.Value
	sizes []int64 // not nil: it is a Reshape of its first input to these
	perm  []int64 // not nil: it is a Transpose of its first input
	gone  bool    // all that it makes are other values
	alive bool    // an output needs it
}

// read is the graph as it is.
func read(g *graph.Graph) *net {
	t := &net{g: g, bound: map[*graph.Value]bool{}, plain: map[*graph.Value]bool{}, grades: map[*graph.Value]grade{},
		same: map[*graph.Value]*graph.Value{}, tensors: map[*graph.Value]*onnxio.Tensor{}, names: map[*graph.Value]*graph.Value{}}
	for _, v := range g.Outputs {
		t.bound[v] = true
	}
	for tensor, params := range g.Model.Graph().Annotated() {
		for _, name := range append(params, tensor) {
			if v := g.Value(name); v != nil {
				t.bound[v] = true
				t.noted = append(t.noted, v)
			}
		}
	}
	for _, n := range g.Nodes {
		for _, v := range n.Captures {
			t.bound[v] = true
		}
		t.nodes = append(t.nodes, &work{Node: n, in: slices.Clone(n.In)})
	}
	for _, n := range slices.Backward(g.Nodes) {
		for _, v := range n.Out {
			if v != nil {
				t.plain[v] = t.readPlainly(v)
			}
		}
	}
	return t
}

// becomes has everybody who reads v read equal instead, which is none of those that
// became others.
func (t *net) becomes(v, equal *graph.Value) { t.same[v] = equal }

// now is the value that stands for v.
func (t *net) now(v *graph.Value) *graph.Value {
	if s := t.same[v]; s != nil {
		return s
	}
	return v
}

// first is the first input and the only output of a node that has them.
func (w *work) first() (in, out *graph.Value, ok bool) {
	if len(w.in) == 0 || w.in[0] == nil || w.First() == nil {
		return nil, nil, false
	}
	for _, v := range w.Out[1:] {
		if v != nil && v.ReadCount() > 0 {
			return nil, nil, false
		}
	}
	return w.in[0], w.Out[0], true
}

// mark finds out which nodes are alive, and which constants they read.
func (t *net) mark() {
	for _, w := range t.nodes {
		w.alive = false
	}
	t.made = map[*graph.Value]bool{}
	var todo []*work
	seen := map[*graph.Value]bool{}
	need := func(v *graph.Value) {
		if v == nil || v.Producer == nil || seen[v] {
			return
		}
		seen[v] = true
		if t.tensor(v) != nil {
			t.made[v] = true
			return
		}
		if w := t.nodes[v.Producer.Index]; !w.alive {
			w.alive = true
			todo = append(todo, w)
		}
	}
	for _, v := range t.g.Outputs {
		need(v)
	}
	for _, v := range t.noted {
		need(v)
	}
	for len(todo) > 0 {
		w := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, v := range w.in {
			need(v)
		}
		for _, v := range w.Captures {
			need(v)
		}
	}
}

// link lists for every value the nodes that are alive and read it.
func (t *net) link() {
	t.readers = map[*graph.Value][]*work{}
	for _, w := range t.nodes {
		if !w.alive {
			continue
		}
		for i, v := range w.in {
			if v != nil && !slices.Contains(w.in[:i], v) {
				t.readers[v] = append(t.readers[v], w)
			}
		}
	}
}
