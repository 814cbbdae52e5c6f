package kernel

// A Spike is a number of a row that is not zero.
type Spike struct {
	At int
	V  float64
}

// Sparse is about how many zeros a row has to have for each of its spikes so that a
// product with them alone is faster than one with the whole row.
const Sparse = 16

// Spikes appends the numbers of x that are not zero to a list; ok is false where they are
// more than most.
func Spikes(list []Spike, x []float64, most int) (spikes []Spike, ok bool) {
	most += len(list)
	for i, v := range x {
		if v == 0 {
			continue
		}
		if len(list) == most {
			return nil, false
		}
		list = append(list, Spike{i, v})
	}
	return list, true
}

// SpikyRows are rows that are nearly all alike: nearly all zeros, or the same numbers but for
// their spikes.
type SpikyRows struct {
	rows []spikyRow
	base []float64 // what all rows have beside their spikes; nil: zeros
}

// A spikyRow is what is left of one row, and where its product goes: number i of that is
// Y[i·step].
type spikyRow struct {
	spikes []Spike
	y      []float64
	step   int
}

// RowsOf takes m rows of k numbers, ld apart, whose products are rows of y, ldy apart; ok is
// false where some row has too many numbers of its own.
func RowsOf(x []float64, m, k, ld int, y []float64, ldy int) (SpikyRows, bool) {
	return spiky(m, k, x, ld, func(r int) spikyRow { return spikyRow{y: y[min(r*ldy, len(y)):], step: 1} })
}

// RowsInto is RowsOf for rows whose products are columns of y [.., m].
func RowsInto(x []float64, m, k int, y []float64) (SpikyRows, bool) {
	return spiky(m, k, x, k, func(r int) spikyRow { return spikyRow{y: y[min(r, len(y)):], step: m} })
}

// ColumnsOf takes the columns of x [k, n], whose products are columns of y [.., n].
func ColumnsOf(x []float64, k, n int, y []float64) (SpikyRows, bool) {
	turned := make([]float64, n*k)
	for d := range k {
		for r, v := range x[d*n:][:n] {
			turned[r*k+d] = v
		}
	}
	return RowsInto(turned, n, k, y)
}

// Add adds a row of spikes alone, whose product goes to every step-th number of y.
func (s *SpikyRows) Add(spikes []Spike, y []float64, step int) {
	s.rows = append(s.rows, spikyRow{spikes, y, step})
}

func spiky(m, k int, x []float64, ld int, to func(r int) spikyRow) (s SpikyRows, ok bool) {
	most := k / Sparse
	if most == 0 || m == 0 {
		return s, false
	}
	if s, ok = over(nil, m, k, most, x, ld, to); ok || m < 3 {
		return s, ok
	}
	// What two of three rows have is what all have.
	base := make([]float64, k)
	lonely := 0
	for d := range base {
		a, b, c := x[d], x[m/2*ld+d], x[(m-1)*ld+d]
		switch {
		case a == b || a == c:
			base[d] = a
		case b == c:
			base[d] = b
		default:
			if lonely++; lonely > most {
				return s, false
			}
		}
	}
	return over(base, m, k, most, x, ld, to)
}

// over lists in what rows differ from what all have.
func over(base []float64, m, k, most int, x []float64, ld int, to func(r int) spikyRow) (s SpikyRows, ok bool) {
	all := make([]Spike, 0, m)
	s.base = base
	for r := range m {
		from := len(all)
		row := x[r*ld:][:k]
		for d, v := range row {
			if base != nil {
				v -= base[d]
			}
			if v == 0 {
				continue
			}
			if len(all)-from == most {
				return SpikyRows{}, false
			}
			all = append(all, Spike{d, v})
		}
		if len(all) > from || base != nil {
			row := to(r)
			row.spikes = all[from:len(all):len(all)]
			s.rows = append(s.rows, row)
		}
	}
	return s, true
}

// Times is the product with b [k, n] or, transposed, [n, k]: each number of b is met once for
// each spike that it meets, and once for what all rows have. Zeros count as zeros whatever
// stands in b; y is zero before where no row goes.
func (s SpikyRows) Times(n, k int, b Matrix[float64], transB bool) {
	var shared []float64
	if s.base != nil {
		shared = make([]float64, n)
		Product(1, n, k, Matrix[float64]{Data: s.base, Ld: k}, b, transB, shared, n)
	}
	if !transB {
		Split(len(s.rows), 1+(1<<14)/(n+1), func(from, to int) {
			for i := range s.rows[from:to] {
				s.rows[from+i].columns(n, b, shared)
			}
		})
		return
	}
	Split(n, 1+(1<<14)/(len(s.rows)+1), func(from, to int) {
		for o := from; o < to; o += lines { // a few lines at a time: what is written lies together
			for i := range s.rows {
				s.rows[i].lines(o, min(o+lines, to), b, shared)
			}
		}
	})
}

// lines is how many numbers of 64 bits fill what a processor writes at once.
const lines = 8

// lines adds up what the spikes of r meet in some rows of b.
func (r *spikyRow) lines(from, to int, b Matrix[float64], shared []float64) {
	mask := mask(b.Absolute)
	if len(r.spikes) == 1 && b.Raw != nil && shared == nil {
		s := r.spikes[0]
		for o := from; o < to; o++ {
			r.y[o*r.step] = s.V * number(b.Raw, o*b.Ld+s.At, mask)
		}
		return
	}
	for o := from; o < to; o++ {
		sum, at := 0.0, o*b.Ld
		for _, s := range r.spikes {
			if b.Raw != nil {
				sum += s.V * number(b.Raw, at+s.At, mask)
			} else {
				sum += s.V * b.Data[at+s.At]
			}
		}
		if shared != nil {
			sum += shared[o]
		}
		r.y[o*r.step] = sum
	}
}

// columns adds up the rows of b that the spikes of r meet.
func (r *spikyRow) columns(n int, b Matrix[float64], shared []float64) {
	for i := range n {
		r.y[i*r.step] = 0
	}
	for i, v := range shared {
		r.y[i*r.step] = v
	}
	mask := mask(b.Absolute)
	for _, s := range r.spikes {
		if b.Raw != nil {
			line := b.Raw[4*s.At*b.Ld:][:4*n]
			for i := range n {
				r.y[i*r.step] += s.V * number(line, i, mask)
			}
			continue
		}
		for i, w := range b.Data[s.At*b.Ld:][:n] {
			r.y[i*r.step] += s.V * w
		}
	}
}
