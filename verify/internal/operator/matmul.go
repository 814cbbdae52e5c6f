package operator

import (
	"errors"
	"fmt"
	"slices"

	"repmlp/verify/internal/kernel"
	"repmlp/verify/internal/stored"
	"repmlp/verify/internal/tensor"
)

// matrix is a float tensor as an operand of products.
func matrix[T kernel.Float](t *Value, ld int) kernel.Matrix[T] {
	if t.File != nil {
		return kernel.Matrix[T]{Raw: t.File.Mapped(), Absolute: t.File.Absolute, Ld: ld}
	}
	return kernel.Matrix[T]{Data: data[T](t), Ld: ld}
}

func matMul(c *Call) ([]*Value, error) { return matMulOf(c, c.In[0], c.In[1]) }

func matMulOf(c *Call, a, b *Value) ([]*Value, error) {
	if a.File != nil && b.File != nil {
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
	batch, err := tensor.Broadcast(a.Shape[:ra-2], b.Shape[:rb-2])
	if err != nil {
		return nil, err
	}
	out := Like(inMemory(a, b), a.DType, slices.Concat(batch, []int{m, n}))
	// One weight for all rows: one product.
	if rb == 2 && !va {
		rows := tensor.Count(a.Shape[:ra-1])
		multiply(c.Run, out, a, b, []int{0}, []int{0}, rows, n, k)
	} else {
		var oa, ob []int
		tensor.Walk(batch, tensor.Spread(a.Shape[:ra-2], batch), func(_, o int) { oa = append(oa, o*m*k) })
		tensor.Walk(batch, tensor.Spread(b.Shape[:rb-2], batch), func(_, o int) { ob = append(ob, o*k*n) })
		multiply(c.Run, out, a, b, oa, ob, m, n, k)
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
func multiply(run *Running, out, a, b *Value, oa, ob []int, m, n, k int) {
	switch {
	case out.F32 != nil:
		for i := range oa {
			kernel.Product(m, n, k, matrix[float32](a, k).At(oa[i]), matrix[float32](b, n).At(ob[i]), false, out.F32[i*m*n:], n)
		}
	case out.F64 != nil:
		multiplyDouble(run, out, a, b, oa, ob, m, n, k)
	default:
		for i := range oa {
			multiplyIntegers(out.I[i*m*n:], a.I[oa[i]:], b.I[ob[i]:], m, n, k)
		}
		out.wrap()
	}
}

// multiplyDouble reads weights where they lie, if there are few rows.
func multiplyDouble(run *Running, out, a, b *Value, oa, ob []int, m, n, k int) {
	if spikyProducts(run, out, a, b, oa, ob, m, n, k) {
		return
	}
	if b.File != nil {
		ps := make([]stored.Product, len(oa))
		for i := range ps {
			ps[i] = stored.Product{X: a.F64[oa[i]:], Ldx: k, Y: out.F64[i*m*n:], Ldy: n, At: ob[i]}
		}
		if b.File.StreamColumns(ps, m, n, k) {
			return
		}
	}
	for i := range oa {
		if a.File != nil && a.File.StreamLeft(m, n, k, b.F64[ob[i]:], false, oa[i], out.F64[i*m*n:]) {
			continue
		}
		kernel.Product(m, n, k, matrix[float64](a, k).At(oa[i]), matrix[float64](b, n).At(ob[i]), false, out.F64[i*m*n:], n)
	}
}

func multiplyIntegers(out, a, b []int64, m, n, k int) {
	for r := range m {
		for c := range n {
			s := int64(0)
			for j := range k {
				s += a[r*k+j] * b[j*n+c]
			}
			out[r*n+c] = s
		}
	}
}

// inMemory is the operand of a product whose numbers are in memory.
func inMemory(a, b *Value) *Value {
	if a.File != nil {
		return b
	}
	return a
}
