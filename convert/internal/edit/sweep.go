package edit

import (
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// sweep drops what nothing needs any more: nodes, initializers, inputs that
// were frozen, declared shapes.
func sweep(edit *onnxio.Edit, view *graph.Graph, freeze bool) {
	g, irVersion := view.Model.Graph(), view.Model.IRVersion()
	dropped := map[*onnxio.Node]bool{}
	for _, n := range edit.DropNodes {
		dropped[n] = true
	}
	producer := map[string]*onnxio.Node{}
	var nodes []*onnxio.Node
	for _, n := range g.Nodes() {
		if !dropped[n] {
			nodes = append(nodes, n)
		}
	}
	for _, p := range edit.AddNodes {
		nodes = append(nodes, p.Node)
	}
	for _, n := range nodes {
		for _, o := range n.Outputs() {
			if o != "" {
				producer[o] = n
			}
		}
	}
	live := map[string]bool{}
	alive := map[*onnxio.Node]bool{}
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
		n := producer[name]
		if n == nil || alive[n] {
			continue
		}
		alive[n] = true
		todo = append(todo, n.Reads()...)
	}
	made := map[string]bool{}
	for _, n := range nodes {
		if !alive[n] {
			continue
		}
		for _, o := range n.Outputs() {
			made[o] = true
		}
	}
	for _, n := range g.Nodes() {
		if !dropped[n] && !alive[n] {
			edit.DropNodes = append(edit.DropNodes, n)
		}
	}
	kept := map[string]bool{}
	isInput := map[string]bool{}
	for _, v := range g.Inputs() {
		isInput[v.Name()] = true
	}
	for _, t := range g.Inits() {
		frozen := isInput[t.Name()] && (freeze || irVersion < 4)
		if live[t.Name()] || isInput[t.Name()] && !frozen {
			kept[t.Name()] = true
			continue
		}
		edit.DropInits = append(edit.DropInits, t)
	}
	hasInit := map[string]bool{}
	for _, t := range g.Inits() {
		hasInit[t.Name()] = true
	}
	for _, v := range g.Inputs() {
		if hasInit[v.Name()] && (!kept[v.Name()] || freeze && irVersion >= 4) {
			edit.DropInputs = append(edit.DropInputs, v)
		}
	}
	fresh := map[string]bool{}
	for _, p := range edit.AddNodes {
		for _, o := range p.Node.Outputs() {
			fresh[o] = true
		}
	}
	for _, v := range g.ValueInfo() {
		if !made[v.Name()] && !kept[v.Name()] || fresh[v.Name()] && contradicted(view, v.Name()) {
			edit.DropInfo = append(edit.DropInfo, v)
		}
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
