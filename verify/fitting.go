package verify

import (
	"fmt"
	"slices"

	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// A fitting finds values for the free dimensions of a model. Values are listed in the
// order of sizing.symbols.
type fitting struct {
	g     *graph.Graph // with symbols
	s     *sizing
	v     *graph.Valuation
	rules []rule
	nodes int           // that may still be looked at
	tests int           // formulas that may still be worked out
	blame *graph.Demand // what did not hold

	distinct int             // demands, each once
	decided  bool            // rules and these are all that a graph with numbers could tell
	above    []graph.Formula // sizes that must not vanish
}

// A rule is a demand that only the symbols decide.
type rule struct {
	*graph.Demand
	have, want graph.Formula
	symbols    []int
}

func newFitting(g *graph.Graph, s *sizing) *fitting {
	f := &fitting{g: g, s: s, v: graph.NewValuation(s.symbols), nodes: searchNodes, tests: searchDemands}
	seen := map[string]bool{}
	for i := range g.Demands {
		d := &g.Demands[i]
		key := fmt.Sprint(d.Relation, " ", d.Have, " ", d.Want)
		if seen[key] {
			continue
		}
		seen[key] = true
		f.distinct++
		have, ok := f.v.Formula(d.Have)
		want, ok2 := f.v.Formula(d.Want)
		if ok && ok2 { // else a size that the inputs' sizes do not decide, as far as is known
			f.rules = append(f.rules, rule{d, have, want, f.v.Symbols(have, want)})
		}
	}
	f.above, f.decided = f.rows()
	return f
}

// solve gives every symbol a value.
func (f *fitting) solve(batch int64) ([]int64, error) {
	values := f.bound()
	if !f.propagate(values) {
		return nil, f.nothing()
	}
	batches, sizes := f.open(values)
	empty := batch == 0 && len(batches) > 0
	if empty { // fits where some batch does
		batch = 2
	}
	tries := []int64{batch}
	if len(batches) > 0 && len(f.rules) > 0 {
		for n := range int64(largestBatch) {
			if n+1 != batch {
				tries = append(tries, n+1)
			}
		}
	}
	var out []int64
	for _, find := range f.ways(sizes) {
		if out = f.try(values, batches, tries, find); out != nil {
			break
		}
	}
	if out == nil {
		return nil, f.nothing()
	}
	if empty {
		for _, i := range batches {
			out[i] = 0
		}
	}
	return out, nil
}

// bound are the values that the caller gave.
func (f *fitting) bound() []int64 {
	values := make([]int64, len(f.s.symbols))
	for i, sym := range f.s.symbols {
		v, ok := f.s.bound[sym]
		if !ok {
			v = graph.NoValue
		}
		values[i] = v
	}
	return values
}

// open lists the symbols without a value: batches, and all others.
func (f *fitting) open(values []int64) (batches, sizes []int) {
	for i, sym := range f.s.symbols {
		switch {
		case values[i] != graph.NoValue:
		case f.s.batch[sym]:
			batches = append(batches, i)
		default:
			sizes = append(sizes, i)
		}
	}
	return batches, sizes
}

// A find completes values, nil where none fit.
type find func(given []int64) []int64

// ways are what is tried in turn, with every batch.
func (f *fitting) ways(sizes []int) []find {
	ways := []find{
		func(given []int64) []int64 { return f.search(given, sizes, mapStages) },
		func(given []int64) []int64 { return f.search(given, sizes, lastStages) },
	}
	if len(sizes) == 0 { // nobody can choose: the run says what is wrong
		ways = append(ways, func(given []int64) []int64 {
			if f.hold(given, false) {
				return given
			}
			return nil
		})
	}
	return ways
}

// try completes values with one batch after the other.
func (f *fitting) try(values []int64, batches []int, tries []int64, find find) []int64 {
	for _, n := range tries {
		given := slices.Clone(values)
		for _, i := range batches {
			given[i] = n
		}
		if !f.propagate(given) {
			continue
		}
		if out := find(given); out != nil {
			return out
		}
		if f.spent() {
			return nil
		}
	}
	return nil
}

// spent reports whether the budget of the search is used up.
func (f *fitting) spent() bool { return f.nodes < 0 || f.tests < 0 }

// shapes are the shapes of the inputs.
func (f *fitting) shapes(values []int64) map[string][]int64 {
	named := map[string]int64{}
	for i, sym := range f.s.symbols {
		named[sym] = values[i]
	}
	return f.s.shapes(named)
}

// search tries sizes for the symbols that are left.
func (f *fitting) search(given []int64, sizes []int, stages []stage) []int64 {
	var left []int
	for _, i := range sizes {
		if given[i] == graph.NoValue {
			left = append(left, i)
		}
	}
	if len(left) == 0 {
		for _, even := range []bool{true, false} {
			if f.fits(given, even) {
				return given
			}
		}
		return nil
	}
	values := slices.Clone(given)
	for _, s := range stages {
		for size, last := range s.maps() {
			if f.spent() {
				return nil
			}
			if f.assign(values, left, size, last) && f.fits(values, s.even) {
				return values
			}
		}
	}
	return nil
}

// assign makes the symbols that are left as large as the map says; it reports false
// where a dimension is a multiple of one, as 4*h, and the map is none.
func (f *fitting) assign(values []int64, left []int, size, last int64) bool {
	for _, i := range left {
		n, sym := size, f.s.symbols[i]
		if f.s.last[sym] {
			n = last
		}
		by := max(f.s.factor[sym], 1)
		if n%by != 0 {
			return false
		}
		values[i] = n / by
	}
	return true
}

// fits reports whether the model's nodes agree with sizes: first by what is known
// of them as formulas, then, where these do not tell all, with numbers.
func (f *fitting) fits(values []int64, even bool) bool {
	if !f.hold(values, even) {
		return false
	}
	if f.decided {
		return f.atLeastOne(f.above, values)
	}
	return f.counts(values, even)
}

// counts is fits with numbers.
func (f *fitting) counts(values []int64, even bool) bool {
	f.nodes -= len(f.g.Nodes) + 1
	g, err := f.g.Sized(f.shapes(values))
	if err != nil {
		return false
	}
	if g.Unfit > f.g.Unfit {
		f.accuse(f.new(g))
		return false
	}
	return (!even || g.Uneven <= f.g.Uneven) && positive(g, f.g)
}

// hold reports whether what nodes ask for holds for sizes, as far as formulas tell.
func (f *fitting) hold(values []int64, even bool) bool {
	at := f.fill(values)
	for _, r := range f.rules {
		f.tests--
		if r.Relation == graph.Even && !even {
			continue
		}
		have, ok := r.have.Value(at)
		want, ok2 := r.want.Value(at)
		if ok && ok2 && !r.Relation.Holds(have, want) {
			f.accuse(r.Demand)
			return false
		}
	}
	return true
}

// fill is values with the quotients that formulas need.
func (f *fitting) fill(values []int64) []int64 {
	f.tests -= f.v.Work()
	return f.v.Fill(slices.Clone(values))
}

// new is the first contradiction that only the numbers made.
func (f *fitting) new(g *graph.Graph) *graph.Demand {
	old := map[string]bool{}
	for _, d := range f.g.Contradictions {
		old[d.String()] = true
	}
	for i, d := range g.Contradictions {
		if !old[d.String()] {
			return &g.Contradictions[i]
		}
	}
	return nil
}

// accuse notes what did not hold: the first demand, where it is not one that a larger
// map fulfils.
func (f *fitting) accuse(d *graph.Demand) {
	if d == nil || d.Relation == graph.Even {
		return
	}
	if f.blame == nil || f.blame.Relation == graph.AtLeast && d.Relation != graph.AtLeast {
		f.blame = d
	}
}

func (f *fitting) nothing() error {
	err := fmt.Errorf("choosing input sizes: %w", errNothingFits)
	if f.blame != nil {
		err = fmt.Errorf("choosing input sizes: %w: %v", errNothingFits, f.blame)
	}
	return &onnxio.Hint{Err: err, Advice: f.s.advice()}
}

// propagate gives values to symbols that are the only unknown of what some node asks
// for; it reports false where that contradicts itself. Operands that may be 1
// instead are believed last.
func (f *fitting) propagate(values []int64) bool {
	for _, believed := range []graph.Relation{graph.Equals, graph.Broadcasts} {
		for changed := true; changed && f.tests >= 0; {
			changed = false
			at := f.fill(values)
			for _, r := range f.rules {
				f.tests--
				if r.Relation > believed {
					continue
				}
				learned, ok := f.learn(r, values, at)
				if !ok {
					f.accuse(r.Demand)
					return false
				}
				if learned {
					changed = true
					at = f.fill(values)
				}
			}
		}
	}
	return true
}

// learn gives a value to the only unknown of a rule; ok is false where no value
// fulfils it, or where it has no unknown and does not hold. at is values with the
// quotients that formulas need.
func (f *fitting) learn(r rule, values, at []int64) (learned, ok bool) {
	open, n := 0, 0
	for _, i := range r.symbols {
		if values[i] == graph.NoValue {
			open, n = i, n+1
		}
	}
	switch n {
	case 0:
		have, known := r.have.Value(at)
		want, known2 := r.want.Value(at)
		return false, !known || !known2 || r.Relation.Holds(have, want)
	case 1:
		if f.parity(r, open, values) {
			return false, true
		}
		if v, found := f.root(r, open, values); found {
			values[open] = v
			return true, true
		}
		return false, r.Relation != graph.Equals || f.tests < 0
	}
	return false, true
}

// parity reports whether both sides of r follow one symbol, and are equal for several of
// its values, as the halves that slices take of an axis are for even ones: that decides nothing
// by itself.
func (f *fitting) parity(r rule, open int, values []int64) bool {
	if !slices.Contains(f.v.Symbols(r.have), open) || !slices.Contains(f.v.Symbols(r.want), open) {
		return false
	}
	diff := f.difference(r, open, values)
	equal := 0
	for v := int64(smallestMap); v <= largestRectangle && equal < 2; v++ {
		if x, ok := diff(v); ok && x == 0 {
			equal++
		}
	}
	return equal > 1
}

// root is the value of a symbol for which both sides of r are equal: where they are
// straight lines, where these cross, else the smallest from smallestMap on, or the
// largest below. Where the other side is 1 it may be anything.
func (f *fitting) root(r rule, open int, values []int64) (int64, bool) {
	if r.Relation == graph.Broadcasts && (r.Have.Is(1) || r.Want.Is(1)) {
		return 0, false
	}
	diff := f.difference(r, open, values)
	a, ok := diff(1)
	b, ok2 := diff(2)
	if !ok || !ok2 {
		return 0, false
	}
	zero := func(v int64) bool {
		x, ok := diff(v)
		return ok && x == 0
	}
	if a != b && a%(b-a) == 0 {
		if v := 1 - a/(b-a); v > 0 && v <= largestFeature && zero(v) {
			return v, true
		}
	}
	for v := int64(smallestMap); v <= largestMap && f.tests >= 0; v++ {
		if zero(v) {
			return v, true
		}
	}
	for v := int64(smallestMap - 1); v > 0 && f.tests >= 0; v-- {
		if zero(v) {
			return v, true
		}
	}
	return 0, false
}

// difference is by how much the sides of r differ where the open symbol has a value;
// ok is false where they are unknown, or where the side without the symbol is 1 and
// the other may be anything.
func (f *fitting) difference(r rule, open int, values []int64) func(v int64) (diff int64, ok bool) {
	inHave, inWant := slices.Contains(f.v.Symbols(r.have), open), slices.Contains(f.v.Symbols(r.want), open)
	at := slices.Clone(values)
	return func(v int64) (int64, bool) {
		at[open] = v
		at = f.fill(at[:len(values)])
		have, ok := r.have.Value(at)
		want, ok2 := r.want.Value(at)
		if r.Relation == graph.Broadcasts && ok && ok2 && (have == 1 && !inHave || want == 1 && !inWant) {
			return 0, false
		}
		return have - want, ok && ok2
	}
}
