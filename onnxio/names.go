package onnxio

import "fmt"

// Names are names that are taken.
type Names map[string]bool

// Fresh returns base, or base with the first number behind it that makes a
// name nothing has; from then on it is taken.
func (n Names) Fresh(base string) string {
	name := base
	for i := 2; n[name]; i++ {
		name = fmt.Sprintf("%s.%d", base, i)
	}
	n[name] = true
	return name
}

// names are those of all values of the graph.
func (g *Graph) names() Names {
	names := Names{}
	for _, n := range g.Nodes {
		for _, o := range n.Outputs {
			names[o] = true
		}
	}
	for _, t := range g.Inits {
		names[t.Name] = true
	}
	for _, v := range g.Inputs {
		names[v.Name] = true
	}
	return names
}
