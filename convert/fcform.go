package convert

import "math"

// A layerForm is how a merged FC layer itself is written.
type layerForm uint8

const (
	formRows    layerForm = iota // Gemm x·Wᵀ for one group, batched MatMul x·W and Add for several
	formColumns                  // W·xᵀ: the weights are the left operand, few rows cost little
	formSplit                    // Split, one Gemm for each group, Concat
	formConv                     // grouped 1×1 Conv, as the RepMLP authors convert
	formMap                      // the same on a map whose rows stand around the features, where they are
)

// maxSplit bounds the groups that become a Gemm each.
const maxSplit = 16

// batches are the batch sizes that a spelling has to be fast at.
var batches = [...]float64{1, 8, 32}

// conflict is how much slower than the grouped Conv a form may be at any of
// them before it is out of question.
const conflict = 1.05

// moveRate is about how many floats a Transpose moves in a microsecond: it waits
// for memory.
const moveRate = 1000

// nodeTime is what any node costs, in microseconds.
const nodeTime = 4

// worthwhile is how many times faster another form than the plain one has to be:
// the table is a measurement.
const worthwhile = 1.2

// tinyTime is the time in microseconds below which a layer is written the plain
// way: there nodes cost more than products.
const tinyTime = 50

// tiny reports whether the layer is below tinyTime at every batch size.
func (r *Region) tiny() bool {
	m := r.rows
	g, k, q := float64(m.count(m.group)), float64(m.count(m.feature)), float64(m.count(m.result))
	return formTime(formRows, g, k, q, m.rowsOfOne()*batches[len(batches)-1]) < tinyTime
}

// A formCost orders spellings: first how far one is beyond what is allowed,
// then the geometric mean of its times.
type formCost struct{ beyond, mean float64 }

func (a formCost) less(b formCost) bool {
	if a.beyond != b.beyond {
		return a.beyond < b.beyond
	}
	return a.mean < b.mean
}

// costOf predicts the time of a spelling at several batch sizes.
func (r *Region) costOf(s *spelling) formCost {
	m := r.rows
	g, k, q := float64(m.count(m.group)), float64(m.count(m.feature)), float64(m.count(m.result))
	one := m.rowsOfOne()
	turns, nodes := 0.0, float64(len(s.steps))
	for _, st := range s.steps {
		if st.op == "Transpose" {
			turns++
		}
	}
	if s.form == formSplit {
		nodes += g + 1
	}
	var c formCost
	for _, b := range batches {
		rows := one * b
		form := s.form
		if form == formRows && g == 1 {
			form = formSplit // one Gemm
		}
		t := formTime(form, g, k, q, rows) + turns*rows*g*(k+q)/2/moveRate + nodes*nodeTime
		limit := formTime(formConv, g, k, q, rows) + nodeTime*float64(len(s.steps))
		c.beyond = max(c.beyond, t/limit/conflict)
		c.mean += math.Log(t)
	}
	if c.beyond <= 1 {
		c.beyond = 0
	}
	if s.form != formRows {
		c.mean += math.Log(worthwhile) * float64(len(batches))
	}
	return c
}

// unknownRows stands for rows whose number follows from a free height and
// width.
const unknownRows = 4

// rowsOfOne is the number of rows at batch one.
func (m *traceMap) rowsOfOne() float64 {
	n := 1.0
	for i, axis := range m.in {
		for _, a := range axis {
			if !m.rows[a] {
				continue
			}
			size, ok := m.atoms.Size(a).Int()
			switch {
			case ok:
				n *= float64(size)
			case i > 0:
				n *= unknownRows
			}
		}
	}
	return n
}

// formTime looks up the time of a layer in microseconds, between the measured
// points in the logarithm.
func formTime(f layerForm, g, k, q, rows float64) float64 {
	table := &fcTable[f]
	size, is := place(math.Log2(k*q), fcSizes[:])
	row, ir := place(math.Log2(rows), fcRows[:])
	at := func(i, j int) float64 { return table[min(i, len(fcSizes)-1)][min(j, len(fcRows)-1)] }
	rate := (at(is, ir)*(1-size)+at(is+1, ir)*size)*(1-row) + (at(is, ir+1)*(1-size)+at(is+1, ir+1)*size)*row
	return g * k * q * rows * math.Exp2(rate) / 1e6
}

// place finds x among ascending points: the point before it, and how far it is
// on the way to the next. Beyond the ends the last rates hold.
func place(x float64, points []float64) (frac float64, i int) {
	for i = 0; i < len(points)-1 && x >= points[i+1]; i++ {
	}
	if i == len(points)-1 || x <= points[0] {
		return 0, i
	}
	return (x - points[i]) / (points[i+1] - points[i]), i
}
