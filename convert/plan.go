package convert

import (
	"fmt"
	"math"
	"slices"

	"repmlp/fuse"
	"repmlp/onnxio/graph"
)

// A Plan is what a conversion will do. It holds no weights.
type Plan struct {
	Blocks   []Block
	Regions  []*Region
	Declined []Decline
	Warnings []Warning
}

// A Region is a piece of the graph that becomes one layer.
type Region struct {
	ID     string
	Kind   string // "fc", "conv" or "scale"
	Value  string // the value that the region makes
	Input  string // the value that it reads
	Merged []string
	Into   []string // nodes of the result
	Groups int
	In     int // features of a row, per group times groups
	Out    int
	Before int // weight elements that the nodes read
	After  int

	seg    *segment
	rows   *traceMap
	window fuse.Window // conv: the window that the nodes make
	touch  fuse.Window // and what of it touches the map, which is what is written
	begin  []int64
	end    []int64
	before []int64 // conv: permutation that brings the channels first, nil for none
	after  []int64 // and the one back
	spell  *spelling
	work   cost
	undone *graph.Node  // see mapState
	source *graph.Value // what a proof feeds where it is not the region's input
}

// A Decline is a place where a merge was looked for and not made.
type Decline struct {
	Code    string   `json:"code"`
	Node    string   `json:"node"`
	Nodes   []string `json:"nodes"`
	Message string   `json:"message"`
}

// A Warning is a finding that needs no decision.
type Warning struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

type planner struct {
	*explainer
	opts    Options
	banned  map[*graph.Value]bool // regions may not start here
	visited map[*graph.Value]bool
	plan    *Plan
}

// newPlan plans the graph without the steps in cut.
func newPlan(g *graph.Graph, opts Options, cut map[*graph.Node]*refusal) (*Plan, *explainer) {
	p := settle(func(banned, pinned map[*graph.Value]bool) *planner { return planRegions(g, opts, cut, banned, pinned) })
	slices.SortStableFunc(p.plan.Regions, func(a, b *Region) int { return a.at() - b.at() })
	for i, r := range p.plan.Regions {
		r.ID = fmt.Sprintf("r%d", i+1)
	}
	p.findBlocks()
	p.findFamilies()
	p.findDeclines()
	for _, note := range g.Notes {
		p.plan.Warnings = append(p.plan.Warnings, Warning{note.Code, note.Message})
	}
	return p.plan, p.explainer
}

// cancels reports whether v is a sum that takes a value from itself, seen through
// steps of one argument: zeros, of which a merge would leave what rounding leaves
// of the weights that cancel. As a term of a larger sum it does no harm.
func (p *planner) cancels(v *graph.Value) bool {
	s := p.steps[v]
	for s != nil && len(s.args) == 1 {
		s = p.steps[s.args[0]]
	}
	if s == nil || s.kind != sumStep {
		return false
	}
	for i, a := range s.args {
		total := 0.0
		for k, b := range s.args {
			if a == b {
				total += s.coef[k]
			}
		}
		if total == 0 && s.coef[i] != 0 {
			return true
		}
	}
	return false
}

// planRegions finds the regions of a graph.
func planRegions(g *graph.Graph, opts Options, cut map[*graph.Node]*refusal, banned, pinned map[*graph.Value]bool) *planner {
	c := &explainer{g: g, steps: map[*graph.Value]*step{}, chains: map[*graph.Value][]*graph.Value{}, made: map[*graph.Value]*invented{}, same: map[*graph.Value]*graph.Value{}, alive: g.Alive(), pinned: pinned}
	c.explain(Rules())
	for _, s := range c.steps {
		for i, a := range s.args {
			if to := c.same[a]; to != nil {
				s.args = slices.Clone(s.args)
				s.args[i] = to
			}
		}
	}
	for v, s := range c.steps {
		if cut[s.node] != nil {
			delete(c.steps, v)
		}
	}
	c.movePools()
	p := &planner{explainer: c, opts: opts, banned: banned, visited: map[*graph.Value]bool{}, plan: &Plan{}}
	for _, n := range g.Nodes {
		if why := cut[n]; why != nil {
			c.decline(n, why)
		}
	}
	for i := len(g.Nodes) - 1; i >= 0; i-- {
		if !c.alive[g.Nodes[i]] {
			continue // nothing that nobody needs is merged
		}
		for _, v := range g.Nodes[i].Out {
			if v != nil && c.steps[v] != nil && !p.visited[v] && v.ReadCount() > 0 {
				p.sink(v)
			}
		}
	}
	return p
}

// at orders regions by the node that makes their value.
func (r *Region) at() int { return r.seg.steps[len(r.seg.steps)-1].node.Index }

// movePools explains an average of a scaled map as a scaled average, so that
// the scale meets what follows.
func (c *explainer) movePools() {
	for _, n := range c.g.Nodes {
		if len(n.Out) == 0 || n.Out[0] == nil {
			continue
		}
		v := n.Out[0]
		pool := c.steps[v]
		if pool == nil || pool.rule != "pool" || !averaging(c, n) {
			continue
		}
		for {
			x := pool.args[0]
			d := c.steps[x]
			if d == nil || d.kind != diagStep && d.kind != biasStep || !d.perChannel || x.ReadCount() != 1 || len(d.args) != 1 {
				break
			}
			shape, _ := v.Shape()
			inner := graph.Invent(fmt.Sprintf("%s.pooled", v.Name), v.Elem, shape)
			c.made[inner] = &invented{node: n, input: d.args[0]}
			moved := *d
			moved.args = []*graph.Value{inner}
			moved.covers = append(slices.Clone(d.covers), n)
			c.steps[v] = &moved
			under := *pool
			under.args = []*graph.Value{d.args[0]}
			c.steps[inner] = &under
			v, pool = inner, &under
		}
	}
}

// sink plans the affine piece that ends in v.
func (p *planner) sink(v *graph.Value) {
	chain, own := p.reach(v)
	n := len(chain) - 1
	if n == 0 { // a sum of branches without a common source
		p.partialSum(v)
		return
	}
	// best[i] is the cheapest way to make chain[i] from the end of the chain.
	best := make([]cost, n+1)
	pick := make([]int, n+1)
	region := make([]*Region, n+1)
	for i := n - 1; i >= 0; i-- {
		pick[i] = i + 1
		best[i] = p.plainAll(p.segment(chain[i+1], chain[i])).plus(best[i+1])
		if p.made[chain[i]] != nil {
			continue // an invented value is only read
		}
		for j := i + 1; j <= n; j++ {
			r := p.candidate(chain[j], chain[i])
			if r == nil {
				continue
			}
			if total := r.work.plus(best[j]); total.less(best[i]) {
				best[i], pick[i], region[i] = total, j, r
			}
		}
	}
	for i := 0; i < own; i = pick[i] {
		if r := region[i]; r != nil {
			p.plan.Regions = append(p.plan.Regions, r)
			for k, x := range r.seg.values {
				if x == r.seg.to || !slices.Contains(r.seg.leaks, x) {
					p.visited[x] = true
				}
				if r.seg.steps[k].node != nil && r.seg.steps[k].node.Out[0] != nil && !slices.Contains(r.seg.leaks, x) {
					p.visited[r.seg.steps[k].node.Out[0]] = true
				}
			}
			continue
		}
		p.visited[chain[i]] = true
		if s := p.steps[chain[i]]; s.kind == sumStep {
			p.partialSum(chain[i])
		}
	}
}

// reach lists v and the values before it that a region ending in or before v
// may start from, nearest first. Beyond a value with other readers only views
// follow: what makes that value, the last of the first own ones, is planned by
// itself.
func (p *planner) reach(v *graph.Value) (out []*graph.Value, own int) {
	out = []*graph.Value{v}
	shared := false
	for _, d := range p.chain(v)[1:] {
		last := p.steps[out[len(out)-1]]
		if shared && last.kind != viewStep {
			break
		}
		if out = append(out, d); !shared {
			own = len(out) - 1
		}
		if p.steps[d] == nil {
			break
		}
		seg := p.segment(d, v)
		var inside part
		for _, n := range seg.nodes() {
			inside.add(n)
		}
		shared = shared || p.visited[d] || p.leaks(d, &inside)
	}
	return out, own
}

// candidate plans one region from u to v; nil where it is not exact, or no
// better than what is there.
func (p *planner) candidate(u, v *graph.Value) *Region {
	if p.banned[p.source(u)] || p.g.IsConst(u) || p.cancels(v) {
		return nil
	}
	seg := p.segment(u, v)
	if seg == nil {
		return nil
	}
	before := p.plainAll(seg)
	if before.work < 2 || !sameFloat(u, v) {
		return nil
	}
	var kept cost
	for _, x := range seg.leaks {
		st := p.steps[x]
		if st.kind != viewStep || x == v {
			return nil
		}
		kept = kept.plus(p.plain(st)) // the view stays for its other readers
	}
	r := &Region{Value: v.Name, Input: u.Name, seg: seg, Before: seg.parameters()}
	for _, n := range seg.nodes() {
		r.Merged = append(r.Merged, n.Title())
	}
	if seg.count(layerStep) == 0 {
		if !p.asScale(r) || r.work.work >= before.work {
			return nil
		}
		r.work = r.work.plus(kept)
		return r
	}
	asConv := p.asConv(r)
	fc := *r
	asFC := p.asFC(&fc)
	switch {
	case asConv && asFC:
		grows := r.work.weights > before.weights && !p.opts.AllowGrowth
		if grows || fc.work.weights <= r.work.weights && p.fcWins(r, &fc) {
			r = &fc
		}
	case asFC:
		if !p.opts.AllowGrowth && r.seg.oneConv() && fc.work.moves > before.moves {
			return nil // moving the map to rows and back costs more than what merges into the conv
		}
		r = &fc
	case !asConv:
		return nil
	}
	if r.work.weights > before.weights && !p.opts.AllowGrowth || r.work.work >= before.work {
		return nil
	}
	r.work = r.work.plus(kept)
	return r
}

// oneConv reports whether a Conv of a map with several positions is the only layer.
func (s *segment) oneConv() bool {
	layers := 0
	for _, st := range s.steps {
		if st.kind == layerStep {
			if layers++; layers > 1 || st.node == nil || st.node.OpType != "Conv" || flatMap(st.node.In[0]) {
				return false
			}
		}
	}
	return layers == 1
}

func (s *segment) count(k stepKind) int {
	n := 0
	for _, st := range s.steps {
		if st.kind == k {
			n++
		}
	}
	return n
}

func (p *planner) asConv(r *Region) bool {
	end, why := p.asWindow(r.seg)
	if why != nil {
		return false
	}
	w := end.win
	if r.seg.widensBlocks(w) {
		return false
	}
	start, _ := mapInput(r.seg.from, r.seg.mapOrder())
	if !end.dims[0].Equal(start.dims[0]) {
		return false
	}
	if w.Size() > maxWeights || !p.opts.AllowGrowth && w.Size() > p.plainAll(r.seg).weights {
		return false
	}
	first, last, ok := convPads(w, start.dims, end.dims)
	if !ok {
		return false
	}
	if w.Size() > maxWeights {
		return false
	}
	touch := w.Touching(sizes(start.dims[2:]), sizes(end.dims[2:]))
	if b, e, ok := convPads(touch, start.dims, end.dims); ok {
		first, last = b, e
	} else {
		touch = w
	}
	r.Kind, r.window, r.touch, r.begin, r.end, r.undone = "conv", w, touch, first, last, end.undone
	r.before, r.after = nil, nil
	moves := 0
	if !start.channelsFirst() { // bring the channels first, and back
		r.before = make([]int64, len(start.order))
		for i, k := range start.order {
			r.before[k] = int64(i)
		}
		moves += 2
	}
	if !end.channelsFirst() {
		for _, k := range end.order {
			r.after = append(r.after, int64(k))
		}
		moves += 2
	}
	r.Groups, r.In, r.Out = w.Groups, w.In, w.Out
	r.After = touch.Size() + w.Out
	r.work = cost{weights: touch.Size(), work: 1, moves: moves}
	return true
}

// sizes are the numbers among dims, zero for the others.
func sizes(dims []graph.Dim) []int {
	out := make([]int, len(dims))
	for i, d := range dims {
		n, _ := d.Int()
		out[i] = int(n)
	}
	return out
}

// maxWeights bounds a merged weight: 2 G elements.
const maxWeights = 1 << 31

func (p *planner) asFC(r *Region) bool {
	m, why := p.asTrace(r.seg)
	if why != nil {
		return false
	}
	size := 1.0
	for _, list := range [][]graph.Atom{m.group, m.feature, m.result} {
		for _, a := range list {
			n, _ := m.atoms.Size(a).Int()
			size *= float64(n)
		}
	}
	if size > maxWeights {
		return false
	}
	if !p.opts.AllowGrowth && int(size) > p.plainAll(r.seg).weights {
		return false
	}
	r.Kind, r.rows = "fc", m
	sp, ok := p.spellFC(r)
	if !ok {
		return false
	}
	r.spell = sp
	r.Groups = m.count(m.group)
	r.In, r.Out = m.count(m.feature)*r.Groups, m.count(m.result)*r.Groups
	r.After = m.weights() + r.Out
	r.work = cost{weights: m.weights(), work: 1, moves: sp.moves}
	return true
}

// asScale plans a run of scales and shifts as one Mul and one Add.
func (p *planner) asScale(r *Region) bool {
	scales, shifts := 0, 0
	var from, to []graph.Dim
	for i, st := range r.seg.steps {
		if st.kind != diagStep && st.kind != biasStep || len(st.args) != 1 {
			return false
		}
		from, _ = st.args[0].Shape()
		to, _ = r.seg.values[i].Shape()
		if !equalDims(from, to) {
			return false
		}
		if st.node.OpType == "BatchNormalization" {
			scales, shifts = scales+1, shifts+1
		} else if st.kind == diagStep {
			scales++
			if st.node.OpType == "Sub" {
				shifts++
			}
		} else {
			shifts++
		}
	}
	m, why := p.asTrace(r.seg)
	if why != nil || len(m.feature) > 0 || len(m.result) > 0 {
		return false
	}
	r.Kind, r.rows, r.Groups = "scale", m, m.count(m.group)
	// Whole axes only: the constants are broadcast.
	weighted := map[graph.Atom]bool{}
	for _, a := range m.group {
		weighted[a] = true
	}
	var varies []bool
	for _, axis := range m.in {
		some, all := false, true
		for _, a := range axis {
			some, all = some || weighted[a], all && weighted[a]
		}
		if some && !all {
			return false
		}
		varies = append(varies, some)
	}
	if !scaleFits(p.g.Opset, varies) {
		return false
	}
	work := min(scales, 1) + min(shifts, 1)
	r.In, r.Out, r.After = r.Groups, r.Groups, r.Groups*work
	r.work = cost{work: work}
	return true
}

// partialSum merges those operands of a sum that have a common source, where
// the sum as a whole was not merged.
func (p *planner) partialSum(v *graph.Value) {
	s := p.steps[v]
	p.visited[v] = true
	if s == nil || s.kind != sumStep {
		return
	}
	if r := p.paddedSum(v); r != nil {
		p.plan.Regions = append(p.plan.Regions, r)
		return
	}
	leaves, coefs, covers := p.leaves(v, 1)
	leaves, coefs = joined(leaves, coefs)
	if len(leaves) < 2 {
		return
	}
	if p.g.Opset < attributeless && slices.ContainsFunc(coefs, func(f float64) bool { return math.Abs(f) != 1 }) {
		return // a factor would be a Mul, which ONNX Runtime has from opset 7 on
	}
	used := make([]bool, len(leaves))
	for i := range leaves {
		if used[i] {
			continue
		}
		group := []int{i}
		var found *Region
		for j := i + 1; j < len(leaves); j++ {
			if used[j] {
				continue
			}
			try := append(slices.Clone(group), j)
			if len(try) == len(leaves) {
				break
			}
			if r := p.groupRegion(v, leaves, coefs, covers, try); r != nil {
				group, found = try, r
			}
		}
		if found == nil {
			continue
		}
		for _, k := range group {
			used[k] = true
		}
		p.plan.Regions = append(p.plan.Regions, found)
		for k, x := range found.seg.values {
			p.visited[x] = true
			if st := found.seg.steps[k]; st.node != nil && st.node.Out[0] != nil && x != found.seg.to {
				p.visited[st.node.Out[0]] = true
			}
		}
		for _, n := range covers {
			p.visited[n.Out[0]] = true
		}
		// One partial sum for each sum: the rest of the operands stay.
		sum := p.made[found.seg.to]
		for k := range leaves {
			if !slices.Contains(group, k) {
				sum.sum = append(sum.sum, leaves[k])
				sum.coef = append(sum.coef, coefs[k])
			}
		}
		sum.node = s.node
		sum.covers = covers
		return
	}
}

// joined adds up the coefficients of operands that occur more than once, as
// repeated nodes do: one of them must not be inside a merge and another outside.
func joined(leaves []*graph.Value, coefs []float64) ([]*graph.Value, []float64) {
	var out []*graph.Value
	var sums []float64
	for i, l := range leaves {
		if k := slices.Index(out, l); k >= 0 {
			sums[k] += coefs[i]
			continue
		}
		out, sums = append(out, l), append(sums, coefs[i])
	}
	return out, sums
}

// leaves flattens nested sums whose inner results nobody else reads.
func (p *planner) leaves(v *graph.Value, coef float64) (leaves []*graph.Value, coefs []float64, covers []*graph.Node) {
	s := p.steps[v]
	covers = append(covers, s.node)
	for i, a := range s.args {
		inner := p.steps[a]
		if inner != nil && inner.kind == sumStep && a.ReadCount() == 1 {
			l, f, n := p.leaves(a, coef*s.coef[i])
			leaves, coefs, covers = append(leaves, l...), append(coefs, f...), append(covers, n...)
			continue
		}
		leaves, coefs = append(leaves, a), append(coefs, coef*s.coef[i])
	}
	return leaves, coefs, covers
}

// groupRegion plans the sum of some leaves as a region that makes an invented
// value.
func (p *planner) groupRegion(v *graph.Value, leaves []*graph.Value, coefs []float64, covers []*graph.Node, group []int) *Region {
	st := &step{rule: "sum", node: p.steps[v].node, kind: sumStep}
	for _, k := range group {
		st.args, st.coef = append(st.args, leaves[k]), append(st.coef, coefs[k])
	}
	source := p.common(st.args)
	if source == nil {
		return nil
	}
	p.addUp(st)
	st.covers = covers
	shape, _ := v.Shape()
	part := graph.Invent(v.Name+".part", v.Elem, shape)
	p.steps[part] = st
	p.made[part] = &invented{}
	r := p.candidate(source, part)
	if r == nil {
		delete(p.steps, part)
		delete(p.made, part)
	}
	return r
}
