package tidy

import (
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// Sweep adds to an edit of the model of view what it leaves without use: nodes,
// initializers, inputs that freeze makes constants, declared shapes.
func Sweep(edit *onnxio.Edit, view *graph.Graph, freeze bool) {
	alive, live := reached(edit, view.Model.Graph())
	sweep(edit, view, freeze, alive, live)
}

// sweep is Sweep for nodes that are alive and values that are live.
func sweep(edit *onnxio.Edit, view *graph.Graph, freeze bool, alive map[*onnxio.Node]bool, live map[string]bool) {
	g := view.Model.Graph()
	dropped := setOf(edit.DropNodes)
	for _, n := range g.Nodes() {
		if !dropped[n] && !alive[n] {
			edit.DropNodes = append(edit.DropNodes, n)
		}
	}
	kept := sweepInits(edit, view.Model, live, freeze)
	made, fresh := map[string]bool{}, map[string]bool{}
	for n := range alive {
		mark(made, n.Outputs())
	}
	for _, p := range edit.AddNodes {
		mark(fresh, p.Node.Outputs())
	}
	for _, v := range g.ValueInfo() {
		if !made[v.Name()] && !kept[v.Name()] || fresh[v.Name()] && contradicted(view, v.Name()) {
			edit.DropInfo = append(edit.DropInfo, v)
		}
	}
}

// reached finds the nodes, old and new, that the graph's outputs depend on, and the
// values that are read on the way.
func reached(edit *onnxio.Edit, g *onnxio.Graph) (alive map[*onnxio.Node]bool, live map[string]bool) {
	producer := make(map[string]*onnxio.Node, len(g.Nodes()))
	makes := func(n *onnxio.Node) {
		for _, o := range n.Outputs() {
			if o != "" {
				producer[o] = n
			}
		}
	}
	dropped := setOf(edit.DropNodes)
	for _, n := range g.Nodes() {
		if !dropped[n] {
			makes(n)
		}
	}
	for _, p := range edit.AddNodes {
		makes(p.Node)
	}
	alive, live = make(map[*onnxio.Node]bool, len(g.Nodes())), make(map[string]bool, len(g.Nodes())+len(g.Inits()))
	var todo []string
	for _, o := range g.Outputs() {
		todo = append(todo, o.Name())
	}
	annotated := g.Annotated()
	for len(todo) > 0 {
		name := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if live[name] {
			continue
		}
		live[name] = true
		todo = append(todo, annotated[name]...)
		if n := producer[name]; n != nil && !alive[n] {
			alive[n] = true
			todo = append(todo, n.Reads()...)
		}
	}
	return alive, live
}

// sweepInits drops initializers that nothing reads, and inputs that are no longer
// such; it returns the names of the initializers that stay. Those that callers may
// feed stay with their inputs.
func sweepInits(edit *onnxio.Edit, m *onnxio.Model, live map[string]bool, freeze bool) (kept map[string]bool) {
	g := m.Graph()
	isInput, isInit := map[string]bool{}, map[string]bool{}
	for _, v := range g.Inputs() {
		isInput[v.Name()] = true
	}
	kept = make(map[string]bool, len(g.Inits()))
	for _, t := range g.Inits() {
		if isInput[t.Name()] {
			isInit[t.Name()] = true
		}
		if live[t.Name()] || isInput[t.Name()] && !freeze && m.IRVersion() >= 4 {
			kept[t.Name()] = true
			continue
		}
		edit.DropInits = append(edit.DropInits, t)
	}
	for _, v := range g.Inputs() {
		if isInit[v.Name()] && (!kept[v.Name()] || freeze && m.IRVersion() >= 4) {
			edit.DropInputs = append(edit.DropInputs, v)
		}
	}
	return kept
}

func setOf(nodes []*onnxio.Node) map[*onnxio.Node]bool {
	set := make(map[*onnxio.Node]bool, len(nodes))
	for _, n := range nodes {
		set[n] = true
	}
	return set
}

func mark(set map[string]bool, names []string) {
	for _, name := range names {
		set[name] = true
	}
}

// contradicted reports whether the declared shape of a value is not the one that
// follows from its nodes. It is dropped where a new node makes the value. Elsewhere
// it stays: ONNX Runtime takes both sizes for unknown, and may refuse what reads the
// value once it knows better.
func contradicted(g *graph.Graph, name string) bool {
	v := g.Value(name)
	return v != nil && g.Contradicted(v)
}
