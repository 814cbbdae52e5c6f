package verify

import (
	"errors"
	"fmt"
	"math"

	"repmlp/onnxio"
)

// scoreRows are the rows and classes of an output that has the form of class scores.
func scoreRows(t *Tensor) (rows, classes int, ok bool) {
	if t == nil || !t.DType.IsFloat() || len(t.Shape) < 2 {
		return 0, 0, false
	}
	for _, n := range t.Shape[2:] {
		if n != 1 {
			return 0, 0, false
		}
	}
	return t.Shape[0], t.Shape[1], t.Shape[1] >= 2
}

// topClasses is how many classes count as the first ones.
const topClasses = 5

// top are the classes with the largest of the scores, the best first; of equal ones the
// first. ok is false where a score is NaN.
func top(t *Tensor, row, classes int) (best []int, ok bool) {
	best = make([]int, 0, topClasses+1)
	score := func(c int) float64 { return t.Float(row*classes + c) }
	for c := range classes {
		x := score(c)
		if math.IsNaN(x) {
			return nil, false
		}
		at := len(best)
		for at > 0 && x > score(best[at-1]) {
			at--
		}
		if at == topClasses {
			continue
		}
		best = append(best, 0)
		copy(best[at+1:], best[at:])
		best[at] = c
		best = best[:min(len(best), topClasses)]
	}
	return best, true
}

// A scoring gathers how two classifiers decide in one output.
type scoring struct {
	s      ScoreAgreement
	broken bool  // some run had another form
	seen   int64 // rows so far
	misfit error // the labels are not those of this output
}

// add takes one run; labels are those of the rows of all runs, nil for none.
func (g *scoring) add(a, b *Tensor, labels []int64) {
	rows, classes, ok := scoreRows(a)
	if n, others, same := scoreRows(b); !ok || !same || others != classes || g.s.Classes != 0 && g.s.Classes != classes || n != rows {
		g.broken = true
		return
	}
	g.s.Classes = classes
	mine := g.labels(labels, rows)
	for row := range rows {
		x, ok := top(a, row, classes)
		y, also := top(b, row, classes)
		if !ok || !also {
			continue
		}
		g.s.Rows++
		if x[0] == y[0] {
			g.s.Top1++
		}
		if sameSet(x, y) {
			g.s.Top5++
		}
		if mine != nil {
			g.s.Labels++
			count(x, mine[row], &g.s.RefTop1, &g.s.RefTop5)
			count(y, mine[row], &g.s.CandTop1, &g.s.CandTop5)
		}
	}
}

// labels are those of the next rows, nil where there are none that fit.
func (g *scoring) labels(all []int64, rows int) []int64 {
	from, to := g.seen, g.seen+int64(rows)
	g.seen = to
	if all == nil || g.misfit != nil {
		return nil
	}
	if to > int64(len(all)) {
		g.misfit = fmt.Errorf("there are %d labels, output %q has more rows", len(all), g.s.Output)
		return nil
	}
	for i, l := range all[from:to] {
		if l < 0 || l >= int64(g.s.Classes) {
			g.misfit = fmt.Errorf("label %d is %d, output %q has %d classes", from+int64(i), l, g.s.Output, g.s.Classes)
			return nil
		}
	}
	return all[from:to]
}

// count notes whether a label is the first of the best classes, and whether it is among them.
func count(best []int, label int64, first, among *int64) {
	for i, c := range best {
		if int64(c) == label {
			*among++
			if i == 0 {
				*first++
			}
		}
	}
}

// agreements are what all runs showed of the outputs that have the form. Labels that
// fit none of them are an error.
func agreements(list []*scoring, labels []int64) (out []ScoreAgreement, err error) {
	fit := false
	for _, g := range list {
		s := g.s
		if g.broken || s.Rows == 0 {
			continue
		}
		if g.misfit == nil && labels != nil && g.seen != int64(len(labels)) {
			g.misfit = fmt.Errorf("there are %d labels for the %d rows of output %q", len(labels), g.seen, s.Output)
		}
		if g.misfit != nil {
			err = g.misfit
			s.Labels, s.RefTop1, s.CandTop1, s.RefTop5, s.CandTop5 = 0, 0, 0, 0, 0
		}
		fit = fit || g.misfit == nil
		if s.Classes <= topClasses {
			s.Top5, s.RefTop5, s.CandTop5 = -1, -1, -1
		}
		out = append(out, s)
	}
	switch {
	case labels == nil || fit:
		return out, nil
	case err == nil:
		return nil, &onnxio.Hint{Err: errors.New("comparing with labels: no output has the form of class scores"), Advice: "that form is floats of shape [rows, classes]; leave --labels out"}
	}
	return nil, fmt.Errorf("comparing with labels: %w", err)
}

// sameSet reports whether two lists of different classes have the same ones.
func sameSet(x, y []int) bool {
	n := 0
	for _, c := range x {
		for _, d := range y {
			if c == d {
				n++
			}
		}
	}
	return n == len(x) && n == len(y)
}

// ReadLabels reads the classes that rows belong to: a numpy array of integers of shape
// [rows], or [rows, 1].
func ReadLabels(path string) ([]int64, error) {
	t, err := ReadNumpy(path)
	if err != nil {
		return nil, err
	}
	if !t.DType.IsInt() || len(t.Shape) == 0 || len(t.Shape) > 2 || len(t.Shape) == 2 && t.Shape[1] != 1 {
		return nil, fmt.Errorf("reading labels %q: an array of integers of shape [rows] is wanted, not %s %v", path, t.DType, t.Shape)
	}
	return t.I, nil
}
