package layer

import "repmlp/internal/elementary"

// rates are a column of measurements: how long the layer of a form takes for each
// multiplication, in picoseconds, as a logarithm to base two.
type rates struct {
	name string
	at   [len(fcSizes)][len(fcRows)]float64
}

// ratios are how many times longer than a grouped Conv a form takes on a map of one
// position, with the nodes around it, as a logarithm to base two: the larger of those for
// one and two threads.
type ratios struct {
	name string
	at   [len(flatGroups)][len(flatSizes)][len(flatRows)]float64
}

// of is the time of a layer in microseconds, between the measured points in the logarithm.
func (c *rates) of(g, k, q, rows float64) float64 {
	size, is := between(elementary.Log2(k*q), fcSizes[:])
	row, ir := between(elementary.Log2(rows), fcRows[:])
	at := func(i, j int) float64 { return c.at[min(i, len(fcSizes)-1)][min(j, len(fcRows)-1)] }
	rate := mix(mix(at(is, ir), at(is+1, ir), size), mix(at(is, ir+1), at(is+1, ir+1), size), row)
	return g * k * q * rows * elementary.Exp2(rate) / 1e6
}

// of is the ratio of a layer, between the measured points in the logarithm.
func (c *ratios) of(groups, size, rows float64) float64 {
	a, i := between(elementary.Log2(groups), flatGroups[:])
	b, j := between(elementary.Log2(size), flatSizes[:])
	r, k := between(elementary.Log2(rows), flatRows[:])
	at := func(i, j, k int) float64 {
		return c.at[min(i, len(flatGroups)-1)][min(j, len(flatSizes)-1)][min(k, len(flatRows)-1)]
	}
	line := func(i, j int) float64 { return mix(at(i, j, k), at(i, j, k+1), r) }
	plane := func(i int) float64 { return mix(line(i, j), line(i, j+1), b) }
	return mix(plane(i), plane(i+1), a)
}

// mix is a number between two others, a part of the way from the first.
func mix(a, b, part float64) float64 { return float64(a*(1-part)) + float64(b*part) }

// between finds x among ascending points: the point before it, and how far it is
// on the way to the next. Beyond the ends the last rates hold.
func between(x float64, points []float64) (frac float64, i int) {
	for i = 0; i < len(points)-1 && x >= points[i+1]; i++ {
	}
	if i == len(points)-1 || x <= points[0] {
		return 0, i
	}
	return (x - points[i]) / (points[i+1] - points[i]), i
}
