package convert

import (
	"fmt"
	"maps"
	"slices"

	"repmlp/convert/internal/multiplyadds"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
	"repmlp/verify"
)

// A Change is a number before and after.
type Change struct {
	Before int64 `json:"before"`
	After  int64 `json:"after"`
}

// Totals compare the model with what it becomes, or would become.
type Totals struct {
	Nodes        Change        `json:"nodes"`
	Parameters   Change        `json:"parameters"`
	Bytes        Change        `json:"bytes"` // of the model with its external data; 0 before of one that has no file
	MultiplyAdds *MultiplyAdds `json:"multiply_adds,omitempty"`
}

// MultiplyAdds are those of one run of the main graph: products of two numbers that are
// added to a sum. A convolution makes |Y|·C/group·∏kernel of them, taps on its padding
// included, a matrix product |Y|·K, a BatchNormalization one for each element.
// Additions, activations, pools and what only moves numbers count nothing, nor does what
// depends on constants alone.
type MultiplyAdds struct {
	Before int64 `json:"before"`
	After  int64 `json:"after"`
	// Inputs are the sizes of one run: a batch of 1, and other free dimensions as a
	// conversion chooses them for its run of the whole model.
	Inputs []InputSize `json:"inputs"`
	// Chosen are the dimensions among them that the model leaves free, by what it calls
	// them, in the order of the inputs.
	Chosen []ChosenSize `json:"chosen,omitempty"`
	// NotCounted says of how many nodes, by operator, the work is not known: it is in
	// neither number.
	NotCounted map[string]int `json:"not_counted,omitempty"`
}

// An InputSize is the shape of an input.
type InputSize struct {
	Name  string  `json:"name"`
	Shape []int64 `json:"shape"`
}

// A ChosenSize is the size of a free dimension.
type ChosenSize struct {
	Name string `json:"name"` // "" where the model has no name for it
	Size int64  `json:"size"`
}

// totals compares a model with what it became.
func (j *job) totals(m *onnxio.Model, res *result) error {
	before := j.report.Input
	after := factsOf(res.Model)
	t := &Totals{
		Nodes:        Change{int64(before.Nodes), int64(after.Nodes)},
		Parameters:   Change{before.Parameters, after.Parameters},
		MultiplyAdds: res.Plan.MultiplyAdds,
	}
	t.Bytes.Before = before.Bytes + before.ExternalBytes
	t.Bytes.After = t.Bytes.Before
	if res.Model != m || t.Bytes.Before == 0 {
		file, data, err := res.Model.Size()
		if err != nil {
			return fmt.Errorf("looking at the result: %w", err)
		}
		t.Bytes.After = file + data
	}
	j.report.Totals = t
	return nil
}

// count works out the multiply-adds before and after, as a whole and by region. Without
// sizes that fit the model there are none.
func (c *conversion) count() error {
	if len(c.opts.reserved) > 0 { // the body of a node
		return nil
	}
	s := c.res.Plan
	sizes, err := verify.SizesOf(c.base, c.opts.Dims, 1)
	if err != nil {
		s.Warnings = append(s.Warnings, Warning{Code: "not_counted", Message: "multiply-adds were not counted: " + err.Error()})
		return nil
	}
	before, err := counted(c.base, sizes)
	if err != nil {
		return err
	}
	after := before
	if c.made != nil {
		if after, err = counted(c.made, sizes); err != nil {
			return err
		}
	}
	w := &MultiplyAdds{Before: before.Total, After: after.Total, Inputs: []InputSize{}}
	for _, in := range c.base.Model.Graph().Inputs() {
		if shape, ok := sizes.Shapes[in.Name()]; ok {
			w.Inputs = append(w.Inputs, InputSize{in.Name(), shape})
			w.Chosen = append(w.Chosen, chosen(in, shape, c.opts.Dims, w.Chosen)...)
		}
	}
	if len(before.Unknown)+len(after.Unknown) > 0 {
		w.NotCounted = maps.Clone(before.Unknown)
		for op, n := range after.Unknown {
			w.NotCounted[op] = max(n, w.NotCounted[op])
		}
	}
	s.MultiplyAdds = w
	c.share(before, after)
	return nil
}

// counted are the multiply-adds of a graph in these sizes: as formulas of them, or with
// numbers from the start where that tells more.
func counted(g *graph.Graph, sizes *verify.Sizes) (multiplyadds.Counts, error) {
	n := multiplyadds.Of(g, sizes.Of)
	if len(n.Unknown) == 0 {
		return n, nil
	}
	sized, err := g.Sized(sizes.Shapes)
	if err != nil {
		return n, fmt.Errorf("counting multiply-adds: %w", err)
	}
	return multiplyadds.Of(sized, graph.Dim.Int), nil
}

// chosen lists the free dimensions of an input that nobody bound and that are not among
// those known.
func chosen(in *onnxio.ValueInfo, shape []int64, bound map[string]int64, known []ChosenSize) (list []ChosenSize) {
	for i, d := range in.Dims() {
		x := ChosenSize{d.Param, shape[i]}
		_, given := bound[d.Param]
		if d.Known || given && d.Param != "" || d.Param != "" && (slices.Contains(known, x) || slices.Contains(list, x)) {
			continue
		}
		list = append(list, x)
	}
	return list
}

// share gives each region of the main graph its part, and each block that of its region.
// A node that moved into several regions counts in the first of them.
func (c *conversion) share(before, after multiplyadds.Counts) {
	s := c.res.Plan
	nodes := map[string]*onnxio.Node{}
	for _, n := range c.res.Model.Graph().Nodes() {
		nodes[n.Name()] = n
	}
	by := map[string]*Change{}
	taken := map[*onnxio.Node]bool{}
	for i, r := range c.plan.Regions {
		w := &Change{}
		for _, n := range c.planned.replaced(r) {
			if !taken[n] {
				w.Before += before.ByNode[n]
			}
			taken[n] = true
		}
		for _, name := range s.Regions[i].Into {
			w.After += after.ByNode[nodes[name]]
		}
		s.Regions[i].MultiplyAdds, by[r.ID] = w, w
	}
	for i := range s.Blocks {
		s.Blocks[i].MultiplyAdds = by[s.Blocks[i].Region]
	}
}
