package verify

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"repmlp/onnxio"
	"repmlp/verify/internal/kernel"
)

func matrices() map[string]operator {
	return map[string]operator{"MatMul": matMul, "Gemm": gemmOp, "Einsum": einsum}
}

// matrix is a float tensor as an operand of products.
func matrix[T float](t *Tensor, ld int) kernel.Matrix[T] {
	if t.file != nil {
		return kernel.Matrix[T]{Raw: t.file.Mapped(), Absolute: t.file.absolute, Ld: ld}
	}
	return kernel.Matrix[T]{Data: data[T](t), Ld: ld}
}

func matMul(c *call) ([]*Tensor, error) {
	a, b := c.in[0], c.in[1]
	if a.file != nil && b.file != nil {
		a = a.dense()
	}
	if len(a.Shape) == 0 || len(b.Shape) == 0 {
		return nil, errors.New("it multiplies a scalar")
	}
	va, vb := len(a.Shape) == 1, len(b.Shape) == 1
	if va {
		a = a.view([]int{1, a.Shape[0]})
	}
	if vb {
		b = b.view([]int{b.Shape[0], 1})
	}
	ra, rb := len(a.Shape), len(b.Shape)
	m, k, n := a.Shape[ra-2], a.Shape[ra-1], b.Shape[rb-1]
	if b.Shape[rb-2] != k {
		return nil, fmt.Errorf("shapes %v and %v do not multiply", a.Shape, b.Shape)
	}
	batch, err := broadcast(a.Shape[:ra-2], b.Shape[:rb-2])
	if err != nil {
		return nil, err
	}
	out := like(inMemory(a, b), a.DType, slices.Concat(batch, []int{m, n}))
	// One weight for all rows: one product.
	if rb == 2 && !va {
		rows := count(a.Shape[:ra-1])
		multiply(out, a, b, []int{0}, []int{0}, rows, n, k)
	} else {
		var oa, ob []int
		walk(batch, spread(a.Shape[:ra-2], batch), func(_, o int) { oa = append(oa, o*m*k) })
		walk(batch, spread(b.Shape[:rb-2], batch), func(_, o int) { ob = append(ob, o*k*n) })
		multiply(out, a, b, oa, ob, m, n, k)
	}
	shape := slices.Clone(batch)
	if !va {
		shape = append(shape, m)
	}
	if !vb {
		shape = append(shape, n)
	}
	return reshaped(out, shape)
}

// multiply does one product for every pair of offsets.
func multiply(out, a, b *Tensor, oa, ob []int, m, n, k int) {
	switch {
	case out.F32 != nil:
		for i := range oa {
			kernel.Product(m, n, k, matrix[float32](a, k).At(oa[i]), matrix[float32](b, n).At(ob[i]), false, out.F32[i*m*n:], n)
		}
	case out.F64 != nil:
		if b.file != nil {
			ps := make([]product, len(oa))
			for i := range ps {
				ps[i] = product{x: a.F64[oa[i]:], ldx: k, y: out.F64[i*m*n:], ldy: n, at: ob[i]}
			}
			if b.file.streamColumns(ps, m, n, k) {
				return
			}
		}
		for i := range oa {
			if a.file != nil && a.file.streamLeft(m, n, k, b.F64[ob[i]:], false, oa[i], out.F64[i*m*n:]) {
				continue
			}
			kernel.Product(m, n, k, matrix[float64](a, k).At(oa[i]), matrix[float64](b, n).At(ob[i]), false, out.F64[i*m*n:], n)
		}
	default:
		for i := range oa {
			for r := range m {
				for c := range n {
					s := int64(0)
					for j := range k {
						s += a.I[oa[i]+r*k+j] * b.I[ob[i]+j*n+c]
					}
					out.I[i*m*n+r*n+c] = s
				}
			}
		}
		out.wrap()
	}
}

// inMemory is the operand of a product whose numbers are in memory.
func inMemory(a, b *Tensor) *Tensor {
	if a.file != nil {
		return b
	}
	return a
}

func gemmOp(c *call) ([]*Tensor, error) {
	a, b := c.in[0], c.in[1]
	if a.file != nil && (b.file != nil || c.n.Int("transA", 0) != 0) {
		a = a.dense()
	}
	if len(a.Shape) != 2 || len(b.Shape) != 2 {
		return nil, fmt.Errorf("shapes %v and %v are no matrices", a.Shape, b.Shape)
	}
	if !a.DType.IsFloat() {
		return nil, unsupported("the Go engine lacks Gemm for type %s", a.DType)
	}
	if c.n.Int("transA", 0) != 0 {
		a = permuted(a, []int{1, 0})
	}
	transB := c.n.Int("transB", 0) != 0
	m, k, n := a.Shape[0], a.Shape[1], b.Shape[1]
	if transB {
		n = b.Shape[0]
	}
	if count(b.Shape) != k*n {
		return nil, fmt.Errorf("shapes %v and %v do not multiply", a.Shape, b.Shape)
	}
	out := like(inMemory(a, b), a.DType, []int{m, n})
	alpha, beta := float64(c.n.Float("alpha", 1)), float64(c.n.Float("beta", 1))
	var err error
	switch {
	case out.F32 != nil:
		gemm(a, b, transB, m, n, k, out.F32)
		err = scaleAdd(out, c, alpha, beta, out.F32)
	default:
		stream := (*streamed).streamColumns
		if transB {
			stream = (*streamed).streamRows
		}
		if a.file != nil && a.file.streamLeft(m, n, k, b.F64, transB, 0, out.F64) {
			break
		}
		if b.file == nil || !stream(b.file, []product{{x: a.F64, ldx: k, y: out.F64, ldy: n}}, m, n, k) {
			gemm(a, b, transB, m, n, k, out.F64)
		}
	}
	if out.F64 != nil {
		err = scaleAdd(out, c, alpha, beta, out.F64)
	}
	return []*Tensor{out}, err
}

func gemm[T float](a, b *Tensor, transB bool, m, n, k int, dst []T) {
	ldb := n
	if transB {
		ldb = k
	}
	kernel.Product(m, n, k, matrix[T](a, k), matrix[T](b, ldb), transB, dst, n)
}

// scaleAdd finishes a Gemm: alpha·dst + beta·C.
func scaleAdd[T float](out *Tensor, c *call, alpha, beta float64, dst []T) error {
	if alpha != 1 {
		for i := range dst {
			dst[i] *= T(alpha)
		}
	}
	if !c.has(2) || beta == 0 {
		return nil
	}
	bias := c.in[2]
	if s, err := broadcast(bias.Shape, out.Shape); err != nil || !slices.Equal(s, out.Shape) {
		return fmt.Errorf("a bias of shape %v does not fit %v", bias.Shape, out.Shape)
	}
	src := data[T](bias)
	walk(out.Shape, spread(bias.Shape, out.Shape), func(i, o int) { dst[i] += T(beta) * src[o] })
	return nil
}

// einsum evaluates any equation: it sums the product over all index values.
func einsum(c *call) ([]*Tensor, error) {
	eq := strings.ReplaceAll(c.n.Str("equation", ""), " ", "")
	left, right, explicit := strings.Cut(eq, "->")
	terms := strings.Split(left, ",")
	if len(terms) != len(c.in) {
		return nil, fmt.Errorf("equation %q does not fit %d operands", eq, len(c.in))
	}
	// Broadcast axes of an ellipsis get private letters, counted from the last.
	widest := 0
	for i, t := range terms {
		if strings.Contains(t, "...") {
			widest = max(widest, len(c.in[i].Shape)-(len(t)-3))
		}
	}
	dots := func(n int) string {
		var s []byte
		for i := widest - n; i < widest; i++ {
			s = append(s, byte(128+i))
		}
		return string(s)
	}
	sizes := map[byte]int{}
	var order []byte
	for i, t := range terms {
		t = strings.Replace(t, "...", dots(len(c.in[i].Shape)-(len(t)-3)), 1)
		terms[i] = t
		if len(t) != len(c.in[i].Shape) {
			return nil, fmt.Errorf("term %q does not fit shape %v", t, c.in[i].Shape)
		}
		for k := range t {
			d := c.in[i].Shape[k]
			if old, ok := sizes[t[k]]; !ok {
				order = append(order, t[k])
				sizes[t[k]] = d
			} else if old == 1 {
				sizes[t[k]] = d
			} else if d != 1 && d != old {
				return nil, fmt.Errorf("index %q has sizes %d and %d", t[k], old, d)
			}
		}
	}
	if !explicit {
		var once []byte
		all := strings.Join(terms, "")
		for _, r := range order {
			if r < 128 && strings.Count(all, string([]byte{r})) == 1 {
				once = append(once, r)
			}
		}
		slices.Sort(once)
		right = dots(widest) + string(once)
	} else {
		right = strings.Replace(right, "...", dots(widest), 1)
	}
	var shape, loop []int
	var letters []byte
	for k := range right {
		shape = append(shape, sizes[right[k]])
		letters = append(letters, right[k])
	}
	for _, r := range order {
		if !slices.Contains(letters, r) {
			letters = append(letters, r)
		}
	}
	for _, r := range letters {
		loop = append(loop, sizes[r])
	}
	stride := func(term string, s []int) []int {
		out := make([]int, len(letters))
		st := strides(s)
		for k := range term {
			if s[k] != 1 {
				out[slices.Index(letters, term[k])] += st[k]
			}
		}
		return out
	}
	if shape == nil {
		shape = []int{}
	}
	out := like(c.in[0], c.in[0].DType, shape)
	if out.I != nil {
		return nil, unsupported("the Go engine lacks Einsum for type %s", out.DType)
	}
	acc := make([]float64, out.Len())
	offs := make([][]int, len(terms))
	for i, t := range terms {
		walk(loop, stride(t, c.in[i].Shape), func(_, o int) { offs[i] = append(offs[i], o) })
	}
	walk(loop, stride(right, shape), func(i, o int) {
		v := 1.0
		for k := range terms {
			v *= c.in[k].Float(offs[k][i])
		}
		acc[o] += v
	})
	fill(out, acc)
	return []*Tensor{out}, nil
}

// fill rounds v into a float tensor.
func fill(t *Tensor, v []float64) {
	if t.F64 != nil {
		copy(t.F64, v)
		return
	}
	if t.DType == onnxio.Float32 {
		for i, x := range v {
			t.F32[i] = float32(x)
		}
		return
	}
	for i, x := range v {
		t.F32[i] = roundTo(x, t.DType)
	}
}
