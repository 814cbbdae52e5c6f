package verify

import (
	"slices"

	"repmlp/onnxio"
	"repmlp/verify/kernel"
)

// A probe feeds a few rows and leaves the others zero. Weights are then read
// once, where they lie, and rows of zeros cost nothing: their sums are zero
// whatever the weights are.

// Bounds of the probing kernels: weights below streamSize are not worth it, and
// with more rows than probeRows a matrix product is faster.
const (
	streamSize = 1 << 12
	probeRows  = 16
)

// A streamed weight lies in a file as float32.
type streamed struct {
	raw      []byte
	absolute bool
	trim     func() // gives the pages back that were read
}

// blocks calls f for n rows of the given size in blocks that stay small in
// memory.
func (w *streamed) blocks(n, size int, f func(from, to int)) {
	each := max(1, trimAfter/max(size, 1))
	for from := 0; from < n; from += each {
		f(from, min(from+each, n))
		if n > each {
			w.trim()
		}
	}
}

// stream returns access to a large float32 weight that a float64 run need not
// decode; nil for any other.
func (e *Engine) stream(t *onnxio.Tensor) *Tensor {
	if e.mode == Single || t.DType != onnxio.Float32 || t.Len() < streamSize || e.exact[t.Name] != nil || e.unit[t.Name] {
		return nil
	}
	b, err := t.Bytes()
	if err != nil {
		return nil
	}
	out := &Tensor{DType: t.DType, Shape: make([]int, len(t.Dims)), file: &streamed{b, e.mode == Absolute, e.model.Trim}}
	for i, d := range t.Dims {
		out.Shape[i] = int(d)
	}
	return out
}

// dense is t with its numbers in memory.
func (t *Tensor) dense() *Tensor {
	if t == nil || t.file == nil {
		return t
	}
	out := &Tensor{DType: t.DType, Shape: t.Shape, F64: make([]float64, t.Len())}
	kernel.Widen(out.F64, t.file.raw, t.file.absolute)
	return out
}

// reads reports whether an operator reads a streamed weight at this place.
func reads(op string, slot int) bool {
	return slot == 1 && (op == "Conv" || op == "Gemm" || op == "MatMul") || slot == 0 && (op == "Gemm" || op == "MatMul")
}

func zeros[T float](x []T) bool { return !slices.ContainsFunc(x, func(v T) bool { return v != 0 }) }

// activeRows lists the rows of x, ldx apart and k long, that are not zero; ok is
// false where they are too many.
func activeRows(x []float64, m, k, ldx int) (rows []int, ok bool) {
	for i := range m {
		if !zeros(x[i*ldx:][:k]) {
			if rows = append(rows, i); len(rows) > probeRows {
				return nil, false
			}
		}
	}
	return rows, true
}

// start clears y [m, n] and lists the rows of x [m, k] that have to be multiplied;
// ok is false where they are too many, and y is as it was.
func start(m, n, k int, x []float64, ldx int, y []float64, ldy int) (active []int, ok bool) {
	if active, ok = activeRows(x, m, k, ldx); !ok {
		return nil, false
	}
	for i := range m {
		clear(y[i*ldy:][:n])
	}
	return active, true
}

// streamRows computes y = x·wᵀ for the stored w [n, k], from number at on, and
// the rows of x that are not zero; it reports false where they are too many.
func (w *streamed) streamRows(m, n, k int, x []float64, ldx, at int, y []float64, ldy int) bool {
	active, ok := start(m, n, k, x, ldx, y, ldy)
	if !ok || len(active) == 0 {
		return ok
	}
	w.blocks(n, 4*k, func(first, end int) {
		kernel.Split(end-first, max(1, (1<<15)/max(k, 1)), func(from, to int) {
			for o := first + from; o < first+to; o++ {
				row := w.raw[4*(at+o*k):][:4*k]
				for _, i := range active {
					y[i*ldy+o] = kernel.Dot(row, x[i*ldx:][:k], w.absolute)
				}
			}
		})
	})
	return true
}

// streamColumns is streamRows for a stored w [k, n].
func (w *streamed) streamColumns(m, n, k int, x []float64, ldx, at int, y []float64, ldy int) bool {
	active, ok := start(m, n, k, x, ldx, y, ldy)
	if !ok || len(active) == 0 {
		return ok
	}
	w.blocks(k, 4*n, func(first, end int) {
		kernel.Split(n, max(16, (1<<15)/max(end-first, 1)), func(from, to int) {
			for d := first; d < end; d++ {
				row := w.raw[4*(at+d*n+from):][:4*(to-from)]
				for _, i := range active {
					kernel.Axpy(x[i*ldx+d], row, y[i*ldy+from:][:to-from], w.absolute)
				}
			}
		})
	})
	return true
}

// streamLeft computes y = w·x for a stored w [q, k] and x [k, n], or [n, k] with
// trans, and the columns of the product that are not zero; it reports false
// where they are too many.
func (w *streamed) streamLeft(q, n, k int, x []float64, trans bool, at int, y []float64) bool {
	columns := x
	if !trans {
		columns = make([]float64, n*k)
		for d := range k {
			for j, v := range x[d*n:][:n] {
				columns[j*k+d] = v
			}
		}
	}
	turned := make([]float64, n*q)
	if !w.streamRows(n, q, k, columns, k, at, turned, q) {
		return false
	}
	for o := range q {
		for j := range n {
			y[o*n+j] = turned[j*q+o]
		}
	}
	return true
}
