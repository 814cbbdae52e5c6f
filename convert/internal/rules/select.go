package rules

import (
	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/reason"
	"repmlp/onnxio/graph"
)

// Slice, Gather, Split, Tile and Concat pick positions along one axis.
var selectRule = rule{
	Doc: Doc{Name: "select", Title: "Pick and join positions",
		Formula: "y[o] = x[i(o)]; Concat is the sum of its operands, each at its place",
		When:    "the indices are constant; an axis of open size is cropped at fixed distances from its ends",
		Example: "circular padding as Slice and Concat; a grouped FC as Split, g MatMuls and Concat; a Focus stem"},
	ops:     []string{"Slice", "Gather", "Split", "Concat", "Tile"},
	explain: explainSelect,
}

func explainSelect(c *context, n *graph.Node) ([]*affine.Affine, *reason.Refusal) {
	x := n.In[0]
	dims, ok := x.Shape()
	if !ok || !x.Elem.IsFloat() {
		return nil, nil // unknown rank, or no data
	}
	switch n.OpType() {
	case "Concat":
		return explainConcat(c, n), nil
	case "Split":
		return explainSplit(c, n), nil
	case "Gather":
		return explainGather(c, n, dims), nil
	case "Tile":
		return explainTile(c, n, dims), nil
	}
	return explainSlice(c, n, dims), nil
}

// explainSplit explains every output.
func explainSplit(c *context, n *graph.Node) []*affine.Affine {
	axis, sizes, ok := c.g.SplitSizes(n)
	if !ok {
		return nil // sizes that are not known
	}
	var all []*affine.Affine
	from, total := 0, 0
	for _, size := range sizes {
		total += int(size)
	}
	for i, out := range n.Out {
		if out != nil {
			op := &affine.Pick{Axes: []affine.Picked{affine.Run(axis, from, int(sizes[i]), total)}, Drop: -1}
			all = append(all, &affine.Affine{Out: out, Args: n.In[:1], Nodes: []*graph.Node{n}, Op: op})
		}
		from += int(sizes[i])
	}
	return all
}

func explainGather(c *context, n *graph.Node, dims []graph.Dim) []*affine.Affine {
	axis, ok := graph.Axis(n.Int("axis", 0), len(dims))
	if !ok || !c.g.IsConst(n.In[1]) {
		return nil // indices that are not known
	}
	idx, err := c.g.Const(n.In[1])
	size, known := dims[axis].Int()
	if err != nil || len(idx.Shape) > 1 || !known {
		return nil // indices of higher rank
	}
	var at []int
	for _, i := range idx.I {
		k, ok := graph.Axis(i, int(size))
		if !ok {
			return nil // out of range: an error at run time
		}
		at = append(at, k)
	}
	op := &affine.Pick{Axes: []affine.Picked{affine.Listed(axis, at, int(size))}, Drop: -1}
	if len(idx.Shape) == 0 {
		op.Drop = axis
	}
	return is(n, op, n.In[0])
}

// maxTiled bounds the positions that a Tile makes of one axis.
const maxTiled = 1 << 16

// explainTile explains copies of a value beside each other along one axis.
func explainTile(c *context, n *graph.Node, dims []graph.Dim) []*affine.Affine {
	if len(n.In) != 2 || !c.g.IsConst(n.In[1]) {
		return nil // repeats that are not known, or an axis as opset 1 has it
	}
	repeats, err := c.g.Const(n.In[1])
	if err != nil || len(repeats.I) != len(dims) {
		return nil // another form than that of the specification
	}
	op := &affine.Pick{Drop: -1}
	for axis, r := range repeats.I {
		if r == 1 {
			continue
		}
		size, known := dims[axis].Int()
		if !known || r < 1 || r > maxTiled || size < 1 || size > maxTiled/r || len(op.Axes) > 0 {
			return nil // an axis of unknown size, nothing, or several axes
		}
		at := make([]int, size*r)
		for i := range at {
			at[i] = i % int(size)
		}
		op.Axes = append(op.Axes, affine.Listed(axis, at, int(size)))
	}
	return is(n, op, n.In[0])
}

func explainSlice(c *context, n *graph.Node, dims []graph.Dim) []*affine.Affine {
	steps, ok := c.g.SliceSteps(n, len(dims))
	if !ok {
		return nil // bounds that are not known
	}
	op := &affine.Pick{Drop: -1}
	seen := map[int64]bool{}
	for _, st := range steps {
		if seen[st.Axis] {
			return nil // an axis twice: what that means is nowhere defined
		}
		seen[st.Axis] = true
		size, known := dims[st.Axis].Int()
		if !known {
			begin, end, ok := st.Open()
			if !ok {
				return nil // bounds of an axis of unknown size
			}
			if begin > 0 || end > 0 || st.Step > 1 {
				count, _ := st.Size(dims[st.Axis])
				op.Axes = append(op.Axes, affine.Picked{Axis: int(st.Axis), Start: int(begin), Step: int(st.Step), Size: count, Crops: begin >= st.Step || end > 0})
			}
			continue
		}
		start, count := st.Range(size)
		if start == 0 && st.Step == 1 && count == size {
			continue
		}
		op.Axes = append(op.Axes, affine.Stepping(int(st.Axis), int(start), int(st.Step), int(count), int(size)))
	}
	return is(n, op, n.In[0])
}

func explainConcat(c *context, n *graph.Node) []*affine.Affine {
	rank := n.In[0].Rank()
	axis, ok := graph.Axis(n.Int("axis", 1), rank)
	if !ok {
		return nil // out of range
	}
	var sizes []int
	for _, x := range n.In {
		dims, ok := x.Shape()
		if !ok || len(dims) != rank || affine.ConstantLike(c.g, x) {
			return nil // a constant part
		}
		k, ok := dims[axis].Int()
		if !ok {
			return nil // an axis of unknown size
		}
		sizes = append(sizes, int(k))
	}
	return is(n, &affine.Join{Axis: axis, Sizes: sizes}, n.In...)
}
