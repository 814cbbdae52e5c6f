package kernel

// A Spike is a number of a row that is not zero.
type Spike struct {
	At int
	V  float64
}

// A SpikyRow is a row that is nearly all zeros, and where its product goes: number i of
// that is Y[i·Step].
type SpikyRow struct {
	Spikes []Spike
	Y      []float64
	Step   int
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

// SpikyRows lists m rows of k numbers, ld apart, and the rows of y that their products go to,
// ldy apart; ok is false where some row has too few zeros.
func SpikyRows(x []float64, m, k, ld int, y []float64, n, ldy int) (rows []SpikyRow, ok bool) {
	most := k / Sparse
	if most == 0 {
		return nil, false
	}
	all := make([]Spike, 0, m)
	rows = make([]SpikyRow, 0, m)
	for i := range m {
		from := len(all)
		if all, ok = Spikes(all, x[i*ld:][:k], most); !ok {
			return nil, false
		}
		if len(all) > from {
			rows = append(rows, SpikyRow{all[from:len(all):len(all)], y[i*ldy:][:n], 1})
		}
	}
	return rows, true
}

// SpikyColumns is SpikyRows for the columns of x [k, n], whose products are columns of y.
func SpikyColumns(x []float64, k, n int, y []float64) (columns []SpikyRow, ok bool) {
	most := k / Sparse
	if most == 0 {
		return nil, false
	}
	columns = make([]SpikyRow, n)
	for j := range columns {
		columns[j] = SpikyRow{Y: y[j:], Step: n}
	}
	for d := range k {
		for j, v := range x[d*n:][:n] {
			if v == 0 {
				continue
			}
			if len(columns[j].Spikes) == most {
				return nil, false
			}
			columns[j].Spikes = append(columns[j].Spikes, Spike{d, v})
		}
	}
	return columns, true
}

// SpikyProduct is c = a·b for rows of a that are nearly all zeros, and b [k, n] or, transposed,
// [n, k]: each number of b is met once for each spike that it meets. Zeros count as zeros
// whatever stands in b; c is zero before where no row goes.
func SpikyProduct(rows []SpikyRow, n int, b Matrix[float64], transB bool) {
	if !transB {
		Split(len(rows), 1+(1<<14)/(n+1), func(from, to int) {
			for _, r := range rows[from:to] {
				r.columns(n, b)
			}
		})
		return
	}
	Split(n, 1+(1<<14)/(len(rows)+1), func(from, to int) {
		for o := from; o < to; o += lines { // a few lines at a time: what is written lies together
			for i := range rows {
				rows[i].lines(o, min(o+lines, to), b)
			}
		}
	})
}

// lines is how many numbers of 64 bits fill what a processor writes at once.
const lines = 8

// lines adds up what the spikes of r meet in some rows of b.
func (r *SpikyRow) lines(from, to int, b Matrix[float64]) {
	if len(r.Spikes) == 1 && b.Raw != nil {
		s, mask := r.Spikes[0], mask(b.Absolute)
		for o := from; o < to; o++ {
			r.Y[o*r.Step] = s.V * number(b.Raw, o*b.Ld+s.At, mask)
		}
		return
	}
	mask := mask(b.Absolute)
	for o := from; o < to; o++ {
		sum, at := 0.0, o*b.Ld
		for _, s := range r.Spikes {
			if b.Raw != nil {
				sum += s.V * number(b.Raw, at+s.At, mask)
			} else {
				sum += s.V * b.Data[at+s.At]
			}
		}
		r.Y[o*r.Step] = sum
	}
}

// columns adds up the rows of b that the spikes of r meet.
func (r *SpikyRow) columns(n int, b Matrix[float64]) {
	for i := range n {
		r.Y[i*r.Step] = 0
	}
	mask := mask(b.Absolute)
	for _, s := range r.Spikes {
		if b.Raw != nil {
			line := b.Raw[4*s.At*b.Ld:][:4*n]
			for i := range n {
				r.Y[i*r.Step] += s.V * number(line, i, mask)
			}
			continue
		}
		for i, w := range b.Data[s.At*b.Ld:][:n] {
			r.Y[i*r.Step] += s.V * w
		}
	}
}
