package fuse

import "sync"

// transposed is the program of the transposed matrix: from the result's indices to
// the input's. The program must be free of shifts. Pushing the identity through it
// costs one row for each output instead of one for each input.
func (p *Program) transposed() *Program {
	q := &Program{Sizes: p.Sizes, Input: p.Result()}
	type part struct {
		op     int
		coef   float64
		rename map[Label]Label
	}
	parts := make([][]part, len(p.Ops)+1) // of what arrives at each op's result, the input's last
	at := func(arg int) *[]part {
		if arg < 0 {
			return &parts[len(p.Ops)]
		}
		return &parts[arg]
	}
	add := func(op Op) int {
		q.Ops = append(q.Ops, op)
		return len(q.Ops) - 1
	}
	sum := func(ps []part) int {
		op := Op{Kind: Sum}
		for _, x := range ps {
			op.Args, op.Coef, op.Rename = append(op.Args, x.op), append(op.Coef, x.coef), append(op.Rename, x.rename)
		}
		return add(op)
	}
	*at(len(p.Ops) - 1) = []part{{op: -1, coef: 1}}
	for k := len(p.Ops) - 1; k >= 0; k-- {
		ps := parts[k]
		if len(ps) == 0 {
			continue // nobody reads it
		}
		from := ps[0].op
		if len(ps) > 1 || ps[0].coef != 1 || ps[0].rename != nil {
			from = sum(ps)
		}
		op := &p.Ops[k]
		switch op.Kind {
		case Diagonal:
			if op.Scale != nil {
				from = add(Op{Kind: Diagonal, Args: []int{from}, Scale: op.Scale})
			}
			to := at(op.Args[0])
			*to = append(*to, part{op: from, coef: 1})
		case Link:
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
			to := at(op.Args[0])
			*to = append(*to, part{op: add(back), coef: 1})
		default:
			for i, a := range op.Args {
				to := at(a)
				*to = append(*to, part{op: from, coef: op.Coef[i], rename: inverse(op.Rename[i])})
			}
		}
	}
	sum(parts[len(p.Ops)])
	return q
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
