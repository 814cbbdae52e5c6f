package layer

import (
	"repmlp/convert/internal/affine"
	"repmlp/fuse"
	"repmlp/internal/elementary"
	"repmlp/onnxio/graph"
)

// A Choice says how a merged FC is written.
type Choice uint8

// The choices. Auto takes for each layer what a table of measurements says is
// fastest over batch sizes 1, 8 and 32, and no slower than the grouped Conv at
// any of them.
const (
	Auto    Choice = iota
	Gemm           // Gemm for one group, batched MatMul for several
	Grouped        // grouped 1×1 Conv
	Columns        // the weights as left operand
	Split          // one Gemm for each group
)

// A form is one way to write an FC.
type form struct {
	name    string
	groups  groups                                               // that it is for
	when    func(q *question) bool                               // it was not ruled out
	around  func(m *affine.Rows, rows []graph.Atom) (ends, bool) // what its nodes read and make
	weights weights
	write   func(c *fcNodes, in, to string) (string, error)
	time    *rates                       // how long the layer takes
	flat    *ratios                      // and how long on a map of one position; nil: it is a Conv, or was not measured there
	extra   func(groups float64) float64 // nodes beside the layer, nil for none
	plain   bool                         // what is written where nothing is measured to be better
}

// forms lists the ways to write an FC, in the order in which they are asked; of
// equal ones the first is taken. A form is a file and a line here.
func forms() []form {
	return []form{
		gemmForm,
		matMulForm,
		leftGemmForm,
		leftMatMulForm,
		splitForm,
		groupedConvForm,
		inPlaceForm,
		leftInPlaceForm,
	}
}

// A question is what decides which forms are looked at.
type question struct {
	choice Choice
	opset  int64
	groups int
	tiny   bool // nodes cost more than products
	gemm   bool // one of the merged nodes is a Gemm; asked before opset 7 alone
}

// auto reports whether a table of measurements decides.
func (q *question) auto() bool { return q.choice == Auto && q.opset >= attributeless }

// plain reports whether the forms with the data as left operand are asked for. ONNX
// Runtime has no Gemm and no Add before opset 7: a Gemm is written where one is
// merged, a 1×1 Conv elsewhere.
func (q *question) plain() bool {
	if q.opset < attributeless {
		return q.gemm && q.groups == 1
	}
	return q.choice == Auto || q.choice == Gemm || q.choice == Split && q.groups == 1
}

// ends are the layouts that a layer reads and makes, and the first as a Reshape
// target.
type ends struct {
	x, y  graph.Layout
	dims  []int64
	trans bool // the layer reads rows and turns them itself
}

// weights is how a form stores its weight and bias.
type weights struct {
	dims  func(g, q, k int64) (weight, bias []int64) // g groups of q results and k features
	order fuse.Order
}

// batches are the batch sizes that a form has to be fast at.
var batches = [...]float64{1, 8, 32}

const (
	// conflict is how much slower than the grouped Conv a form may be at any of them
	// before it is out of question.
	conflict = 1.05
	// moveRate is about how many floats a Transpose moves in a microsecond: it waits
	// for memory.
	moveRate = 1000
	// nodeTime is what any node costs, in microseconds.
	nodeTime = 4
	// worthwhile is how many times faster another form than the plain one has to be:
	// the table is a measurement.
	worthwhile = 1.2
	// tinyTime is the time in microseconds below which a layer is written the plain
	// way: there nodes cost more than products.
	tinyTime = 50
	// unknownRows stands for rows whose number follows from a free height and width.
	unknownRows = 4
)

// A formCost orders forms: first how far one is beyond what is allowed, then the
// geometric mean of its times.
type formCost struct{ beyond, mean float64 }

func (a formCost) less(b formCost) bool {
	if a.beyond != b.beyond {
		return a.beyond < b.beyond
	}
	return a.mean < b.mean
}

// cost predicts the time of an FC at several batch sizes.
func (l *FC) cost() formCost {
	g, k, q := sizesOf(l.Rows)
	one := rowsOfOne(l.Rows, unknownRows)
	turns, nodes := 0.0, float64(len(l.before)+len(l.after)+1)
	for _, m := range l.moves() {
		if m.perm != nil {
			turns++
		}
	}
	limitNodes := nodes
	if l.form.extra != nil {
		nodes += l.form.extra(g)
	}
	var c formCost
	for _, b := range batches {
		rows := one * b
		t := l.form.time.of(g, k, q, rows) + turns*rows*g*(k+q)/2/moveRate + float64(nodes*nodeTime)
		limit := timesConv.of(g, k, q, rows) + float64(nodeTime*limitNodes)
		c.beyond = max(c.beyond, t/limit/conflict)
		c.mean += elementary.Log(t)
	}
	if c.beyond <= 1 {
		c.beyond = 0
	}
	if !l.form.plain {
		c.mean += float64(elementary.Log(worthwhile) * float64(len(batches)))
	}
	return c
}

// tiny reports whether a layer is below tinyTime at every batch size.
func tiny(m *affine.Rows) bool {
	g, k, q := sizesOf(m)
	return timesRows.of(g, k, q, rowsOfOne(m, unknownRows)*batches[len(batches)-1]) < tinyTime
}

// rowsOfOne is the number of rows at batch one, where unknown stands for each size
// beside the batch that is only known at run time.
func rowsOfOne(m *affine.Rows, unknown float64) float64 {
	n := 1.0
	for i, axis := range m.In {
		for _, a := range axis {
			if !m.Row[a] {
				continue
			}
			size, ok := m.Atoms.Size(a).Int()
			switch {
			case ok:
				n *= float64(size)
			case i > 0:
				n *= unknown
			}
		}
	}
	return n
}
