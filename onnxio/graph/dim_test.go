package graph_test

import (
	"math/rand/v2"
	"testing"

	"repmlp/onnxio/graph"
)

// A size made by any arithmetic has the value that the same arithmetic gives on numbers.
func TestSizesHaveTheirValues(t *testing.T) {
	symbols := []string{"N", "H", "W"}
	known := 0
	for seed := range uint64(2000) {
		rng := rand.New(rand.NewPCG(seed, 5))
		at := []int64{1 + rng.Int64N(9), 1 + rng.Int64N(40), 1 + rng.Int64N(40)}
		var dims []graph.Dim
		var values []int64
		for i, s := range symbols {
			dims, values = append(dims, graph.Symbol(s)), append(values, at[i])
		}
		for range 12 {
			i, j := rng.IntN(len(dims)), rng.IntN(len(dims))
			a, b, x, y := dims[i], dims[j], values[i], values[j]
			if rng.IntN(2) == 0 {
				y = 1 + rng.Int64N(5)
				b = graph.Size(y)
			}
			var d graph.Dim
			var n int64
			switch rng.IntN(5) {
			case 0:
				d, n = a.Plus(b), x+y
			case 1:
				d, n = a.Minus(b), x-y
			case 2:
				d, n = a.Times(b), x*y
			default:
				if y == 0 {
					continue
				}
				d, n = a.FloorDiv(b), floorDiv(x, y)
			}
			if d.Known() && n > -1<<20 && n < 1<<20 {
				dims, values = append(dims, d), append(values, n)
			}
		}
		v := graph.NewValuation(symbols)
		formulas := make([]graph.Formula, len(dims))
		for i, d := range dims {
			f, ok := v.Formula(d)
			if !ok {
				t.Fatalf("seed %d: %v is no formula of its symbols", seed, d)
			}
			formulas[i] = f
		}
		filled := v.Fill(at)
		for i, f := range formulas {
			if n, ok := f.Value(filled); ok {
				known++
				if n != values[i] {
					t.Fatalf("seed %d: %v is %d for %v, want %d", seed, dims[i], n, at, values[i])
				}
			}
		}
		for i := range dims {
			for j := range i {
				if dims[i].Equal(dims[j]) != (dims[i].String() == dims[j].String()) || dims[i].Equal(dims[j]) && values[i] != values[j] {
					t.Fatalf("seed %d: %v and %v, of values %d and %d", seed, dims[i], dims[j], values[i], values[j])
				}
			}
		}
	}
	if known < 10000 {
		t.Errorf("only %d sizes had a value", known)
	}
}

func floorDiv(a, b int64) int64 {
	q := a / b
	for q*b > a && b > 0 || q*b < a && b < 0 {
		q--
	}
	return q
}

// Sums of quotients of themselves doubled with every step, and 13 KB of nodes took
// seconds: what is too large to be told apart is unknown.
func TestQuotientsDoNotExplode(t *testing.T) {
	d := graph.Symbol("N")
	for i := range 1000 {
		next := d.FloorDiv(graph.Size(2)).Plus(d.FloorDiv(graph.Size(3)))
		if !next.Known() {
			if i < 5 {
				t.Errorf("after %d steps nothing is known", i)
			}
			return
		}
		d = next
		if n := len(d.String()); n > 1<<16 {
			t.Fatalf("after %d steps a size takes %d bytes", i, n)
		}
	}
	t.Error("a size that doubles a thousand times is known")
}

// Sizes that are always equal are one formula, whichever steps led there.
func TestQuotientsThatAreEqual(t *testing.T) {
	h, w := graph.Symbol("H"), graph.Symbol("W")
	n := func(v int64) graph.Dim { return graph.Size(v) }
	for _, c := range []struct{ have, want graph.Dim }{
		{h.Plus(n(-1)).FloorDiv(n(2)).Plus(n(1)), h.Plus(n(1)).FloorDiv(n(2))},
		{h.Times(n(4)).Plus(n(3)).FloorDiv(n(2)), h.Times(n(2)).Plus(n(1))},
		{h.Times(n(5)).Plus(w.Times(n(-4))).Plus(n(-7)).FloorDiv(n(3)), h.Minus(w.Times(n(2))).Plus(n(-3)).Plus(h.Times(n(2)).Plus(w.Times(n(2))).Plus(n(2)).FloorDiv(n(3)))},
		{h.FloorDiv(n(2)).FloorDiv(n(3)), h.FloorDiv(n(6))},
		{h.Plus(n(1)).FloorDiv(n(2)).Plus(n(1)).FloorDiv(n(2)), h.Plus(n(3)).FloorDiv(n(4))},
	} {
		if !c.have.Equal(c.want) {
			t.Errorf("%v is not %v", c.have, c.want)
		}
	}
	for _, c := range []struct{ have, want graph.Dim }{
		{h.FloorDiv(n(2)).Times(n(2)).FloorDiv(n(3)), h.FloorDiv(n(3))},
		{h.FloorDiv(n(2)).Plus(w).FloorDiv(n(2)), h.Plus(w).FloorDiv(n(4))},
		{h.FloorDiv(w).FloorDiv(n(2)), h.FloorDiv(n(2))},
		{h.FloorDiv(n(-2)).FloorDiv(n(3)), h.FloorDiv(n(-6))},
		{h.FloorDiv(n(2)).FloorDiv(n(-3)), h.FloorDiv(n(-6))},
		{h.Plus(n(1)).FloorDiv(n(2)), h.FloorDiv(n(2))},
	} {
		if c.have.Equal(c.want) {
			t.Errorf("%v is taken for %v", c.have, c.want)
		}
	}
}

// A size that a chain of nodes squares, or multiplies by another, doubled or grew
// with every node.
func TestProductsDoNotGrow(t *testing.T) {
	for _, by := range []func(d graph.Dim) graph.Dim{
		func(d graph.Dim) graph.Dim { return d.Times(d) },
		func(d graph.Dim) graph.Dim { return d.Times(graph.Symbol("H")) },
	} {
		d := graph.Symbol("N")
		steps := 0
		for ; d.Known() && steps < 1000; steps++ {
			if d = by(d); len(d.String()) > 64 {
				t.Fatalf("after %d nodes a size is %v", steps+1, d)
			}
		}
		if steps < 5 || steps == 1000 {
			t.Errorf("the size is known for %d nodes", steps)
		}
	}
}

func TestValuationRefuses(t *testing.T) {
	v := graph.NewValuation([]string{"N"})
	for _, d := range []graph.Dim{graph.Unknown, graph.Symbol("M"), graph.Symbol("M").FloorDiv(graph.Size(2)), graph.Symbol("N").FloorDiv(graph.Symbol("M"))} {
		if _, ok := v.Formula(d); ok {
			t.Errorf("%v depends on N alone", d)
		}
	}
	n := graph.Symbol("N")
	half := n.FloorDiv(graph.Size(2))
	f, ok := v.Formula(half.Times(half).Plus(n))
	if !ok || v.Work() != 2 {
		t.Fatalf("one quotient is worked out %d times", v.Work()-1)
	}
	if at := v.Symbols(f); len(at) != 1 || at[0] != 0 {
		t.Errorf("the formula depends on %v", at)
	}
	if x, ok := f.Value(v.Fill([]int64{7})); !ok || x != 16 {
		t.Errorf("⌊7/2⌋² + 7 is %d", x)
	}
	if _, ok := f.Value(v.Fill([]int64{graph.NoValue})); ok {
		t.Error("a size without a value has one")
	}
	if d := half.Times(graph.Size(3)); d.At(7) != 21 {
		t.Errorf("every factor of %v is 7, the product %d", d, d.At(7))
	}
}

// Most sizes are numbers, and planning adds many of them.
func TestNumbersAddCheaply(t *testing.T) {
	a, b := graph.Size(7), graph.Size(-3)
	if n := testing.AllocsPerRun(100, func() { a.Plus(b) }); n > 1 {
		t.Errorf("a sum of two numbers takes %g allocations", n)
	}
	if !a.Plus(b).Is(4) || !a.Plus(graph.Size(-7)).Is(0) {
		t.Error("a sum of two numbers is another one")
	}
}
