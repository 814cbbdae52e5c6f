// Package layered places the boxes of a small directed graph in layers, from top to
// bottom, for drawings: the method of Sugiyama, Tagawa and Toda (1981).
//
// Boxes get the layer of their longest way from a source. Edges over several layers
// are cut into short ones. Boxes of a layer are ordered by the mean place of their
// neighbours, and get the places that are nearest to these in the sense of least
// squares.
package layered

import (
	"cmp"
	"slices"
)

// A Box is the size of what is placed.
type Box struct{ Width, Height float64 }

// An Edge leads from one box to another, by their indices. Edges that close a cycle,
// and those from a box to itself, are drawn and do not count for the layers.
type Edge struct{ From, To int }

// A Point is a place; y grows downwards.
type Point struct{ X, Y float64 }

// Gaps are the least distances between neighbours in a layer and between layers.
type Gaps struct{ X, Y float64 }

// A Layout says where boxes and edges are.
type Layout struct {
	Width, Height float64
	Boxes         []Point   // the upper left corner of each box
	Edges         [][]Point // of each edge: from below the first box to above the second
}

// sweeps is how often layers are ordered and placed by their neighbours, downwards and
// upwards. Drawings of a few dozen boxes stop changing much earlier.
const sweeps = 12

// Place places boxes. The result follows from the arguments alone.
func Place(boxes []Box, edges []Edge, gaps Gaps) Layout {
	p := &placing{gaps: gaps, count: len(boxes)}
	for _, b := range boxes {
		p.items = append(p.items, &item{Box: b})
	}
	p.assign(edges)
	p.cut(edges)
	p.order()
	p.spread()
	return p.layout(edges)
}

// An item is a box, or where a long edge passes a layer.
type item struct {
	Box
	layer, place int
	x, y         float64 // of its centre; of its top
	above, below []*item
}

// A placing is the work of Place.
type placing struct {
	gaps   Gaps
	count  int // of boxes: the first items
	items  []*item
	layers [][]*item
	ways   [][]*item // of each edge: all items on it
}

// assign finds the layers.
func (p *placing) assign(edges []Edge) {
	out := make([][]int, p.count)
	for _, e := range edges {
		if e.From != e.To {
			out[e.From] = append(out[e.From], e.To)
		}
	}
	const open, done = 1, 2
	state := make([]int, p.count)
	var order []int
	back := map[Edge]bool{}
	var visit func(int)
	visit = func(i int) {
		state[i] = open
		for _, j := range out[i] {
			switch state[j] {
			case 0:
				visit(j)
			case open:
				back[Edge{i, j}] = true
			}
		}
		state[i] = done
		order = append(order, i)
	}
	for i := range p.count {
		if state[i] == 0 {
			visit(i)
		}
	}
	slices.Reverse(order)
	fed := make([]bool, p.count)
	for _, i := range order {
		for _, j := range out[i] {
			if !back[Edge{i, j}] {
				p.items[j].layer = max(p.items[j].layer, p.items[i].layer+1)
				fed[j] = true
			}
		}
	}
	for _, i := range order { // what nothing leads to stands right above what it leads to
		if fed[i] || len(out[i]) == 0 {
			continue
		}
		nearest := p.items[out[i][0]].layer
		for _, j := range out[i] {
			nearest = min(nearest, p.items[j].layer)
		}
		p.items[i].layer = max(p.items[i].layer, nearest-1)
	}
}

// cut cuts edges at every layer that they pass.
func (p *placing) cut(edges []Edge) {
	for _, e := range edges {
		from, to := p.items[e.From], p.items[e.To]
		way := []*item{from}
		for l := from.layer + 1; l < to.layer; l++ {
			way = append(way, &item{layer: l})
			p.items = append(p.items, way[len(way)-1])
		}
		way = append(way, to)
		p.ways = append(p.ways, way)
		if from.layer >= to.layer {
			continue // not on the way down
		}
		for k := 1; k < len(way); k++ {
			way[k-1].below, way[k].above = append(way[k-1].below, way[k]), append(way[k].above, way[k-1])
		}
	}
	for _, it := range p.items {
		for len(p.layers) <= it.layer {
			p.layers = append(p.layers, nil)
		}
		it.place = len(p.layers[it.layer])
		p.layers[it.layer] = append(p.layers[it.layer], it)
	}
}

// order orders each layer by the mean place of the neighbours above, then below, and
// keeps the order with the fewest crossings.
func (p *placing) order() {
	best, least := p.places(), p.crossings()
	for sweep := range sweeps {
		down := sweep%2 == 0
		for k := range p.layers {
			l := p.layers[k]
			if !down {
				l = p.layers[len(p.layers)-1-k]
			}
			mean := map[*item]float64{}
			for _, it := range l {
				near := it.above
				if !down {
					near = it.below
				}
				mean[it] = float64(it.place)
				if len(near) > 0 {
					sum := 0.0
					for _, n := range near {
						sum += float64(n.place)
					}
					mean[it] = sum / float64(len(near))
				}
			}
			slices.SortStableFunc(l, func(a, b *item) int { return cmp.Compare(mean[a], mean[b]) })
			for i, it := range l {
				it.place = i
			}
		}
		if c := p.crossings(); c < least {
			best, least = p.places(), c
		}
	}
	for _, l := range p.layers {
		slices.SortFunc(l, func(a, b *item) int { return cmp.Compare(best[a], best[b]) })
		for i, it := range l {
			it.place = i
		}
	}
}

func (p *placing) places() map[*item]int {
	m := map[*item]int{}
	for _, it := range p.items {
		m[it] = it.place
	}
	return m
}

// crossings counts pairs of short edges that cross.
func (p *placing) crossings() int {
	n := 0
	for _, l := range p.layers {
		var ends [][2]int
		for _, it := range l {
			for _, b := range it.below {
				ends = append(ends, [2]int{it.place, b.place})
			}
		}
		for i, a := range ends {
			for _, b := range ends[:i] {
				if (a[0]-b[0])*(a[1]-b[1]) < 0 {
					n++
				}
			}
		}
	}
	return n
}

// spread finds the x of all items.
func (p *placing) spread() {
	for _, l := range p.layers {
		p.settle(l, func(it *item) (float64, float64) { return it.x, 1 })
	}
	for sweep := range 2 * sweeps {
		for k := range p.layers {
			l := p.layers[k]
			if sweep%2 == 1 {
				l = p.layers[len(p.layers)-1-k]
			}
			p.settle(l, func(it *item) (want, weight float64) {
				near := slices.Concat(it.above, it.below)
				if len(near) == 0 {
					return it.x, 1
				}
				for _, n := range near {
					want += n.x
				}
				if it.Height == 0 {
					return want / float64(len(near)), 2 // long edges are straight
				}
				return want / float64(len(near)), 1
			})
		}
	}
}

// settle places a layer in its order as near to what its items want as the gaps
// allow: isotonic regression, where neighbours that would overlap move as one.
func (p *placing) settle(l []*item, wants func(*item) (want, weight float64)) {
	type run struct {
		sum, weight float64
		items       int
	}
	offset := make([]float64, len(l))
	var runs []run
	for i, it := range l {
		if i > 0 {
			offset[i] = offset[i-1] + l[i-1].Width/2 + p.gaps.X + it.Width/2
		}
		want, weight := wants(it)
		runs = append(runs, run{(want - offset[i]) * weight, weight, 1})
		for n := len(runs); n > 1 && runs[n-2].sum/runs[n-2].weight >= runs[n-1].sum/runs[n-1].weight; n = len(runs) {
			a, b := runs[n-2], runs[n-1]
			runs = append(runs[:n-2], run{a.sum + b.sum, a.weight + b.weight, a.items + b.items})
		}
	}
	i := 0
	for _, r := range runs {
		for range r.items {
			l[i].x = r.sum/r.weight + offset[i]
			i++
		}
	}
}

// layout says where everything is, moved to begin at zero.
func (p *placing) layout(edges []Edge) Layout {
	var out Layout
	left, right := 0.0, 0.0
	for i, it := range p.items {
		a, b := it.x-it.Width/2, it.x+it.Width/2
		if i == 0 {
			left, right = a, b
		}
		left, right = min(left, a), max(right, b)
	}
	y := 0.0
	for _, l := range p.layers {
		height := 0.0
		for _, it := range l {
			height = max(height, it.Height)
		}
		for _, it := range l {
			it.x -= left
			it.y = y + (height-it.Height)/2
		}
		y += height + p.gaps.Y
	}
	out.Width, out.Height = right-left, max(0, y-p.gaps.Y)
	for _, it := range p.items[:p.count] {
		out.Boxes = append(out.Boxes, Point{it.x - it.Width/2, it.y})
	}
	for k := range edges {
		var points []Point
		way := p.ways[k]
		for i, it := range way {
			if i == 0 {
				points = append(points, Point{it.x, it.y + it.Height})
				continue
			}
			points = append(points, Point{it.x, it.y})
		}
		out.Edges = append(out.Edges, points)
	}
	return out
}
