package plan

import (
	"math"

	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/layer"
	"repmlp/onnxio/graph"
)

// A planner is one attempt at a plan: regions may not start at banned values, and
// pinned ones stay whatever is merged.
type planner struct {
	t              *terrain
	opts           Options
	banned, pinned map[*graph.Value]bool
	visited        map[*graph.Value]bool
	regions        []*Region
}

// planRegions finds the regions of a graph, one by one from its end.
func planRegions(t *terrain, o Options, banned, pinned map[*graph.Value]bool) *planner {
	if o.horizon == (horizon{}) {
		o.horizon = usual()
	}
	p := &planner{t: t, opts: o, banned: banned, pinned: pinned, visited: map[*graph.Value]bool{}}
	nodes := t.e.Graph.Nodes
	for i := len(nodes) - 1; i >= 0 && !o.ended(); i-- {
		if !t.e.Alive[nodes[i]] {
			continue // nothing that nobody needs is merged
		}
		for _, v := range nodes[i].Out {
			if v != nil && t.e.Of(v) != nil && !p.visited[v] && v.ReadCount() > 0 {
				p.sink(v)
			}
		}
	}
	return p
}

// sink plans the affine piece that ends in v.
func (p *planner) sink(v *graph.Value) {
	c := p.reach(v)
	if len(c.points) == 1 { // a sum of branches without a common source
		p.partialSum(v)
		return
	}
	cuts := p.cover(c)
	if whole := p.whole(c, cuts); whole.regions != nil {
		c, cuts = c.coarser([]int{0, len(c.points) - 1}), whole
	}
	for cuts.cutShort && len(cuts.points) < len(c.points) {
		// What was merged counts as one step: merges that look back further than one
		// span of attention are found in rounds.
		c = c.coarser(cuts.points)
		cuts = p.cover(c)
	}
	for k, i := range cuts.points[:len(cuts.points)-1] {
		if i >= c.own {
			break
		}
		if r := cuts.regions[k]; r != nil {
			p.take(r)
			continue
		}
		p.visited[c.points[i]] = true
		if soft := c.spans[i]; isSoft(soft...) { // nothing in it is a place to start from
			for _, a := range soft {
				p.visited[a.Out] = true
			}
		}
		if affine.IsSum(p.t.e.Of(c.points[i]).Op) {
			p.partialSum(c.points[i])
		}
	}
}

// take takes a region in; what it makes inside is not planned again, but what
// others need.
func (p *planner) take(r *Region) {
	r.Before = r.Segment.Parameters()
	p.regions = append(p.regions, r)
	kept := map[*graph.Value]bool{}
	for _, v := range r.Kept {
		kept[v] = true
	}
	for _, a := range r.Segment.Steps {
		if a.Out == r.Segment.To {
			p.visited[a.Out] = true
			if out := a.Node().Out[0]; out != nil && r.Part == nil {
				p.visited[out] = true
			}
			continue
		}
		if kept[a.Out] {
			continue
		}
		p.visited[a.Out] = true
		if out := a.Node().Out[0]; out != nil {
			p.visited[out] = true
		}
	}
	if r.Part != nil {
		for _, n := range r.Part.terms.covers {
			p.visited[n.Out[0]] = true
		}
	}
}

// A cover is a way to cut a chain into pieces.
type cover struct {
	points   []int     // where it is cut, the near end first
	regions  []*Region // the piece behind each point but the last; nil: it stays as it is
	cutShort bool      // some candidates were not looked at, since they look back too far
}

// A horizon bounds what a planner looks at in one round, so that its time is in
// proportion to the graph.
type horizon struct {
	attention int // spans with layers or sums that one candidate looks back over
	glance    int // spans of any kind
	// runEnds is how many points of a run of views and scales are kept at each end:
	// there a cut may save a view, in the middle of a long run it saves nothing.
	runEnds int
}

func usual() horizon { return horizon{attention: 6, glance: 96, runEnds: 4} }

// cover finds the cheapest way to cut a chain, from its far end to the near one.
func (p *planner) cover(c *chain) cover {
	n := len(c.points) - 1
	best := make([]affine.Cost, n+1) // to make a point from the far end
	pick := make([]candidate, n+1)   // the cheapest region that ends in a point, so far
	var out cover
	for j := n; j >= 0; j-- {
		if j < n {
			plain := c.between(j+1, j).cost.Plus(best[j+1])
			if pick[j].region == nil || !pick[j].total.Less(plain) {
				pick[j] = candidate{from: j + 1, total: plain}
			}
			best[j] = pick[j].total
		}
		if p.candidates(c, j, best[j], pick) {
			out.cutShort = true
		}
	}
	for i := 0; ; i = pick[i].from {
		out.points = append(out.points, i)
		if i == n {
			return out
		}
		out.regions = append(out.regions, pick[i].region)
	}
}

// whole is the cover of a chain that was cut short by one region from end to end, where
// that is no larger than any piece of it: then rounds would come to the same in the end.
// Without regions there is none.
func (p *planner) whole(c *chain, cuts cover) cover {
	if !cuts.cutShort {
		return cover{}
	}
	ends := p.cover(c.coarser([]int{0, len(c.points) - 1}))
	r := ends.regions[0]
	if r == nil {
		return cover{}
	}
	for k, piece := range cuts.regions {
		cost := c.between(cuts.points[k+1], cuts.points[k]).cost
		if piece != nil {
			cost = piece.cost
		}
		if cost.Work > 0 && cost.Weights < r.cost.Weights {
			return cover{}
		}
	}
	return ends
}

// A candidate is a region that starts at a point of a chain, and what it costs with
// all that is farther.
type candidate struct {
	from   int
	region *Region
	total  affine.Cost
}

// candidates looks at all regions that start at point j, in one walk, and keeps those
// that are the cheapest way to where they end; of equal ones the shortest, which
// comes last. far is what the graph up to j costs.
func (p *planner) candidates(c *chain, j int, far affine.Cost, pick []candidate) (cutShort bool) {
	u := c.points[j]
	if j == 0 || !p.mayStart(u) || c.between(j, 0).layers == 0 && c.between(j, j-1).others > 0 {
		return false
	}
	if p.scalesInVain(c, j, far, pick) {
		return false
	}
	walk := p.startAt(c, j)
	hard := 0
	for i := j - 1; i >= 0; i-- {
		if t := c.between(i+1, i); t.others > 0 && t.cost.Work > 0 {
			hard++
		}
		if hard > p.opts.horizon.attention || j-i > p.opts.horizon.glance {
			return true
		}
		for _, a := range c.spans[i] {
			if walk.Through(a); walk.Refused() {
				return false
			}
		}
		v := c.points[i]
		t := c.between(j, i)
		if pick[i].region != nil && pick[i].total.Less(far.Plus(atLeast(walk, u, v, t))) {
			continue
		}
		q := piece{u: u, v: v, walk: walk, tally: t, sealed: c.sealed(j, i), steps: func() []*affine.Affine { return c.steps(j, i) }}
		r := p.region(&q)
		if r == nil {
			continue
		}
		if total := r.cost.Plus(far); pick[i].region == nil || !pick[i].total.Less(total) {
			pick[i] = candidate{j, r, total}
		}
	}
	return false
}

// scalesInVain reports whether all that starts at point j is scales and shifts, and none of
// it would be the cheapest way to where it ends: most starts in a run of them.
func (p *planner) scalesInVain(c *chain, j int, far affine.Cost, pick []candidate) bool {
	if all := c.between(j, 0); all.layers > 0 || all.others > 0 || j > p.opts.horizon.glance {
		return false
	}
	for i := range j {
		if c.between(j, i).cost.Work > 1 && (pick[i].region == nil || !pick[i].total.Less(far.Plus(oneScale))) {
			return false
		}
	}
	return true
}

// oneScale is what scales and shifts as one cost at least.
var oneScale = affine.Cost{Work: 1}

// atLeast is what a region from u to v costs at least. It is exact for a pointwise Conv
// in the place of more weights, and nothing where only planning the region would tell.
func atLeast(walk *affine.Walk, u, v *graph.Value, before tally) affine.Cost {
	if before.layers == 0 {
		return oneScale
	}
	m, why := walk.Map(v)
	if why != nil || !m.Win.Pointwise() || before.layers == 0 || m.Win.Size() > before.cost.Weights || layer.FlatMap(u) {
		return affine.Cost{}
	}
	return affine.Cost{Weights: m.Win.Size(), Work: 1}
}

// mayStart reports whether a region may start at a value.
func (p *planner) mayStart(u *graph.Value) bool {
	return !p.banned[u] && !p.t.e.Graph.IsConst(u)
}

// startAt starts a walk at point j of a chain: without a layer behind it, of rows
// alone.
func (p *planner) startAt(c *chain, j int) *affine.Walk {
	if c.between(j, 0).layers == 0 {
		return affine.NewRowsWalk(c.points[j])
	}
	return affine.NewWalk(c.points[j], affine.MapForm(c.points[j], func(yield func(*affine.Affine) bool) {
		for k := j - 1; k >= max(0, j-p.opts.horizon.glance); k-- {
			for _, a := range c.spans[k] {
				if !yield(a) {
					return
				}
			}
		}
	}))
}

// A piece of the graph that may become a region, with the walk that has just met
// its end.
type piece struct {
	u, v   *graph.Value
	walk   *affine.Walk
	tally  tally
	sealed bool // nobody outside needs what is inside
	steps  func() []*affine.Affine
	sum    []*graph.Node // nodes that still add what comes from outside
}

// selects reports whether the piece is a layer with what picks or joins maps around it,
// which a Conv can take in.
func (q *piece) selects() bool { return q.tally.picks > 0 && q.tally.layers > 0 }

// region plans one piece as one layer; nil where that is not exact, or no better
// than what is there.
func (p *planner) region(q *piece) *Region {
	before := q.tally.cost
	if before.Work < 2 && !q.selects() || !affine.SameFloat(q.u, q.v) || p.t.e.Cancels(q.v) {
		return nil
	}
	if q.tally.layers == 0 && q.tally.others > 0 {
		return nil
	}
	limit := before.Weights
	if p.opts.AllowGrowth {
		limit = math.MaxInt
	}
	l, s := p.layer(q, limit)
	if l == nil {
		return nil
	}
	r := &Region{Segment: s, Layer: l, cost: l.Cost()}
	if r.cost.Weights > limit || r.cost.Work > before.Work {
		return nil
	}
	if !q.sealed {
		r.Kept = p.leaks(q.u, s.Steps, q.sum)
	}
	for _, x := range r.Kept {
		a := p.t.e.Of(x)
		if a == nil || x == q.v || !affine.IsView(a.Op) {
			return nil
		}
		r.cost = r.cost.Plus(p.t.e.Cost(a)) // the view stays for its other readers
	}
	if r.cost.Work == before.Work { // one layer for one, or scales for scales: a Conv has to save nodes that move data, and nothing else
		if _, conv := l.(*layer.Conv); !conv || r.cost.Weights > before.Weights || r.cost.Moves >= before.Moves {
			return nil
		}
	}
	return r
}

// layer is the best layer for a piece; nil for none.
func (p *planner) layer(q *piece, limit int) (layer.Layer, *affine.Segment) {
	var s *affine.Segment
	segment := func() *affine.Segment {
		if s == nil {
			s = &affine.Segment{From: q.u, To: q.v, Steps: q.steps(), Form: q.walk.Form}
		}
		return s
	}
	if q.tally.layers == 0 {
		if l, ok := layer.PlanScale(segment(), q.walk, p.t.e.Graph.Opset); ok {
			return l, s
		}
		return nil, nil
	}
	o := layer.Options{Opset: p.t.e.Graph.Opset, Form: p.opts.Form}
	var conv *layer.Conv
	if m, why := q.walk.Map(q.v); why == nil && m.Win.Size() <= limit {
		conv, _ = layer.PlanConv(segment(), m, limit, o.Opset)
		if s.Count(affine.IsTransposed) > 0 {
			if l, ok := layer.PlanConvTranspose(s, m, limit, o.Opset); ok && l.Beats(conv) {
				return l, s
			}
		}
	}
	if conv != nil && !layer.MayBeFC(conv) && !layer.MayBeRows(s, conv) {
		return conv, s
	}
	var fc *layer.FC
	if least, ok := q.walk.RowsAtLeast(q.v); ok && least <= float64(limit) {
		if rows, why := q.walk.Rows(q.v); why == nil {
			fc, _ = layer.PlanFC(segment(), rows, limit, o)
		}
	}
	switch {
	case conv == nil && fc == nil:
		return nil, nil
	case conv == nil:
		if !p.opts.AllowGrowth && ofMaps(s) && fc.Cost().Moves > q.tally.cost.Moves {
			return nil, nil // moving the map to rows and back costs more than what merges into the conv
		}
		return fc, s
	case fc != nil && layer.MayBeRows(s, conv) && !conv.Cost().Less(fc.Cost()):
		return fc, s // with no more around it
	case fc != nil && fc.Cost().Weights <= conv.Cost().Weights && layer.FCWins(s, conv, fc, p.opts.Form):
		return fc, s
	}
	return conv, s
}

// ofMaps reports whether a Conv of a map with several positions is the only layer, or all
// layers are such, some of them transposed: tiles of these are rows.
func ofMaps(s *affine.Segment) bool {
	layers := 0
	for _, a := range s.Steps {
		if !affine.IsLayer(a.Op) {
			continue
		}
		if _, conv := a.Op.(*affine.Conv); !conv && !affine.IsTransposed(a.Op) || layer.FlatMap(a.Node().In[0]) {
			return false
		}
		layers++
	}
	return layers == 1 || s.Count(affine.IsTransposed) > 0
}
