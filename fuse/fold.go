package fuse

import "slices"

// A Form says how the folded weight is laid out: W[Group, Out, In], row-major,
// and b[Group, Out]. Group labels are in the program's input and its result.
type Form struct{ Group, Out, In []Label }

// Folded is a program as one FC layer, block-diagonal over the groups:
// y[g, o] = Σ_i W[g, o, i]·x[g, i] + B[g, o].
type Folded struct {
	W, B []float64
}

// maxPaths bounds the branches that are folded one by one.
const maxPaths = 256

// Fold computes the FC layer that equals the program, see Folding.
func (p *Program) Fold(f Form) (*Folded, error) {
	fold := p.Folding(f, ByOutput)
	out := &Folded{W: make([]float64, fold.Len())}
	for i := range fold.Pieces() {
		from, to := fold.Piece(i)
		if err := fold.Fold(i, out.W[from:to]); err != nil {
			return nil, err
		}
	}
	var err error
	out.B, err = fold.Bias()
	return out, err
}

// FoldByIdentity is Fold with the identity matrix pushed through the whole
// program: slower, and the reference for the direct forms.
func (p *Program) FoldByIdentity(f Form) (*Folded, error) {
	out := &Folded{W: make([]float64, p.size(f.Group)*p.size(f.Out)*p.size(f.In))}
	if err := p.pushIdentity(f, p.linear(), out.W, false); err != nil {
		return nil, err
	}
	var err error
	out.B, err = p.pushZero(slices.Concat(f.Group, f.Out), smallWeight)
	return out, err
}

// linear is the program without its shifts.
func (p *Program) linear() *Program {
	q := &Program{Sizes: p.Sizes, Input: p.Input, Ops: slices.Clone(p.Ops)}
	for i := range q.Ops {
		q.Ops[i].Shift = nil
	}
	return q
}

// A path runs through one operand of every sum, from the input to the result.
type path struct {
	ops  []pathOp
	coef float64
}

type pathOp struct{ op, arg int }

func (p *Program) paths(k int, coef float64) ([]path, bool) {
	if k < 0 {
		return []path{{coef: coef}}, true
	}
	op := &p.Ops[k]
	var out []path
	for i, a := range op.Args {
		c := coef
		if op.Kind == Sum {
			c *= op.Coef[i]
		}
		sub, ok := p.paths(a, c)
		if !ok || len(out)+len(sub) > maxPaths {
			return nil, false
		}
		for _, s := range sub {
			s.ops = append(s.ops, pathOp{k, i})
			out = append(out, s)
		}
	}
	return out, true
}

// identityBatch is how many columns of the identity matrix run at a time.
const identityBatch = 256

// foldIdentity adds the matrix of the linear program q to dst, from the side with
// the shorter identity.
func (p *Program) foldIdentity(f Form, q *Program, dst []float64) error {
	if p.size(f.Out) < p.size(f.In) {
		return p.pushIdentity(Form{Group: f.Group, Out: f.In, In: f.Out}, q.transposed(), dst, true)
	}
	return p.pushIdentity(f, q, dst, false)
}

// pushIdentity adds the matrix of the linear program q to dst, which is transposed
// where q is. A column of the identity serves all groups at once.
func (p *Program) pushIdentity(f Form, q *Program, dst []float64, transposed bool) error {
	groups, outs, ins := p.size(f.Group), p.size(f.Out), p.size(f.In)
	order := slices.Concat(f.Group, f.In)
	for from := 0; from < ins; from += identityBatch {
		batch := min(identityBatch, ins-from)
		eye := make([]float64, groups*ins*batch)
		for g := range groups {
			for b := range batch {
				eye[(g*ins+from+b)*batch+b] = 1
			}
		}
		in, err := p.arrange(rows{order, batch, eye}, q.Input)
		if err != nil {
			return err
		}
		res, err := q.Push(in, batch, slices.Concat(f.Group, f.Out))
		if err != nil {
			return err
		}
		for k := range groups * outs {
			row := res[k*batch:][:batch]
			if transposed {
				for b, x := range row {
					dst[(k/outs*ins+from+b)*outs+k%outs] += x
				}
				continue
			}
			for b, x := range row {
				dst[k*ins+from+b] += x
			}
		}
	}
	return nil
}
