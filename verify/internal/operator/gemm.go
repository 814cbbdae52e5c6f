package operator

import (
	"fmt"
	"slices"

	"repmlp/verify/internal/kernel"
	"repmlp/verify/internal/stored"
	"repmlp/verify/internal/tensor"
)

func gemmOp(c *Call) ([]*Value, error) {
	a, b := c.In[0], c.In[1]
	if a.File != nil && (b.File != nil || c.Node.AttrInt("transA") != 0) {
		a = a.dense()
	}
	if len(a.Shape) != 2 || len(b.Shape) != 2 {
		return nil, fmt.Errorf("shapes %v and %v are no matrices", a.Shape, b.Shape)
	}
	if !a.DType.IsFloat() {
		return nil, Unsupportedf("the Go engine lacks Gemm for type %s", a.DType)
	}
	if c.Node.AttrInt("transA") != 0 {
		a = permuted(a, []int{1, 0})
	}
	transB := c.Node.AttrInt("transB") != 0
	m, k, n := a.Shape[0], a.Shape[1], b.Shape[1]
	if transB {
		n = b.Shape[0]
	}
	if tensor.Count(b.Shape) != k*n {
		return nil, fmt.Errorf("shapes %v and %v do not multiply", a.Shape, b.Shape)
	}
	out := Like(inMemory(a, b), a.DType, []int{m, n})
	alpha, beta := float64(c.Node.AttrFloat("alpha")), float64(c.Node.AttrFloat("beta"))
	var err error
	switch {
	case out.F32 != nil:
		gemm(a, b, transB, m, n, k, out.F32)
		err = scaleAdd(out, c, alpha, beta, out.F32)
	default:
		stream := (*stored.Weight).StreamColumns
		if transB {
			stream = (*stored.Weight).StreamRows
		}
		if spikyGemm(c.Run, m, n, k, a, b, transB, out.F64) || a.File != nil && a.File.StreamLeft(m, n, k, b.F64, transB, 0, out.F64) {
			break
		}
		if b.File == nil || !stream(b.File, []stored.Product{{X: a.F64, Ldx: k, Y: out.F64, Ldy: n}}, m, n, k) {
			gemm(a, b, transB, m, n, k, out.F64)
		}
	}
	if out.F64 != nil {
		err = scaleAdd(out, c, alpha, beta, out.F64)
	}
	return []*Value{out}, err
}

func gemm[T kernel.Float](a, b *Value, transB bool, m, n, k int, dst []T) {
	ldb := n
	if transB {
		ldb = k
	}
	kernel.Product(m, n, k, matrix[T](a, k), matrix[T](b, ldb), transB, dst, n)
}

// scaleAdd finishes a Gemm: alpha·dst + beta·C.
func scaleAdd[T kernel.Float](out *Value, c *Call, alpha, beta float64, dst []T) error {
	if alpha != 1 {
		for i := range dst {
			dst[i] *= T(alpha)
		}
	}
	if !c.has(2) || beta == 0 {
		return nil
	}
	bias := c.In[2]
	if s, err := tensor.Broadcast(bias.Shape, out.Shape); err != nil || !slices.Equal(s, out.Shape) {
		return fmt.Errorf("a bias of shape %v does not fit %v", bias.Shape, out.Shape)
	}
	src := data[T](bias)
	if r, n := len(bias.Shape), out.Shape[1]; r > 0 && bias.Shape[r-1] == n && len(src) == n && n > 0 { // one for each column
		for at := 0; at < len(dst); at += n {
			for i, v := range src {
				dst[at+i] += T(beta) * v
			}
		}
		return nil
	}
	tensor.Walk(out.Shape, tensor.Spread(bias.Shape, out.Shape), func(i, o int) { dst[i] += T(beta) * src[o] })
	return nil
}
