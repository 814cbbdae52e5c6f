// Package plan decides which pieces of an explained graph become one layer.
//
// Every value has a nearest other value that it is an affine function of. Following
// it gives a chain of points at which the graph can be cut; a region is the piece
// between two of them. Candidates are weighed by the weights that are read, then
// the layers that run, then the nodes that move data, and the cheapest way to cover
// the chain wins. A merge that would read more weights than before is no candidate.
package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/layer"
	"repmlp/onnxio/graph"
)

// Options of a plan.
type Options struct {
	Form        layer.Choice
	AllowGrowth bool // also merges that make the model larger
	// Ended, where it is not nil, says that nobody waits for the plan any more: it
	// then comes at once and is of no use.
	Ended func() bool

	horizon horizon
}

func (o Options) ended() bool { return o.Ended != nil && o.Ended() }

// A Plan is what a conversion will do. It holds no weights, and does not change.
type Plan struct {
	Explained *affine.Explained
	Regions   []*Region // in graph order

	planner *planner
}

// A Region is a piece of the graph that becomes one layer.
type Region struct {
	ID      string
	Segment *affine.Segment
	Layer   layer.Layer
	Before  int            // weight elements that the nodes read
	Kept    []*graph.Value // values inside that others read: the views that make them stay
	Part    *Part          // of a sum of which only some operands are merged; else nil
	Fed     *graph.Value   // what a proof feeds where it is not the region's input; else nil

	cost affine.Cost
}

// A Part of a sum is merged; the others are still added. Several regions may be parts of
// one sum.
type Part struct {
	Whole  *affine.Affine // the sum
	Values []*graph.Value // what no region merges and is still added
	Coef   []float64      // times this

	terms *terms // the sum, one thing for all its parts
	own   []int  // which of its terms are merged here
}

// Value is the name of the value that the region makes; of a part of a sum, what
// it would be called.
func (r *Region) Value() string { return r.Segment.To.Name }

// Input is the name of the value that the region reads.
func (r *Region) Input() string { return r.Segment.From.Name }

// Merged lists the names of the nodes that the layer stands for.
func (r *Region) Merged() []string {
	var names []string
	for _, n := range r.Segment.Nodes() {
		names = append(names, n.Title())
	}
	return names
}

// Named is what the file calls the first layer in the region, or the first node.
func (r *Region) Named() string {
	for _, a := range r.Segment.Steps {
		if affine.IsLayer(a.Op) {
			return a.Node().Title()
		}
	}
	return r.Segment.Steps[0].Node().Title()
}

// Derivation says what the layer was merged from.
func (r *Region) Derivation() string { return r.Derived(func(*graph.Node) string { return "" }) }

// Derived is the derivation where instead says of some nodes, once for all of which it
// says the same, what they are.
func (r *Region) Derived(instead func(*graph.Node) string) string {
	count := map[string]int{}
	var order []string
	for _, a := range r.Segment.Steps {
		if v, view := a.Op.(*affine.View); affine.IsView(a.Op) && !(view && v.Idle) {
			continue
		}
		name, other := a.Rule, instead(a.Node())
		if other != "" {
			name = other
		}
		if count[name] == 0 {
			order = append(order, name)
		}
		if count[name]++; other != "" {
			count[name] = 1
		}
	}
	parts := make([]string, len(order))
	for i, name := range order {
		parts[i] = name
		if count[name] > 1 {
			parts[i] += fmt.Sprintf(" ×%d", count[name])
		}
	}
	kind := r.Layer.Kind()
	if _, ok := r.Layer.(*layer.ConvTranspose); ok {
		kind = "ConvTranspose"
	}
	return fmt.Sprintf("%s -> one %s", strings.Join(parts, ", "), kind)
}

// at orders regions by the node that makes their value.
func (r *Region) at() int { return r.Segment.Last().Node().Index }

// New plans an explained graph.
func New(e *affine.Explained, o Options) *Plan {
	try := func(lost map[reading]bool) *planner {
		t := &terrain{e: e, links: map[*graph.Value]*link{}, lost: lost}
		return settle(func(banned, pinned map[*graph.Value]bool) *planner { return planRegions(t, o, banned, pinned) })
	}
	p := try(nil)
	p = p.again(try)
	p.regions = tied(p.regions)
	p.passedBy()
	p.norms()
	p.standardised()
	p.padding()
	p.idle()
	slices.SortStableFunc(p.regions, func(a, b *Region) int { return cmp.Compare(a.at(), b.at()) })
	for i, r := range p.regions {
		r.ID = fmt.Sprintf("r%d", i+1)
	}
	return &Plan{Explained: e, Regions: p.regions, planner: p}
}

// First is the plan that makes only the first n merges.
func (p *Plan) First(n int) *Plan {
	q := *p
	q.Regions = tied(p.Regions[:n:n])
	return &q
}

// Only is the plan that makes only some of the merges.
func (p *Plan) Only(keep func(*Region) bool) *Plan {
	q := *p
	q.Regions = tied(slices.DeleteFunc(slices.Clone(p.Regions), func(r *Region) bool { return !keep(r) }))
	return &q
}

// Number gives merges the IDs that merges into the same values had in earlier plans of the
// model, and others numbers of their own. It is for a plan that nobody has seen yet.
func (p *Plan) Number(ids map[string]string) {
	for _, r := range p.Regions {
		value := r.made().Name
		if r.Part != nil { // of one sum there may be several
			value += "\x00" + r.Input()
		}
		if ids[value] == "" {
			ids[value] = fmt.Sprintf("r%d", len(ids)+1)
		}
		r.ID = ids[value]
	}
}

// Undone is the zero padding that stands behind a bias which a later constant takes
// away again, nil where there is none: whether it does, the proof decides.
func (r *Region) Undone() *graph.Node {
	switch l := r.Layer.(type) {
	case *layer.Conv:
		return l.Undone
	case *layer.ConvTranspose:
		return l.Undone
	}
	return nil
}

// Check reports what must not be: two regions that make one value, a region that
// reads what another has inside, a layer that reads more than its nodes did.
func (p *Plan) Check() error {
	makes := map[*graph.Value]string{}
	sums := map[*graph.Value]*terms{}
	for _, r := range p.Regions {
		if r.Part != nil {
			if other := sums[r.made()]; other != nil && other != r.Part.terms {
				return fmt.Errorf("checking the plan: %s is a part of %q, which another region sees otherwise", r.ID, r.made().Name)
			}
			sums[r.made()] = r.Part.terms
		}
		if len(r.Segment.Steps) == 0 || r.Segment.Last().Out != r.Segment.To {
			return fmt.Errorf("checking the plan: region %s does not end in %q", r.ID, r.Value())
		}
		if other := makes[r.Segment.To]; other != "" {
			return fmt.Errorf("checking the plan: %s and %s both make %q", other, r.ID, r.Value())
		}
		makes[r.Segment.To] = r.ID
		met := map[*graph.Value]bool{r.Segment.From: true}
		for _, a := range r.Segment.Steps {
			for _, v := range a.Args {
				if !met[v] {
					return fmt.Errorf("checking the plan: %s reads %q, which is not inside", r.ID, v.Name)
				}
			}
			met[a.Out] = true
		}
		if !p.planner.opts.AllowGrowth && r.cost.Weights > r.before(p.Explained).Weights {
			return fmt.Errorf("checking the plan: %s reads %d weights, its nodes read %d", r.ID, r.cost.Weights, r.before(p.Explained).Weights)
		}
	}
	if starved := p.planner.starved(); len(starved) > 0 {
		return fmt.Errorf("checking the plan: a region starts at %q, which another has inside", starved[0].Name)
	}
	return nil
}

func (r *Region) before(e *affine.Explained) affine.Cost {
	var sum affine.Cost
	for _, a := range r.Segment.Steps {
		sum = sum.Plus(e.Cost(a))
	}
	return sum
}

// String prints the plan, a region with its steps at a time.
func (p *Plan) String() string {
	var b strings.Builder
	for _, r := range p.Regions {
		fmt.Fprintf(&b, "%s %s -> %s: %v\n", r.ID, r.Input(), r.Value(), r.Layer)
		for _, a := range r.Segment.Steps {
			fmt.Fprintf(&b, "    %v\n", a)
		}
		for _, v := range r.Kept {
			fmt.Fprintf(&b, "    %s stays for its other readers\n", v.Name)
		}
		if r.Part != nil {
			for i, v := range r.Part.Values {
				fmt.Fprintf(&b, "    %g·%s is still added\n", r.Part.Coef[i], v.Name)
			}
		}
	}
	return b.String()
}

// Cost is what all that is explained costs once the plan is carried out.
func (p *Plan) Cost() affine.Cost {
	var sum affine.Cost
	for _, a := range p.Explained.All() {
		if p.Explained.Alive[a.Node()] {
			sum = sum.Plus(p.Explained.Cost(a))
		}
	}
	for _, r := range p.Regions {
		sum = sum.Plus(r.cost).Minus(r.before(p.Explained))
	}
	return sum
}
