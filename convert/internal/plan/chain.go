package plan

import (
	"repmlp/convert/internal/affine"
	"repmlp/onnxio/graph"
)

// A chain is a value and the values that it is an affine function of, nearest
// first: the points at which the graph may be cut.
type chain struct {
	points []*graph.Value
	spans  [][]*affine.Affine // spans[k] leads from points[k+1] to points[k]
	upto   []tally            // upto[k] counts the spans before k
	open   []bool             // somebody beside the span before a point needs the point
	shared []bool             // the node that makes a point makes something else that is needed
	own    int                // what makes points beyond this one is planned by itself
}

// between counts what lies between points j and i, j being the farther one.
func (c *chain) between(j, i int) tally { return c.upto[j].minus(c.upto[i]) }

// steps lists what lies between points j and i.
func (c *chain) steps(j, i int) []*affine.Affine {
	if j == i+1 {
		return c.spans[i]
	}
	var out []*affine.Affine
	for k := j - 1; k >= i; k-- {
		out = append(out, c.spans[k]...)
	}
	return out
}

// sealed reports whether nobody outside needs what lies between points j and i: no
// span is open, and no point between them, and the node that makes i makes nothing
// else.
func (c *chain) sealed(j, i int) bool {
	open := c.between(j, i).open
	if c.open[i] {
		open-- // the point at the end is not inside
	}
	return open == 0 && !c.shared[i]
}

// maxTrailing bounds the views that are looked at beyond a value that others read.
const maxTrailing = 64

// reach follows the chain of v. Beyond a value with other readers only views
// follow: what makes that value, the last of the own ones, is planned by itself.
func (p *planner) reach(v *graph.Value) *chain {
	var values []*graph.Value // v and what follows
	own, shared := 0, false
	var inside part
	values = append(values, v)
	for x := v; ; {
		d := p.t.e.Parent(x)
		if d == nil || shared && (!affine.IsView(p.t.e.Of(x).Op) || len(values)-own > maxTrailing) {
			break
		}
		values = append(values, d)
		if !shared {
			own = len(values) - 1
		}
		if p.t.e.Of(d) == nil {
			break
		}
		l := p.t.link(x)
		inside.add(l.nodes...)
		shared = shared || p.visited[d] || !l.parent && p.t.needs(d, &inside)
		x = d
	}
	return p.newChain(p.thinned(values, own), values, own)
}

// thinned picks the points at which a chain may be cut: all, but those in the
// middle of long runs of views and scales, where no scale meets what moves elements.
func (p *planner) thinned(values []*graph.Value, own int) []int {
	soft := func(k int) bool { return k < own && isSoft(p.t.e.Of(values[k])) } // the step that leads to values[k]
	meets := func(k int) bool {
		if k == 0 {
			return false
		}
		before, behind := p.t.e.Of(values[k]).Op, p.t.e.Of(values[k-1]).Op
		return affine.IsScale(before) && affine.Moves(behind) || affine.Moves(before) && affine.IsScale(behind)
	}
	var keep []int
	for k := 0; k < len(values); {
		end := k
		for end < len(values) && soft(end) {
			end++
		}
		for i := k; i < end; i++ {
			if i < k+p.opts.horizon.runEnds || i >= end-p.opts.horizon.runEnds || p.pinned[values[i]] || p.banned[values[i]] || meets(i) {
				keep = append(keep, i)
			}
		}
		if end < len(values) {
			keep = append(keep, end)
		}
		k = end + 1
	}
	return keep
}

// newChain cuts a chain of values at the points in keep, the first and last among
// them.
func (p *planner) newChain(keep []int, values []*graph.Value, own int) *chain {
	c := &chain{upto: []tally{{}}, own: -1}
	for n, k := range keep {
		c.points = append(c.points, values[k])
		c.open = append(c.open, p.open(values, k))
		c.shared = append(c.shared, p.t.otherOutput(values[k], map[*graph.Value]bool{values[k]: true}))
		if c.own < 0 && k >= own {
			c.own = n
		}
		if n == 0 {
			continue
		}
		var steps []*affine.Affine
		var sum tally
		for i := k - 1; i >= keep[n-1]; i-- {
			l := p.t.link(values[i])
			steps = append(steps, l.steps...)
			sum = sum.plus(l.tally)
			if !l.sealed {
				sum.open++
			}
			if p.open(values, i) {
				sum.open++
			}
		}
		c.spans = append(c.spans, steps)
		c.upto = append(c.upto, c.upto[n-1].plus(sum))
	}
	return c
}

// open reports whether somebody beside the link that follows needs values[i].
func (p *planner) open(values []*graph.Value, i int) bool {
	return i > 0 && (!p.t.link(values[i-1]).parent || p.pinned[values[i]])
}

// coarser keeps the points of a cover alone.
func (c *chain) coarser(keep []int) *chain {
	out := &chain{upto: []tally{{}}, own: -1}
	for n, k := range keep {
		out.points, out.open, out.shared = append(out.points, c.points[k]), append(out.open, c.open[k]), append(out.shared, c.shared[k])
		if out.own < 0 && k >= c.own {
			out.own = n
		}
		if n == 0 {
			continue
		}
		out.spans = append(out.spans, c.steps(k, keep[n-1]))
		out.upto = append(out.upto, out.upto[n-1].plus(c.between(k, keep[n-1])))
	}
	return out
}

// isSoft reports whether steps only view, scale and shift one value.
func isSoft(steps ...*affine.Affine) bool {
	for _, a := range steps {
		if len(a.Args) != 1 || !affine.IsView(a.Op) && !affine.IsScale(a.Op) {
			return false
		}
	}
	return true
}
