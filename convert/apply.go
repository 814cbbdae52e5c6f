package convert

import (
	"fmt"

	"repmlp/onnxio"
)

// emitAll writes the nodes of all regions.
func (c *explainer) emitAll(plan *Plan, opts Options) (*emitter, error) {
	e := c.newEmitter(opts)
	for _, r := range plan.Regions {
		from := len(e.edit.AddNodes)
		if err := e.region(r); err != nil {
			return nil, fmt.Errorf("merging %q: %w", r.Value, err)
		}
		for _, p := range e.edit.AddNodes[from:] {
			r.Into = append(r.Into, p.Node.Name)
		}
	}
	return e, nil
}

// apply turns the collected edit into a model without anything dead.
func (e *emitter) apply(m *onnxio.Model, opts Options) (*onnxio.Model, error) {
	e.sweep(m.Graph)
	if !opts.NoMetadata {
		e.edit.Metadata = []onnxio.Property{{Key: "repmlp.version", Value: opts.Version}}
	}
	return m.Apply(e.edit)
}

// sweep drops what nothing needs any more: nodes, initializers, inputs that
// were frozen, declared shapes.
func (e *emitter) sweep(g *onnxio.Graph) {
	dropped := map[*onnxio.Node]bool{}
	for _, n := range e.edit.DropNodes {
		dropped[n] = true
	}
	producer := map[string]*onnxio.Node{}
	var nodes []*onnxio.Node
	for _, n := range g.Nodes {
		if !dropped[n] {
			nodes = append(nodes, n)
		}
	}
	for _, p := range e.edit.AddNodes {
		nodes = append(nodes, p.Node)
	}
	for _, n := range nodes {
		for _, o := range n.Outputs {
			if o != "" {
				producer[o] = n
			}
		}
	}
	live := map[string]bool{}
	alive := map[*onnxio.Node]bool{}
	var todo []string
	for _, o := range g.Outputs {
		todo = append(todo, o.Name)
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
		for _, o := range n.Outputs {
			made[o] = true
		}
	}
	for _, n := range g.Nodes {
		if !dropped[n] && !alive[n] {
			e.edit.DropNodes = append(e.edit.DropNodes, n)
		}
	}
	kept := map[string]bool{}
	isInput := map[string]bool{}
	for _, v := range g.Inputs {
		isInput[v.Name] = true
	}
	for _, t := range g.Inits {
		frozen := isInput[t.Name] && (e.opts.FreezeInputs || e.g.Model.IRVersion < 4)
		if live[t.Name] || isInput[t.Name] && !frozen {
			kept[t.Name] = true
			continue
		}
		e.edit.DropInits = append(e.edit.DropInits, t)
	}
	hasInit := map[string]bool{}
	for _, t := range g.Inits {
		hasInit[t.Name] = true
	}
	for _, v := range g.Inputs {
		if hasInit[v.Name] && (!kept[v.Name] || e.opts.FreezeInputs && e.g.Model.IRVersion >= 4) {
			e.edit.DropInputs = append(e.edit.DropInputs, v)
		}
	}
	fresh := map[string]bool{}
	for _, p := range e.edit.AddNodes {
		for _, o := range p.Node.Outputs {
			fresh[o] = true
		}
	}
	for _, v := range g.ValueInfo {
		if !made[v.Name] && !kept[v.Name] || fresh[v.Name] && e.contradicted(v.Name) {
			e.edit.DropInfo = append(e.edit.DropInfo, v)
		}
	}
}

// contradicted reports whether the declared shape of a value is not the one that
// follows from its nodes. It is dropped where a new node makes the value. Elsewhere
// it stays: ONNX Runtime takes both sizes for unknown, and may refuse what reads the
// value once it knows better.
func (e *emitter) contradicted(name string) bool {
	v := e.g.Value(name)
	return v != nil && e.g.Contradicted(v)
}
