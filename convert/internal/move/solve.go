package move

import (
	"math"
	"slices"
)

// A union joins numbers that are known multiples of each other.
type union struct {
	up []int
	by []float64 // times what up is
}

func newUnion(n int) *union {
	u := &union{make([]int, n), make([]float64, n)}
	for i := range u.up {
		u.up[i], u.by[i] = i, 1
	}
	return u
}

// find gives the number that i is told by, and the factor.
func (u *union) find(i int) (root int, by float64) {
	for by = 1; u.up[i] != i; i = u.up[i] {
		if k := u.up[i]; u.up[k] != k { // told by what k is told by, from now on
			u.up[i], u.by[i] = u.up[k], u.by[i]*u.by[k]
		}
		by *= u.by[i]
	}
	return i, by
}

// join has i be by times k; false where they are something else.
func (u *union) join(i, k int, by float64) bool {
	ri, fi := u.find(i)
	rk, fk := u.find(k)
	if ri == rk {
		return math.Abs(fi-float64(by*fk)) <= near*math.Abs(fi)
	}
	u.up[ri], u.by[ri] = rk, by*fk/fi
	return true
}

// A row is an equation: the sum of some unknowns, each times a factor.
type row struct {
	at []int
	by []float64
	is float64
}

// over tells a row by the unknowns that others are told by, without those that are zero.
func (r row) over(u *union, zero int) row {
	out := row{is: r.is}
	for i, k := range r.at {
		root, by := u.find(k)
		if root == zero {
			continue
		}
		if j := slices.Index(out.at, root); j >= 0 {
			out.by[j] += float64(by * r.by[i])
		} else {
			out.at, out.by = append(out.at, root), append(out.by, by*r.by[i])
		}
	}
	return out
}

// maxSteps bounds the work of solving equations.
const maxSteps = 1 << 27

// solveRows solves equations of n unknowns, by those of small rank where there is a choice;
// the others are zero. ok is false where they contradict each other by more than within.
func solveRows(rows []row, n int, rank []int, within float64) (of []float64, ok bool) {
	u := newUnion(n)
	for _, r := range rows {
		for _, k := range r.at {
			u.join(r.at[0], k, 1)
		}
	}
	groups := map[int][]row{} // that share no unknowns
	var order []int
	for _, r := range rows {
		if len(r.at) == 0 {
			if math.Abs(r.is) > within {
				return nil, false
			}
			continue
		}
		root, _ := u.find(r.at[0])
		if groups[root] == nil {
			order = append(order, root)
		}
		groups[root] = append(groups[root], r)
	}
	of = make([]float64, n)
	steps := 0
	for _, root := range order {
		g := groups[root]
		if steps += len(g) * len(g) * len(g); steps > maxSteps || !eliminate(g, rank, within, of) {
			return nil, false
		}
	}
	return of, true
}

// eliminate solves some equations by Gauss and Jordan into of.
func eliminate(rows []row, rank []int, within float64, of []float64) bool {
	var cols []int
	for _, r := range rows {
		for _, k := range r.at {
			if !slices.Contains(cols, k) {
				cols = append(cols, k)
			}
		}
	}
	m := make([][]float64, len(rows))
	for i, r := range rows {
		m[i] = make([]float64, len(cols)+1)
		for j, k := range r.at {
			m[i][slices.Index(cols, k)] += r.by[j]
		}
		m[i][len(cols)] = r.is
	}
	pivots := slices.Repeat([]int{-1}, len(rows))
	for i := range m {
		p := -1
		for j, k := range cols {
			a := math.Abs(m[i][j])
			if a <= tiny {
				m[i][j] = 0
				continue
			}
			if p < 0 || rank[k] < rank[cols[p]] || rank[k] == rank[cols[p]] && a > math.Abs(m[i][p]) {
				p = j
			}
		}
		if p < 0 {
			if math.Abs(m[i][len(cols)]) > within {
				return false
			}
			continue
		}
		pivots[i] = p
		for k := range m {
			if f := m[k][p] / m[i][p]; k != i && f != 0 {
				for j := range m[k] {
					m[k][j] -= float64(f * m[i][j])
				}
				m[k][p] = 0
			}
		}
	}
	for i, p := range pivots {
		if p >= 0 {
			of[cols[p]] = m[i][len(cols)] / m[i][p]
		}
	}
	return true
}

// tiny is what rounding leaves of factors that cancel.
const tiny = 1e-10

// A parity says that an odd number of some unknowns holds, or an even one.
type parity struct {
	of  map[int]bool
	odd bool
}

// toggle counts an unknown once more.
func (p *parity) toggle(k int) {
	if p.of[k] {
		delete(p.of, k)
	} else {
		p.of[k] = true
	}
}

// solveSigns finds which unknowns hold beside those that are known; where there is a choice,
// fewer do.
func solveSigns(list []parity, known map[int]bool) bool {
	lead := map[int]parity{} // by an unknown that the others before do not hold
	place := map[int]int{}   // of an unknown in order
	var order []int
	for _, p := range list {
		for k := range p.of {
			if is, ok := known[k]; ok {
				delete(p.of, k)
				p.odd = p.odd != is
			}
		}
		for {
			first := len(order) // a lead holds none of those before it, so that this ends
			for k := range p.of {
				if at, ok := place[k]; ok {
					first = min(first, at)
				}
			}
			if first == len(order) {
				break
			}
			by := lead[order[first]]
			for i := range by.of {
				p.toggle(i)
			}
			p.odd = p.odd != by.odd
		}
		if len(p.of) == 0 {
			if p.odd {
				return false
			}
			continue
		}
		k := math.MaxInt
		for i := range p.of {
			k = min(k, i)
		}
		lead[k], place[k], order = p, len(order), append(order, k)
	}
	for _, k := range slices.Backward(order) {
		odd := lead[k].odd
		for i := range lead[k].of {
			odd = odd != (i != k && known[i])
		}
		known[k] = odd
	}
	return true
}
