// Package kernel holds the inner loops of the Go engine: matrix products in
// float32 and float64, and sums of float32 weights in float64 that read the
// weights where they lie in a file. On amd64 with AVX2 and FMA they are
// assembly, elsewhere gonum and plain Go. A sum is always taken in the same
// order on one machine, whatever runs beside it.
package kernel

import (
	"runtime"
	"sync"
	"unsafe"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/blas/blas64"

	"repmlp/internal/parallel"
)

// Float is what products are computed in.
type Float interface{ float32 | float64 }

// Blocks of a product. A packed block of b (depth × width) stays in the
// second-level cache.
const (
	depth = 64
	width = 384
	ahead = 4         // blocks of a that are packed together at most: its rows are read in runs
	most  = 256 << 10 // bytes of packed blocks of a
)

// rows is the height of a tile.
func rows() int {
	if wide {
		return 12
	}
	return 6
}

// A Matrix is row-major with rows Ld apart. Its numbers are in Data, or, for
// float64 products, in Raw as float32 the way a file holds them, or Lines makes
// them: it fills to with the numbers of a row from a column on.
type Matrix[T Float] struct {
	Data     []T
	Raw      []byte
	Absolute bool // of Raw: take magnitudes
	Lines    func(row, from int, to []T)
	Ld       int
}

// At is the matrix that starts at number i; it has to be stored.
func (m Matrix[T]) At(i int) Matrix[T] {
	if m.Raw != nil {
		m.Raw = m.Raw[4*i:]
		return m
	}
	m.Data = m.Data[i:]
	return m
}

// line returns n numbers from number at on, in scratch where they have to be
// converted.
func (m *Matrix[T]) line(at, n int, scratch []T) []T {
	if m.Raw == nil && m.Lines == nil {
		return m.Data[at:][:n]
	}
	out := scratch[:n]
	if m.Lines != nil {
		m.Lines(at/m.Ld, at%m.Ld, out)
		return out
	}
	Widen(any(out).([]float64), m.Raw[4*at:], m.Absolute)
	return out
}

// dense returns rows of k numbers without gaps.
func (m Matrix[T]) dense(rows, k int) Matrix[T] {
	if m.Raw == nil && m.Lines == nil {
		return m
	}
	out := Matrix[T]{Data: make([]T, rows*k), Ld: k}
	for i := range rows {
		copy(out.Data[i*k:], m.line(i*m.Ld, k, out.Data[i*k:][:k]))
	}
	return out
}

// Product computes c = a·b for row-major a [m, k], b [k, n] or, transposed,
// [n, k], and c [m, n] with rows ldc apart.
func Product[T Float](m, n, k int, a, b Matrix[T], transB bool, c []T, ldc int) {
	products(runtime.GOMAXPROCS(0), m, n, k, a, []Matrix[T]{b}, transB, [][]T{c}, ldc)
}

// Products computes c[i] = a·b[i] on at most that many processors; a is packed
// once for all of them.
func Products[T Float](processors, m, n, k int, a Matrix[T], b []Matrix[T], c [][]T, ldc int) {
	products(processors, m, n, k, a, b, false, c, ldc)
}

func products[T Float](processors, m, n, k int, a Matrix[T], b []Matrix[T], transB bool, c [][]T, ldc int) {
	switch {
	case m == 0 || n == 0 || len(b) == 0:
	case k == 0:
		for _, c := range c {
			for i := range m {
				clear(c[i*ldc:][:n])
			}
		}
	case fast && transB && len(b) == 1 && thin(processors, m, n, k, a, b[0], c[0], ldc):
	case fast:
		packed(processors, m, n, k, a, b, transB, c, ldc)
	default:
		a = a.dense(m, k)
		for i, b := range b {
			if transB {
				b = b.dense(n, k)
			} else {
				b = b.dense(k, n)
			}
			tiled(m, n, k, a.Data, a.Ld, b.Data, b.Ld, transB, c[i], ldc)
		}
	}
}

// columns is the width of a tile in numbers of type T.
func columns[T Float]() int {
	n := 8
	if single[T]() {
		n = 16
	}
	if wide {
		n *= 2
	}
	return n
}

func single[T Float]() bool {
	_, ok := any(T(0)).(float32)
	return ok
}

var pools [2]sync.Pool // packing space, float32 and float64

func pool[T Float]() *sync.Pool {
	if single[T]() {
		return &pools[0]
	}
	return &pools[1]
}

func space[T Float](n int) *[]T {
	if p, ok := pool[T]().Get().(*[]T); ok && cap(*p) >= n {
		*p = (*p)[:n]
		return p
	}
	s := make([]T, n)
	return &s
}

func giveBack[T Float](p *[]T) { pool[T]().Put(p) }

// packed cuts the results among the processors and multiplies packed blocks.
func packed[T Float](workers, m, n, k int, a Matrix[T], b []Matrix[T], transB bool, c [][]T, ldc int) {
	nr := columns[T]()
	if len(b)*m*n*k < 1<<16 {
		workers = 1
	}
	if n >= m { // each processor packs all of the other operand, so that the smaller
		cols := (n + nr - 1) / nr
		Split(cols, (cols+workers-1)/workers, func(from, to int) {
			packedPart(m, min(to*nr, n)-from*nr, k, a, b, transB, from*nr, c, from*nr, ldc)
		})
		return
	}
	mr := rows()
	panels := (m + mr - 1) / mr
	Split(panels, (panels+workers-1)/workers, func(from, to int) {
		r := from * mr
		packedPart(min(to*mr, m)-r, n, k, a.At(r*a.Ld), b, transB, 0, c, r*ldc, ldc)
	})
}

// packedPart does the columns of each b from col on, the result from number at on.
func packedPart[T Float](m, n, k int, a Matrix[T], b []Matrix[T], transB bool, col int, c [][]T, at, ldc int) {
	nr := columns[T]()
	mr := rows()
	high := (m + mr - 1) / mr * mr
	ahead := max(1, min(ahead, most/(high*depth*int(unsafe.Sizeof(T(0))))))
	pa, pb := space[T](high*ahead*depth+depth*width), space[T](mr*nr+max(depth, width))
	defer giveBack(pa)
	defer giveBack(pb)
	all, bp, edge, scratch := (*pa)[:high*ahead*depth], (*pa)[high*ahead*depth:], (*pb)[:mr*nr], (*pb)[mr*nr:]
	for d := 0; d < k; d += depth {
		kc := min(depth, k-d)
		ap := all[d/depth%ahead*depth*high:]
		if d/depth%ahead == 0 {
			packRows(all, a, d, m, min(ahead*depth, k-d), mr, scratch)
		}
		for x, b := range b {
			for j := 0; j < n; j += width {
				nc := min(width, n-j)
				if transB {
					packTransposed(bp, b, (col+j)*b.Ld+d, nc, kc, nr, scratch)
				} else {
					packColumns(bp, b, d*b.Ld+col+j, nc, kc, nr, scratch)
				}
				tiles(m, nc, kc, ap, bp, edge, c[x][at+j:], ldc, nr, d > 0)
			}
		}
	}
}

// tiles multiplies packed rows and columns to a block of the result; edge is room for
// a tile that reaches beyond it.
func tiles[T Float](m, n, k int, a, b, edge, c []T, ldc, nr int, add bool) {
	mr := rows()
	for i := 0; i < m; i += mr {
		for s := 0; s < n; s += nr {
			to := c[i*ldc+s:]
			if m-i >= mr && n-s >= nr {
				tile(k, a[i*k:], b[s*k:], to, ldc, add)
				continue
			}
			tile(k, a[i*k:], b[s*k:], edge, nr, false)
			put(to, edge, min(mr, m-i), min(nr, n-s), ldc, nr, add)
		}
	}
}

// put copies or adds the part of a tile that is inside the result.
func put[T Float](to, tile []T, m, n, ldc, nr int, add bool) {
	for r := range m {
		row, from := to[r*ldc:][:n], tile[r*nr:][:n]
		if !add {
			copy(row, from)
			continue
		}
		for x, v := range from {
			row[x] += v
		}
	}
}

func tile[T Float](k int, a, b, c []T, ldc int, add bool) {
	more := 0
	if add {
		more = 1
	}
	switch a := any(&a[0]).(type) {
	case *float32:
		f := tile32
		if wide {
			f = wide32
		}
		f(k, a, any(&b[0]).(*float32), any(&c[0]).(*float32), ldc, more)
	case *float64:
		f := tile64
		if wide {
			f = wide64
		}
		f(k, a, any(&b[0]).(*float64), any(&c[0]).(*float64), ldc, more)
	}
}

// packRows lays panels of mr rows of a, from number at on, out column by
// column, zeros below; blocks of depth columns follow each other.
func packRows[T Float](to []T, a Matrix[T], at, m, k, mr int, scratch []T) {
	high := (m + mr - 1) / mr * mr
	for i := 0; i < m; i += mr {
		for d := 0; d < k; d += depth {
			kc := min(depth, k-d)
			interleave(to[d*high+i*kc:][:mr*kc], a, at+i*a.Ld+d, min(mr, m-i), kc, mr, scratch)
		}
	}
}

// interleave lays n rows of a, k long from number at on, out column by column,
// step apart, and zeros behind them.
func interleave[T Float](to []T, a Matrix[T], at, n, k, step int, scratch []T) {
	r := 0
	for ; r+4 <= n; r += 4 { // four at a time
		p := a.line(at+r*a.Ld, k, scratch)
		q := a.line(at+(r+1)*a.Ld, k, scratch[depth:])
		s := a.line(at+(r+2)*a.Ld, k, scratch[2*depth:])
		t := a.line(at+(r+3)*a.Ld, k, scratch[3*depth:])
		q, s, t = q[:len(p)], s[:len(p)], t[:len(p)]
		done := turn(p, q, s, t, to[r:], step)
		x := r + done*step
		for i := done; i < len(p); i++ {
			four := to[x : x+4 : x+4]
			four[0], four[1], four[2], four[3] = p[i], q[i], s[i], t[i]
			x += step
		}
	}
	for ; r < n; r++ {
		x := r
		for _, v := range a.line(at+r*a.Ld, k, scratch) {
			to[x] = v
			x += step
		}
	}
	if n < step {
		for x := n; x < len(to); x += step {
			clear(to[x : x+step-n])
		}
	}
}

// turn lays four rows out column by column, step apart, and returns how many
// columns it did.
func turn[T Float](p, q, s, t, to []T, step int) (done int) {
	if !fast || len(p) < 8 {
		return 0
	}
	switch p := any(p).(type) {
	case []float32:
		done = len(p) &^ 7
		turn32(done, &p[0], &any(q).([]float32)[0], &any(s).([]float32)[0], &any(t).([]float32)[0], &any(to).([]float32)[0], step)
	case []float64:
		done = len(p) &^ 3
		turn64(done, &p[0], &any(q).([]float64)[0], &any(s).([]float64)[0], &any(t).([]float64)[0], &any(to).([]float64)[0], step)
	}
	return done
}

// packColumns lays panels of nr columns of b, from number at on, out row by row,
// zeros beside.
func packColumns[T Float](to []T, b Matrix[T], at, n, k, nr int, scratch []T) {
	for d := range k {
		row := b.line(at+d*b.Ld, n, scratch)
		for s := 0; s < n; s += nr {
			panel := to[s*k+d*nr:][:nr]
			clear(panel[copy(panel, row[s:]):])
		}
	}
}

// packTransposed is packColumns for a matrix whose rows are the columns.
func packTransposed[T Float](to []T, b Matrix[T], at, n, k, nr int, scratch []T) {
	for s := 0; s < n; s += nr {
		interleave(to[s*k:][:nr*k], b, at+s*b.Ld, min(nr, n-s), k, nr, scratch)
	}
}

// Tiles of a product by gonum, which runs a product of fewer than four blocks of
// 64×64 on one processor, summing in a fixed order; larger ones it cuts along k
// with a result that depends on timing.
const (
	tileRows  = 64
	tileCols  = 192
	tileDepth = 64 // short sums keep the rounding error of float32 small
)

func tiled[T Float](m, n, k int, a []T, lda int, b []T, ldb int, transB bool, c []T, ldc int) {
	t := blas.NoTrans
	if transB {
		t = blas.Trans
	}
	down, across := (m+tileRows-1)/tileRows, (n+tileCols-1)/tileCols
	grain := max(1, (1<<16)/(tileRows*tileCols*k)+1)
	Split(down*across, grain, func(from, to int) {
		for i := from; i < to; i++ {
			r, s := i/across*tileRows, i%across*tileCols
			h, w := min(tileRows, m-r), min(tileCols, n-s)
			bo, step := s, ldb // where the columns begin, and how far a depth takes them
			if transB {
				bo, step = s*ldb, 1
			}
			var part []T
			for d := 0; d < k; d += tileDepth {
				depth := min(tileDepth, k-d)
				if d == 0 {
					block(t, h, w, depth, a[r*lda:], lda, b[bo:], ldb, c[r*ldc+s:], ldc)
					continue
				}
				if part == nil {
					part = make([]T, h*w)
				}
				block(t, h, w, depth, a[r*lda+d:], lda, b[bo+d*step:], ldb, part, w)
				addBlock(c[r*ldc+s:], part, h, w, ldc)
			}
		}
	})
}

// addBlock adds h rows of w numbers.
func addBlock[T Float](c, part []T, h, w, ldc int) {
	for i := range h {
		row := c[i*ldc:][:w]
		for j, v := range part[i*w:][:w] {
			row[j] += v
		}
	}
}

// block is one product small enough for gonum to sum in a fixed order.
func block[T Float](t blas.Transpose, m, n, k int, a []T, lda int, b []T, ldb int, c []T, ldc int) {
	switch a := any(a).(type) {
	case []float32:
		blas32.Implementation().Sgemm(blas.NoTrans, t, m, n, k, 1, a, lda, any(b).([]float32), ldb, 0, any(c).([]float32), ldc)
	case []float64:
		blas64.Implementation().Dgemm(blas.NoTrans, t, m, n, k, 1, a, lda, any(b).([]float64), ldb, 0, any(c).([]float64), ldc)
	}
}

// Split cuts n items into pieces of at least grain and runs them on all
// processors. The result may not depend on how the items are cut. A panic of one
// of them is the caller's.
func Split(n, grain int, f func(from, to int)) {
	workers := min(runtime.GOMAXPROCS(0), (n+grain-1)/max(grain, 1))
	if workers <= 1 {
		if n > 0 {
			f(0, n)
		}
		return
	}
	var g parallel.Group
	for w := range workers {
		g.Go(func() { f(n*w/workers, n*(w+1)/workers) })
	}
	g.Wait()
}
