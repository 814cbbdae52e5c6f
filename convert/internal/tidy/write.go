package tidy

import (
	"fmt"
	"slices"
	"strings"

	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

const (
	listed     = 4 // from this version of the format on initializers need not be inputs
	shapeInput = 5 // from this opset on Reshape takes its shape from an input
	maxShared  = 64
)

// A writer collects the edit.
type writer struct {
	*net
	r      *Result
	names  onnxio.Names
	taken  []map[string]bool
	shared map[string]string // small constants of the file, by what they hold
}

// write says what has changed.
func (t *net) write(o Options) *Result {
	r := &Result{Names: map[string]string{}, net: t}
	w := &writer{net: t, r: r, names: onnxio.Names{}, taken: o.Reserved, shared: map[string]string{}}
	w.names.Reserve(t.g.Model.Graph())
	for _, init := range t.g.Model.Graph().Inits() {
		if v := t.g.Value(init.Name()); t.g.IsConst(v) {
			w.same(v, init)
		}
	}
	for _, n := range t.nodes {
		if len(n.Out) == 1 && n.Out[0] != nil && t.made[n.Out[0]] {
			w.constant(n)
		}
	}
	for _, n := range t.nodes {
		switch {
		case n.gone && len(n.Out) > 0:
			w.left(n)
		case n.alive:
			w.node(n)
		}
	}
	e := &r.Edit
	alive, live := reached(e, t.g.Model.Graph())
	e.AddNodes = slices.DeleteFunc(e.AddNodes, func(p onnxio.Placed) bool { return !alive[p.Node] })
	e.AddInits = slices.DeleteFunc(e.AddInits, func(x *onnxio.Tensor) bool { return !live[x.Name()] })
	sweep(e, t.g, o.FreezeInputs, alive, live)
	r.say("%d nodes of %d", len(t.nodes)-len(e.DropNodes)+len(e.AddNodes), len(t.nodes))
	return r
}

// fresh is a name that nothing has.
func (w *writer) fresh(base string) string {
	for {
		name := w.names.Fresh(base)
		if !slices.ContainsFunc(w.taken, func(m map[string]bool) bool { return m[name] }) {
			return name
		}
	}
}

// share notes what a small constant of integers holds, and returns the name of the first
// one that holds the same; "" for one that is not looked for.
func (w *writer) share(x *onnxio.Tensor) string {
	key := holds(x)
	if key != "" && w.shared[key] == "" {
		w.shared[key] = x.Name()
	}
	return w.shared[key]
}

// holds tells small constants of integers apart, "" for others.
func holds(x *onnxio.Tensor) string {
	if x.Len() > maxShared || x.DType().IsFloat() {
		return ""
	}
	b, err := x.Bytes()
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%s%v%x", x.DType(), x.Dims(), b)
}

// same has those who read a small constant read the first one that holds the same. It
// reports whether that is another.
func (w *writer) same(v *graph.Value, x *onnxio.Tensor) bool {
	name := w.share(x)
	if name == "" || name == v.Name || w.bound[v] {
		return false
	}
	w.r.Names[v.Name] = name
	w.r.say("constant %q = %q", v.Name, name)
	return true
}

// constant puts a value in the place of the node that computes it.
func (w *writer) constant(n *work) {
	v, x := n.Out[0], w.tensors[n.Out[0]]
	if w.same(v, x) {
		return
	}
	w.r.Edit.DropNodes = append(w.r.Edit.DropNodes, n.Node.Node)
	w.r.say("constant %q %s%v", v.Name, x.DType(), x.Dims())
	w.add(x, n.Node)
}

// add adds a constant to the file in the form that its version asks for.
func (w *writer) add(x *onnxio.Tensor, before *graph.Node) {
	if w.g.Model.IRVersion() >= listed {
		w.r.Edit.AddInits = append(w.r.Edit.AddInits, x)
		return
	}
	node := onnxio.NewNode(x.Name()+".constant", "Constant", nil, []string{x.Name()}, onnxio.TensorAttr("value", x))
	w.r.Edit.AddNodes = append(w.r.Edit.AddNodes, onnxio.Placed{Node: node, Before: before.Node})
}

// left notes a node whose result is another value now.
func (w *writer) left(n *work) {
	v := n.Out[0]
	w.r.Edit.DropNodes = append(w.r.Edit.DropNodes, n.Node.Node)
	if w.bound[v] { // what it read is made under this name
		w.r.Names[n.in[0].Name] = v.Name
		w.r.say("output %q instead of %q", v.Name, n.in[0].Name)
		return
	}
	w.r.Names[v.Name] = w.name(w.now(v))
	w.r.say("same %q = %q", v.Name, w.r.Names[v.Name])
}

// name is the name that a value has now.
func (w *writer) name(v *graph.Value) string {
	if out := w.net.names[v]; out != nil {
		return out.Name
	}
	if v.Init != nil || w.made[v] {
		if name := w.r.Names[v.Name]; name != "" {
			return name
		}
	}
	return v.Name
}

// node writes a node that reads or makes something else than it did.
func (w *writer) node(n *work) {
	inputs, outputs := slices.Clone(n.Inputs()), slices.Clone(n.Outputs())
	for i, v := range n.in {
		if v != nil {
			inputs[i] = w.name(v)
		}
	}
	for i, v := range n.Out {
		if v != nil {
			outputs[i] = w.name(v)
		}
	}
	var made *onnxio.Node
	switch {
	case n.sizes != nil:
		made = w.reshape(n, inputs[0], outputs[0])
		w.r.say("view %q of %q to %v", outputs[0], inputs[0], n.sizes)
	case n.perm != nil:
		made = onnxio.NewNode(n.Name(), "Transpose", inputs[:1], outputs[:1], onnxio.IntsAttr("perm", n.perm))
		w.r.say("order %q of %q by %v", outputs[0], inputs[0], n.perm)
	case slices.Equal(inputs, n.Inputs()) && slices.Equal(outputs, n.Outputs()):
		return
	default:
		made = n.WithInputs(n.Name(), inputs, outputs)
	}
	w.r.Edit.DropNodes = append(w.r.Edit.DropNodes, n.Node.Node)
	w.r.Edit.AddNodes = append(w.r.Edit.AddNodes, onnxio.Placed{Node: made, Before: n.Node.Node})
}

// reshape is a Reshape to sizes that are constants.
func (w *writer) reshape(n *work, in, out string) *onnxio.Node {
	if w.g.Opset < shapeInput {
		return onnxio.NewNode(n.Name(), "Reshape", []string{in}, []string{out}, onnxio.IntsAttr("shape", n.sizes))
	}
	base := "repmlp.shape." + strings.ReplaceAll(strings.Trim(fmt.Sprint(n.sizes), "[]"), " ", "x")
	x := onnxio.NewInts(base, []int64{int64(len(n.sizes))}, n.sizes)
	name := w.shared[holds(x)]
	if name == "" {
		name = w.fresh(base)
		x = onnxio.NewInts(name, x.Dims(), n.sizes)
		w.share(x)
		w.add(x, n.Node)
	}
	return onnxio.NewNode(n.Name(), "Reshape", []string{in, name}, []string{out})
}
