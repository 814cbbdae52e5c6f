package identical

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// dims reads sizes: numbers, names, and ? for what is not known.
func dims(list ...any) []graph.Dim {
	out := []graph.Dim{}
	for _, x := range list {
		switch x := x.(type) {
		case int:
			out = append(out, graph.Size(int64(x)))
		case string:
			if out = append(out, graph.Symbol(x)); x == "?" {
				out[len(out)-1] = graph.Unknown
			}
		}
	}
	return out
}

// Shapes of as many elements are one where all sizes are, or all but one and the others are
// numbers that are not zero.
func TestSameSizes(t *testing.T) {
	for _, c := range []struct {
		a, b []graph.Dim
		same bool
	}{
		{dims(2, 3), dims(2, 3), true},
		{dims(2, 3), dims(3, 2), false},
		{dims(), dims(), true},
		{nil, dims(), false},
		{dims(), nil, false},
		{dims(2, 3), dims(2, 3, 1), false},
		{dims("N", 3), dims("N", 3), true},
		{dims("N", 3), dims("M", 3), true},
		{dims("N", 3), dims(4, 3), true},
		{dims(3, "N"), dims(3, "?"), true},
		{dims("N", "M"), dims("N", "?"), false}, // N may be zero
		{dims("N", "M"), dims("?", "?"), false},
		{dims("N", 0), dims("M", 0), false},
		{dims("N", 1), dims("M", 1), true},
		{dims("N", 3, "M"), dims("?", 3, "?"), false},
	} {
		if have := sameSizes(c.a, c.b); have != c.same {
			t.Errorf("%v and %v: %v", c.a, c.b, have)
		}
	}
}

// A shape is known up to one size, where no other is zero.
func TestSized(t *testing.T) {
	for _, c := range []struct {
		dims  []graph.Dim
		known bool
	}{
		{dims(), true},
		{dims(2, 3), true},
		{dims(0, 3), true},
		{dims("N", "M"), true},
		{dims("?", 3), true},
		{dims("?", "N"), true},
		{dims("?", 0), false},
		{dims(0, "?", 2), false},
		{dims("?", "?"), false},
		{dims("?", "?", 2, 3), false},
	} {
		if have := sized(c.dims); have != c.known {
			t.Errorf("%v: %v", c.dims, have)
		}
	}
}

// Two shapes have a way to be written in common where they are one.
func TestShapeKeys(t *testing.T) {
	for _, c := range []struct {
		dims []graph.Dim
		want string
	}{
		{dims(), `[""]`},
		{dims(2, 3), `["2,3,"]`},
		{dims("N", 3), `["\"N\",3," "?,3,"]`},
		{dims("?", 3), `["?,3,"]`},
		{dims("N", "M", 3), `["\"N\",\"M\",3," "?,\"M\",3," "\"N\",?,3,"]`},
		{dims("N", "?"), `["\"N\",?,"]`},
	} {
		if have := fmt.Sprintf("%q", shapeKeys(c.dims)); have != c.want {
			t.Errorf("%v: %s, want %s", c.dims, have, c.want)
		}
	}
}

// Views of views and orders of orders are those of what they come to.
func TestViewsAndOrders(t *testing.T) {
	table := NewTable()
	x := table.of("x")
	table.facts[x].dims = dims("N", 4, 6)
	flat, _ := table.view(x, dims("N", 24))
	if again, _ := table.view(x, dims("?", 24)); again != flat || flat == x || flat == 0 {
		t.Errorf("the same view: %d, %d", flat, again)
	}
	if back, _ := table.view(flat, dims("N", 4, 6)); back != x {
		t.Errorf("back: %d", back)
	}
	if back, _ := table.view(flat, dims("?", 4, 6)); back != x {
		t.Errorf("back, and all but one size is told: %d", back)
	}
	if same, _ := table.view(flat, dims("N", 24)); same != flat {
		t.Errorf("nothing: %d", same)
	}
	halves, _ := table.view(flat, dims("N", 2, 12))
	if direct, _ := table.view(x, dims("N", 2, 12)); direct != halves || halves == x || halves == flat {
		t.Errorf("directly %d, over another %d", direct, halves)
	}
	turned, _ := table.order(x, []int{1, 2, 0}, dims(4, 6, "N"))
	again, _ := table.order(turned, []int{1, 2, 0}, dims(6, "N", 4))
	if direct, _ := table.order(x, []int{2, 0, 1}, dims(6, "N", 4)); direct != again || again == turned {
		t.Errorf("directly %d, in two steps %d", direct, again)
	}
	if back, _ := table.order(again, []int{1, 2, 0}, dims("N", 4, 6)); back != x {
		t.Errorf("back: %d", back)
	}
	if nothing, _ := table.order(x, []int{0, 1, 2}, dims("N", 4, 6)); nothing != x {
		t.Errorf("in order: %d", nothing)
	}
	open, _ := table.view(x, dims("?", "M", 3))
	if told, _ := table.view(x, dims("N", "M", 3)); told != open {
		t.Errorf("one of whose sizes was not known: %d, want %d", told, open)
	}
	viewed, _ := table.view(turned, dims(24, "N"))
	if direct, _ := table.view(x, dims(24, "N")); direct == viewed {
		t.Error("a view of an order is none of what it is an order of")
	}
	if other, _ := table.order(halves, []int{1, 0}, dims(24, "N")); other == turned {
		t.Error("an order of fewer axes")
	}
}

// What has the number of another by a claim makes what it is a view or an order of the view or
// the order of that, and says that it was claimed.
func TestBecome(t *testing.T) {
	table := NewTable()
	known := table.of("known")
	table.facts[known].dims = dims(24, "N")
	table.settled = Class(len(table.facts))
	x := table.of("x")
	table.facts[x].dims = dims("N", 4, 6)
	turned, _ := table.order(x, []int{1, 2, 0}, dims(4, 6, "N"))
	flat, claimed := table.view(turned, dims(24, "N"))
	if claimed {
		t.Error("claimed before")
	}
	table.become(flat, known)
	if again, claimed := table.view(turned, dims(24, "N")); again != known || !claimed {
		t.Errorf("the view is %d, claimed %v, want %d", again, claimed, known)
	}
	unflat, _ := table.view(known, dims(4, 6, "N"))
	if k := table.keys["x"]; k == x {
		t.Error("x stays what it was")
	} else if want, _ := table.order(unflat, []int{2, 0, 1}, dims("N", 4, 6)); k != want || !table.claimed["x"] {
		t.Errorf("x is %d, want %d", k, want)
	}
	if table.turned != 3 {
		t.Errorf("%d keys changed, of a view, an order and a value", table.turned)
	}
	table.become(flat, known)
	table.become(known, x) // the first model's numbers stay
	if table.turned != 3 || table.keys["known"] != known {
		t.Errorf("changed once more: %d", table.turned)
	}
	if table.become(0, known); table.turned != 3 {
		t.Error("what has no key")
	}
}

// Numbers of large constants are told by their bytes, wherever they differ; small ones are also
// those that nodes make.
func TestTensors(t *testing.T) {
	const large = 3 * piece / 8 // elements of 64 bits
	tensor := func(name string, n int, at int) *onnxio.Tensor {
		v := make([]int64, n)
		if at >= 0 {
			v[at] = math.MaxInt64
		}
		return onnxio.NewInts(name, []int64{int64(n)}, v)
	}
	table := NewTable()
	number := func(x *onnxio.Tensor) Class {
		c, err := table.tensor(x)
		if err != nil || c == 0 {
			t.Fatal(c, err)
		}
		return c
	}
	places := []int{-1, 0, begin/8 - 1, begin / 8, piece/8 - 1, piece / 8, large / 2, large - 1}
	var all []Class
	for i, at := range places {
		c := number(tensor(fmt.Sprint("k", i), large, at))
		if slices.Contains(all, c) {
			t.Errorf("one that differs at %d is another", at)
		}
		all = append(all, c)
	}
	for i, at := range places {
		for _, name := range []string{fmt.Sprint("k", i), "other", "k0"} {
			if c := number(tensor(name, large, at)); c != all[i] {
				t.Errorf("%s, which differs at %d: %d, want %d", name, at, c, all[i])
			}
		}
	}
	if number(tensor("k0", large+8, -1)) == all[0] || number(tensor("k0", large-8, -1)) == all[0] {
		t.Error("another shape")
	}
	one := tensor("s", 2, 1)
	raw, err := one.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if number(one) != number(tensor("t", 2, 1)) || number(one) != table.raw(onnxio.Int64, []int64{2}, raw) || number(one) == number(tensor("s", 2, 0)) {
		t.Error("small ones")
	}
	if table.raw(onnxio.Int64, []int64{1, 2}, raw) == number(one) || table.raw(onnxio.Uint64, []int64{2}, raw) == number(one) {
		t.Error("shape and type belong to the number")
	}
	words := func(s ...string) Class {
		b := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), uint64(len(s)))
		b = protowire.AppendVarint(protowire.AppendTag(b, 2, protowire.VarintType), uint64(onnxio.String))
		for _, w := range s {
			b = append(b, text(6, w)...)
		}
		x, err := onnxio.ParseTensor(b)
		if err != nil {
			t.Fatal(err)
		}
		return number(x)
	}
	if first := words("a", "b"); first != words("a", "b") || first == words("a", "c") || words("a", "b") == words("ab", "") {
		t.Error("strings")
	}
}
