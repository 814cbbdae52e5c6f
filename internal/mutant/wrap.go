package mutant

import (
	"slices"

	"repmlp/onnxio"
)

// wrapIf moves a node into both branches of an If, or one of them and its twin
// with another name into the other.
func (mu *mutator) wrapIf() bool {
	if mu.version() < 7 {
		return false
	}
	n := mu.node(func(n *node) bool {
		return len(n.out) == 1 && n.op != "Constant" && mu.facts[n.out[0]].elem.IsFloat() && !slices.ContainsFunc(n.attrs, func(a *attr) bool { return a.g != nil })
	})
	if n == nil {
		return false
	}
	elem := mu.float()
	branch := func(suffix string) *body {
		c := n.clone()
		c.name += suffix
		c.out = []string{mu.fresh(n.out[0] + suffix)}
		return &body{name: suffix, nodes: []*node{c}, outputs: []*value{{name: c.out[0], elem: elem}}}
	}
	cond := mu.fresh("mutant_condition")
	if mu.chance(2) {
		mu.g.inputs = append(mu.g.inputs, &value{name: cond, elem: onnxio.Bool, shape: true})
	} else {
		mu.g.inits = append(mu.g.inits, &tensor{cond, onnxio.Bool, nil, []byte{byte(mu.r.IntN(2))}})
	}
	at := mu.at(n)
	mu.g.nodes[at] = &node{name: mu.fresh("mutant_if"), op: "If", in: []string{cond}, out: n.out, attrs: []*attr{
		{name: "then_branch", typ: onnxio.AttrGraph, g: branch("_then")},
		{name: "else_branch", typ: onnxio.AttrGraph, g: branch("_else")},
	}}
	return true
}

// wrapFunction moves one or two nodes in a row into a function of the model.
func (mu *mutator) wrapFunction() bool {
	n := mu.node(func(n *node) bool {
		return n.domain == "" && len(n.out) == 1 && len(n.in) > 0 && !slices.Contains(n.in, "") && !slices.ContainsFunc(n.attrs, func(a *attr) bool { return a.g != nil })
	})
	if n == nil {
		return false
	}
	f := &function{name: mu.fresh("mutant_function"), domain: "mutant", opsets: []onnxio.Opset{{Domain: "", Version: mu.version()}}}
	inner := n.clone()
	for i := range inner.in {
		p := "p" + string(rune('a'+i%26))
		if k := slices.Index(n.in, n.in[i]); k < i {
			p = inner.in[k]
		} else {
			f.in = append(f.in, p)
		}
		inner.in[i] = p
	}
	var args []string
	for i, s := range n.in {
		if slices.Index(n.in, s) == i {
			args = append(args, s)
		}
	}
	inner.out = []string{"result"}
	f.out = []string{"result"}
	f.nodes = []*node{inner}
	if mu.chance(2) {
		inner.out[0] = "inside"
		f.nodes = append(f.nodes, &node{name: "then", op: pick(mu.r, []string{"Identity", "Relu", "Neg"}), in: []string{"inside"}, out: []string{"result"}})
	}
	mu.functions = append(mu.functions, f)
	if !slices.ContainsFunc(mu.opsets, func(o onnxio.Opset) bool { return o.Domain == "mutant" }) {
		mu.opsets = append(mu.opsets, onnxio.Opset{Domain: "mutant", Version: 1})
	}
	if mu.ir < 8 {
		mu.ir = 8
	}
	mu.g.nodes[mu.at(n)] = &node{name: mu.fresh("mutant_call"), op: f.name, domain: "mutant", in: args, out: n.out}
	return true
}
