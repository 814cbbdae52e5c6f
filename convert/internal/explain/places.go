package explain

import (
	"fmt"
	"slices"
	"strings"

	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/layer"
	"repmlp/convert/internal/plan"
	"repmlp/convert/internal/reason"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// paddingModes notices zeros in one branch and another padding in the other.
func paddingModes(s *affine.Segment, n *graph.Node) *reason.Refusal {
	var other, zeros *graph.Node
	mode := affine.PadConstant
	for _, a := range s.Steps {
		switch op := a.Op.(type) {
		case *affine.Pad:
			if op.Mode != affine.PadConstant {
				other, mode = a.Node(), op.Mode
			}
		case *affine.Conv:
			if slices.ContainsFunc(a.Node().Ints("pads"), func(p int64) bool { return p > 0 }) {
				zeros = a.Node()
			}
		}
	}
	if other == nil || zeros == nil {
		return nil
	}
	return reason.Refuse(reason.PaddingModesDiffer, "%q pads with mode %s and %q with zeros, so the branches of %q have no common kernel", other.Title(), mode, zeros.Title(), n.Title())
}

// rowGroups is the largest group count among the FCs of rows in the segment, and
// whether there is any.
func rowGroups(s *affine.Segment) (groups int, rows bool) {
	groups = 1
	for _, a := range s.Steps {
		switch op := a.Op.(type) {
		case *affine.Conv:
			if layer.FlatMap(a.Args[0]) {
				rows, groups = true, max(groups, op.Groups)
			}
		case *affine.FC:
			rows, groups = true, max(groups, op.Groups())
		}
	}
	return groups, rows
}

// convolves reports whether a conv of the segment has positions beside it.
func convolves(s *affine.Segment) bool {
	return slices.ContainsFunc(s.Steps, func(a *affine.Affine) bool {
		_, conv := a.Op.(*affine.Conv)
		return conv && !layer.FlatMap(a.Args[0])
	})
}

// crossesTiles reports whether a conv slides over the segment's whole input.
func crossesTiles(s *affine.Segment) bool {
	return slices.ContainsFunc(s.Steps, func(a *affine.Affine) bool {
		_, conv := a.Op.(*affine.Conv)
		return conv && a.Args[0] == s.From && !layer.FlatMap(s.From)
	})
}

// twoData returns the operands of a node of two that both carry data.
func (l *look) twoData(n *graph.Node) bool {
	return len(n.In) == 2 && n.In[0] != nil && n.In[1] != nil && !affine.ConstantLike(l.e.Graph, n.In[0]) && !affine.ConstantLike(l.e.Graph, n.In[1])
}

// bothLayered reports whether two values are functions of one other through layers.
func (l *look) bothLayered(x, y *graph.Value) bool {
	u := l.e.Common([]*graph.Value{x, y})
	return u != nil && u != x && u != y && l.hasLayer(u, x) && l.hasLayer(u, y)
}

// join explains branches that are joined by something other than a sum.
func (l *look) join(n *graph.Node) {
	if !l.twoData(n) {
		return
	}
	for i, x := range n.In {
		other := n.In[1-i]
		inputs := []*graph.Value{other}
		if l.e.Parent(other) == nil {
			if other.Producer == nil {
				continue
			}
			inputs = l.dataInputs(other.Producer)
		}
		for _, in := range inputs {
			if l.bothLayered(x, in) {
				l.add(reason.Refuse(reason.BranchesNotAdded, "the branches of %q are joined by %s, not by a sum", n.Title(), n.OpType()), n)
				return
			}
		}
	}
}

// broadcast explains an Add of two branches of one value where one of them is
// repeated over the positions of the other, or may be.
func (l *look) broadcast(n *graph.Node) {
	if !l.twoData(n) {
		return
	}
	l.foreignBranch(n)
	if !l.bothLayered(n.In[0], n.In[1]) {
		return
	}
	if repeats(n.In[0], n.In[1]) {
		l.add(reason.Refuse(reason.BroadcastAdd, "%q repeats one branch over the positions of the other", n.Title()), n)
	} else if auto := l.autoPadded(n.In...); auto != nil {
		l.add(reason.Refuse(reason.AutoPadDependsOnSize, "the branches of %q are of one size or not as the padding of %q has it, which depends on the size of its input, which is not fixed in the file; fix the input size and export again", n.Title(), auto.Title()), n, auto)
	} else {
		l.add(reason.Refuse(reason.SizeNotFixed, "the branches of %q are of sizes that are not known to be one, as the file does not fix them; fix the input size", n.Title()), n)
	}
}

// repeats reports whether one of two values has size one along an axis of which the
// other has not.
func repeats(x, y *graph.Value) bool {
	a, _ := x.Shape()
	b, _ := y.Shape()
	if len(a) != len(b) {
		return true
	}
	for i := range a {
		if a[i].Is(1) != b[i].Is(1) {
			return true
		}
	}
	return false
}

// autoPadded finds a node on the way back from some values whose pads follow from the
// size of its input.
func (l *look) autoPadded(values ...*graph.Value) *graph.Node {
	for _, v := range values {
		for u := range l.e.Chain(v) {
			if a := l.e.Of(u); a != nil && strings.HasPrefix(a.Node().Str("auto_pad", ""), "SAME") {
				return a.Node()
			}
		}
	}
	return nil
}

// maxBack bounds the nodes that are looked back over for an operator.
const maxBack = 64

// foreignBranch explains a sum of which one branch runs through an operator that
// nobody knows, so that its shape is unknown too.
func (l *look) foreignBranch(sum *graph.Node) {
	for i, other := range sum.In {
		x := sum.In[1-i]
		for range maxBack {
			n := x.Producer
			if n == nil || len(n.In) == 0 || n.In[0] == nil {
				break
			}
			if foreign(n) {
				if u := l.e.Common([]*graph.Value{other, n.In[0]}); u != nil && l.weighted(u, other) {
					l.add(l.barrierRefusal(n, sum), sum, n)
				}
				return
			}
			x = n.In[0]
		}
	}
}

// body reports a BatchNorm right behind a layer in the body of a control-flow node,
// which is left as it is.
func (l *look) body(n *graph.Node, g *onnxio.Graph) {
	layers := map[string]string{}
	for _, b := range g.Nodes() {
		if b.Domain() == "" && (b.OpType() == "Conv" || b.OpType() == "ConvTranspose" || b.OpType() == "Gemm" || b.OpType() == "MatMul") && len(b.Outputs()) > 0 {
			layers[b.Outputs()[0]] = b.Title()
		}
		if b.OpType() == "BatchNormalization" && len(b.Inputs()) > 0 && layers[b.Inputs()[0]] != "" {
			l.found = append(l.found, Decline{Code: string(reason.InsideSubgraph), Node: n.Title(), Nodes: []string{n.Title(), layers[b.Inputs()[0]], b.Title()},
				Message: fmt.Sprintf("%q and %q lie in a body of %q (%s), where nothing is merged; export without control flow", layers[b.Inputs()[0]], b.Title(), n.Title(), n.OpType())})
		}
		for _, s := range b.Subgraphs() {
			l.body(n, s)
		}
	}
}

// norm explains a BatchNorm that stands beside a layer and was not merged into it:
// forward, through views, pads and pooling, to a layer, else back.
func (l *look) norm(n *graph.Node, a *affine.Affine) {
	if other := strangers(n); other != nil {
		l.strange(n, other)
		return
	}
	for x := a.Out; x != nil; {
		next, done := l.normBefore(n, a, x)
		if done {
			return
		}
		x = next
	}
	l.behind(n, a)
}

// normBefore looks at the readers of x, which is made of BatchNorm n through views:
// next is what it becomes further on, nil for nothing; done says that n is explained.
func (l *look) normBefore(n *graph.Node, a *affine.Affine, x *graph.Value) (next *graph.Value, done bool) {
	for _, r := range x.Readers {
		if len(r.Node.Out) == 0 || r.Node.Out[0] == nil {
			continue
		}
		out := r.Node.Out[0]
		b := l.e.Of(out)
		switch {
		case b != nil && affine.IsLayer(b.Op):
			l.normOfLayer(n, a, r.Node)
			return nil, true
		case b != nil && !affine.IsSum(b.Op) && !affine.IsScale(b.Op):
			next = out
		case b == nil && activation(r.Node.OpType()) && l.readsPool(n):
			if behind := l.layerAfter(out); behind != nil {
				l.add(reason.Refuse(reason.NonlinearityBetween, "%q (%s) stands between BatchNormalization %q and %q, which would absorb it", r.Node.Title(), r.Node.OpType(), n.Title(), behind.Title()), n, r.Node, behind)
				return nil, true
			}
		}
	}
	return next, false
}

// normOfLayer explains a BatchNorm before a layer.
func (l *look) normOfLayer(n *graph.Node, a *affine.Affine, of *graph.Node) {
	at := l.p.Attempt(a.Args[0], of.Out[0])
	if at == nil {
		return
	}
	why := l.whyNotNorm(at, of)
	l.add(why, n, of)
	if why == nil && openMap(n.In[0]) && slices.ContainsFunc(at.Segment.Steps, flattens) {
		l.add(reason.Refuse(reason.SizeNotFixed, "BatchNormalization %q stays in front of %q: height and width have no value in the file, so it is not known which channel an element of a row is of; fix the input size", n.Title(), of.Title()), n, of)
	}
}

// whyNotNorm is whyNot for a BatchNorm beside a layer, which costs the layer nothing
// where it can take it: that an FC of all positions would grow says nothing.
func (l *look) whyNotNorm(at *plan.Attempt, n *graph.Node) *reason.Refusal {
	if why := l.whyNot(at, n); why == nil || at.KernelWhy == nil || !why.Code.Growth() {
		return why
	}
	return nil
}

// flattens reports whether a step cuts a map into rows.
func flattens(a *affine.Affine) bool {
	_, ok := a.Op.(*affine.View)
	return ok && a.Args[0].Rank() > a.Out.Rank()
}

// behind looks back over views and constants of more channels than their data has,
// to a layer that did not take n: others read its result too, or it would grow.
func (l *look) behind(n *graph.Node, a *affine.Affine) {
	x := a.Args[0]
	for b := l.e.Of(x); b != nil && (affine.IsView(b.Op) || affine.Widens(b.Op)); b = l.e.Of(x) {
		x = b.Args[0]
	}
	if b := l.e.Of(x); b != nil && affine.IsLayer(b.Op) {
		if at := l.p.Attempt(b.Args[0], a.Out); at != nil && !l.residual(at.Leaks) {
			l.add(l.whyNotNorm(at, n), n)
		}
	}
}

// residual reports whether values have one other reader each at most, and else go into
// sums and joins of data alone, as the stem of a residual or dense network does.
func (l *look) residual(values []*graph.Value) bool {
	return len(values) > 0 && !slices.ContainsFunc(values, func(v *graph.Value) bool {
		other := slices.DeleteFunc(slices.Clone(v.Readers), func(r graph.Use) bool { return joins(r.Node) && l.twoOrMore(r.Node) })
		return v.IsOutput || len(v.Captured) > 0 || len(other) > 1
	})
}

// twoOrMore reports whether several inputs of a node carry data.
func (l *look) twoOrMore(n *graph.Node) bool {
	data := 0
	for _, v := range n.In {
		if v != nil && !affine.ConstantLike(l.e.Graph, v) {
			data++
		}
	}
	return data > 1
}

// scale explains a constant scale or shift that stands beside a layer, with nobody else
// reading what lies between, and was not merged into it. Where a merge would grow, or a
// layer has other readers, it is an ordinary part of a network.
func (l *look) scale(n *graph.Node, a *affine.Affine) {
	of := l.layerAfter(a.Out)
	if of == nil {
		return
	}
	at := l.p.Attempt(a.Args[0], of.Out[0])
	if at == nil {
		return
	}
	if why := l.whyNot(at, of); why != nil && !why.Code.Growth() && why.Code != reason.IntermediateUsedElsewhere {
		l.add(why, n, of)
	}
}

// unknown names the node behind which no shape is known, so that nothing can be
// merged into or with a BatchNormalization there.
func (l *look) unknown(norm *graph.Node) {
	if norm.In[0].Rank() >= 0 {
		l.add(reason.Refuse(reason.ShapeUnknown, "BatchNormalization %q stays: how many channels %q has is not known; fix the input size", norm.Title(), norm.In[0].Name), norm)
		return
	}
	from := norm.In[0].Producer
	for from != nil && !foreign(from) && len(from.In) > 0 && from.In[0] != nil && from.In[0].Producer != nil && from.In[0].Rank() < 0 {
		from = from.In[0].Producer
	}
	switch {
	case from == nil:
		l.add(reason.Refuse(reason.ShapeUnknown, "BatchNormalization %q stays: no shape is known of the input; run ONNX shape inference on the file, or fix the input sizes", norm.Title()), norm)
	case foreign(from):
		l.strange(norm, from)
	default:
		l.add(reason.Refuse(reason.ShapeUnknown, "BatchNormalization %q stays: no shape is known behind %q (%s); run ONNX shape inference on the file, or fix the input sizes", norm.Title(), from.Title(), from.OpType()), norm, from)
	}
}

// strange explains a BatchNormalization that stands beside an operator that nobody
// knows, or behind one, and so may stand beside a layer.
func (l *look) strange(norm, other *graph.Node) {
	l.add(reason.Refuse(reason.UnknownOp, "BatchNormalization %q stays beside %q, which has the operator %s that neither ONNX nor the file's functions define; see which exporter writes it and export again", norm.Title(), other.Title(), operator(other)), norm, other)
}

// strangers finds an operator that nobody knows right before or behind a node.
func strangers(n *graph.Node) *graph.Node {
	if p := n.In[0].Producer; p != nil && foreign(p) {
		return p
	}
	for _, r := range n.Out[0].Readers {
		if foreign(r.Node) {
			return r.Node
		}
	}
	return nil
}

// openMap reports whether a map's height or width has no value.
func openMap(v *graph.Value) bool {
	dims, ok := v.Shape()
	if !ok || len(dims) < 3 {
		return false
	}
	return slices.ContainsFunc(dims[2:], func(d graph.Dim) bool { _, known := d.Int(); return !known })
}

func activation(op string) bool {
	switch op {
	case "Relu", "Sigmoid", "Tanh", "LeakyRelu", "PRelu", "Elu", "Selu", "HardSigmoid", "HardSwish", "Gelu", "Mish", "Clip", "Softplus", "Erf":
		return true
	}
	return false
}

// readsPool reports whether the node reads an average, through views.
func (l *look) readsPool(n *graph.Node) bool {
	x := n.In[0]
	for range maxBack {
		if x.Producer == nil {
			return false
		}
		switch x.Producer.OpType() {
		case "AveragePool", "GlobalAveragePool", "ReduceMean":
			return true
		}
		if a := l.e.Of(x); a == nil || !affine.IsView(a.Op) {
			return false
		}
		x = x.Producer.In[0]
	}
	return false
}

// layerAfter is the layer that reads v through views, nil if there is none.
func (l *look) layerAfter(v *graph.Value) *graph.Node {
	for range maxBack {
		if len(v.Readers) != 1 {
			return nil
		}
		n := v.Readers[0].Node
		if n.First() == nil {
			return nil
		}
		a := l.e.Of(n.Out[0])
		switch {
		case a == nil:
			return nil
		case affine.IsLayer(a.Op):
			return n
		case len(a.Args) != 1:
			return nil
		}
		v = n.Out[0]
	}
	return nil
}
