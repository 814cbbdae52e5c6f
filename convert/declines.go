package convert

import (
	"slices"
	"strings"

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
			p.declinedSum(v, add)
		case s != nil && s.widens && !p.absorbed(n):
			p.declinedBehind(n, v, add)
		case n.OpType == "Add" && s == nil:
			p.declinedBroadcast(n, add)
		case n.OpType == "Mul" || n.OpType == "Div" || n.OpType == "Max" || n.OpType == "Min":
			p.declinedJoin(n, add)
		case n.OpType == "BatchNormalization" && s != nil && !p.absorbed(n):
			p.declinedNorm(n, v, add)
		case n.OpType == "BatchNormalization" && n.In[0].Rank() < 0:
			p.warnUnknown(n)
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
func (p *planner) declinedSum(v *graph.Value, add func(*refusal, ...*graph.Node)) {
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
