package graph

import (
	"errors"
	"fmt"
	"slices"

	"repmlp/internal/budget"
)

// Products of constants: MatMul, Gemm, Einsum and convolutions.

// maxProducts bounds the multiplications that one constant may take: several times what
// the weight of the largest layers takes that is put together of others, and less than a
// minute.
const maxProducts = 1 << 34

var errProducts = fmt.Errorf("working it out takes more than %d multiplications", int64(maxProducts))

// spend counts multiplications before they are made.
func (e *evaluation) spend(sizes ...int) error {
	n := budget.Bytes(1, sizes...)
	if n < 0 || n > e.products {
		return errProducts
	}
	e.products -= n
	return nil
}

// products is how many multiplications a node takes where shapes tell it, 0 where they
// do not, and for nodes that look at every element a few times at most.
func (n *Node) products() int64 {
	if len(n.In) == 0 || len(n.Out) == 0 || n.Out[0] == nil {
		return 0
	}
	shapes := make([][]int64, len(n.In))
	for i, v := range n.In {
		if v != nil {
			shapes[i], _ = fixedShape(v)
		}
	}
	out, _ := fixedShape(n.Out[0])
	many := func(lists ...[]int64) int64 {
		total := budget.Bytes(1, slices.Concat(lists...)...)
		if total < 0 {
			return maxProducts + 1
		}
		return total
	}
	switch n.OpType() {
	case "MatMul":
		if k := len(shapes[0]); k > 0 {
			return many(out, shapes[0][k-1:])
		}
	case "Gemm":
		if k := int(n.AttrInt("transA")); len(shapes[0]) == 2 && (k == 0 || k == 1) {
			return many(out, shapes[0][1-k:2-k])
		}
	case "Einsum":
		return many(einsumSizes(n, shapes), []int64{max(int64(len(n.In))-1, 1)})
	case "Conv", "ConvTranspose":
		if len(shapes[0]) < 3 || len(shapes[1]) != len(shapes[0]) {
			return 0
		}
		if n.OpType() == "Conv" {
			return many(out, shapes[1][1:])
		}
		return many(shapes[0], shapes[1][1:])
	}
	return 0
}

// einsumSizes lists the size of every index of an Einsum, nil where they do not fit.
func einsumSizes(n *Node, shapes [][]int64) (sizes []int64) {
	ranks := make([]int, len(shapes))
	for i, shape := range shapes {
		ranks[i] = len(shape)
	}
	spec, ok := ParseEinsum(n.AttrString("equation"), ranks...)
	if !ok {
		return nil
	}
	of := map[byte]int64{}
	for i, term := range spec.In {
		for k, d := range shapes[i] {
			of[term[k]] = max(of[term[k]], d)
		}
	}
	for _, name := range indices(spec) {
		sizes = append(sizes, of[name])
	}
	return sizes
}

// indices lists the letters of an equation: those of the result, then the others in the
// order in which they stand.
func indices(spec EinsumSpec) []byte {
	list := []byte(spec.Out)
	for _, term := range spec.In {
		for _, name := range []byte(term) {
			if !slices.Contains(list, name) {
				list = append(list, name)
			}
		}
	}
	return list
}

// A contraction is a sum of products over named axes: how many positions each has, and
// how far apart they lie in the result and in every operand, 0 where one does not have
// the axis.
type contraction struct {
	sizes []int
	out   []int
	in    [][]int
}

// add adds the products to out. The last axis but those of one element is the inner loop.
func (c contraction) add(out []float64, in ...[]float64) {
	last := len(c.sizes)
	for last > 0 && c.sizes[last-1] == 1 {
		last--
	}
	n, step, steps := 1, 0, make([]int, len(in))
	if last > 0 {
		last--
		n, step = c.sizes[last], c.out[last]
		for k := range in {
			steps[k] = c.in[k][last]
		}
	}
	at := make([]int, len(in))
	walk(c.sizes[:last], func(_ int, idx []int) {
		to := dot(idx, c.out[:last])
		for k := range in {
			at[k] = dot(idx, c.in[k][:last])
		}
		if len(in) == 2 && step == 1 && steps[0] == 0 && steps[1] == 1 {
			factor, row := in[0][at[0]], in[1][at[1]:][:n]
			for i, v := range out[to:][:n] {
				out[to+i] = v + float64(factor*row[i])
			}
			return
		}
		for i := range n {
			v := 1.0
			for k := range in {
				v *= in[k][at[k]+i*steps[k]]
			}
			out[to+i*step] += v
		}
	})
}

// constMatMul is MatMul: numpy's product of matrices, with vectors and batches.
func constMatMul(e *evaluation, n *Node, in []*Const) (*Const, error) {
	a, b := in[0].Shape, in[1].Shape
	if len(a) == 0 || len(b) == 0 {
		return nil, errShape
	}
	left, right := a, b
	if len(a) == 1 {
		left = []int{1, a[0]}
	}
	if len(b) == 1 {
		right = []int{b[0], 1}
	}
	ra, rb := len(left)-2, len(right)-2
	lead, err := joint(left[:ra], right[:rb])
	if err != nil {
		return nil, err
	}
	rows, inner, cols := left[ra], left[ra+1], right[rb+1]
	if inner != right[rb] {
		return nil, errShape
	}
	shape := slices.Clone(lead)
	if len(a) > 1 {
		shape = append(shape, rows)
	}
	if len(b) > 1 {
		shape = append(shape, cols)
	}
	out, err := e.make(in[0].DType, shape)
	if err != nil {
		return nil, err
	}
	if err := e.spend(slices.Concat(lead, []int{rows, inner, cols})...); err != nil {
		return nil, err
	}
	batch := func(shape []int) []int { // strides of the leading axes, in matrices
		st := spread(shape[:len(shape)-2], lead)
		for i := range st {
			st[i] *= size(shape[len(shape)-2:])
		}
		return st
	}
	to := strides(lead)
	for i := range to {
		to[i] *= rows * cols
	}
	contraction{sizes: slices.Concat(lead, []int{rows, inner, cols}), out: append(to, cols, 0, 1),
		in: [][]int{append(batch(left), inner, 1, 0), append(batch(right), 0, cols, 1)}}.add(out.F, in[0].F, in[1].F)
	return out.settle(true)
}

// constGemm is Gemm: alpha·A·B + beta·C, C broadcast to the product.
func constGemm(e *evaluation, n *Node, in []*Const) (*Const, error) {
	if len(in[0].Shape) != 2 || len(in[1].Shape) != 2 {
		return nil, errShape
	}
	// Axis 0 and 1 of a matrix that is transposed lie the other way.
	matrix := func(c *Const, transposed bool) (shape, st []int) {
		shape, st = slices.Clone(c.Shape), strides(c.Shape)
		if transposed {
			slices.Reverse(shape)
			slices.Reverse(st)
		}
		return shape, st
	}
	a, sa := matrix(in[0], n.AttrInt("transA") != 0)
	b, sb := matrix(in[1], n.AttrInt("transB") != 0)
	if a[1] != b[0] {
		return nil, errShape
	}
	out, err := e.make(in[0].DType, []int{a[0], b[1]})
	if err != nil {
		return nil, err
	}
	if err := e.spend(a[0], a[1], b[1]); err != nil {
		return nil, err
	}
	contraction{sizes: []int{a[0], a[1], b[1]}, out: []int{b[1], 0, 1}, in: [][]int{{sa[0], sa[1], 0}, {0, sb[0], sb[1]}}}.add(out.F, in[0].F, in[1].F)
	alpha, beta := float64(n.AttrFloat("alpha")), float64(n.AttrFloat("beta"))
	for i := range out.F {
		out.F[i] *= alpha
	}
	if len(in) > 2 && beta != 0 {
		c := in[2]
		if joined, err := joint(c.Shape, out.Shape); err != nil || !slices.Equal(joined, out.Shape) {
			return nil, errShape
		}
		st := spread(c.Shape, out.Shape)
		walk(out.Shape, func(i int, idx []int) { out.F[i] += float64(beta * c.F[dot(idx, st)]) })
	}
	return out.settle(true)
}

// constEinsum is Einsum (opset 12): a sum of products over the indices that the result
// lacks.
func constEinsum(e *evaluation, n *Node, in []*Const) (*Const, error) {
	ranks := make([]int, len(in))
	for i, x := range in {
		ranks[i] = len(x.Shape)
	}
	spec, ok := ParseEinsum(n.AttrString("equation"), ranks...)
	if !ok {
		return nil, errors.New("its equation is not worked out")
	}
	names := indices(spec)
	c := contraction{sizes: slices.Repeat([]int{-1}, len(names)), out: make([]int, len(names))}
	for k, x := range in {
		c.in = append(c.in, make([]int, len(names)))
		for i, st := range strides(x.Shape) {
			at, d := slices.Index(names, spec.In[k][i]), x.Shape[i]
			switch have := c.sizes[at]; {
			case have == -1 || have == 1:
				c.sizes[at] = d
			case d != 1 && d != have:
				return nil, errShape
			}
			if d != 1 {
				c.in[k][at] = st
			}
		}
	}
	shape := slices.Clone(c.sizes[:len(spec.Out)])
	for i, st := range strides(shape) {
		if shape[i] < 0 || slices.Index(names, spec.Out[i]) != i {
			return nil, errors.New("its equation names an index that it does not have, or one twice")
		}
		c.out[i] = st
	}
	out, err := e.make(in[0].DType, shape)
	if err != nil {
		return nil, err
	}
	if err := e.spend(append([]int{max(len(in)-1, 1)}, c.sizes...)...); err != nil {
		return nil, err
	}
	operands := make([][]float64, len(in))
	for k, x := range in {
		operands[k] = x.F
	}
	c.add(out.F, operands...)
	return out.settle(true)
}
