package explain

import (
	"fmt"
	"slices"
	"strings"

	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/plan"
	"repmlp/convert/internal/reason"
	"repmlp/internal/ops"
	"repmlp/onnxio/graph"
)

// innerSum reports whether v is only an operand of a larger sum, perhaps as
// another view.
func (l *look) innerSum(v *graph.Value) bool {
	for v.ReadCount() == 1 && len(v.Readers) == 1 {
		if v = v.Readers[0].Node.First(); l.e.Of(v) == nil {
			return false
		}
		if op := l.e.Of(v).Op; affine.IsSum(op) {
			return true
		} else if !affine.IsView(op) {
			return false
		}
	}
	return false
}

// sum explains a sum that was not merged as a whole.
func (l *look) sum(a *affine.Affine) {
	terms := l.terms(a)
	n := a.Node()
	source, group := l.shared(terms)
	if source == nil {
		return
	}
	candidate := len(group) > 1
	if candidate && !l.partlyMerged(n, group) {
		why := l.whyNotSum(a.Out, source, group)
		l.add(why, n)
		if why == nil || why.Code == "" {
			l.leave(a.Out, source)
		}
	}
	grouped := map[*graph.Value]bool{}
	for _, v := range group {
		grouped[v] = true
	}
	var known map[*graph.Value]bool
	for _, t := range terms {
		if grouped[t] || l.within[t] == n {
			continue // it is in a part of the sum that is merged
		}
		if known == nil {
			known = l.readThroughLayers(terms)
		}
		if b := l.barrier(t, terms, known); b != nil {
			candidate = true
			l.add(l.barrierRefusal(b, n), n, b)
			continue
		}
		if root := l.e.Root(t); candidate && root != t && l.weighted(root, t) {
			l.add(reason.Refuse(reason.BranchesReadDifferentTensors, "operand %q of %q reads %q, the other branches read %q", t.Name, n.Title(), root.Name, source.Name), n)
		}
	}
}

// leave names a sum of parallel linear branches that nothing else is told of.
func (l *look) leave(v, source *graph.Value) {
	n := l.e.Of(v).Node()
	why := "no form is known in which they are one layer"
	if at := l.p.Attempt(source, v); at != nil {
		switch {
		case at.RowsWhy != nil && at.RowsWhy.Message != "":
			why = at.RowsWhy.Message
		case at.KernelWhy != nil && at.KernelWhy.Message != "":
			why = at.KernelWhy.Message
		}
	}
	l.left = append(l.left, Left{string(reason.UnsupportedForm), n.Title(), fmt.Sprintf("%q (%s) stays: it adds linear branches of %q, but %s", n.Title(), n.OpType(), source.Name, why)})
}

// terms flattens a sum through inner sums, views of them included.
func (l *look) terms(a *affine.Affine) []*graph.Value {
	var out []*graph.Value
	todo := slices.Clone(a.Args)
	slices.Reverse(todo)
	for len(todo) > 0 {
		v := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		x := v
		for x.ReadCount() == 1 && l.e.Of(x) != nil && affine.IsView(l.e.Of(x).Op) {
			x = l.e.Of(x).Args[0]
		}
		if b := l.e.Of(x); b != nil && affine.IsSum(b.Op) && x.ReadCount() == 1 {
			for i := len(b.Args) - 1; i >= 0; i-- {
				todo = append(todo, b.Args[i])
			}
			continue
		}
		out = append(out, v)
	}
	return out
}

// shared finds the value that most terms are affine functions of, one of them at
// least through a layer or BatchNorm, and these terms; the nearest such value.
func (l *look) shared(terms []*graph.Value) (source *graph.Value, group []*graph.Value) {
	byRoot := map[*graph.Value][]*graph.Value{}
	for _, t := range terms {
		byRoot[l.e.Root(t)] = append(byRoot[l.e.Root(t)], t)
	}
	for _, t := range terms {
		root := l.e.Root(t)
		with := byRoot[root]
		if len(with) <= len(group) || root == t || !l.weighted(root, t) {
			continue
		}
		var others []*graph.Value
		for _, o := range with {
			if o != t {
				others = append(others, o)
			}
		}
		u := l.above(t)
		if len(others) > 0 {
			if c := l.e.Common(append(others, t)); c == t || l.e.Above(c, u) {
				u = c
			}
		}
		for u != nil && (u == t || !l.weighted(u, t)) {
			u = l.e.Parent(u)
		}
		if u != nil {
			source, group = u, with
		}
	}
	return source, group
}

// above is the nearest value that t is a function of through a layer or BatchNorm.
func (l *look) above(t *graph.Value) *graph.Value {
	for u := t; u != nil; u = l.e.Parent(u) {
		if l.layers[u].weighted < l.layers[t].weighted {
			return u
		}
	}
	return t
}

// partlyMerged reports whether operands of the sum became one region.
func (l *look) partlyMerged(n *graph.Node, group []*graph.Value) bool {
	if l.parts[n] {
		return true
	}
	count := map[string]int{}
	for _, v := range group {
		if id := l.inside[v]; id != "" {
			if count[id]++; count[id] > 1 {
				return true
			}
		}
	}
	return false
}

// readThroughLayers lists what the terms of a sum are affine functions of through a
// layer or BatchNorm.
func (l *look) readThroughLayers(terms []*graph.Value) map[*graph.Value]bool {
	known := map[*graph.Value]bool{}
	for _, t := range terms {
		for u := l.e.Parent(t); u != nil && !known[u]; u = l.e.Parent(u) {
			if l.weighted(u, t) {
				known[u] = true
			}
		}
	}
	return known
}

// barrier looks from a term over its affine part and one op that is not affine for
// a value that another term reads through a layer; it is that op. Layers that the
// terms share, as in x + f(x) of what a layer makes, are no branches.
func (l *look) barrier(t *graph.Value, terms []*graph.Value, known map[*graph.Value]bool) *graph.Node {
	end := l.e.Root(t)
	if end.Producer == nil || l.hasLayer(end, t) {
		return nil
	}
	for _, in := range l.dataInputs(end.Producer) {
		if l.sharesLayers(in, t, terms) {
			continue
		}
		for u := range l.e.Chain(in) {
			if known[u] && u != in && l.weighted(u, in) {
				return end.Producer
			}
		}
	}
	return nil
}

// sharesLayers reports whether another term is a function of the same value as in, which
// no layer or BatchNorm stands behind on the way to in.
func (l *look) sharesLayers(in, t *graph.Value, terms []*graph.Value) bool {
	return slices.ContainsFunc(terms, func(o *graph.Value) bool {
		if o == t {
			return false
		}
		u := l.e.Common([]*graph.Value{o, in})
		return u != nil && !l.weighted(u, in)
	})
}

// dataInputs are the inputs of a barrier that carry data; quantised pairs,
// normalisations written as several nodes, and the statistics of a BatchNorm
// count as one barrier.
func (l *look) dataInputs(n *graph.Node) []*graph.Value {
	var out []*graph.Value
	for _, in := range n.In {
		if in == nil || l.e.Graph.IsConst(in) {
			continue
		}
		if q := in.Producer; q != nil && (n.OpType() == "DequantizeLinear" && q.OpType() == "QuantizeLinear" || n.OpType() == "Cast" && q.OpType() == "Cast" || n.OpType() == "Mul" && q.OpType() == "Sigmoid") {
			out = append(out, l.dataInputs(q)...)
		}
		out = append(out, in)
	}
	return out
}

// barrierRefusal names the op that keeps a branch from being affine.
func (l *look) barrierRefusal(b, sum *graph.Node) *reason.Refusal {
	switch b.OpType() {
	case "QuantizeLinear", "DequantizeLinear":
		return reason.Refuse(reason.QuantizedActivation, "%q quantises the activations of a branch of %q; merge before quantising", b.Title(), sum.Title())
	case "Cast":
		return reason.Refuse(reason.PrecisionChange, "%q changes the precision inside a branch of %q", b.Title(), sum.Title())
	case "InstanceNormalization", "GroupNormalization", "LayerNormalization", "Softmax", "LRN":
		return reason.Refuse(reason.NotAffine, "%q (%s) in a branch of %q depends on the data it normalises", b.Title(), b.OpType(), sum.Title())
	case "ScatterND", "ScatterElements":
		return reason.Refuse(reason.ScatterInBranch, "%q writes into the map of a branch of %q", b.Title(), sum.Title())
	case "BatchNormalization", "Dropout", "Conv", "ConvTranspose", "Gemm", "MatMul":
		return nil // its own refusal stands already
	}
	if l.e.Of(b.First()) != nil {
		return reason.Refuse(reason.BranchesReadDifferentTensors, "%q (%s) in a branch of %q puts values together that read different tensors, so that branch stays", b.Title(), b.OpType(), sum.Title())
	}
	if foreign(b) {
		return reason.Refuse(reason.UnknownOp, "%q in a branch of %q has the operator %s, which neither ONNX nor the file's functions define; see which exporter writes it and export again", b.Title(), sum.Title(), strings.TrimPrefix(b.Domain()+"."+b.OpType(), "."))
	}
	return reason.Refuse(reason.NonlinearBranch, "%q (%s) stands inside a branch of %q, so that branch stays", b.Title(), b.OpType(), sum.Title())
}

// foreign reports whether a node has an operator that ONNX does not define.
func foreign(n *graph.Node) bool { return n.Domain() != "" || !ops.Known(n.OpType()) }

// whyNotSum says why terms with a common source were not merged.
func (l *look) whyNotSum(v, source *graph.Value, group []*graph.Value) *reason.Refusal {
	n := l.e.Of(v).Node()
	at := l.p.Attempt(source, v)
	if at == nil { // only some of the terms: look at those
		if at = l.p.AttemptSum(source, v, group); at == nil {
			return nil
		}
	}
	return l.whyNot(at, n)
}

// whyNot says why a piece of the graph was not merged; nil where it simply brings
// nothing.
func (l *look) whyNot(at *plan.Attempt, n *graph.Node) *reason.Refusal {
	reasons := []*reason.Refusal{at.KernelWhy, at.RowsWhy, paddingModes(at.Segment, n)}
	var names []string
	for _, m := range at.Segment.Nodes() {
		names = append(names, m.Title())
	}
	list := strings.Join(names, ", ")
	switch {
	case at.Exact():
		if len(at.Leaks) > 0 {
			reasons = append(reasons, reason.Refuse(reason.IntermediateUsedElsewhere, "%q inside the branches of %q is a graph output or has other readers", at.Leaks[0].Name, n.Title()))
		}
	case at.KernelWhy == nil && (at.RowsWhy != nil || slices.ContainsFunc(at.Segment.Steps, slides)):
		reasons = append(reasons, reason.Refuse(reason.KernelWouldGrow, "one kernel for the branches of %q has %d weights, the branches have %d together; --allow-growth makes it (%s)", n.Title(), at.Kernel, at.Before.Weights, list))
	case at.RowsWhy == nil:
		code := reason.WouldGrow
		switch g, rows := rowGroups(at.Segment); {
		case !rows:
			return reason.First(reasons) // an FC of all positions is no form for convs
		case rows && at.Rows.Count(at.Rows.Group) < g:
			code = reason.GroupsMismatchWouldGrow
		case rows && at.Rows.Count(at.Rows.Group) > g && convolves(at.Segment):
			code = reason.FCWeightSharedAcrossConvChannels
		case rows && crossesTiles(at.Segment):
			return reason.Refuse(reason.ConvCrossesPartitionBorders, "a conv with a kernel above 1×1 runs on the whole map while the FC of %q runs on tiles of it (%s)", n.Title(), list)
		}
		reasons = append(reasons, reason.Refuse(code, "one layer for %q has %d weights, the branches have %d together; --allow-growth makes it (%s)", n.Title(), at.Rows.Weights(), at.Before.Weights, list))
	}
	return reason.First(reasons)
}

// slides reports whether a step has a kernel of its own: matrices have none.
func slides(a *affine.Affine) bool {
	_, fc := a.Op.(*affine.FC)
	return affine.IsLayer(a.Op) && !fc || affine.IsPool(a.Op)
}
