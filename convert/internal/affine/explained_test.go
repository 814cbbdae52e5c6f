package affine

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"repmlp/internal/sketch"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// stub is a value without a graph.
func stub(name string) *graph.Value { return graph.Invent(name, onnxio.Float64, nil) }

// builder starts with a graph of one node, which all explanations stand for.
func builder(t *testing.T) (*Builder, *graph.Node) {
	t.Helper()
	g := sketch.Graph(t, "x : 2\ny = Neg(x)")
	return NewBuilder(g), g.Nodes[0]
}

// world is a random graph of explanations: values that are views of one other, sums
// of several, and roots.
type world struct {
	*Explained
	values []*graph.Value
	args   map[*graph.Value][]*graph.Value // nil for roots
}

func randomWorld(t *testing.T, seed uint64) world {
	rng := rand.New(rand.NewPCG(seed, 5))
	b, n := builder(t)
	w := world{args: map[*graph.Value][]*graph.Value{}}
	for i := range 8 + rng.IntN(60) {
		v := stub(fmt.Sprintf("v%d", i))
		var args []*graph.Value
		if i > 0 && rng.IntN(10) > 0 {
			for range 1 + rng.IntN(3)*rng.IntN(2) {
				recent := max(0, i-1-rng.IntN(12))
				args = append(args, w.values[recent])
			}
			var op Op = &View{}
			switch {
			case len(args) > 1:
				sum := &Sum{}
				for range args {
					sum.Coef = append(sum.Coef, float64(rng.IntN(3)-1))
				}
				op = sum
			case rng.IntN(4) == 0:
				op = &FC{Size: map[Index]int{}}
			}
			b.Add(&Affine{Out: v, Args: args, Nodes: []*graph.Node{n}, Op: op})
		}
		w.values, w.args[v] = append(w.values, v), args
	}
	w.Explained = b.Done()
	return w
}

// ancestors lists what v is an affine function of alone, itself first, by their
// definition: every path from v to a root leads through each.
func (w world) ancestors(v *graph.Value) []*graph.Value {
	args := w.args[v]
	if args == nil {
		return []*graph.Value{v}
	}
	common := w.ancestors(args[0])
	for _, a := range args[1:] {
		other := w.ancestors(a)
		common = slices.DeleteFunc(common, func(u *graph.Value) bool { return !slices.Contains(other, u) })
	}
	return append([]*graph.Value{v}, common...)
}

// layered and cancels follow every path.
func (w world) layered(v *graph.Value) bool {
	a := w.Of(v)
	return a != nil && (IsLayer(a.Op) || slices.ContainsFunc(a.Args, w.layered))
}

func (w world) cancels(v *graph.Value) bool {
	a := w.Of(v)
	switch {
	case a == nil:
		return false
	case len(a.Args) == 1:
		return w.cancels(a.Args[0])
	}
	for i, x := range a.Args {
		total, some := 0.0, false
		for k, y := range a.Args {
			if x == y {
				total += a.Op.(*Sum).Coef[k]
				some = some || a.Op.(*Sum).Coef[k] != 0
			}
		}
		if total == 0 && some && a.Op.(*Sum).Coef[i] != 0 {
			return true
		}
	}
	return false
}

// Where a value stands is what a walk over all paths finds.
func TestPlacesOnRandomGraphs(t *testing.T) {
	for seed := range uint64(60) {
		w := randomWorld(t, seed)
		if err := w.Check(); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		chains := map[*graph.Value][]*graph.Value{}
		for _, v := range w.values {
			chains[v] = w.ancestors(v)
		}
		for _, v := range w.values {
			chain := chains[v]
			if have := slices.Collect(w.Chain(v)); !slices.Equal(have, chain) {
				t.Fatalf("seed %d: %s stands below %v, want %v", seed, v.Name, names(have), names(chain))
			}
			if have, want := w.Root(v), chain[len(chain)-1]; have != want {
				t.Errorf("seed %d: the root of %s is %s, want %s", seed, v.Name, have.Name, want.Name)
			}
			var parent *graph.Value
			if len(chain) > 1 {
				parent = chain[1]
			}
			if w.Parent(v) != parent {
				t.Errorf("seed %d: %s has another parent than %v", seed, v.Name, names(chain))
			}
			if w.Layered(v) != w.layered(v) || w.Cancels(v) != w.cancels(v) {
				t.Errorf("seed %d: %s has layers %v, cancels %v", seed, v.Name, w.Layered(v), w.Cancels(v))
			}
			for _, u := range w.values {
				if have, want := w.Above(u, v), slices.Contains(chain, u); have != want {
					t.Errorf("seed %d: %s above %s is %v", seed, u.Name, v.Name, have)
				}
				common := slices.DeleteFunc(slices.Clone(chain), func(x *graph.Value) bool { return !slices.Contains(chains[u], x) })
				common = append(common, nil)
				if have := w.Common([]*graph.Value{u, v}); have != common[0] {
					t.Errorf("seed %d: %s and %s are functions of %v, want %v", seed, u.Name, v.Name, have, common[0])
				}
			}
		}
		if all := w.Common(w.values); all != nil && len(w.values) > 1 {
			for _, v := range w.values {
				if !slices.Contains(chains[v], all) {
					t.Errorf("seed %d: %s is no function of %s", seed, v.Name, all.Name)
				}
			}
		}
	}
}

func names(vs []*graph.Value) []string {
	var out []string
	for _, v := range vs {
		out = append(out, v.Name)
	}
	return out
}

// between collects the steps from u to v recursively.
func (w world) between(u, v *graph.Value) []*Affine {
	var steps []*Affine
	ok := true
	seen := map[*graph.Value]bool{u: true}
	var walk func(x *graph.Value)
	walk = func(x *graph.Value) {
		if seen[x] {
			return
		}
		seen[x] = true
		a := w.Of(x)
		if a == nil {
			ok = false
			return
		}
		for _, y := range a.Args {
			walk(y)
		}
		steps = append(steps, a)
	}
	walk(v)
	if !ok {
		return nil
	}
	return steps
}

func TestBetweenOnRandomGraphs(t *testing.T) {
	for seed := range uint64(40) {
		w := randomWorld(t, seed)
		for _, v := range w.values {
			for _, u := range w.values {
				have, want := Between(w.Of, u, v), w.between(u, v)
				if !slices.Equal(have, want) {
					t.Fatalf("seed %d: from %s to %s: %v, want %v", seed, u.Name, v.Name, have, want)
				}
				if (have != nil) != (w.Above(u, v) && u != v) {
					t.Errorf("seed %d: from %s to %s there are %d steps", seed, u.Name, v.Name, len(have))
				}
			}
		}
	}
}

// Depth does not make a walk slow: a chain of many values is searched in leaps.
func TestAncestorsOfALongChain(t *testing.T) {
	b, n := builder(t)
	first := stub("first")
	at := []*graph.Value{first}
	const length = 100_000
	for range length {
		v := stub("v")
		b.Add(&Affine{Out: v, Args: at[len(at)-1:], Nodes: []*graph.Node{n}, Op: &View{}})
		at = append(at, v)
	}
	e := b.Done()
	last := at[length]
	for _, k := range []int{0, 1, 2, 77, 4096, length / 2, length - 1, length} {
		steps := 0
		depth := k
		for v := last; e.placeOf(v).depth > depth; steps++ {
			p := e.placeOf(v)
			if e.placeOf(p.jump).depth >= depth {
				v = p.jump
			} else {
				v = p.parent
			}
		}
		if steps > 64 {
			t.Errorf("%d leaps to depth %d", steps, k)
		}
		if e.ancestor(last, k) != at[k] {
			t.Errorf("the ancestor at depth %d is another", k)
		}
	}
	if e.Root(last) != first || e.Common([]*graph.Value{last, at[5]}) != at[5] {
		t.Error("the chain does not end where it began")
	}
}

// Each clause of Check is there to fail.
func TestCheckFindsBrokenExplanations(t *testing.T) {
	_, n := builder(t)
	x, y, z := stub("x"), stub("y"), stub("z")
	good := func() *Explained {
		b, _ := builder(t)
		b.Add(&Affine{Out: y, Args: []*graph.Value{x}, Nodes: []*graph.Node{n}, Op: &View{}})
		b.Add(&Affine{Out: z, Args: []*graph.Value{y, x}, Nodes: []*graph.Node{n}, Op: &Sum{Coef: []float64{1, 1}}})
		return b.Done()
	}
	if err := good().Check(); err != nil {
		t.Fatal(err)
	}
	for want, breaks := range map[string]func(e *Explained){
		`"y" is explained twice`:                                     func(e *Explained) { e.all = append(e.all, e.all[0]) },
		`"y" depends on nothing`:                                     func(e *Explained) { e.all[0].Args = nil },
		`"z" depends on nothing, or names no node`:                   func(e *Explained) { e.all[1].Nodes = nil },
		`"y" depends on nothing, or names`:                           func(e *Explained) { e.all[0].Op = nil },
		`"z" is explained before "y"`:                                func(e *Explained) { slices.Reverse(e.all) },
		`"y" is explained before "y", which it depends on`:           func(e *Explained) { e.all[0].Args = []*graph.Value{y} },
		`"y" depends on "x", for which "z" stands`:                   func(e *Explained) { e.same[x] = z },
		`the sum "z" has 1 coefficients for 2 arguments`:             func(e *Explained) { e.all[1].Op = &Sum{Coef: []float64{1}} },
		`"z" stands below "y", of which its argument is no function`: func(e *Explained) { e.place[z].parent, e.all[1].Args[0] = y, x },
	} {
		e := good()
		breaks(e)
		if err := e.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// Equal nodes: what reads the second reads the first.
func TestTwinsStandForOneAnother(t *testing.T) {
	b, n := builder(t)
	x, first, second, third, y := stub("x"), stub("first"), stub("second"), stub("third"), stub("y")
	b.Same(second, first)
	b.Same(third, first)
	b.Add(&Affine{Out: first, Args: []*graph.Value{x}, Nodes: []*graph.Node{n}, Op: &View{}})
	b.Add(&Affine{Out: y, Args: []*graph.Value{second, third}, Nodes: []*graph.Node{n}, Op: &Sum{Coef: []float64{1, -1}}})
	if b.First(second) != first || b.First(y) != y {
		t.Error("not the first of equal values")
	}
	e := b.Done()
	if a := e.Of(y); !slices.Equal(a.Args, []*graph.Value{first, first}) || e.Parent(y) != first {
		t.Errorf("%v", a)
	}
	if !slices.Equal(e.Twins(first), []*graph.Value{second, third}) || e.Twins(y) != nil {
		t.Errorf("the twins are %v", names(e.Twins(first)))
	}
	if !e.Cancels(y) {
		t.Error("a value minus its twin is not zero")
	}
}

// A padded map is known further on; zeros are no such padding, and what is in no
// file does not count.
func TestPaddedAt(t *testing.T) {
	g := sketch.Graph(t, "x : 1 2 4 4\na = Pad(x, #0_0_1_1_0_0_1_1) mode=reflect\nb = Neg(a)\nc = Pad(b, #0_0_1_1_0_0_1_1)\nd = Add(b, a)\ny = Neg(d)")
	b := NewBuilder(g)
	around := []int64{0, 0, 1, 1, 0, 0, 1, 1}
	at := func(name string) *graph.Value { return g.Value(name) }
	add := func(op Op, out string, args ...string) {
		a := &Affine{Out: at(out), Nodes: g.Nodes[:1], Op: op}
		for _, x := range args {
			a.Args = append(a.Args, at(x))
		}
		b.Add(a)
	}
	add(&Pad{Pads: around, Mode: PadReflect}, "a", "x")
	add(&View{}, "b", "a")
	add(&Pad{Pads: around}, "c", "b")
	add(&Sum{Coef: []float64{1, 1}}, "d", "b", "a")
	nowhere := stub("nowhere")
	b.Add(&Affine{Out: nowhere, Args: []*graph.Value{at("x")}, Nodes: g.Nodes[:1], Op: &Pad{Pads: around, Mode: PadEdge}})
	e := b.Done()
	for name, want := range map[string]string{"x": "", "a": "a", "b": "a", "c": "a", "d": "a"} {
		have := ""
		if p := e.PaddedAt(at(name)); p != nil {
			have = p.Name
		}
		if have != want {
			t.Errorf("%s was padded at %q, want %q", name, have, want)
		}
	}
	if e.PaddedAt(nowhere) != nil {
		t.Error("a value that is in no file was padded")
	}
}
