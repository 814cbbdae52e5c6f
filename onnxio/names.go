package onnxio

import (
	"slices"
	"strconv"
)

// Names are names that are taken.
type Names map[string]bool

// Fresh returns base, or base with a number behind it that makes a name nothing
// has: the first one where the numbers that are taken follow each other. From
// then on it is taken. The time does not grow with how many are taken.
func (n Names) Fresh(base string) string {
	if !n[base] {
		n[base] = true
		return base
	}
	numbered := func(i int) string { return base + "." + strconv.Itoa(i) }
	taken, free := 1, 2 // base itself is number 1
	for n[numbered(free)] {
		taken, free = free, 2*free
	}
	for free-taken > 1 {
		if i := taken + (free-taken)/2; n[numbered(i)] {
			taken = i
		} else {
			free = i
		}
	}
	name := numbered(free)
	n[name] = true
	return name
}

// names are those of all values of the graph.
func (g *Graph) names() Names {
	names := Names{}
	g.addNames(names)
	return names
}

// addNames adds those of the values of the graph.
func (g *Graph) addNames(names Names) { g.defines(func(name string) { names[name] = true }) }

// defines calls f for every value that the graph itself gives a name, inputs and
// initializers first.
func (g *Graph) defines(f func(name string)) {
	for _, v := range g.inputs {
		f(v.name)
	}
	for _, t := range g.inits {
		f(t.name)
	}
	for _, s := range g.sparseInit {
		f(s.values.name)
	}
	for _, n := range g.nodes {
		for _, o := range n.outputs {
			f(o)
		}
	}
}

// Reserve takes the names of all values of a graph and of the bodies in it, so that no
// fresh one shadows them.
func (n Names) Reserve(g *Graph) {
	for _, node := range g.Nodes() {
		for _, out := range node.Outputs() {
			n[out] = true
		}
		for _, body := range node.Subgraphs() {
			n.Reserve(body)
		}
	}
	for _, t := range g.Inits() {
		n[t.Name()] = true
	}
	for _, v := range slices.Concat(g.Inputs(), g.Outputs(), g.ValueInfo()) {
		n[v.Name()] = true
	}
}
