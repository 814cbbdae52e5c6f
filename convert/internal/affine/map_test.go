package affine

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"repmlp/convert/internal/reason"
	"repmlp/fuse"
	"repmlp/internal/sketch"
	"repmlp/onnxio/graph"
)

// node is a node with an operator's name.
func node(t *testing.T, op string) *graph.Node {
	t.Helper()
	return sketch.Graph(t, "x : 1\ny = "+op+"(x)").Nodes[0]
}

// window is a sliding window over two axes, each with the same numbers.
func window(kernel, stride, dilation, begin, end int64) graph.Window {
	two := func(v int64) []int64 { return []int64{v, v} }
	return graph.Window{Kernel: two(kernel), Stride: two(stride), Dilation: two(dilation), Begin: two(begin), End: two(end)}
}

func mapOf(t *testing.T, d ...int) Map {
	t.Helper()
	m, ok := MapInput(Form{Dims: dims(d...)})
	if !ok {
		t.Fatal("no map")
	}
	return m
}

// axesOf is a value of the given sizes whose axis i is axis order[i] of a map.
func axesOf(sizes []graph.Dim, order []int) Form {
	f := Form{Dims: make([]graph.Dim, len(sizes)), Cut: make(Cut, len(sizes))}
	for i, k := range order {
		f.Dims[k], f.Cut[i] = sizes[i], whole(k, sizes[i])
	}
	f.Cut = f.Cut.plain(f.Dims)
	return f
}

// What is no map is told at once.
func TestMapInput(t *testing.T) {
	for _, c := range []struct {
		shape []graph.Dim
		order []int
		ok    bool
	}{
		{dims(2, 3, 4), []int{0, 1, 2}, true},
		{dims(2, 3), []int{0, 1}, false},
		{dims(2, 0, 4), []int{0, 1, 2}, false},
		{dims(2, 1, 4), []int{0, 1, 2}, true},
		{[]graph.Dim{graph.Size(2), graph.Symbol("C"), graph.Size(4)}, []int{0, 1, 2}, false},
		{[]graph.Dim{graph.Symbol("N"), graph.Size(4), graph.Symbol("H")}, []int{0, 1, 2}, true},
		{dims(2, 4, 3), []int{0, 2, 1}, true},
	} {
		m, ok := MapInput(axesOf(c.shape, c.order))
		if ok != c.ok {
			t.Errorf("%v: %v", c.shape, ok)
		}
		if ok && c.order[1] == 2 && (!m.Dims[1].Is(3) || !m.Dims[2].Is(4) || m.Win.In != 3 || m.ChannelsFirst()) {
			t.Errorf("channels last: %v %+v", m.Dims, m.Win)
		}
	}
	if m, ok := MapInput(Form{}); ok {
		t.Errorf("a value of unknown shape is the map %v", m)
	}
}

// Windows that are no convolution of the map are refused, each with its reason.
func TestWindowsThatAreRefused(t *testing.T) {
	n := node(t, "Neg")
	start := mapOf(t, 1, 4, 9, 9)
	turned := start.transposed([]int{0, 2, 3, 1})
	shifted := start.shifted(n)
	ceil, dynamic := window(2, 1, 1, 0, 0), window(2, 1, 1, 0, 0)
	ceil.Ceil, dynamic.Dynamic = true, true
	far := maxReach + int64(1)
	for want, c := range map[string]struct {
		m                Map
		w                graph.Window
		perGroup, groups int
		code             reason.Code
	}{
		"other axes first":          {turned, window(3, 1, 1, 0, 0), 4, 1, ""},
		"size of its input":         {start, dynamic, 4, 1, reason.AutoPadDependsOnSize},
		"rounds its output size up": {start, ceil, 4, 1, reason.UnsupportedForm},
		"channels or axes":          {start, window(3, 1, 1, 0, 0), 3, 1, ""},
		"channels or axes of":       {mapOf(t, 1, 4, 9), window(3, 1, 1, 0, 0), 4, 1, ""},
		"negative padding":          {start, window(3, 1, 1, -1, 0), 4, 1, reason.UnsupportedForm},
		"has negative padding":      {start, window(3, 1, 1, 0, -1), 4, 1, reason.UnsupportedForm},
		"by more than":              {start, window(1, far, 1, 0, 0), 4, 1, reason.UnsupportedForm},
		"dilates by more than":      {start, window(2, 1, far, 0, 0), 4, 1, reason.UnsupportedForm},
		"pads with zeros after it":  {shifted, window(1, 1, 1, 1, 0), 4, 1, reason.BiasBeforeZeroPadding},
		"zeros after it":            {shifted, window(1, 1, 1, 0, 1), 4, 1, reason.BiasBeforeZeroPadding},
	} {
		_, why := c.m.then(n, c.w, 4, c.perGroup, c.groups)
		if why == nil || !strings.Contains(why.Message, want) || why.Code != c.code {
			t.Errorf("%v, want %q %s", why, want, c.code)
		}
	}
	if _, why := start.then(n, window(1, maxReach, 1, 0, 0), 4, 4, 1); why != nil {
		t.Errorf("a stride of %d: %v", maxReach, why)
	}
	wide, why := start.then(n, window(2, maxReach, 1, 0, 0), 4, 4, 1)
	if why != nil {
		t.Fatal(why)
	}
	if _, why := wide.then(n, window(2, 2, 1, 0, 0), 4, 4, 1); why == nil || !strings.Contains(why.Message, "reach over more") {
		t.Errorf("together they reach over %d: %v", 2*maxReach, why)
	}
	for axis := range 2 { // along one axis alone
		w := window(1, 1, 1, 0, 0)
		w.Stride[axis] = maxReach
		far, why := start.then(n, w, 4, 4, 1)
		if why != nil {
			t.Fatal(why)
		}
		if _, why := far.then(n, w, 4, 4, 1); why == nil || !strings.Contains(why.Message, "reach over more") {
			t.Errorf("axis %d: together they reach over more than %d: %v", axis, maxReach, why)
		}
	}
}

// A window above 1×1, or a bias, is what zero padding must not follow.
func TestWhatZeroPaddingMayFollow(t *testing.T) {
	n := node(t, "Neg")
	pad := window(1, 1, 1, 1, 1)
	start := mapOf(t, 1, 4, 9, 9)
	then := func(m Map, w graph.Window) Map {
		t.Helper()
		out, why := m.then(n, w, 4, 4, 1)
		if why != nil {
			t.Fatal(why)
		}
		return out
	}
	for name, c := range map[string]struct {
		m    Map
		code reason.Code
	}{
		"the map":                       {start, ""},
		"a 1×1":                         {then(start, window(1, 1, 1, 0, 0)), ""},
		"padding":                       {then(start, pad), ""},
		"a 3×3":                         {then(start, window(3, 1, 1, 0, 0)), reason.InnerZeroPadding},
		"a stride":                      {then(start, window(1, 2, 1, 0, 0)), ""},
		"a bias":                        {start.shifted(n), reason.BiasBeforeZeroPadding},
		"a 3×3 with bias":               {then(start, window(3, 1, 1, 0, 0)).shifted(n), reason.BiasBeforeZeroPadding},
		"a bias before a 3×3":           {then(start.shifted(n), window(3, 1, 1, 0, 0)), reason.BiasBeforeZeroPadding},
		"a bias that was taken away":    {cancelled(start.shifted(n), 0), ""},
		"a bias that was nearly":        {cancelled(start.shifted(n), 8*0x1p-24), ""},
		"a bias that was not quite":     {cancelled(start.shifted(n), 9*0x1p-24), reason.BiasBeforeZeroPadding},
		"a bias that is no number":      {broken(start.shifted(n)), reason.BiasBeforeZeroPadding},
		"a bias taken away, then 3×3":   {then(cancelled(start.shifted(n), 0), window(3, 1, 1, 0, 0)), reason.BiasBeforeZeroPadding},
		"a bias taken away, then 1×1s2": {then(cancelled(start.shifted(n), 0), window(1, 2, 1, 0, 0)), reason.BiasBeforeZeroPadding},
		"a padded 1×1 behind a 3×3":     {then(then(start, window(3, 1, 1, 0, 0)), window(1, 1, 1, 0, 0)), reason.InnerZeroPadding},
	} {
		out, why := c.m.then(n, pad, 4, 4, 1)
		switch {
		case why == nil && c.code != "", why != nil && why.Code != c.code:
			t.Errorf("%s: %v, want %s", name, why, c.code)
		case why == nil && (!allZero(out) || (out.Undone != nil) != !allZero(c.m)):
			t.Errorf("%s: %v, undone at %v", name, out.borders, out.Undone)
		}
	}
}

func allZero(m Map) bool {
	return !slices.ContainsFunc(m.borders, func(b border) bool { return b.code != "" })
}

// Padding counts per axis: a kernel along one axis does not stand in the way of
// zeros along another, a bias does everywhere.
func TestPaddingCountsPerAxis(t *testing.T) {
	n := node(t, "Neg")
	// along is a window of two axes, each given as taps and padding on both sides.
	along := func(h, w, ph, pw int64) graph.Window {
		return graph.Window{Kernel: []int64{h, w}, Stride: []int64{1, 1}, Dilation: []int64{1, 1}, Begin: []int64{ph, pw}, End: []int64{ph, pw}}
	}
	begins := func(w graph.Window) graph.Window { w.End = []int64{0, 0}; return w }
	ends := func(w graph.Window) graph.Window { w.Begin = []int64{0, 0}; return w }
	wide, high := along(1, 3, 0, 1), along(3, 1, 1, 0)
	bias := func(m Map) Map {
		return m.scaledBy(func() (scale, shift, sizes []float64, err error) { return nil, []float64{1, 2, 3, 4}, nil, nil }).shifted(n)
	}
	nought := func(m Map) Map {
		return m.scaledBy(func() (scale, shift, sizes []float64, err error) { return nil, make([]float64, 4), nil, nil }).shifted(n)
	}
	back := func(m Map) Map {
		return m.scaledBy(func() (scale, shift, sizes []float64, err error) { return nil, []float64{-1, -2, -3, -4}, nil, nil }).shifted(n)
	}
	var start Map
	then := func(w graph.Window) func(Map) Map {
		return func(m Map) Map {
			out, why := m.then(n, w, 4, 4, 1)
			if why != nil {
				t.Fatal(why)
			}
			return out
		}
	}
	sum := func(other Map) func(Map) Map {
		return func(m Map) Map {
			out, why := (&Sum{Coef: []float64{1, 1}}).Window(n, []Map{m, other})
			if why != nil {
				t.Fatal(why)
			}
			return out
		}
	}
	start = mapOf(t, 1, 4, 9, 9)
	for _, c := range []struct {
		name   string
		steps  []func(Map) Map
		next   graph.Window
		code   reason.Code
		undone bool
	}{
		{"wide, high", []func(Map) Map{then(wide)}, high, "", false},
		{"high, wide", []func(Map) Map{then(high)}, wide, "", false},
		{"wide, wide", []func(Map) Map{then(wide)}, wide, reason.InnerZeroPadding, false},
		{"high, high at its begin", []func(Map) Map{then(high)}, begins(high), reason.InnerZeroPadding, false},
		{"high, high at its end", []func(Map) Map{then(high)}, ends(high), reason.InnerZeroPadding, false},
		{"wide, unpadded high, high", []func(Map) Map{then(wide), then(along(3, 1, 0, 0))}, high, reason.InnerZeroPadding, false},
		{"wide, square", []func(Map) Map{then(wide)}, along(3, 3, 1, 1), reason.InnerZeroPadding, false},
		{"wide, square padded high", []func(Map) Map{then(wide)}, along(3, 3, 1, 0), "", false},
		{"wide with a bias, high", []func(Map) Map{then(wide), bias}, high, reason.BiasBeforeZeroPadding, false},
		{"a bias, wide, high", []func(Map) Map{bias, then(along(1, 3, 0, 0))}, high, reason.BiasBeforeZeroPadding, false},
		{"wide, a bias of zeros, high", []func(Map) Map{then(wide), nought}, high, "", true},
		{"wide, a bias of zeros, wide", []func(Map) Map{then(wide), nought}, wide, reason.BiasBeforeZeroPadding, false},
		{"wide, a bias and back, high", []func(Map) Map{then(wide), bias, back}, high, "", true},
		{"a bias and back, high, wide", []func(Map) Map{bias, back, then(high)}, wide, "", true},
		{"wide and high, high", []func(Map) Map{then(wide), sum(then(high)(start))}, high, reason.InnerZeroPadding, false},
		{"wide and wide, high", []func(Map) Map{then(wide), sum(then(wide)(start))}, high, "", false},
		{"wide and a bias, high", []func(Map) Map{then(wide), sum(bias(start))}, high, reason.BiasBeforeZeroPadding, false},
		{"a bias and wide, high", []func(Map) Map{bias, sum(then(wide)(start))}, high, reason.BiasBeforeZeroPadding, false},
		{"a bias of zeros in a sum, high", []func(Map) Map{nought, sum(start)}, high, reason.BiasBeforeZeroPadding, false},
	} {
		m := start
		for _, step := range c.steps {
			m = step(m)
		}
		before := slices.Clone(m.borders)
		out, why := m.then(n, c.next, 4, 4, 1)
		switch {
		case why == nil && c.code != "", why != nil && why.Code != c.code:
			t.Errorf("%s: %v, want %q", c.name, why, c.code)
		case why == nil && (out.Undone != nil) != c.undone:
			t.Errorf("%s: undone at %v", c.name, out.Undone)
		}
		if !slices.Equal(m.borders, before) {
			t.Errorf("%s: a map changed while the next one was made", c.name)
		}
	}
	if _, err := then(wide)(start).Outside(); err == nil {
		t.Error("a kernel along an axis leaves one number outside")
	}
	if v, err := then(high)(nought(start)).Outside(); err == nil {
		t.Errorf("behind a kernel %v is outside", v)
	}
	if !then(high)(start).borders.anyZero() || then(wide)(then(high)(start)).borders.anyZero() {
		t.Error("zeros along the other axis are not told from none")
	}
}

func withOutside(m Map, f outside) Map {
	m.outside = &f
	return m
}

// cancelled is a map of which a part of what it was added up from is left outside.
func cancelled(m Map, left float64) Map {
	return withOutside(m, func() (value, size []float64, err error) {
		return []float64{0, -left, left * 3, 0}, []float64{1, 1, 3, 0}, nil
	})
}

func broken(m Map) Map {
	return withOutside(m, func() (value, size []float64, err error) { return nil, nil, errors.New("no number") })
}

// Outside follows scales and shifts, with the magnitudes that it was added up from.
func TestOutsideFollowsScales(t *testing.T) {
	m := mapOf(t, 1, 2, 3, 3)
	all := func(scale, shift, sizes []float64) func() (a, b, c []float64, err error) {
		return func() (a, b, c []float64, err error) { return scale, shift, sizes, nil }
	}
	n := node(t, "Neg")
	check := func(m Map, value, size []float64) {
		t.Helper()
		v, s, err := (*m.outside)()
		if err != nil || !slices.Equal(v, value) || !slices.Equal(s, size) {
			t.Errorf("%v %v %v, want %v %v", v, s, err, value, size)
		}
		if w, err := m.Outside(); err != nil || !slices.Equal(w, value) {
			t.Errorf("outside %v %v", w, err)
		}
	}
	if v, err := m.Outside(); err != nil || !slices.Equal(v, []float64{0, 0}) {
		t.Errorf("a map without padding: %v %v", v, err)
	}
	m = m.scaledBy(all(nil, []float64{3, -1}, nil)).shifted(n)
	check(m, []float64{3, -1}, []float64{3, 1})
	m = m.scaledBy(all([]float64{-2}, nil, nil))
	check(m, []float64{-6, 2}, []float64{6, 2})
	m = m.scaledBy(all([]float64{1, 3}, []float64{5}, []float64{7, 8}))
	check(m, []float64{-1, 11}, []float64{13, 14})
	bad := m.scaledBy(func() (a, b, c []float64, err error) { return nil, nil, nil, errors.New("unread") })
	if _, err := bad.Outside(); err == nil {
		t.Error("numbers that cannot be read gave a number outside")
	}
	if _, err := bad.scaledBy(all([]float64{1}, nil, nil)).Outside(); err == nil {
		t.Error("and scaled")
	}
	lost := m
	lost.outside = nil
	if lost = lost.scaledBy(all([]float64{2}, nil, nil)); lost.outside != nil {
		t.Error("what was unknown outside is known after a scale")
	}
	if _, err := lost.Outside(); err == nil {
		t.Error("what is outside behind a bias is no number")
	}
}

// Walks refuse once and for all, each way by itself.
func TestWalksRefuse(t *testing.T) {
	open := sketch.Graph(t, "x : ?\ny = Neg(x)").Value("x")
	if w := NewWalk(open, AsItIs(open)); !w.Refused() {
		t.Error("a walk from a value of unknown shape goes on")
	} else if _, why := w.Map(open); why == nil {
		t.Error("it is a map")
	} else if _, ok := w.RowsAtLeast(open); ok {
		t.Error("it has rows")
	}
	u, v, x := graph.Invent("u", 1, dims(2, 3, 4, 4)), graph.Invent("v", 1, dims(2, 3, 4, 4)), graph.Invent("x", 1, dims(2, 3, 4, 5))
	n := node(t, "Identity")
	step := func(from, to *graph.Value, op Op) *Affine {
		return &Affine{Out: to, Args: []*graph.Value{from}, Nodes: []*graph.Node{n}, Op: op}
	}
	same := &View{Dims: dims(2, 3, 4, 4), Same: true}
	for name, c := range map[string]struct {
		steps     []*Affine
		map_, row bool
	}{
		"same":              {[]*Affine{step(u, v, same)}, true, true},
		"another shape":     {[]*Affine{step(u, x, same)}, false, false},
		"no convolution":    {[]*Affine{step(u, graph.Invent("mean", 1, dims(2, 3, 1, 4)), &Reduce{Axes: []int{2}, Keep: true, Mean: true})}, false, true},
		"no rows":           {[]*Affine{step(u, v, &rowless{same})}, true, false},
		"a view":            {[]*Affine{step(u, graph.Invent("flat", 1, dims(2, 3, 16)), NewView(u, dims(2, 3, 16)))}, true, true},
		"neither":           {[]*Affine{step(u, v, &View{Dims: dims(4, 3, 2, 4)})}, false, false},
		"no rows, then one": {[]*Affine{step(u, v, &rowless{same}), step(v, graph.Invent("w", 1, dims(2, 3, 4, 4)), same)}, true, false},
	} {
		w := NewWalk(u, AsItIs(u))
		for _, a := range c.steps {
			w.Through(a)
		}
		to := c.steps[len(c.steps)-1].Out
		_, mapWhy := w.Map(to)
		if (mapWhy == nil) != c.map_ {
			t.Errorf("%s: map %v", name, mapWhy)
		}
		if w.Refused() != (!c.map_ && !c.row) {
			t.Errorf("%s: refused %v", name, w.Refused())
		}
		if _, why := w.Rows(to); (why == nil) != c.row {
			t.Errorf("%s: rows %v", name, why)
		}
		if _, ok := w.RowsAtLeast(to); ok != c.row {
			t.Errorf("%s: at least %v", name, ok)
		}
	}
}

// rowless is an operation that cannot be traced.
type rowless struct{ *View }

func (rowless) Trace(*Tracer, *graph.Node, []Traced) (Traced, *reason.Refusal) {
	return Traced{}, reason.Refuse("", "no")
}

// The axes of a value are put in the order that the first spatial step needs.
func TestMapOrder(t *testing.T) {
	v, w, x, y := stub("v"), stub("w"), stub("x"), stub("y")
	u := graph.Invent("u", 1, dims(1, 2, 3, 4))
	step := func(from, to *graph.Value, op Op) *Affine {
		return &Affine{Out: to, Args: []*graph.Value{from}, Op: op}
	}
	conv, norm := &Conv{}, NewNorm(4, 4, nil, nil, nil)
	for name, c := range map[string]struct {
		steps []*Affine
		want  []int
	}{
		"nothing":                       {nil, []int{0, 1, 2, 3}},
		"a conv":                        {[]*Affine{step(u, v, conv)}, []int{0, 1, 2, 3}},
		"a norm behind a permutation":   {[]*Affine{step(u, v, &Permute{Perm: []int{0, 3, 1, 2}}), step(v, w, norm)}, []int{0, 2, 3, 1}},
		"a pool behind two":             {[]*Affine{step(u, v, &Permute{Perm: []int{0, 3, 1, 2}}), step(v, w, &Permute{Perm: []int{0, 3, 1, 2}}), step(w, x, &Pool{})}, []int{0, 3, 1, 2}},
		"blocks":                        {[]*Affine{step(u, v, &Permute{Perm: []int{0, 3, 1, 2}}), step(v, w, &Blocks{IntoDepth: true})}, []int{0, 2, 3, 1}},
		"out of depth":                  {[]*Affine{step(u, v, &Permute{Perm: []int{0, 3, 1, 2}}), step(v, w, &Blocks{})}, []int{0, 1, 2, 3}},
		"a permutation of another rank": {[]*Affine{step(u, v, &Permute{Perm: []int{2, 0, 1}}), step(v, w, conv)}, []int{0, 1, 2, 3}},
		"a norm of positions that a view splits, before a sum": {[]*Affine{step(u, v, &Permute{Perm: []int{0, 3, 1, 2}}), step(v, w, norm), step(w, x, NewView(w, dims(1, 2, 2, 2, 3))), step(x, y, &Sum{Coef: []float64{1}})}, []int{0, 2, 3, 1}},
		"a scale between": {[]*Affine{step(u, v, &Permute{Perm: []int{0, 3, 1, 2}}), step(v, w, &Diagonal{}), step(w, x, conv)}, []int{0, 2, 3, 1}},
	} {
		if have := MapForm(u, slices.Values(c.steps)); !sameCut(have.Cut, axesOf(dims(1, 2, 3, 4), c.want).Cut) {
			t.Errorf("%s: %v, want %v", name, have, c.want)
		}
	}
}

// Costs are ordered by weights, then work, then moves.
func TestCostOrder(t *testing.T) {
	order := []Cost{{0, 0, 0}, {0, 0, 5}, {0, 1, 0}, {0, 1, 1}, {1, 0, 0}, {1, 0, 2}, {2, 0, 0}}
	for i, a := range order {
		for j, b := range order {
			if a.Less(b) != (i < j) {
				t.Errorf("%v before %v is %v", a, b, a.Less(b))
			}
			if a.Plus(b).Minus(b) != a || a.Plus(b) != b.Plus(a) || a.Plus(b) != (Cost{a.Weights + b.Weights, a.Work + b.Work, a.Moves + b.Moves}) {
				t.Errorf("%v plus %v is %v", a, b, a.Plus(b))
			}
		}
	}
}

// A segment counts each node once and names what it makes.
func TestSegments(t *testing.T) {
	g := sketch.Graph(t, "x : 2 3\na = Gemm(x, ?3x4, ?4)\nb = Neg(a)\ny = Add(b, b)")
	c := NewConstants(g)
	v := func(name string) *graph.Value { return g.Value(name) }
	steps := []*Affine{
		{Out: v("a"), Args: []*graph.Value{v("x")}, Nodes: []*graph.Node{g.Nodes[0]}, Op: NewFC(c, FC{Matrices: []*graph.Value{v("k1")}, Biases: []*graph.Value{v("k2")}})},
		{Out: v("b"), Args: []*graph.Value{v("a")}, Nodes: []*graph.Node{g.Nodes[2], g.Nodes[1]}, Op: NewDiagonal(Everywhere(2), Number(-1), nil, false)},
		{Out: v("y"), Args: []*graph.Value{v("b"), v("b")}, Nodes: []*graph.Node{g.Nodes[2], g.Nodes[0]}, Op: &Sum{Coef: []float64{1, 1}}},
	}
	s := NewSegment(v("x"), v("y"), steps)
	if !slices.Equal(s.Nodes(), g.Nodes) {
		t.Errorf("the nodes are %v", s.Nodes())
	}
	nowhere := stub("nowhere") // made by no node of the file
	moved := NewSegment(v("x"), nowhere, []*Affine{{Out: nowhere, Args: []*graph.Value{v("x")}, Nodes: g.Nodes[1:2], Op: &View{}}})
	if !slices.Equal(moved.Nodes(), g.Nodes[1:2]) {
		t.Errorf("of a value that is in no file the nodes are %v", moved.Nodes())
	}
	if s.Parameters() != 16 || s.Last() != steps[2] || !s.Makes(v("b")) || s.Makes(v("x")) {
		t.Errorf("%d parameters", s.Parameters())
	}
	for name, c := range map[string]struct {
		is   func(Op) bool
		want int
	}{"layers": {IsLayer, 1}, "scales": {IsScale, 1}, "sums": {IsSum, 1}, "views": {IsView, 0}, "norms": {IsNorm, 0}, "pools": {IsPool, 0}} {
		if have := s.Count(c.is); have != c.want {
			t.Errorf("%d %s", have, name)
		}
	}
	want := "from x\n  a = FC 1 -> 1 of x\n  b = Scale of [1 1] of a\n  y = Sum [1 1] of b, b\n"
	if s.String() != want {
		t.Errorf("%s", s)
	}
}

// Loads read what is stored, one behind the other, and change nothing that is kept.
func TestConstants(t *testing.T) {
	g := sketch.Graph(t, "x : 2 2\na = Reshape(=1_2_3_4:4, #2_2)\nb = Neg(=5_6:2)\nc = MatMul(x, a)\nd = Add(c, b)\nf = Cast(#7_8) to=11\ny = Add(d, f)")
	c := NewConstants(g)
	read := func(l Load) []float64 {
		t.Helper()
		v, err := l()
		if err != nil {
			t.Fatal(err)
		}
		return slices.Clone(v)
	}
	a, b := g.Value("a"), g.Value("b")
	if have := read(c.Stacked([]*graph.Value{b, a, b})); !slices.Equal(have, []float64{-5, -6, 1, 2, 3, 4, -5, -6}) {
		t.Errorf("stacked %v", have)
	}
	if have := read(c.Stacked([]*graph.Value{a})); !slices.Equal(have, []float64{1, 2, 3, 4}) {
		t.Errorf("one is %v", have)
	}
	if have := read(times(c.Load(a), -2)); !slices.Equal(have, []float64{-2, -4, -6, -8}) {
		t.Errorf("times -2: %v", have)
	}
	if have := read(c.Load(a)); !slices.Equal(have, []float64{1, 2, 3, 4}) {
		t.Errorf("after that it is %v", have)
	}
	if _, err := c.Stacked([]*graph.Value{a, g.Value("x")})(); err == nil {
		t.Error("data was read as a constant")
	}
	if _, err := Each(c.Load(g.Value("x")), func(v float64) float64 { return v })(); err == nil {
		t.Error("and changed")
	}
	if !slices.Equal(read(Number(3)), []float64{3}) || !slices.Equal(read(ones(3)), []float64{1, 1, 1}) {
		t.Error("numbers are others")
	}
	for name, stored := range map[string]bool{"a": true, "b": false, "f": false, "x": false, "k1": true} {
		v, err := c.Open(g.Value(name))()
		if err != nil || (v != nil) != stored {
			t.Errorf("%s is stored: %v %v", name, v, err)
		}
		if stored {
			near, release := v.Near(1, 2)
			have := make([]float64, 2)
			near.Read(have, 0)
			if !slices.Equal(have, []float64{2, 3}) {
				t.Errorf("%s holds %v", name, have)
			}
			release()
		}
	}
	var _ fuse.Values = floats{}
}

// The kinds of operations that rules and plans ask for.
func TestKindsOfOperations(t *testing.T) {
	norm, scale := NewNorm(4, 3, nil, nil, nil), NewDiagonal(Everywhere(4), Number(2), nil, false)
	wide := NewDiagonal(Placement{sizes: []int{1, 3}, widens: []int{1}}, nil, Number(1), false)
	for _, c := range []struct {
		op   Op
		want string
	}{
		{&View{}, "view"}, {&Permute{}, "view"}, {&Blocks{}, "view"}, {&Blocks{IntoDepth: true}, "spatial view selection"},
		{norm, "spatial scale norm"}, {scale, "scale"}, {wide, "scale wide"}, {&Conv{}, "spatial layer"}, {&FC{}, "layer"},
		{&Pool{}, "spatial pool constant"}, {&Pool{Include: true, Win: window(3, 1, 1, 1, 1)}, "spatial pool"}, {&Pool{Include: true, Win: window(3, 1, 1, 0, 0)}, "spatial pool constant"},
		{&Reduce{Mean: true, Keep: true, Axes: []int{2}}, "pool"}, {&Reduce{Mean: true, Axes: []int{2}}, "pool"}, {&Reduce{Keep: true, Axes: []int{2}}, "pool"},
		{&Reduce{Mean: true, Keep: true, Axes: []int{0}}, "pool"}, {&Reduce{Mean: true, Keep: true, Axes: []int{1, 2}}, "pool"},
		{&Sum{}, "sum"}, {&Join{}, "selection"}, {&Pick{}, "selection"}, {&Crop{}, "selection"}, {&Pad{}, ""},
	} {
		var have []string
		for _, k := range []struct {
			is   func(Op) bool
			name string
		}{{IsSpatial, "spatial"}, {IsView, "view"}, {IsLayer, "layer"}, {IsScale, "scale"}, {IsNorm, "norm"}, {IsSum, "sum"}, {Widens, "wide"}, {IsPool, "pool"}, {IsSelection, "selection"}, {func(op Op) bool { p, ok := op.(*Pool); return ok && p.KeepsConstants() }, "constant"}} {
			if k.is(c.op) {
				have = append(have, k.name)
			}
		}
		if got := strings.Join(have, " "); got != c.want {
			t.Errorf("%v is %q, want %q", c.op, got, c.want)
		}
	}
	costs := map[Op]Cost{&View{}: {Moves: 1}, &Permute{}: {Moves: 2}, &Blocks{}: {Moves: 2}, norm: {Work: 1}, &Conv{Shape: []int{2, 3, 4}}: {Weights: 24, Work: 1},
		&FC{}: {Work: 1}, &Pool{}: {Moves: 1}, &Reduce{}: {Moves: 1}, &Sum{}: {Work: 1}, &Join{}: {Moves: 1}, &Pick{}: {Moves: 1}, &Pad{}: {Moves: 1}}
	for op, want := range costs {
		if op.Cost() != want {
			t.Errorf("%T costs %v, want %v", op, op.Cost(), want)
		}
	}
}
