package convert

import (
	"fmt"
	"slices"
	"strings"

	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// findDeclines looks at what the plan left for places where a merge would be
// expected, and says why there is none.
func (p *planner) findDeclines() {
	merged := map[*graph.Value]bool{}
	for _, r := range p.plan.Regions {
		for _, v := range r.seg.values {
			merged[v] = true
		}
	}
	found := slices.Clone(p.declines)
	add := func(why *refusal, nodes ...*graph.Node) {
		if why == nil || why.Code == "" {
			return
		}
		d := Decline{Code: why.Code, Node: nodes[0].Title(), Message: why.Message}
		for _, n := range nodes {
			d.Nodes = append(d.Nodes, n.Title())
		}
		found = append(found, d)
	}
	for _, n := range p.g.Nodes {
		if len(n.Out) == 0 || n.Out[0] == nil || n.Domain != "" {
			continue
		}
		v := n.Out[0]
		s := p.steps[v]
		switch {
		case s != nil && s.kind == sumStep && !merged[v] && !p.innerSum(v):
			p.declinedSum(v, merged, add)
		case n.OpType == "Add" && s == nil:
			p.declinedBroadcast(n, add)
		case n.OpType == "Mul" || n.OpType == "Div" || n.OpType == "Max" || n.OpType == "Min":
			p.declinedJoin(n, add)
		case n.OpType == "BatchNormalization" && s != nil && !p.absorbed(n):
			p.declinedNorm(n, v, add)
		}
	}
	for _, n := range p.g.Nodes {
		for _, g := range n.Subgraphs() {
			p.declinedBody(n, g, &found)
		}
	}
	seen := map[string]bool{}
	for _, d := range found {
		key := d.Code + "\x00" + d.Node
		if !seen[key] {
			seen[key] = true
			p.plan.Declined = append(p.plan.Declined, d)
		}
	}
}

// innerSum reports whether v is only an operand of a larger sum, perhaps as
// another view.
func (p *planner) innerSum(v *graph.Value) bool {
	for v.ReadCount() == 1 && len(v.Readers) == 1 {
		out := v.Readers[0].Node.Out
		if len(out) == 0 || out[0] == nil || p.steps[out[0]] == nil {
			return false
		}
		v = out[0]
		if s := p.steps[v]; s.kind == sumStep {
			return true
		} else if s.kind != viewStep {
			return false
		}
	}
	return false
}

// absorbed reports whether some region contains the node.
func (p *planner) absorbed(n *graph.Node) bool {
	for _, r := range p.plan.Regions {
		for _, s := range r.seg.steps {
			if s.node == n {
				return true
			}
		}
	}
	return false
}

// weighted reports whether a layer or a BatchNorm stands between u and v.
func (p *planner) weighted(u, v *graph.Value) bool {
	seg := p.segment(u, v)
	if seg == nil {
		return false
	}
	return seg.count(layerStep) > 0 || slices.ContainsFunc(seg.steps, func(s *step) bool { return s.node.OpType == "BatchNormalization" })
}

// A branch is an operand of a sum as it is seen from the value that it has in
// common with others.
type branch struct {
	leaf    *graph.Value
	source  *graph.Value // where the affine part starts
	barrier *graph.Node  // the op that is not affine behind which the common value lies
}

// declinedSum explains a sum that was not merged as a whole.
func (p *planner) declinedSum(v *graph.Value, merged map[*graph.Value]bool, add func(*refusal, ...*graph.Node)) {
	leaves := p.deepLeaves(v)
	n := p.steps[v].node
	// The value that most operands are affine in through a layer or BatchNorm.
	var source *graph.Value
	var group []*graph.Value
	for _, l := range leaves {
		for _, u := range p.chain(l)[1:] {
			if !p.weighted(u, l) {
				continue
			}
			var with []*graph.Value
			for _, m := range leaves {
				if m == l || slices.Contains(p.chain(m), u) {
					with = append(with, m)
				}
			}
			if len(with) > len(group) {
				source, group = u, with
			}
		}
	}
	if source == nil {
		return
	}
	candidate := len(group) > 1
	if candidate && !p.partlyMerged(v, group) {
		add(p.whyNotSum(v, source, group), n)
	}
	for _, l := range leaves {
		if slices.Contains(group, l) {
			continue
		}
		if b := p.behindBarrier(l, group, leaves); b != nil {
			candidate = true
			add(barrierRefusal(b.barrier, n), n, b.barrier)
			continue
		}
		if chain := p.chain(l); candidate && len(chain) > 1 && p.weighted(chain[len(chain)-1], l) {
			add(refuse("branches_read_different_tensors", "operand %q of %q reads %q, the other branches read %q", l.Name, n.Title(), chain[len(chain)-1].Name, source.Name), n)
		}
	}
}

// deepLeaves flattens a sum through inner sums, views of them included.
func (p *planner) deepLeaves(v *graph.Value) []*graph.Value {
	var out []*graph.Value
	for _, a := range p.steps[v].args {
		x := a
		for x.ReadCount() == 1 && p.steps[x] != nil && p.steps[x].kind == viewStep {
			x = p.steps[x].args[0]
		}
		if s := p.steps[x]; s != nil && s.kind == sumStep && x.ReadCount() == 1 {
			out = append(out, p.deepLeaves(x)...)
		} else {
			out = append(out, a)
		}
	}
	return out
}

// partlyMerged reports whether operands of the sum became one region.
func (p *planner) partlyMerged(v *graph.Value, group []*graph.Value) bool {
	for _, r := range p.plan.Regions {
		inside := 0
		for _, l := range group {
			if slices.Contains(r.seg.values, l) {
				inside++
			}
		}
		if inside > 1 {
			return true
		}
		if inv := p.made[r.seg.to]; inv != nil && inv.node == p.steps[v].node {
			return true
		}
	}
	return false
}

// behindBarrier looks from leaf l over its affine part and one op that is not
// affine for a value that another operand reads through a layer.
func (p *planner) behindBarrier(l *graph.Value, group, leaves []*graph.Value) *branch {
	chain := p.chain(l)
	end := chain[len(chain)-1]
	if end.Producer == nil || p.hasLayer(end, l) {
		return nil
	}
	known := map[*graph.Value]bool{}
	for _, g := range append(slices.Clone(group), leaves...) {
		if g == l {
			continue
		}
		for _, u := range p.chain(g)[1:] {
			if p.weighted(u, g) {
				known[u] = true
			}
		}
	}
	for _, in := range p.dataInputs(end.Producer) {
		for _, u := range p.chain(in) {
			if known[u] && u != in && p.weighted(u, in) {
				return &branch{leaf: l, source: u, barrier: end.Producer}
			}
		}
	}
	return nil
}

// hasLayer reports whether a layer with weights stands between u and v.
func (p *planner) hasLayer(u, v *graph.Value) bool {
	seg := p.segment(u, v)
	return seg != nil && seg.count(layerStep) > 0
}

// dataInputs are the inputs of a barrier that carry data; quantised pairs,
// normalisations written as several nodes, and the statistics of a BatchNorm
// count as one barrier.
func (p *planner) dataInputs(n *graph.Node) []*graph.Value {
	var out []*graph.Value
	for _, in := range n.In {
		if in == nil || p.g.IsConst(in) {
			continue
		}
		if q := in.Producer; q != nil && (n.OpType == "DequantizeLinear" && q.OpType == "QuantizeLinear" || n.OpType == "Cast" && q.OpType == "Cast" || n.OpType == "Mul" && q.OpType == "Sigmoid") {
			out = append(out, p.dataInputs(q)...)
		}
		out = append(out, in)
	}
	return out
}

// barrierRefusal names the op that keeps a branch from being affine.
func barrierRefusal(b, sum *graph.Node) *refusal {
	switch b.OpType {
	case "QuantizeLinear", "DequantizeLinear":
		return refuse("quantized_activation", "%q quantises the activations of a branch of %q; merge before quantising", b.Title(), sum.Title())
	case "Cast":
		return refuse("precision_change", "%q changes the precision inside a branch of %q", b.Title(), sum.Title())
	case "InstanceNormalization", "GroupNormalization", "LayerNormalization", "Softmax", "LRN":
		return refuse("not_affine", "%q (%s) in a branch of %q depends on the data it normalises", b.Title(), b.OpType, sum.Title())
	case "ScatterND", "ScatterElements":
		return refuse("scatter_in_branch", "%q writes into the map of a branch of %q", b.Title(), sum.Title())
	case "BatchNormalization", "Dropout", "Conv", "Gemm", "MatMul":
		return nil // its own refusal stands already
	}
	if b.Domain != "" || !onnxOps[b.OpType] {
		return refuse("unknown_op", "%q in a branch of %q has the operator %s, which neither ONNX nor the file's functions define; see which exporter writes it and export again", b.Title(), sum.Title(), strings.TrimPrefix(b.Domain+"."+b.OpType, "."))
	}
	return refuse("nonlinear_branch", "%q (%s) stands inside a branch of %q, so that branch stays", b.Title(), b.OpType, sum.Title())
}

// whyNotSum says why operands with a common source were not merged.
func (p *planner) whyNotSum(v, source *graph.Value, group []*graph.Value) *refusal {
	seg := p.segment(source, v)
	n := p.steps[v].node
	if seg == nil { // only some operands: look at those
		st := &step{rule: "sum", node: n, kind: sumStep, args: group, coef: slices.Repeat([]float64{1}, len(group))}
		p.addUp(st)
		shape, _ := v.Shape()
		part := graph.Invent(v.Name+".part", v.Elem, shape)
		p.steps[part] = st
		defer delete(p.steps, part)
		if seg = p.segment(source, part); seg == nil {
			return nil
		}
	}
	return p.whyNot(seg, n)
}

// whyNot says why a segment was not merged; nil where it simply brings nothing.
func (p *planner) whyNot(seg *segment, n *graph.Node) *refusal {
	before := p.plainAll(seg)
	var reasons []*refusal
	end, why := p.asWindow(seg)
	w := end.win
	if why != nil {
		reasons = append(reasons, why)
	}
	m, whyRows := p.asTrace(seg)
	if whyRows != nil {
		reasons = append(reasons, whyRows)
	}
	names := strings.Join(titles(seg.nodes()), ", ")
	if r := paddingModes(seg, n); r != nil {
		reasons = append(reasons, r)
	}
	asMap, asRows := why == nil && w.Size() <= before.weights, whyRows == nil && m.weights() <= before.weights
	switch {
	case asMap || asRows:
		if len(seg.leaks) > 0 {
			reasons = append(reasons, refuse("intermediate_used_elsewhere", "%q inside the branches of %q is a graph output or has other readers", seg.leaks[0].Name, n.Title()))
		}
	case why == nil:
		reasons = append(reasons, refuse("kernel_would_grow", "one kernel for the branches of %q has %d weights, the branches have %d together; --allow-growth makes it (%s)", n.Title(), w.Size(), before.weights, names))
	case whyRows == nil:
		code := "would_grow"
		switch g, rows := layerGroups(seg); {
		case rows && m.count(m.group) < g:
			code = "groups_mismatch_would_grow"
		case rows && m.count(m.group) > g:
			code = "fc_weight_shared_across_conv_channels"
		case p.crossesTiles(seg):
			return refuse("conv_crosses_partition_borders", "a conv with a kernel above 1×1 runs on the whole map while the FC of %q runs on tiles of it (%s)", n.Title(), names)
		}
		reasons = append(reasons, refuse(code, "one layer for %q has %d weights, the branches have %d together; --allow-growth makes it (%s)", n.Title(), m.weights(), before.weights, names))
	}
	return first(reasons)
}

// paddingModes notices zeros in one branch and another padding in the other.
func paddingModes(seg *segment, n *graph.Node) *refusal {
	var other, zeros *graph.Node
	for _, s := range seg.steps {
		switch {
		case s.rule == "pad" && s.kind == mapStep && s.node.Str("mode", "constant") != "constant":
			other = s.node
		case s.rule == "conv" && slices.ContainsFunc(s.node.Ints("pads"), func(p int64) bool { return p > 0 }):
			zeros = s.node
		}
	}
	if other == nil || zeros == nil {
		return nil
	}
	return refuse("padding_modes_differ", "%q pads with mode %s and %q with zeros, so the branches of %q have no common kernel", other.Title(), other.Str("mode", ""), zeros.Title(), n.Title())
}

func titles(nodes []*graph.Node) []string {
	var out []string
	for _, n := range nodes {
		out = append(out, n.Title())
	}
	return out
}

// first is the refusal whose code comes first in the list of codes.
func first(reasons []*refusal) *refusal {
	var best *refusal
	for _, r := range reasons {
		if r.Code != "" && (best == nil || rank(r.Code) < rank(best.Code)) {
			best = r
		}
	}
	return best
}

// layerGroups is the largest group count among the FCs of rows in the segment,
// and whether there is any.
func layerGroups(seg *segment) (groups int, rows bool) {
	groups = 1
	for _, s := range seg.steps {
		if s.kind != layerStep {
			continue
		}
		if s.rule == "conv" {
			if flatMap(s.args[0]) {
				rows = true
				groups = max(groups, int(s.node.Int("group", 1)))
			}
		} else {
			rows = true
			if shape, ok := constShape(s.weights[0]); ok && len(shape) > 2 {
				groups = max(groups, shape[0])
			}
		}
	}
	return groups, rows
}

// crossesTiles reports whether an FC of rows stands beside a conv that slides
// over the region's whole input.
func (p *planner) crossesTiles(seg *segment) bool {
	_, rows := layerGroups(seg)
	for _, s := range seg.steps {
		if rows && s.rule == "conv" && s.args[0] == seg.from && !flatMap(s.args[0]) {
			return true
		}
	}
	return false
}

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
				if seg != nil {
					add(p.whyNot(seg, r.Node), n, r.Node)
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
	// Backward to a layer whose result others read too.
	x := p.steps[v].args[0]
	for s := p.steps[x]; s != nil && s.kind == viewStep; s = p.steps[x] {
		x = s.args[0]
	}
	if s := p.steps[x]; s != nil && s.kind == layerStep {
		if seg := p.segment(s.args[0], v); seg != nil {
			add(p.whyNot(seg, n), n)
		}
	}
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
