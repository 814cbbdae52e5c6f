package affine

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"repmlp/convert/internal/reason"
	"repmlp/fuse"
	"repmlp/onnxio/graph"
)

// What is picked of an axis, and whether a step more at either end would still meet it.
func TestPicked(t *testing.T) {
	for name, c := range map[string]struct {
		have  Picked
		at    []int
		list  bool
		crops bool
	}{
		"all":                 {Run(1, 0, 3, 3), []int{0, 1, 2}, false, false},
		"the first":           {Run(1, 0, 2, 3), []int{0, 1}, false, true},
		"the last":            {Run(1, 1, 2, 3), []int{1, 2}, false, true},
		"even ones":           {Stepping(1, 0, 2, 3, 5), []int{0, 2, 4}, false, false},
		"even ones of six":    {Stepping(1, 0, 2, 3, 6), []int{0, 2, 4}, false, false},
		"not all even ones":   {Stepping(1, 0, 2, 2, 5), []int{0, 2}, false, true},
		"odd ones":            {Stepping(1, 1, 2, 2, 5), []int{1, 3}, false, false},
		"odd ones from three": {Stepping(1, 3, 2, 1, 5), []int{3}, false, true},
		"even ones from two":  {Stepping(1, 2, 2, 2, 5), []int{2, 4}, false, true},
		"backwards":           {Stepping(1, 2, -1, 3, 3), []int{2, 1, 0}, false, true},
		"a list in steps":     {Listed(1, []int{0, 3, 6}, 8), []int{0, 3, 6}, false, false},
		"a list of one":       {Listed(1, []int{2}, 8), []int{2}, false, true},
		"a list of nothing":   {Listed(1, nil, 8), nil, false, true},
		"a list backwards":    {Listed(1, []int{2, 1}, 8), []int{2, 1}, true, false},
		"a list twice":        {Listed(1, []int{2, 2}, 8), []int{2, 2}, true, false},
		"a list that ends":    {Listed(1, []int{0, 2, 3}, 8), []int{0, 2, 3}, true, false},
	} {
		if c.have.Axis != 1 || !slices.Equal(c.have.all(), c.at) || !c.have.Size.Is(int64(len(c.at))) || c.have.Count != len(c.at) {
			t.Errorf("%s: %+v reads %v, want %v", name, c.have, c.have.all(), c.at)
		}
		if (c.have.List != nil) != c.list || !c.list && c.have.Crops != c.crops {
			t.Errorf("%s: %+v", name, c.have)
		}
	}
}

// What a convolution cannot pick or join says why.
func TestSelectionsThatAreRefused(t *testing.T) {
	n := node(t, "Neg")
	m := mapOf(t, 2, 4, 9, 9)
	strided, why := m.then(n, window(1, 2, 1, 0, 0), 4, 4, 1)
	if why != nil {
		t.Fatal(why)
	}
	wide := mapOf(t, 2, maxListed, 2, 2)
	small := mapOf(t, 2, 4, 9, 8)
	open := m
	open.Dims = slices.Clone(m.Dims)
	open.Dims[2] = graph.Unknown
	pick := func(axes ...Picked) *Pick { return &Pick{Axes: axes, Drop: -1} }
	for name, c := range map[string]struct {
		op   Op
		in   []Map
		want string // "" for none
		code reason.Code
	}{
		"channels":                         {pick(Run(1, 1, 2, 4)), []Map{m}, "", ""},
		"positions":                        {pick(Run(2, 1, 2, 9), Run(3, 1, 2, 9)), []Map{m}, "", ""},
		"an axis that goes":                {&Pick{Axes: []Picked{Run(1, 1, 1, 4)}, Drop: 1}, []Map{m}, "is no convolution of a map", ""},
		"samples":                          {pick(Run(0, 1, 1, 2)), []Map{m}, "is no convolution of a map", ""},
		"an axis that is not there":        {pick(Run(4, 0, 1, 2)), []Map{m}, "is no convolution of a map", ""},
		"a list of positions":              {pick(Listed(2, []int{1, 0}, 9)), []Map{m}, "otherwise than a convolution does", ""},
		"positions backwards":              {pick(Stepping(3, 8, -1, 9, 9)), []Map{m}, "otherwise than a convolution does", ""},
		"no positions":                     {pick(Run(3, 0, 0, 9)), []Map{m}, "otherwise than a convolution does", ""},
		"positions far away":               {pick(Picked{Axis: 2, Start: maxReach + 1, Step: 1, Size: graph.Symbol("H")}), []Map{m}, "otherwise than a convolution does", ""},
		"steps of":                         {pick(Picked{Axis: 2, Step: maxReach + 1, Size: graph.Symbol("H")}), []Map{m}, "otherwise than a convolution does", ""},
		"positions as far as there may be": {pick(Picked{Axis: 2, Start: maxReach, Step: 1, Size: graph.Symbol("H")}), []Map{m}, "", ""},
		"far strides":                      {pick(Picked{Axis: 2, Step: maxReach, Size: graph.Symbol("H")}), []Map{strided}, "reach over more than", reason.UnsupportedForm},
		"no channels":                      {pick(Run(1, 0, 0, 4)), []Map{m}, "picks channels that are not there", ""},
		"channels that are not there":      {pick(Run(1, 3, 2, 4)), []Map{m}, "picks channels that are not there", ""},
		"channels before the first":        {pick(Listed(1, []int{0, -1}, 4)), []Map{m}, "picks channels that are not there", ""},
		"as many channels as may be":       {pick(Run(1, 0, maxListed, maxListed)), []Map{wide}, "", ""},
		"too many channels":                {pick(Listed(1, make([]int, maxListed+1), 4)), []Map{m}, "picks too many channels", ""},

		"a join":                         {&Join{Axis: 1, Sizes: []int{4, 4}}, []Map{m, m}, "", ""},
		"a join of positions":            {&Join{Axis: 2, Sizes: []int{9, 9}}, []Map{m, m}, "another axis than the channels", ""},
		"a join of what is not there":    {&Join{Axis: 4, Sizes: []int{9, 9}}, []Map{m, m}, "another axis than the channels", ""},
		"a join of strides":              {&Join{Axis: 1, Sizes: []int{4, 4}}, []Map{m, strided}, "with strides [1 1] and [2 2]", reason.SamplingOffsetDiffers},
		"a join of orders":               {&Join{Axis: 1, Sizes: []int{4, 4}}, []Map{m, m.transposed([]int{0, 1, 3, 2})}, "different axes first", reason.RowOrderDiffers},
		"a join of sizes":                {&Join{Axis: 1, Sizes: []int{4, 4}}, []Map{m, small}, "differ in size", ""},
		"a join of unknown sizes":        {&Join{Axis: 1, Sizes: []int{4, 4}}, []Map{m, open}, "differ in size", ""},
		"a join of many channels":        {&Join{Axis: 1, Sizes: []int{maxListed, 1}}, []Map{wide, mapOf(t, 2, 1, 2, 2)}, "joins too many channels", ""},
		"a join of as many as there may": {&Join{Axis: 1, Sizes: []int{maxListed}}, []Map{wide}, "", ""},
	} {
		out, why := c.op.Window(n, c.in)
		switch {
		case c.want == "" && why != nil, c.want != "" && (why == nil || !strings.Contains(why.Message, c.want)):
			t.Errorf("%s: %v, want %q", name, why, c.want)
		case why != nil && (why.Code != c.code || !strings.Contains(why.Message, n.Title())):
			t.Errorf("%s: %s %q", name, why.Code, why.Message)
		case why == nil && !out.Dims[1].Is(int64(out.Win.Out)):
			t.Errorf("%s: %v channels in a window of %d", name, out.Dims, out.Win.Out)
		}
	}
	if _, err := pick(Run(1, 3, 2, 4)).Kernel(n, []*fuse.Kernel{fuse.Identity(4, 2)}); err == nil {
		t.Error("channels that are not there have a kernel")
	}
}

// Where a Concat joins formulas of open sizes, it is the one that differs that stands; numbers
// stay.
func TestJoinOfOpenSizes(t *testing.T) {
	n := node(t, "Neg")
	h := graph.Symbol("H")
	m, o := mapOf(t, 2, 4, 9, 9), mapOf(t, 2, 4, 9, 9)
	m.Dims, o.Dims = slices.Clone(m.Dims), slices.Clone(o.Dims)
	m.Dims[2], o.Dims[2] = h.Plus(graph.Size(1)).FloorDiv(graph.Size(2)), h.FloorDiv(graph.Size(2))
	o.Dims[3] = graph.Symbol("W")
	out, why := (&Join{Axis: 1, Sizes: []int{4, 4}}).Window(n, []Map{m, o})
	if why != nil || fmt.Sprint(out.Dims) != "[2 8 ((H)//(2)) 9]" || fmt.Sprint(m.Dims) != "[2 4 ((1+H)//(2)) 9]" {
		t.Errorf("%v %v of %v", out.Dims, why, m.Dims)
	}
	m.Undone, o.Undone = nil, n
	if out, _ = (&Join{Axis: 1, Sizes: []int{4, 4}}).Window(n, []Map{m, o}); out.Undone != n {
		t.Error("a join forgets zeros behind a bias")
	}
}

// A window goes on with zeros until padding says where it is, and no further.
func TestSpanning(t *testing.T) {
	line := func(lo, taps, step, stride int) fuse.Window {
		return fuse.Window{Out: 1, In: 1, Groups: 1, Lo: []int{lo}, Taps: []int{taps}, Step: []int{step}, Stride: []int{stride}}
	}
	h := graph.Symbol("H")
	for name, c := range map[string]struct {
		w       fuse.Window
		in, out graph.Dim
		want    string // lo, taps, step; begin and end
	}{
		"nothing is missing":            {line(-1, 3, 1, 1), graph.Size(9), graph.Size(9), "-1 3 1, 1 1"},
		"it begins inside":              {line(1, 3, 1, 1), graph.Size(9), graph.Size(6), "0 4 1, 0 0"},
		"it begins inside, dilated":     {line(1, 3, 2, 1), graph.Size(9), graph.Size(4), "-1 4 2, 1 0"},
		"far inside, dilated":           {line(4, 3, 2, 1), graph.Size(9), graph.Size(1), "0 5 2, 0 0"},
		"one tap inside":                {line(3, 1, 1, 1), graph.Size(9), graph.Size(6), "0 2 3, 0 0"},
		"one tap inside at a stride":    {line(1, 1, 1, 2), graph.Size(8), graph.Size(4), "0 2 1, 0 0"},
		"it ends inside":                {line(0, 3, 1, 1), graph.Size(9), graph.Size(5), "0 5 1, 0 0"},
		"it ends inside at a stride":    {line(0, 3, 1, 2), graph.Size(9), graph.Size(3), "0 4 1, 0 0"},
		"less than a step":              {line(0, 3, 1, 2), graph.Size(8), graph.Size(3), "0 3 1, 0 0"},
		"one tap ends inside":           {line(0, 1, 1, 1), graph.Size(9), graph.Size(5), "0 2 4, 0 0"},
		"one tap ends inside, dilated":  {line(0, 1, 5, 1), graph.Size(9), graph.Size(8), "0 2 1, 0 0"},
		"an open axis":                  {line(1, 3, 1, 1), h, h.Minus(graph.Size(5)), "0 6 1, 0 0"},
		"an open axis, one tap":         {line(0, 1, 1, 1), h, h.Minus(graph.Size(2)), "0 2 2, 0 0"},
		"an open axis, at a stride":     {line(1, 1, 1, 2), h, h.FloorDiv(graph.Size(2)), "0 2 1, 0 0"},
		"far too far":                   {line(0, 3, 1, 1), graph.Size(99), graph.Size(9), ""},
		"as far as it goes":             {line(0, 3, 1, 1), graph.Size(99), graph.Size(99 - 2 - maxMoreTaps), "0 67 1, 0 0"},
		"one further":                   {line(0, 3, 1, 1), graph.Size(99), graph.Size(99 - 3 - maxMoreTaps), ""},
		"sizes that have nothing to do": {line(0, 3, 1, 1), h, graph.Symbol("W"), ""},
	} {
		in, out := []graph.Dim{graph.Size(2), graph.Size(1), c.in}, []graph.Dim{graph.Size(2), graph.Size(1), c.out}
		before := fmt.Sprint(c.w)
		w, ok := Spanning(c.w, in, out)
		have := ""
		if ok {
			begin, end, ok := Pads(w, in, out)
			if !ok {
				t.Errorf("%s: %+v has no padding", name, w)
				continue
			}
			have = fmt.Sprintf("%d %d %d, %d %d", w.Lo[0], w.Taps[0], w.Step[0], begin[0], end[0])
		}
		if have != c.want {
			t.Errorf("%s: %q, want %q", name, have, c.want)
		}
		if fmt.Sprint(c.w) != before {
			t.Errorf("%s: the window itself changed", name)
		}
	}
}
