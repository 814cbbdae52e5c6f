package convert

import (
	"fmt"

	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// declinedJoin explains branches that are joined by something other than a sum.
func (p *planner) declinedJoin(n *graph.Node, add func(*refusal, ...*graph.Node)) {
	if len(n.In) != 2 || n.In[0] == nil || n.In[1] == nil || p.constantLike(n.In[0]) || p.constantLike(n.In[1]) {
		return
	}
	for i, l := range n.In {
		other := n.In[1-i]
		chain := p.chain(other)
		inputs := []*graph.Value{other}
		if len(chain) == 1 {
			if other.Producer == nil || len(p.dataInputs(other.Producer)) == 0 {
				continue
			}
			inputs = p.dataInputs(other.Producer)
		}
		for _, in := range inputs {
			u := p.common([]*graph.Value{l, in})
			if u != nil && u != l && u != in && p.hasLayer(u, l) && p.hasLayer(u, in) {
				add(refuse("branches_not_added", "the branches of %q are joined by %s, not by a sum", n.Title(), n.OpType), n)
				return
			}
		}
	}
}

// declinedBroadcast explains an Add of two branches of one value where one of
// them is repeated over the positions of the other.
func (p *planner) declinedBroadcast(n *graph.Node, add func(*refusal, ...*graph.Node)) {
	if len(n.In) != 2 || n.In[0] == nil || n.In[1] == nil || p.constantLike(n.In[0]) || p.constantLike(n.In[1]) {
		return
	}
	p.declinedUnknown(n, add)
	u := p.common(n.In)
	if u != nil && u != n.In[0] && u != n.In[1] && p.hasLayer(u, n.In[0]) && p.hasLayer(u, n.In[1]) {
		add(refuse("broadcast_add", "%q repeats one branch over the positions of the other", n.Title()), n)
	}
}

// declinedUnknown explains a sum of which one branch runs through an operator
// that nobody knows, so that its shape is unknown too.
func (p *planner) declinedUnknown(sum *graph.Node, add func(*refusal, ...*graph.Node)) {
	for i, l := range sum.In {
		x := sum.In[1-i]
		for range maxChain {
			n := x.Producer
			if n == nil || len(n.In) == 0 || n.In[0] == nil {
				break
			}
			if n.Domain != "" || !onnxOps[n.OpType] {
				if u := p.common([]*graph.Value{l, n.In[0]}); u != nil && p.weighted(u, l) {
					add(barrierRefusal(n, sum), sum, n)
				}
				return
			}
			x = n.In[0]
		}
	}
}

// declinedBody reports a BatchNorm right behind a layer in the body of a
// control-flow node, which is left as it is.
func (p *planner) declinedBody(n *graph.Node, g *onnxio.Graph, found *[]Decline) {
	layers := map[string]string{}
	for _, b := range g.Nodes {
		if b.Domain == "" && (b.OpType == "Conv" || b.OpType == "Gemm" || b.OpType == "MatMul") && len(b.Outputs) > 0 {
			layers[b.Outputs[0]] = b.Title()
		}
		if b.OpType == "BatchNormalization" && len(b.Inputs) > 0 && layers[b.Inputs[0]] != "" {
			*found = append(*found, Decline{Code: "inside_subgraph", Node: n.Title(), Nodes: []string{n.Title(), layers[b.Inputs[0]], b.Title()},
				Message: fmt.Sprintf("%q and %q lie in a body of %q (%s), where nothing is merged; export without control flow", layers[b.Inputs[0]], b.Title(), n.Title(), n.OpType)})
		}
		for _, s := range b.Subgraphs() {
			p.declinedBody(n, s, found)
		}
	}
}

// declinedNorm explains a BatchNorm that stands beside a layer and was not
// merged into it.
func (p *planner) declinedNorm(n *graph.Node, v *graph.Value, add func(*refusal, ...*graph.Node)) {
	// Forward, through views, pads and pooling, to a layer.
	for x := v; ; {
		var next *graph.Node
		for _, r := range x.Readers {
			if len(r.Node.Out) == 0 || r.Node.Out[0] == nil {
				continue
			}
			s := p.steps[r.Node.Out[0]]
			switch {
			case s != nil && s.kind == layerStep:
				seg := p.segment(p.steps[v].args[0], r.Node.Out[0])
				if seg == nil {
					return
				}
				why := p.whyNot(seg, r.Node)
				add(why, n, r.Node)
				if why == nil && r.Node.OpType != "Conv" && openMap(n.In[0]) {
					p.plan.Warnings = append(p.plan.Warnings, Warning{"size_not_fixed", fmt.Sprintf(
						"BatchNormalization %q stays in front of %q: height and width have no value in the file, and for some sizes a row would hold other channels; fix the input size to have it merged", n.Title(), r.Node.Title())})
				}
				return
			case s != nil && (s.kind == viewStep || s.kind == mapStep):
				next = r.Node
			case s == nil && activations[r.Node.OpType] && p.readsPool(n):
				if l := p.layerAfter(r.Node.Out[0]); l != nil {
					add(refuse("nonlinearity_between", "%q (%s) stands between BatchNormalization %q and %q, which would absorb it", r.Node.Title(), r.Node.OpType, n.Title(), l.Title()), n, r.Node, l)
					return
				}
			}
		}
		if next == nil {
			break
		}
		x = next.Out[0]
	}
	p.declinedBehind(n, v, add)
}

// declinedBehind looks back from v over views and constants of more channels than
// their data has, to a layer that did not take n: others read its result too, or
// it would grow.
func (p *planner) declinedBehind(n *graph.Node, v *graph.Value, add func(*refusal, ...*graph.Node)) {
	x := p.steps[v].args[0]
	for s := p.steps[x]; s != nil && (s.kind == viewStep || s.widens); s = p.steps[x] {
		x = s.args[0]
	}
	if s := p.steps[x]; s != nil && s.kind == layerStep {
		if seg := p.segment(s.args[0], v); seg != nil {
			add(p.whyNot(seg, n), n)
		}
	}
}

// warnUnknown names the node behind which no shape is known, so that nothing
// can be merged into or with a BatchNormalization there.
func (p *planner) warnUnknown(norm *graph.Node) {
	from := norm.In[0].Producer
	for from != nil && len(from.In) > 0 && from.In[0] != nil && from.In[0].Producer != nil && from.In[0].Rank() < 0 {
		from = from.In[0].Producer
	}
	where := "of the input"
	if from != nil {
		where = fmt.Sprintf("behind %q (%s)", from.Title(), from.OpType)
	}
	p.plan.Warnings = append(p.plan.Warnings, Warning{"shape_unknown", fmt.Sprintf(
		"BatchNormalization %q stays: no shape is known %s; run ONNX shape inference on the file, or fix the input sizes", norm.Title(), where)})
}

// openMap reports whether a map's height or width has no value.
func openMap(v *graph.Value) bool {
	dims, ok := v.Shape()
	if !ok || len(dims) < 3 {
		return false
	}
	for _, d := range dims[2:] {
		if _, known := d.Int(); !known {
			return true
		}
	}
	return false
}

var activations = map[string]bool{"Relu": true, "Sigmoid": true, "Tanh": true, "LeakyRelu": true, "PRelu": true, "Elu": true, "Selu": true,
	"HardSigmoid": true, "HardSwish": true, "Gelu": true, "Mish": true, "Clip": true, "Softplus": true, "Erf": true}

// readsPool reports whether the node reads an average, through views.
func (p *planner) readsPool(n *graph.Node) bool {
	x := n.In[0]
	for range maxChain {
		if x.Producer == nil {
			return false
		}
		switch x.Producer.OpType {
		case "AveragePool", "GlobalAveragePool", "ReduceMean":
			return true
		}
		if s := p.steps[x]; s == nil || s.kind != viewStep {
			return false
		}
		x = x.Producer.In[0]
	}
	return false
}

// layerAfter is the layer that reads v through views, nil if there is none.
func (p *planner) layerAfter(v *graph.Value) *graph.Node {
	for range maxChain {
		if len(v.Readers) != 1 {
			return nil
		}
		n := v.Readers[0].Node
		if len(n.Out) == 0 || n.Out[0] == nil {
			return nil
		}
		s := p.steps[n.Out[0]]
		switch {
		case s == nil:
			return nil
		case s.kind == layerStep:
			return n
		case s.kind != viewStep:
			return nil
		}
		v = n.Out[0]
	}
	return nil
}

// String prints a decline as reports do.
func (d Decline) String() string { return fmt.Sprintf("%s: %s", d.Code, d.Message) }
