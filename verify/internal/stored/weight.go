package stored

import (
	"repmlp/onnxio"
	"repmlp/verify/internal/kernel"
	"repmlp/verify/internal/storage"
)

// Where there are few rows, a float64 run reads weights once, where they lie. A
// probe feeds a few rows and leaves the others zero: those cost nothing, their
// sums are zero whatever the weights are.

// Bounds of the streaming kernels: weights below StreamSize are not worth it, and
// with more rows than these a matrix product is faster. Of a probe's rows many
// more are zero in most places.
const (
	StreamSize = 1 << 12
	fewRows    = 8
	probeRows  = 16
)

// A Weight lies in a file as float32.
type Weight struct {
	*onnxio.Reader
	Absolute bool             // its magnitudes count
	Probe    bool             // rows of zeros may be left out
	Storage  *storage.Storage // for sums on their way
	Seen     *Magnitudes      // may be nil
}

// Most is how many rows are multiplied at most.
func (w *Weight) Most() int {
	if w.Probe {
		return probeRows
	}
	return fewRows
}

// activeRows lists the rows of x, ldx apart and k long, that have to be multiplied;
// ok is false where they are too many.
func (w *Weight) activeRows(x []float64, m, k, ldx int) (rows []int, ok bool) {
	most := w.Most()
	if !w.Probe && m > most {
		return nil, false
	}
	for i := range m {
		if !w.Probe || !kernel.Zeros(x[i*ldx:][:k]) {
			if rows = append(rows, i); len(rows) > most {
				return nil, false
			}
		}
	}
	return rows, true
}

// A Product is x·w for one block of a stored weight, which begins at number at:
// rows of x lie ldx apart, those of the result y, which is zero before, ldy apart.
type Product struct {
	X, Y     []float64
	Ldx, Ldy int
	At       int
}

// A sum is what a product asks of its block: the rows of x that are not zero, and
// where their sums go.
type sum struct {
	x, y     [][]float64
	absolute bool // with |w|
}

// sums lists for each x [m, k] what has to be added up; ok is false where the rows
// are too many.
func (w *Weight) sums(ps []Product, columns bool, m, n, k int) (sums [][]sum, ok bool) {
	sums = make([][]sum, len(ps))
	for i, p := range ps {
		rows, ok := w.activeRows(p.X, m, k, p.Ldx)
		if !ok {
			return nil, false
		}
		s := sum{absolute: w.Absolute}
		for _, r := range rows {
			s.x, s.y = append(s.x, p.X[r*p.Ldx:][:k]), append(s.y, p.Y[r*p.Ldy:][:n])
		}
		sums[i] = w.Seen.plan(block{&w.Mapped()[4*p.At], columns}, s)
	}
	return sums, true
}

// taskSize is about how many weights are read at a time, and columnParts into how
// many parts long sums are cut, which does not depend on the machine.
const (
	taskSize    = 1 << 16
	columnParts = 4
)

// each calls f for n tasks of the given size on all processors.
func each(n, size int, f func(task int)) {
	kernel.Split(n, 1+taskSize/2/(size+1), func(from, to int) {
		for t := from; t < to; t++ {
			f(t)
		}
	})
}

// StreamRows computes y = x·wᵀ for stored blocks w [n, k] and the rows of x that are
// not zero; it reports false where they are too many.
func (w *Weight) StreamRows(ps []Product, m, n, k int) bool {
	sums, ok := w.sums(ps, false, m, n, k)
	if !ok {
		return false
	}
	lines := min(max(1, taskSize/max(k, 1)), n)
	per := (n + lines - 1) / lines
	each(len(ps)*per, lines*k, func(t int) {
		if len(sums[t/per]) == 0 {
			return
		}
		from := t % per * lines
		to := min(from+lines, n)
		w.With(4*(ps[t/per].At+from*k), 4*k*(to-from), func(raw []byte) {
			for o := from; o < to; o++ {
				line := raw[4*k*(o-from):][:4*k]
				for _, s := range sums[t/per] {
					for i := 0; i < len(s.x); i += 2 { // the last row beside itself
						j := min(i+1, len(s.x)-1)
						s.y[i][o], s.y[j][o] = kernel.Dots(line, s.x[i], s.x[j], s.absolute)
					}
				}
			}
		})
	})
	return true
}

// StreamColumns is StreamRows for stored blocks w [k, n].
func (w *Weight) StreamColumns(ps []Product, m, n, k int) bool {
	sums, ok := w.sums(ps, true, m, n, k)
	if !ok {
		return false
	}
	parts := 1
	if n*k >= columnParts*taskSize {
		parts = columnParts
	}
	partial := make([][][]float64, len(ps)*parts)
	each(len(partial), n*k/parts, func(t int) {
		if p := t / parts; len(sums[p]) > 0 {
			partial[t] = w.columns(sums[p], ps[p].At, n, k*(t%parts)/parts, k*(t%parts+1)/parts)
		}
	})
	for t, ys := range partial {
		for l, y := range ys {
			for i, row := range sums[t/parts][l].y {
				for j, v := range y[i*n:][:n] {
					row[j] += v
				}
			}
			w.Storage.Put(y)
		}
	}
	return true
}

// columns adds up the lines from ≤ d < end of a block that begins at number at: for
// each sum a slice with its rows behind each other.
func (w *Weight) columns(sums []sum, at, n, from, end int) (ys [][]float64) {
	for _, s := range sums {
		ys = append(ys, w.Storage.Take((len(s.x)+1)/2*2*n)) // the last row beside one that nobody needs
	}
	lines := max(1, taskSize/max(n, 1))
	for ; from < end; from += lines {
		to := min(from+lines, end)
		w.With(4*(at+from*n), 4*n*(to-from), func(raw []byte) {
			for d := from; d < to; d++ {
				for l, s := range sums {
					s.line(ys[l], raw[4*n*(d-from):][:4*n], d, n)
				}
			}
		})
	}
	return ys
}

// line adds line d of a block to the rows of y, two at a time.
func (s sum) line(y []float64, line []byte, d, n int) {
	for i := 0; i < len(s.x); i += 2 {
		j := min(i+1, len(s.x)-1)
		kernel.Axpys(s.x[i][d], s.x[j][d], line, y[i*n:][:n], y[(i+1)*n:][:n], s.absolute)
	}
}

// StreamLeft computes y = w·x for a stored w [q, k] and x [k, n], or [n, k] with
// trans, and the columns of the product that are not zero; it reports false
// where they are too many.
func (w *Weight) StreamLeft(q, n, k int, x []float64, trans bool, at int, y []float64) bool {
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
	if !w.StreamRows([]Product{{X: columns, Ldx: k, Y: turned, Ldy: q, At: at}}, n, q, k) {
		return false
	}
	for o := range q {
		for j := range n {
			y[o*n+j] = turned[j*q+o]
		}
	}
	return true
}
