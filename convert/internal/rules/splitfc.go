package rules

import (
	"slices"

	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/reason"
	"repmlp/onnxio/graph"
)

// A grouped FC is sometimes written as one product for each group: Split or
// Slices, MatMul or Gemm, Concat. The Concat is explained as the grouped FC, so
// that its groups are known to be groups.
var splitFCRule = rule{
	Doc: Doc{Name: "split-fc", Title: "Grouped FC as split, products and concat",
		Formula: "Concat_g(W_g·x_g + b_g) = one FC in g groups",
		When:    "the parts are the equal pieces of one axis, in order",
		Example: "FC3 as torch.split, one nn.Linear per group, torch.cat"},
	ops:     []string{"Concat"},
	explain: explainSplitFC,
}

func explainSplitFC(c *context, n *graph.Node) ([]*affine.Affine, *reason.Refusal) {
	rank := n.In[0].Rank()
	axis, ok := graph.Axis(n.Int("axis", 1), rank)
	if !ok || len(n.In) < 2 || axis != rank-1 {
		return nil, nil // not along the features
	}
	var parts []groupPart
	for _, x := range n.In {
		p, ok := c.groupPart(x)
		if !ok {
			return nil, nil // not a product with a constant that nobody else reads
		}
		parts = append(parts, p)
	}
	first := parts[0]
	nodes := []*graph.Node{n}
	var weights, biases []*graph.Value
	for i, p := range parts {
		if p.in != first.in || p.out != first.out || p.trans != first.trans || (p.bias == nil) != (first.bias == nil) || p.source != first.source || p.from != i*p.in {
			return nil, nil // pieces of different form, or not those of one value in order
		}
		weights = append(weights, p.weight)
		if p.bias != nil {
			biases = append(biases, p.bias)
		}
		nodes = append(nodes, p.nodes...)
	}
	dims, ok := first.source.Shape()
	if !ok || !dims[len(dims)-1].Is(int64(len(parts)*first.in)) {
		return nil, nil // something of the axis is left out
	}
	f := affine.FC{Size: map[affine.Index]int{groupIndex: len(parts), sumIndex: first.in, outIndex: first.out},
		Weight: []affine.Index{groupIndex, sumIndex, outIndex}, Matrices: weights, Alpha: 1, Biases: biases, Over: []affine.Index{groupIndex, outIndex}, Beta: 1}
	if first.trans {
		f.Weight = []affine.Index{groupIndex, outIndex, sumIndex}
	}
	for i := range len(dims) - 1 {
		f.Data = append(f.Data, []affine.Index{firstFree + affine.Index(i)})
	}
	f.Out = append(slices.Clone(f.Data), []affine.Index{groupIndex, outIndex})
	f.Data = append(f.Data, []affine.Index{groupIndex, sumIndex})
	a := is(n, affine.NewFC(c.constants, f), first.source)
	a[0].Nodes = nodes
	return a, nil
}

// A groupPart is the product of one piece of a value.
type groupPart struct {
	source       *graph.Value
	from         int // where the piece begins
	weight, bias *graph.Value
	in, out      int
	trans        bool // the weight is stored output by output
	nodes        []*graph.Node
}

// groupPart recognises x as the product of a piece with a constant matrix, perhaps
// with a bias, of which nobody else reads anything.
func (c *context) groupPart(x *graph.Value) (p groupPart, ok bool) {
	if x == nil || x.ReadCount() != 1 || x.Producer == nil {
		return p, false
	}
	layer := x.Producer
	if layer.OpType() == "Add" { // MatMul and a bias
		for j := range 2 {
			if b := layer.In[j]; c.g.IsConst(b) && layer.In[1-j].Producer != nil && c.lastAxis(layer, layer.In[1-j], b) {
				p.bias = b
				p.nodes = append(p.nodes, layer)
				layer = layer.In[1-j].Producer
				break
			}
		}
	}
	a := c.sofar.Of(layer.Out[0])
	if a == nil || layer.OpType() != "MatMul" && layer.OpType() != "Gemm" || c.g.IsConst(layer.In[0]) || layer.Out[0].ReadCount() != 1 {
		return p, false
	}
	if layer.Float("alpha", 1) != 1 || layer.Float("beta", 1) != 1 {
		return p, false // a scaled product
	}
	if len(layer.In) > 2 && layer.In[2] != nil {
		if p.bias != nil {
			return p, false // a bias of its own beside the one that is added
		}
		p.bias = layer.In[2]
	}
	shape, ok := affine.ConstShape(layer.In[1])
	if !ok || len(shape) != 2 {
		return p, false // itself grouped
	}
	p.weight, p.in, p.out = layer.In[1], shape[0], shape[1]
	if layer.OpType() == "Gemm" && layer.Int("transB", 0) != 0 {
		p.trans, p.in, p.out = true, shape[1], shape[0]
	}
	if p.bias != nil {
		if b, ok := affine.ConstShape(p.bias); !ok || len(b) == 0 || b[len(b)-1] != p.out || affine.Size(b) != p.out {
			return p, false // a bias of another form
		}
	}
	p.source, p.from, ok = c.piece(layer.In[0], p.in)
	p.nodes = append(p.nodes, layer, layer.In[0].Producer)
	return p, ok
}

// lastAxis reports whether constant k varies along the last axis of x alone.
func (c *context) lastAxis(n *graph.Node, x, k *graph.Value) bool {
	p, ok := affine.Place(c.g, n, x, k)
	return ok && p.AlongLast()
}

// piece recognises k elements of the last axis of a value, from which place on.
func (c *context) piece(v *graph.Value, k int) (source *graph.Value, from int, ok bool) {
	n := v.Producer
	if n == nil || len(n.In) == 0 || n.In[0] == nil || n.In[0].Rank() < 1 {
		return nil, 0, false
	}
	rank := n.In[0].Rank()
	switch n.OpType() {
	case "Split":
		axis, sizes, ok := c.g.SplitSizes(n)
		if !ok || axis != rank-1 || sizes[v.Index] != int64(k) {
			return nil, 0, false
		}
		for _, s := range sizes[:v.Index] {
			from += int(s)
		}
		return n.In[0], from, true
	case "Slice":
		steps, ok := c.g.SliceSteps(n, rank)
		dims, _ := n.In[0].Shape()
		if !ok || len(steps) != 1 || steps[0].Axis != int64(rank-1) || steps[0].Step != 1 {
			return nil, 0, false
		}
		total, known := dims[rank-1].Int()
		if !known {
			return nil, 0, false
		}
		start, count := steps[0].Range(total)
		return n.In[0], int(start), count == int64(k)
	}
	return nil, 0, false
}
