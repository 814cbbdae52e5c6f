package fuse

import "sync"

// transposed is the program of the transposed matrix: from the result's indices to
// the input's. The program must be free of shifts. Pushing the identity through it
// costs one row for each output instead of one for each input.
func (p *Program) transposed() *Program {
	t := &transposer{q: &Program{Sizes: p.Sizes, Input: p.Result()}, to: make([][]operand, len(p.Ops))}
	t.send(len(p.Ops)-1, operand{op: -1, coef: 1})
	for k := len(p.Ops) - 1; k >= 0; k-- {
		if len(t.to[k]) == 0 {
			continue // nobody reads it
		}
		op := &p.Ops[k]
		from := t.sum(t.to[k])
		switch op.Kind {
		case Diagonal:
			if op.Scale != nil {
				from = t.add(Op{Kind: Diagonal, Args: []int{from}, Scale: op.Scale})
			}
			t.send(op.Args[0], operand{op: from, coef: 1})
		case Link:
			t.send(op.Args[0], operand{op: t.add(turned(op, from)), coef: 1})
		default:
			for i, a := range op.Args {
				t.send(a, operand{op: from, coef: op.Coef[i], rename: inverse(op.Rename[i])})
			}
		}
	}
	t.add(sumOf(t.result))
	return t.q
}

// A transposer writes the transposed program q from its result to its input.
type transposer struct {
	q      *Program
	to     [][]operand // of what arrives at the result of each op of the program
	result []operand   // of what arrives at its input
}

// An operand is coef times an op of the transposed program, with other names.
type operand struct {
	op     int
	coef   float64
	rename map[Label]Label
}

func (t *transposer) send(arg int, x operand) {
	if arg < 0 {
		t.result = append(t.result, x)
		return
	}
	t.to[arg] = append(t.to[arg], x)
}

func (t *transposer) add(op Op) int {
	t.q.Ops = append(t.q.Ops, op)
	return len(t.q.Ops) - 1
}

// sum is the op that adds up the operands, or the only one itself.
func (t *transposer) sum(xs []operand) int {
	if len(xs) == 1 && xs[0].coef == 1 && xs[0].rename == nil {
		return xs[0].op
	}
	return t.add(sumOf(xs))
}

func sumOf(xs []operand) Op {
	op := Op{Kind: Sum}
	for _, x := range xs {
		op.Args, op.Coef, op.Rename = append(op.Args, x.op), append(op.Coef, x.coef), append(op.Rename, x.rename)
	}
	return op
}

// turned is a link from its outputs to its inputs.
func turned(op *Op, from int) Op {
	back := Op{Kind: Link, Args: []int{from}, W: op.W, In: op.Out, Out: op.In}
	for _, a := range op.Axes {
		back.Axes = append(back.Axes, Axis{In: a.Out, Out: a.In, Tap: a.Tap, Entries: sync.OnceValue(func() []Entry {
			var turned []Entry
			for _, e := range a.Entries() {
				turned = append(turned, Entry{Out: e.In, In: e.Out, Tap: e.Tap, Weight: e.Weight})
			}
			return turned
		})})
	}
	return back
}

func inverse(m map[Label]Label) map[Label]Label {
	if m == nil {
		return nil
	}
	out := make(map[Label]Label, len(m))
	for from, to := range m {
		out[to] = from
	}
	return out
}

// only is the part of the linear program that some paths run through, as one
// program; other paths that lie in it altogether are reported as covered.
func (p *Program) only(paths []path, others []path) (q *Program, covered []bool) {
	kept := map[pathOp]bool{}
	for _, path := range paths {
		for _, s := range path.ops {
			kept[s] = true
		}
	}
	covered = make([]bool, len(others))
	for i, path := range others {
		covered[i] = true
		for _, s := range path.ops {
			covered[i] = covered[i] && kept[s]
		}
	}
	q = &Program{Sizes: p.Sizes, Input: p.Input}
	place := make([]int, len(p.Ops))
	for k := range p.Ops {
		op := p.Ops[k]
		args := op.Args
		op.Args, op.Shift = nil, nil
		var coef []float64
		var names []map[Label]Label
		for i, a := range args {
			if !kept[pathOp{k, i}] {
				continue
			}
			if a >= 0 {
				a = place[a]
			}
			op.Args = append(op.Args, a)
			if op.Kind == Sum {
				coef, names = append(coef, op.Coef[i]), append(names, op.Rename[i])
			}
		}
		if len(op.Args) == 0 {
			continue // no path runs through it
		}
		op.Coef, op.Rename = coef, names
		q.Ops = append(q.Ops, op)
		place[k] = len(q.Ops) - 1
	}
	return q, covered
}
