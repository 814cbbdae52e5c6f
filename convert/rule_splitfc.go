package convert

import (
	"slices"

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

func explainSplitFC(c *explainer, n *graph.Node) (*step, *refusal) {
	rank := n.In[0].Rank()
	axis, ok := graph.Axis(n.Int("axis", 1), rank)
	g := len(n.In)
	if !ok || g < 2 || axis != rank-1 {
		return nil, nil // not along the features
	}
	var source *graph.Value
	var weights, biases []*graph.Value
	var trans bool
	var covers []*graph.Node
	k, m := 0, 0
	for i, x := range n.In {
		if x == nil || x.ReadCount() != 1 || x.Producer == nil {
			return nil, nil // an intermediate that others read
		}
		layer := x.Producer
		var bias *graph.Value
		if layer.OpType == "Add" { // MatMul and a bias
			for j := range 2 {
				if b := layer.In[j]; c.g.IsConst(b) && layer.In[1-j].Producer != nil && c.lastAxis(layer, layer.In[1-j], b) {
					bias = b
					covers = append(covers, layer)
					layer = layer.In[1-j].Producer
					break
				}
			}
		}
		s := c.steps[layer.Out[0]]
		if s == nil || s.kind != layerStep || layer.OpType != "MatMul" && layer.OpType != "Gemm" || c.g.IsConst(layer.In[0]) || layer.Out[0].ReadCount() != 1 {
			return nil, nil // not a product with a constant
		}
		if layer.Float("alpha", 1) != 1 || layer.Float("beta", 1) != 1 {
			return nil, nil // a scaled product
		}
		if len(layer.In) > 2 && layer.In[2] != nil {
			bias = layer.In[2]
		}
		shape, ok := constShape(layer.In[1])
		if !ok || len(shape) != 2 {
			return nil, nil // itself grouped
		}
		t := layer.OpType == "Gemm" && layer.Int("transB", 0) != 0
		in, out := shape[0], shape[1]
		if t {
			in, out = out, in
		}
		if i == 0 {
			k, m, trans = in, out, t
		} else if in != k || out != m || t != trans || (bias == nil) != (len(biases) == 0) {
			return nil, nil // pieces of different form
		}
		part, from, ok := c.piece(layer.In[0], k)
		if !ok || from != i*k || source != nil && part != source {
			return nil, nil // not the pieces of one value in order
		}
		if bias != nil {
			if b, ok := constShape(bias); !ok || len(b) == 0 || b[len(b)-1] != m || size(b) != m {
				return nil, nil // a bias of another form
			}
			biases = append(biases, bias)
		}
		source = part
		weights = append(weights, layer.In[1])
		covers = append(covers, layer, layer.In[0].Producer)
	}
	dims, ok := source.Shape()
	if !ok || !dims[len(dims)-1].Is(int64(g*k)) {
		return nil, nil // something of the axis is left out
	}
	s := &step{args: []*graph.Value{source}, weights: slices.Concat(weights, biases), kind: layerStep, covers: covers, parts: len(weights)}
	s.trace = func(t *tracer, in []traced) (traced, *refusal) {
		last := len(in[0].layout) - 1
		cut, ok := t.atoms.Regroup(in[0].layout[last], []graph.Dim{graph.Size(int64(g)), graph.Size(int64(k))})
		if !ok {
			return in[0], refuse("", "the groups of %q do not nest", n.Title())
		}
		made := t.atoms.Axis(graph.Size(int64(m)))
		order := slices.Concat(cut[0], cut[1], made)
		if trans {
			order = slices.Concat(cut[0], made, cut[1])
		}
		layout := slices.Clone(in[0].layout)
		layout[last] = slices.Concat(cut[0], made)
		y := t.link(in[0], &array{order, c.stacked(weights), nil}, cut[1], made, nil, layout)
		if len(biases) > 0 {
			y = t.diagonal(y, nil, &array{layout[last], c.stacked(biases), nil})
		}
		return y, nil
	}
	return s, nil
}

// lastAxis reports whether constant k varies along the last axis of x alone.
func (c *explainer) lastAxis(n *graph.Node, x, k *graph.Value) bool {
	p, ok := c.place(n, x, k)
	return ok && p.lead == 0 && len(p.widens) == 0 && slices.Equal(p.varies(), []int{x.Rank() - 1})
}

func size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// stacked reads several constants one after the other.
func (c *explainer) stacked(vs []*graph.Value) load {
	return func() ([]float64, error) {
		var out []float64
		for _, v := range vs {
			x, err := c.weight(v)()
			if err != nil {
				return nil, err
			}
			out = append(out, x...)
		}
		return out, nil
	}
}

// piece recognises k elements of the last axis of a value, from which place on.
func (c *explainer) piece(v *graph.Value, k int) (source *graph.Value, from int, ok bool) {
	n := v.Producer
	if n == nil || len(n.In) == 0 || n.In[0] == nil || n.In[0].Rank() < 1 {
		return nil, 0, false
	}
	rank := n.In[0].Rank()
	switch n.OpType {
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
