package rules

import (
	"slices"

	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/reason"
	"repmlp/onnxio/graph"
)

// Gemm, MatMul and Einsum with one constant operand are fully connected layers.
var fcRule = rule{
	Doc: Doc{Name: "fc", Title: "Fully connected layer",
		Formula: "y = W·x + b   grouped: y[g] = W[g]·x[g] + b[g]",
		When:    "one operand is constant; a constant of rank 3 gives one matrix per group",
		Example: "FC1, FC2 and FC3 as Gemm, MatMul+Add, batched MatMul or Einsum"},
	ops:     []string{"Gemm", "MatMul", "Einsum"},
	explain: explainFC,
}

func explainFC(c *context, n *graph.Node) ([]*affine.Affine, *reason.Refusal) {
	switch n.OpType() {
	case "Gemm":
		return explainGemm(c, n)
	case "Einsum":
		return explainEinsum(c, n)
	}
	return explainMatMul(c, n)
}

// The indices of an FC of rows.
const (
	rowIndex affine.Index = iota
	sumIndex
	outIndex
	groupIndex
	firstFree // further ones
)

func explainGemm(c *context, n *graph.Node) ([]*affine.Affine, *reason.Refusal) {
	x, w := n.In[0], n.In[1]
	var b *graph.Value
	if len(n.In) > 2 {
		b = n.In[2]
	}
	if n.Int("transA", 0) != 0 || x.Rank() != 2 || w.Rank() != 2 || !affine.SameFloat(x, w, b) || c.g.IsConst(x) {
		return nil, nil // not rows times weights
	}
	for _, v := range n.In[1:] {
		if v != nil {
			if why := c.weightProblem(n, v); why != nil {
				return nil, why
			}
		}
	}
	shape, ok := affine.ConstShape(w)
	if !ok {
		return nil, nil // a weight of unknown size
	}
	f := affine.FC{Data: [][]affine.Index{{rowIndex}, {sumIndex}}, Out: [][]affine.Index{{rowIndex}, {outIndex}},
		Weight: []affine.Index{sumIndex, outIndex}, Size: map[affine.Index]int{sumIndex: shape[0], outIndex: shape[1]},
		Asked: []affine.Index{sumIndex}, Matrices: []*graph.Value{w}, Alpha: float64(n.Float("alpha", 1)), Beta: float64(n.Float("beta", 1))}
	if n.Int("transB", 0) != 0 {
		f.Weight = []affine.Index{outIndex, sumIndex}
		f.Size = map[affine.Index]int{sumIndex: shape[1], outIndex: shape[0]}
	}
	if b != nil {
		bias, ok := affine.ConstShape(b)
		if !ok || len(bias) > 2 || len(bias) == 2 && bias[0] != 1 {
			return nil, nil // a bias that differs from row to row
		}
		last := 1
		if len(bias) > 0 {
			last = bias[len(bias)-1]
		}
		if last != 1 && last != f.Size[outIndex] {
			return nil, nil // a bias that does not fit
		}
		if f.Beta != 0 {
			f.Biases = []*graph.Value{b}
		}
		if last != 1 {
			f.Over = []affine.Index{outIndex}
		}
	}
	return is(n, affine.NewFC(c.constants, f), x), nil
}

func explainMatMul(c *context, n *graph.Node) ([]*affine.Affine, *reason.Refusal) {
	x, w := n.In[0], n.In[1]
	left := c.g.IsConst(x) // W·x instead of x·W
	if left {
		x, w = w, x
	}
	if !affine.SameFloat(x, w) || x.Rank() < 2 {
		return nil, nil // vectors, or mixed types
	}
	if !c.g.IsConst(w) {
		return nil, c.product(n, w) // or of data, as in attention
	}
	shape, ok := affine.ConstShape(w)
	if !ok || len(shape) < 2 {
		return nil, nil // a vector
	}
	return is(n, affine.NewFC(c.constants, matMul(x.Rank(), w, shape, left)), x), nil
}

// matMul is a product with a weight of the given shape, on the left or the right;
// leading axes above one are groups.
func matMul(rank int, w *graph.Value, shape []int, left bool) affine.FC {
	q := len(shape)
	f := affine.FC{Lead: max(q-rank, 0), Asked: []affine.Index{sumIndex}, Size: map[affine.Index]int{}, Matrices: []*graph.Value{w}, Alpha: 1}
	r := rank + f.Lead
	for i := range r {
		name := firstFree + affine.Index(i)
		f.Data = append(f.Data, []affine.Index{name})
		if k := i - (r - q); k >= 0 && k < q-2 && shape[k] != 1 {
			f.Weight = append(f.Weight, name)
			f.Size[name] = shape[k]
		}
	}
	f.Out = slices.Clone(f.Data)
	at, inner, outer := r-1, shape[q-2], shape[q-1]
	if left {
		at, inner, outer = r-2, outer, inner
	}
	f.Data[at], f.Out[at] = []affine.Index{sumIndex}, []affine.Index{outIndex}
	f.Size[sumIndex], f.Size[outIndex] = inner, outer
	if left {
		f.Weight = append(f.Weight, outIndex, sumIndex)
	} else {
		f.Weight = append(f.Weight, sumIndex, outIndex)
	}
	return f
}

func explainEinsum(c *context, n *graph.Node) ([]*affine.Affine, *reason.Refusal) {
	if len(n.In) != 2 || n.In[0] == nil || n.In[1] == nil {
		return nil, nil // not a product of two operands
	}
	spec, ok := graph.ParseEinsum(n.Str("equation", ""), n.In[0].Rank(), n.In[1].Rank())
	if !ok {
		return nil, nil // of unknown ranks, or not a product
	}
	d, k := 0, 1
	if c.g.IsConst(n.In[0]) {
		d, k = 1, 0
	}
	x, w := n.In[d], n.In[k]
	shape, known := affine.ConstShape(w)
	if known && !c.g.IsConst(w) && affine.SameFloat(x, w) {
		return nil, c.product(n, w)
	}
	if !known || !affine.SameFloat(x, w) || len(shape) != len(spec.In[k]) {
		return nil, nil // a product of data
	}
	f := affine.FC{Size: map[affine.Index]int{}, Matrices: []*graph.Value{w}, Alpha: 1}
	for i := range spec.In[d] {
		f.Data = append(f.Data, []affine.Index{affine.Index(spec.In[d][i])})
	}
	for i := range spec.In[k] {
		name := affine.Index(spec.In[k][i])
		f.Weight = append(f.Weight, name)
		f.Size[name] = shape[i]
	}
	for i := range spec.Out {
		f.Out = append(f.Out, []affine.Index{affine.Index(spec.Out[i])})
	}
	return is(n, affine.NewFC(c.constants, f), x), nil
}
