package convert

import (
	"math"

	"repmlp/onnxio/graph"
)

// allBatches are the batch sizes at which a Conv is only replaced by what is not
// slower: those between one and eight are the ones that matrix products like least.
var allBatches = [...]float64{1, 2, 4, 8, 16, 32}

// fcWins reports whether a region that is both a convolution and an FC is written
// as an FC. A convolution of a map costs less than an FC with the nodes that bring
// the map into rows and back; only on a map of one position, where both do the same
// products, a matrix product is faster for enough samples. It has to be so at every
// batch size that the file leaves open.
func (p *planner) fcWins(conv, fc *Region) bool {
	u, v := conv.seg.from, conv.seg.to
	if !flatMap(u) || !flatMap(v) || conv.before != nil || conv.after != nil {
		return false
	}
	if p.opts.FC != FCAuto {
		return p.opts.FC != FCConv
	}
	f := fc.spell.form
	if f == formConv {
		return false
	}
	dims, _ := u.Shape()
	one := max(float64(dims[0].At(1)), 1) // rows at batch one
	samples := allBatches[:]
	if _, ok := dims[0].Int(); ok {
		samples = samples[:1]
	}
	m := fc.rows
	g, size := float64(m.count(m.group)), float64(m.count(m.feature)*m.count(m.result))
	sum := 0.0
	for _, n := range samples {
		r := flatRatio(f, g, size, n*one)
		if r > 0 {
			return false
		}
		sum += r
	}
	return sum <= -math.Log2(worthwhile)*float64(len(samples))
}

// flatRatio looks up how many times longer than a Conv a form takes on a map of one
// position, between the measured points in the logarithm: the logarithm to base two.
func flatRatio(f layerForm, groups, size, rows float64) float64 {
	a, i := place(math.Log2(groups), flatGroups[:])
	b, j := place(math.Log2(size), flatSizes[:])
	c, k := place(math.Log2(rows), flatRows[:])
	at := func(i, j, k int) float64 {
		return flatTable[f][min(i, len(flatGroups)-1)][min(j, len(flatSizes)-1)][min(k, len(flatRows)-1)]
	}
	line := func(i, j int) float64 { return at(i, j, k)*(1-c) + at(i, j, k+1)*c }
	plane := func(i int) float64 { return line(i, j)*(1-b) + line(i, j+1)*b }
	return plane(i)*(1-a) + plane(i+1)*a
}

// flatMap reports whether a map has one position only.
func flatMap(v *graph.Value) bool {
	dims, ok := v.Shape()
	if !ok || len(dims) < 3 {
		return false
	}
	for _, d := range dims[2:] {
		if !d.Is(1) {
			return false
		}
	}
	return true
}
