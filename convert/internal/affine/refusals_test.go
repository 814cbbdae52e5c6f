package affine

import (
	"slices"
	"strings"
	"testing"

	"repmlp/internal/sketch"
	"repmlp/onnxio/graph"
)

// What an operation cannot be written as rows says why; sizes that the graph and the
// operation see differently are no rows.
func TestRowsThatAreRefused(t *testing.T) {
	n := node(t, "Neg")
	open := []graph.Dim{graph.Symbol("N"), graph.Symbol("C"), graph.Symbol("H"), graph.Size(4)}
	two := []int64{1, 1}
	for name, c := range map[string]struct {
		dims []graph.Dim
		args int
		op   Op
		want string // "" for none
	}{
		"a join":                        {dims(2, 3), 2, &Join{Axis: 0, Sizes: []int{2, 2}}, ""},
		"a join of another size":        {dims(2, 3), 2, &Join{Axis: 0, Sizes: []int{2, 3}}, "joins an axis of unknown size"},
		"a join of open sizes":          {open, 2, &Join{Axis: 0, Sizes: []int{2, 2}}, "joins an axis of unknown size"},
		"a pick from an open axis":      {open, 1, &Pick{Axes: []Picked{{Axis: 2, Count: 1, Step: 1}}, Drop: -1}, "picks from an axis of unknown size"},
		"a pick of nothing":             {dims(2, 3), 1, &Pick{Axes: []Picked{{Axis: 1, Count: 0, Step: 1}}, Drop: -1}, "picks from an axis of unknown size"},
		"a mean of an open axis":        {open, 1, &Reduce{Axes: []int{2}, Mean: true}, "averages over an axis of unknown size"},
		"a pad of an open axis":         {open, 1, &Pad{Pads: []int64{0, 0, 1, 0, 0, 0, 0, 0}}, "pads an axis of unknown size"},
		"a crop of everything":          {dims(2, 3), 1, &Pad{Pads: []int64{0, -1, 0, -2}}, "pads an axis of unknown size"},
		"a pad of nothing else":         {open, 1, &Pad{Pads: []int64{0, 0, 0, 1, 0, 0, 0, 0}}, ""},
		"a permutation of another rank": {dims(2, 3), 1, &Permute{Perm: []int{0, 2, 1}}, "permutes 3 axes of a tensor of rank 2"},
		"a window over an open axis":    {open, 1, &Pool{Win: window(2, 1, 1, 0, 0)}, "slides over an axis of unknown size"},
		"a window that fits nowhere":    {dims(2, 3, 1, 1), 1, &Pool{Win: window(2, 1, 1, 0, 0)}, "makes an axis of unknown size"},
		"channels that do not fit":      {dims(2, 6, 1, 1), 1, &Conv{Win: graph.Window{Kernel: two, Stride: two, Dilation: two, Begin: []int64{0, 0}, End: []int64{0, 0}}, Shape: []int{4, 4, 1, 1}, Groups: 2}, "the 2 groups of"},
		"rows of another rank":          {dims(2, 6, 1), 1, &FC{Data: [][]Index{{0}, {1}}}, "reads data of rank 3"},
		"rows of another length":        {dims(2, 6), 1, &FC{Data: [][]Index{{0}, {1}}, Out: [][]Index{{0}, {2}}, Weight: []Index{1, 2}, Size: map[Index]int{1: 5, 2: 3}}, "reads rows of unknown length"},
		"groups that do not nest":       {dims(2, 6), 1, &FC{Data: [][]Index{{0}, {3, 1}}, Out: [][]Index{{0}, {2}}, Weight: []Index{3, 1, 2}, Size: map[Index]int{3: 4, 1: 2, 2: 3}}, "do not nest"},
		"a sum over an open axis":       {[]graph.Dim{graph.Symbol("N"), graph.Size(6)}, 1, &FC{Data: [][]Index{{0}, {1}}, Out: [][]Index{{2}}, Weight: []Index{1, 2}, Size: map[Index]int{1: 6, 2: 3}}, "sums over an axis of unknown size"},
	} {
		u := graph.Invent("u", 1, c.dims)
		v := sketch.Graph(t, "v : ?\ny = Neg(v)").Value("v") // of any shape
		a := &Affine{Out: v, Args: slices.Repeat([]*graph.Value{u}, c.args), Nodes: []*graph.Node{n}, Op: c.op}
		w := NewWalk(u, AsItIs(u))
		w.Through(a)
		_, why := w.Rows(v)
		switch {
		case c.want == "" && why != nil, c.want != "" && (why == nil || !strings.Contains(why.Message, c.want)):
			t.Errorf("%s: %v, want %q", name, why, c.want)
		case why != nil && !strings.Contains(why.Message, n.Title()):
			t.Errorf("%s: %q does not name the node", name, why.Message)
		}
	}
}

// A lower bound of the weights is of use: for layers alone it is their number.
func TestLeastWeights(t *testing.T) {
	for _, c := range []struct {
		op   Op
		dims []graph.Dim
		want float64
	}{
		{&FC{Data: [][]Index{{0}, {1}}, Out: [][]Index{{0}, {2}}, Weight: []Index{1, 2}, Size: map[Index]int{1: 6, 2: 3}}, dims(5, 6), 18},
		{&FC{Data: [][]Index{{3}, {1}}, Out: [][]Index{{3}, {2}}, Weight: []Index{3, 1, 2}, Size: map[Index]int{3: 5, 1: 6, 2: 3}}, dims(5, 6), 90},
		{&View{Dims: dims(30)}, dims(5, 6), 1},
		{&Reduce{Axes: []int{1}, Mean: true}, dims(5, 6), 6},
	} {
		u := graph.Invent("u", 1, c.dims)
		v := sketch.Graph(t, "v : ?\ny = Neg(v)").Value("v")
		w := NewWalk(u, AsItIs(u))
		w.Through(&Affine{Out: v, Args: []*graph.Value{u}, Nodes: []*graph.Node{node(t, "Neg")}, Op: c.op})
		if have, ok := w.RowsAtLeast(v); !ok || have != c.want {
			t.Errorf("%v: at least %g weights, want %g", c.op, have, c.want)
		}
	}
}

// Which row an element belongs to follows from a shape where at most one size of an
// axis is open, and the shape fits.
func TestRowsOfShapes(t *testing.T) {
	for _, c := range []struct {
		axis []graph.Dim // of rows, before a feature of 2
		n    int
		rows int // 0: it does not follow
	}{
		{[]graph.Dim{graph.Symbol("N")}, 3, 3},
		{[]graph.Dim{graph.Symbol("N"), graph.Size(2)}, 6, 6},
		{[]graph.Dim{graph.Size(2), graph.Symbol("N")}, 6, 6},
		{[]graph.Dim{graph.Symbol("N"), graph.Size(2)}, 5, 0},
		{[]graph.Dim{graph.Symbol("N"), graph.Symbol("M")}, 6, 0},
		{[]graph.Dim{graph.Size(3), graph.Size(2)}, 6, 6},
		{[]graph.Dim{graph.Size(3), graph.Size(2)}, 5, 0},
		{[]graph.Dim{graph.Size(3)}, 1, 0},
		{[]graph.Dim{graph.Size(-3)}, 1, 0},
		{[]graph.Dim{graph.Symbol("N"), graph.Size(0)}, 5, 0},
	} {
		m := &Rows{Atoms: graph.NewAtoms(), Row: map[graph.Atom]bool{}}
		var axis []graph.Atom
		for _, d := range c.axis {
			a := m.Atoms.New(d)
			axis = append(axis, a)
			m.Row[a] = true
		}
		m.In = graph.Layout{axis, m.Atoms.Axis(graph.Size(2))}
		row, run, rows := m.RowOf([]int{c.n, 2})
		if rows != c.rows || (row != nil) != (c.rows > 0) {
			t.Errorf("%v of %d: %d rows", c.axis, c.n, rows)
			continue
		}
		for i, r := range row {
			if int(r) != i || run != 2 {
				t.Errorf("%v of %d: run %d of %d is of row %d", c.axis, c.n, i, run, r)
			}
		}
		if _, _, rows := m.RowOf([]int{c.n}); rows != 0 {
			t.Error("a shape of another rank has rows")
		}
	}
}

// A SpaceToDepth is a convolution as long as its channels are not too many to be listed.
func TestBlocksOfManyChannels(t *testing.T) {
	n := node(t, "Neg")
	for _, c := range []struct {
		channels, b int
		ok          bool
	}{{16384, 2, true}, {16385, 2, false}, {3, 16, true}, {256, 16, true}, {257, 16, false}, {1 << 40, 2, false}, {1 << 40, 1, false}, {1 << 16, 1, true}} {
		m := mapOf(t, 1, c.channels, 4*c.b, 4*c.b)
		out, why := (&Blocks{B: c.b, IntoDepth: true}).Window(n, []Map{m})
		if (why == nil) != c.ok {
			t.Errorf("%d channels in blocks of %d: %v", c.channels, c.b, why)
		}
		if c.ok && (!EqualDims(out.Dims, dims(1, c.channels*c.b*c.b, 4, 4)) || out.Win.Out != c.channels*c.b*c.b) {
			t.Errorf("%d channels in blocks of %d: %v", c.channels, c.b, out.Dims)
		}
	}
	odd := mapOf(t, 1, 3, 5, 4)
	if _, why := (&Blocks{B: 2, IntoDepth: true}).Window(n, []Map{odd}); why == nil || !strings.Contains(why.Message, "no multiples") {
		t.Errorf("a map of 5 rows in blocks of 2: %v", why)
	}
	if _, why := (&Blocks{B: 2, IntoDepth: true}).Window(n, []Map{mapOf(t, 1, 3, 4, 4).transposed([]int{0, 2, 3, 1})}); why == nil {
		t.Error("channels last")
	}
}

// Two orders are cut into pairs of equal atoms, or do not fit.
func TestRefine(t *testing.T) {
	for _, c := range []struct {
		a, b  []int
		pairs []int // sizes; nil: they do not fit
	}{
		{[]int{6}, []int{6}, []int{6}},
		{[]int{6}, []int{2, 3}, []int{2, 3}},
		{[]int{2, 3}, []int{6}, []int{2, 3}},
		{[]int{4, 3}, []int{2, 6}, []int{2, 2, 3}},
		{[]int{2, 3}, []int{3, 2}, nil},
		{nil, []int{2}, nil},
		{[]int{2}, nil, nil},
		{[]int{2, 3}, []int{2}, nil},
		{[]int{2}, []int{2, 3}, nil},
	} {
		tr := &Tracer{atoms: graph.NewAtoms()}
		atoms := func(sizes []int) []graph.Atom {
			var out []graph.Atom
			for _, n := range sizes {
				out = append(out, tr.atoms.New(graph.Size(int64(n))))
			}
			return out
		}
		pa, pb, ok := tr.refine(atoms(c.a), atoms(c.b))
		if ok != (c.pairs != nil) {
			t.Errorf("%v and %v: %v", c.a, c.b, ok)
		}
		if !ok {
			continue
		}
		for i, n := range c.pairs {
			if !tr.atoms.Size(pa[i]).Is(int64(n)) || !tr.atoms.Size(pb[i]).Is(int64(n)) {
				t.Errorf("%v and %v: pair %d has %v and %v", c.a, c.b, i, tr.atoms.Size(pa[i]), tr.atoms.Size(pb[i]))
			}
		}
		if len(pa) != len(c.pairs) || len(pb) != len(c.pairs) {
			t.Errorf("%v and %v: %d pairs", c.a, c.b, len(pa))
		}
	}
}
