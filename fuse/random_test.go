package fuse

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// A definition works out a program one number at a time, as the doc comments of Op
// say, each as a sum of the inputs with coefficients and a constant, the last of
// them.
type definition struct {
	p      *Program
	labels [][]Label // of each op's result
	known  []map[int][]float64
	arrays map[*Array][]float64
}

func define(p *Program) *definition {
	d := &definition{p: p, arrays: map[*Array][]float64{}}
	for k := range p.Ops {
		d.labels = append(d.labels, p.result(k))
		d.known = append(d.known, map[int][]float64{})
	}
	return d
}

// A setting is an index for each label of a program.
type setting []int

// flat is the row-major index of a setting of labels.
func (d *definition) flat(labels []Label, at setting) int {
	k := 0
	for _, l := range labels {
		k = k*d.p.Sizes[l] + at[l]
	}
	return k
}

// set makes flat the row-major index of labels.
func (d *definition) set(at setting, labels []Label, flat int) setting {
	at = slices.Clone(at)
	for _, l := range slices.Backward(labels) {
		at[l] = flat % d.p.Sizes[l]
		flat /= d.p.Sizes[l]
	}
	return at
}

func (d *definition) weight(a *Array, at setting) float64 {
	if d.arrays[a] == nil {
		d.arrays[a], _ = a.Load()
	}
	return d.arrays[a][d.flat(a.Labels, at)]
}

// value is one number of op k's result.
func (d *definition) value(k int, at setting) []float64 {
	if k < 0 {
		v := make([]float64, d.p.size(d.p.Input)+1)
		v[d.flat(d.p.Input, at)] = 1
		return v
	}
	index := d.flat(d.labels[k], at)
	if d.known[k][index] == nil {
		d.known[k][index] = d.compute(&d.p.Ops[k], at)
	}
	return d.known[k][index]
}

func (d *definition) compute(op *Op, at setting) []float64 {
	v := make([]float64, d.p.size(d.p.Input)+1)
	add := func(coef float64, x []float64) {
		for i := range v {
			v[i] += coef * x[i]
		}
	}
	switch op.Kind {
	case Diagonal:
		scale := 1.0
		if op.Scale != nil {
			scale = d.weight(op.Scale, at)
		}
		add(scale, d.value(op.Args[0], at))
		if op.Shift != nil {
			v[len(v)-1] += d.weight(op.Shift, at)
		}
	case Sum:
		for i, a := range op.Args {
			old := slices.Clone(at)
			for from, to := range op.Rename[i] {
				old[from] = at[to]
			}
			add(op.Coef[i], d.value(a, old))
		}
	case Link:
		for i := range d.p.size(op.In) {
			d.overAxes(op, 0, d.set(at, op.In, i), 1, add)
		}
	}
	return v
}

// overAxes adds a link's products over the entries of its axes from number i on.
func (d *definition) overAxes(op *Op, i int, at setting, weight float64, add func(float64, []float64)) {
	if i == len(op.Axes) {
		if op.W != nil {
			weight *= d.weight(op.W, at)
		}
		add(weight, d.value(op.Args[0], at))
		return
	}
	a := op.Axes[i]
	for _, e := range a.Entries() {
		if e.Out == d.flat(a.Out, at) {
			d.overAxes(op, i+1, d.set(d.set(at, a.In, e.In), a.Tap, e.Tap), weight*e.Weight, add)
		}
	}
}

// layer is the program as a layer; apply is what it makes of a row, over Group and
// Out.
func (d *definition) layer(f Form) (layer *Folded, apply func(x []float64) []float64) {
	p, out := d.p, slices.Concat(f.Group, f.Out)
	layer = &Folded{}
	var rows [][]float64
	for k := range p.size(out) {
		at := d.set(make(setting, len(p.Sizes)), out, k)
		row := d.value(len(p.Ops)-1, at)
		for i := range p.size(f.In) {
			layer.W = append(layer.W, row[d.flat(p.Input, d.set(at, f.In, i))])
		}
		layer.B = append(layer.B, row[len(row)-1])
		rows = append(rows, row)
	}
	return layer, func(x []float64) []float64 {
		var y []float64
		for _, row := range rows {
			s := row[len(x)]
			for i := range x {
				s += row[i] * x[i]
			}
			y = append(y, s)
		}
		return y
	}
}

// A builder makes random programs of all kinds of ops over a group label and some
// others.
type builder struct {
	rng   *rand.Rand
	p     *Program
	group []Label
}

func (b *builder) label(n int) Label {
	b.p.Sizes = append(b.p.Sizes, n)
	return Label(len(b.p.Sizes) - 1)
}

func (b *builder) add(op Op) int {
	b.p.Ops = append(b.p.Ops, op)
	return len(b.p.Ops) - 1
}

func (b *builder) shuffled(labels []Label) []Label {
	labels = slices.Clone(labels)
	b.rng.Shuffle(len(labels), func(i, j int) { labels[i], labels[j] = labels[j], labels[i] })
	return labels
}

// some is a random part of labels, in random order.
func (b *builder) some(labels []Label) []Label {
	return b.shuffled(labels)[:b.rng.IntN(len(labels)+1)]
}

func (b *builder) array(labels []Label) *Array {
	v, _ := values(b.rng, b.p.size(labels))()
	a := &Array{Labels: labels, Load: func() ([]float64, error) { return v, nil }}
	if b.rng.IntN(2) == 0 {
		a.Open = func() (Values, error) { return memory(v), nil }
	}
	return a
}

func (b *builder) free(op int) []Label {
	return slices.DeleteFunc(slices.Clone(b.p.result(op)), func(l Label) bool { return slices.Contains(b.group, l) })
}

func (b *builder) diagonal(from int) int {
	labels := b.p.result(from)
	op := Op{Kind: Diagonal, Args: []int{from}}
	if b.rng.IntN(4) > 0 {
		op.Scale = b.array(b.some(labels))
	}
	if b.rng.IntN(3) > 0 {
		op.Shift = b.array(b.some(labels))
	}
	return b.add(op)
}

// link contracts some labels, slides along others and makes new ones.
func (b *builder) link(from int) int {
	free := b.shuffled(b.free(from))
	op := Op{Kind: Link, Args: []int{from}}
	var taps []Label
	for len(free) > 0 && len(op.Axes) < 2 && b.rng.IntN(2) == 0 {
		a := Axis{In: free[:1], Out: []Label{b.label(1 + b.rng.IntN(3))}}
		if len(free) > 1 && b.rng.IntN(3) == 0 {
			a.In = free[:2]
		}
		if b.rng.IntN(3) == 0 {
			a.Out = append(a.Out, b.label(1+b.rng.IntN(2)))
		}
		free = free[len(a.In):]
		tap := 1
		if b.rng.IntN(3) > 0 {
			a.Tap = []Label{b.label(1 + b.rng.IntN(3))}
			tap = b.p.size(a.Tap)
		}
		in, out, seed, plain := b.p.size(a.In), b.p.size(a.Out), b.rng.Uint64(), b.rng.IntN(2) == 0
		a.Entries = func() []Entry {
			rng := rand.New(rand.NewPCG(seed, 1))
			var es []Entry
			for range rng.IntN(2 * out * tap) {
				e := Entry{Out: rng.IntN(out), In: rng.IntN(in), Tap: rng.IntN(tap), Weight: 1}
				if len(a.Tap) == 0 {
					e.Tap = rng.IntN(3) // no weight depends on it
				}
				if !plain {
					e.Weight = rng.NormFloat64()
				}
				es = append(es, e)
			}
			return es
		}
		taps = append(taps, a.Tap...)
		op.Axes = append(op.Axes, a)
	}
	op.In = b.some(free)
	for range b.rng.IntN(3) {
		op.Out = append(op.Out, b.label(1+b.rng.IntN(4)))
	}
	if b.rng.IntN(5) > 0 {
		rest := slices.DeleteFunc(slices.Concat(b.p.result(from)), func(l Label) bool { return slices.Contains(op.In, l) || reads1(op.Axes, l) })
		op.W = b.array(b.shuffled(slices.Concat(op.In, op.Out, taps, b.some(rest))))
	}
	return b.add(op)
}

func reads1(axes []Axis, l Label) bool {
	return slices.ContainsFunc(axes, func(a Axis) bool { return slices.Contains(a.In, l) })
}

// sum adds ops that have the labels of op to it, under other names.
func (b *builder) sum(to int) int {
	labels := b.free(to)
	op := Op{Kind: Sum, Args: []int{to}, Coef: []float64{b.rng.NormFloat64()}, Rename: []map[Label]Label{nil}}
	for range 1 + b.rng.IntN(2) {
		from, names := to, map[Label]Label(nil)
		switch b.rng.IntN(3) {
		case 0: // the same once more, two labels of one size swapped
			if len(labels) > 1 && b.p.Sizes[labels[0]] == b.p.Sizes[labels[1]] {
				names = map[Label]Label{labels[0]: labels[1], labels[1]: labels[0]}
			}
		case 1:
			from = b.diagonal(to)
		default: // something else, made to fit
			back := b.rng.IntN(len(b.p.Ops)+1) - 1
			link := Op{Kind: Link, Args: []int{back}, In: b.free(back)}
			names = map[Label]Label{}
			for _, l := range labels {
				link.Out = append(link.Out, b.label(b.p.Sizes[l]))
				names[link.Out[len(link.Out)-1]] = l
			}
			link.W = b.array(b.shuffled(slices.Concat(link.In, link.Out, b.some(b.group))))
			from = b.add(link)
		}
		op.Args, op.Coef, op.Rename = append(op.Args, from), append(op.Coef, b.rng.NormFloat64()), append(op.Rename, names)
	}
	return b.add(op)
}

// randomProgram is a program of up to eight ops and the form of its layer.
func randomProgram(rng *rand.Rand) (*Program, Form) {
	b := &builder{rng: rng, p: &Program{}}
	for range rng.IntN(3) {
		b.group = append(b.group, b.label(1+rng.IntN(3)))
	}
	in := slices.Clone(b.group)
	for range 1 + rng.IntN(3) {
		in = append(in, b.label(1+rng.IntN(4)))
	}
	b.p.Input = b.shuffled(in)
	at := -1
	for range 1 + rng.IntN(4) {
		at = []func(int) int{b.diagonal, b.link, b.link, b.sum}[rng.IntN(4)](at)
		if rng.IntN(8) == 0 { // that nobody reads
			result := b.diagonal(at)
			b.diagonal(at)
			at = result
		}
	}
	if at != len(b.p.Ops)-1 {
		at = b.diagonal(at)
	}
	names := map[Label]Label{} // no label of the input is one of the result
	for _, l := range b.free(at) {
		if slices.Contains(in, l) {
			names[l] = b.label(b.p.Sizes[l])
		}
	}
	if len(names) > 0 {
		at = b.add(Op{Kind: Sum, Args: []int{at}, Coef: []float64{2}, Rename: []map[Label]Label{names}})
	}
	return b.p, Form{Group: b.shuffled(b.group), In: b.shuffled(b.free(-1)), Out: b.shuffled(b.free(at))}
}

// inOrder lays a weight W[Group, Out, In] out in an order.
func inOrder(w []float64, groups, outs, ins int, order Order) []float64 {
	if order == ByOutput {
		return w
	}
	out := make([]float64, 0, len(w))
	for g := range groups {
		for i := range ins {
			for o := range outs {
				out = append(out, w[(g*outs+o)*ins+i])
			}
		}
	}
	return out
}

// foldPieces folds all pieces and checks that they are one after the other.
func foldPieces(fold *Folding) ([]float64, error) {
	out := make([]float64, fold.Len())
	end := 0
	for i := range fold.Pieces() {
		from, to := fold.Piece(i)
		if from != end || to <= from || to > len(out) {
			return nil, fmt.Errorf("piece %d is %d to %d after %d of %d", i, from, to, end, len(out))
		}
		end = to
		out[from] = 99 // what was there before does not matter
		if err := fold.Fold(i, out[from:to]); err != nil {
			return nil, err
		}
	}
	if end != len(out) {
		return nil, fmt.Errorf("the pieces end at %d of %d", end, len(out))
	}
	return out, nil
}

// Every way to fold or push a random program gives what its definition does.
func TestRandomPrograms(t *testing.T) {
	for seed := range uint64(600) {
		rng := rand.New(rand.NewPCG(seed, 31))
		p, f := randomProgram(rng)
		want, apply := define(p).layer(f)
		groups, outs, ins := p.size(f.Group), p.size(f.Out), p.size(f.In)
		check := func(what string, have, want []float64, err error) {
			t.Helper()
			if err == nil {
				if len(have) != len(want) {
					err = fmt.Errorf("%d numbers, want %d", len(have), len(want))
				} else {
					err = closeTo(have, want)
				}
			}
			if err != nil {
				t.Fatalf("seed %d: %s: %v", seed, what, err)
			}
		}
		for _, order := range []Order{ByOutput, ByInput} {
			ordered := inOrder(want.W, groups, outs, ins, order)
			fold := p.folding(f, order, 1+rng.IntN(60), rng.IntN(20))
			have, err := foldPieces(fold)
			check("in pieces", have, ordered, err)
			if fold.ready != nil {
				t.Fatalf("seed %d: what all pieces need is kept when they are folded", seed)
			}
			have, err = foldPieces(fold) // once more
			check("in pieces again", have, ordered, err)
			bias, err := fold.Bias()
			check("bias", bias, want.B, err)
			have, err = foldPieces(p.Folding(f, order))
			check("as one piece", have, ordered, err)
			for g := range groups {
				have, err := foldPieces(p.FoldingOf(f, order, g))
				check(fmt.Sprint("group ", g), have, ordered[g*outs*ins:][:outs*ins], err)
			}
		}
		folded, err := p.FoldByIdentity(f)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		check("by identity", folded.W, want.W, nil)
		check("bias by identity", folded.B, want.B, nil)
		have := make([]float64, len(want.W))
		err = p.foldIdentity(f, p.linear(), have)
		check("by the shorter identity", have, want.W, err)

		batch := 1 + rng.IntN(3)
		x, _ := values(rng, p.size(p.Input)*batch)()
		x[rng.IntN(len(x))] = 0
		given := slices.Clone(x)
		rows, err := p.push(x, batch, slices.Concat(f.Group, f.Out), rng.IntN(20))
		check("input after pushing", x, given, nil)
		for k := range batch {
			one := make([]float64, len(x)/batch)
			for i := range one {
				one[i] = x[i*batch+k]
			}
			y := make([]float64, 0, len(rows)/batch)
			for i := k; i < len(rows); i += batch {
				y = append(y, rows[i])
			}
			check(fmt.Sprintf("row %d of %d", k, batch), y, apply(one), err)
		}
	}
}
