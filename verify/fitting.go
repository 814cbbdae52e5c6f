package verify

import (
	"fmt"
	"maps"
	"slices"

	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// Bounds of the search for sizes. Height and width are tried from smallestMap to
// largestMap, rectangles, which few models need, up to largestRectangle.
const (
	smallestMap      = 8
	largestMap       = 1024
	largestRectangle = 48
	largestBatch     = 64
	largestFeature   = 1 << 16

	// searchNodes is how many nodes are looked at while whole models are tried with
	// numbers: about half a second.
	searchNodes = 1 << 17
	// searchDemands does the same for demands.
	searchDemands = 1 << 23
)

// commonMaps are the sizes that most models were exported with.
var commonMaps = [...]int64{224, 256, 384, 512}

// A fitting finds values for the free dimensions of a model.
type fitting struct {
	m       *onnxio.Model
	g       *graph.Graph // with symbols
	s       *sizing
	demands []graph.Demand // each once
	nodes   int            // that may still be looked at
	tests   int
	blame   *graph.Demand // what did not hold for the first sizes that were tried
}

func newFitting(m *onnxio.Model, g *graph.Graph, s *sizing) *fitting {
	f := &fitting{m: m, g: g, s: s, nodes: searchNodes, tests: searchDemands}
	mine := map[string]bool{}
	for _, sym := range s.symbols {
		mine[sym] = true
	}
	seen := map[string]bool{}
	for _, d := range g.Demands {
		key := fmt.Sprint(d.Relation, " ", d.Have, " ", d.Want)
		if seen[key] {
			continue
		}
		seen[key] = true
		if ours := func(sym string) bool { return !mine[sym] }; slices.ContainsFunc(d.Have.Symbols(), ours) || slices.ContainsFunc(d.Want.Symbols(), ours) {
			continue // a size that the inputs' sizes do not decide, as far as is known
		}
		f.demands = append(f.demands, d)
	}
	return f
}

// solve gives every symbol a value.
func (f *fitting) solve(batch int64) (map[string]int64, error) {
	values := maps.Clone(f.s.bound)
	if !f.propagate(values) {
		return nil, f.nothing()
	}
	var batches, sizes []string
	for _, sym := range f.s.symbols {
		switch _, ok := values[sym]; {
		case ok:
		case f.s.batch[sym]:
			batches = append(batches, sym)
		default:
			sizes = append(sizes, sym)
		}
	}
	empty := batch == 0 && len(batches) > 0
	if empty { // fits where some batch does
		batch = 2
	}
	tries := []int64{batch}
	if len(batches) > 0 && len(f.demands) > 0 {
		for n := range int64(largestBatch) {
			if n+1 != batch {
				tries = append(tries, n+1)
			}
		}
	}
	try := func(find func(given map[string]int64) map[string]int64) map[string]int64 {
		for _, n := range tries {
			given := maps.Clone(values)
			for _, sym := range batches {
				given[sym] = n
			}
			if !f.propagate(given) {
				continue
			}
			if out := find(given); out != nil {
				return out
			}
			if f.nodes < 0 || f.tests < 0 {
				return nil
			}
		}
		return nil
	}
	out := try(func(given map[string]int64) map[string]int64 { return f.search(given, sizes, mapStages) })
	if out == nil {
		out = try(func(given map[string]int64) map[string]int64 { return f.search(given, sizes, lastStages) })
	}
	if out == nil && len(sizes) == 0 { // nobody can choose: the run says what is wrong
		out = try(func(given map[string]int64) map[string]int64 {
			if f.hold(given, false) {
				return given
			}
			return nil
		})
	}
	if out == nil {
		return nil, f.nothing()
	}
	if empty {
		for _, sym := range batches {
			out[sym] = 0
		}
	}
	return out, nil
}

// A stage is a list of heights and widths to try.
type stage struct {
	from, to int64 // step by step, down where to is less
	common   bool
	square   bool
	even     bool // divisions leave no rest
}

// Some models round on purpose, tile counts that are written into the graph may ask
// for a rectangle, and a weight for a small map.
var (
	mapStages = []stage{
		{from: smallestMap, to: largestRectangle, square: true, even: true},
		{common: true, square: true, even: true},
		{common: true, square: true},
		{from: smallestMap, to: largestRectangle, even: true},
		{from: largestRectangle + 1, to: largestMap, square: true, even: true},
		{from: smallestMap - 1, to: 1, square: true, even: true},
	}
	lastStages = []stage{
		{from: 1, to: largestRectangle, even: true},
		{from: smallestMap, to: smallestMap, square: true},
	}
)

func (s stage) each(f func(size, last int64) bool) bool {
	if s.common {
		for _, n := range commonMaps {
			if f(n, n) {
				return true
			}
		}
		return false
	}
	if s.square {
		step := int64(1)
		if s.to < s.from {
			step = -1
		}
		for n := s.from; n != s.to+step; n += step {
			if f(n, n) {
				return true
			}
		}
		return false
	}
	for longer := s.from + 1; longer <= s.to; longer++ {
		for shorter := s.from; shorter < longer; shorter++ {
			if f(shorter, longer) || f(longer, shorter) {
				return true
			}
		}
	}
	return false
}

// search tries sizes for the symbols that are left.
func (f *fitting) search(given map[string]int64, sizes []string, stages []stage) (found map[string]int64) {
	var left []string
	for _, sym := range sizes {
		if _, ok := given[sym]; !ok {
			left = append(left, sym)
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
	for _, s := range stages {
		ok := s.each(func(size, last int64) bool {
			if f.nodes < 0 || f.tests < 0 {
				return true
			}
			values := maps.Clone(given)
			for _, sym := range left {
				n := size
				if f.s.last[sym] {
					n = last
				}
				by := max(f.s.factor[sym], 1)
				if n%by != 0 {
					return false
				}
				values[sym] = n / by
			}
			if f.fits(values, s.even) {
				found = values
				return true
			}
			return false
		})
		if ok {
			return found
		}
	}
	return nil
}

// fits reports whether the model's nodes agree with sizes: first by what is known
// of them as formulas, then with numbers.
func (f *fitting) fits(values map[string]int64, even bool) bool {
	if !f.hold(values, even) {
		return false
	}
	f.nodes -= len(f.g.Nodes) + 1
	g, err := graph.New(f.m, graph.Options{Sizes: f.s.shapes(values)})
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
func (f *fitting) hold(values map[string]int64, even bool) bool {
	for i, d := range f.demands {
		f.tests--
		if d.Relation == graph.Even && !even {
			continue
		}
		have, ok := d.Have.Value(values)
		want, ok2 := d.Want.Value(values)
		if ok && ok2 && !d.Relation.Holds(have, want) {
			f.accuse(&f.demands[i])
			return false
		}
	}
	return true
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

func (f *fitting) accuse(d *graph.Demand) {
	if f.blame == nil && d != nil && d.Relation != graph.Even {
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
func (f *fitting) propagate(values map[string]int64) bool {
	for _, believed := range []graph.Relation{graph.Equals, graph.Broadcasts} {
		for changed := true; changed; {
			changed = false
			for i := range f.demands {
				d := &f.demands[i]
				f.tests--
				if d.Relation > believed {
					continue
				}
				switch sym, n := f.unknown(d, values); {
				case n == 0:
					have, _ := d.Have.Value(values)
					want, _ := d.Want.Value(values)
					if !d.Relation.Holds(have, want) {
						f.accuse(d)
						return false
					}
				case n == 1:
					v, ok := root(d, sym, values)
					if ok {
						values[sym], changed = v, true
					} else if d.Relation == graph.Equals {
						f.accuse(d)
						return false
					}
				}
			}
		}
	}
	return true
}

// unknown counts the symbols of d without a value.
func (f *fitting) unknown(d *graph.Demand, values map[string]int64) (sym string, n int) {
	for _, size := range []graph.Dim{d.Have, d.Want} {
		for _, s := range size.Symbols() {
			if _, ok := values[s]; !ok && s != sym {
				sym, n = s, n+1
			}
		}
	}
	return sym, n
}

// root is the value of a symbol for which both sides of d are equal: the smallest
// from smallestMap on, or the largest below. Where the other side is 1 it may be
// anything.
func root(d *graph.Demand, sym string, values map[string]int64) (int64, bool) {
	at := maps.Clone(values)
	diff := func(v int64) (int64, bool) {
		at[sym] = v
		have, ok := d.Have.Value(at)
		want, ok2 := d.Want.Value(at)
		return have - want, ok && ok2
	}
	if d.Relation == graph.Broadcasts {
		for _, size := range []graph.Dim{d.Have, d.Want} {
			if v, ok := size.Value(values); ok && v == 1 {
				return 0, false
			}
		}
	}
	a, ok := diff(1)
	b, ok2 := diff(2)
	if !ok || !ok2 {
		return 0, false
	}
	if a != b && a%(b-a) == 0 { // a straight line crosses zero here, if it is one
		if v := 1 - a/(b-a); v > 0 && v <= largestFeature {
			if x, ok := diff(v); ok && x == 0 {
				return v, true
			}
		}
	}
	for v := int64(smallestMap); v <= largestMap; v++ {
		if x, ok := diff(v); ok && x == 0 {
			return v, true
		}
	}
	for v := int64(smallestMap - 1); v > 0; v-- {
		if x, ok := diff(v); ok && x == 0 {
			return v, true
		}
	}
	return 0, false
}
