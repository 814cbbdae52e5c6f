package fuse

import (
	"fmt"
	"slices"
)

// rows is a batch of feature rows: one value per label index, the batch
// innermost so that every step is a loop over it.
type rows struct {
	labels []Label
	batch  int
	data   []float64 // nil: all zeros
}

// Push runs the program on batch rows. in holds, for every index of the input
// labels (row-major), the batch values one after the other; the result is laid
// out likewise over labels out, which must be those of the program's result in
// any order.
func (p *Program) Push(in []float64, batch int, out []Label) ([]float64, error) {
	return p.push(in, batch, out, smallWeight)
}

// push is Push with another size of weights that are read as a whole.
func (p *Program) push(in []float64, batch int, out []Label, small int) ([]float64, error) {
	if len(in) != p.size(p.Input)*batch {
		return nil, fmt.Errorf("pushing %d values through a program that reads %d·%d", len(in), p.size(p.Input), batch)
	}
	return p.pushRows(rows{p.Input, batch, in}, out, small)
}

// pushZero is push for one row of zeros.
func (p *Program) pushZero(out []Label, small int) ([]float64, error) {
	return p.pushRows(rows{p.Input, 1, nil}, out, small)
}

func (p *Program) pushRows(in rows, out []Label, small int) ([]float64, error) {
	r, err := p.pushAll(in, small)
	if err != nil {
		return nil, err
	}
	if r.data == nil {
		r.data = make([]float64, p.size(r.labels)*r.batch)
	}
	return p.arrange(r, out)
}

func (p *Program) pushAll(in rows, small int) (rows, error) {
	vals := make([]rows, len(p.Ops))
	left := make([]int, len(p.Ops)) // readers still to come
	for _, op := range p.Ops {
		for _, a := range op.Args {
			if a >= 0 {
				left[a]++
			}
		}
	}
	for k := range p.Ops {
		op := &p.Ops[k]
		args := make([]rows, len(op.Args))
		for i, a := range op.Args {
			args[i] = in
			if a >= 0 {
				args[i] = vals[a]
			}
		}
		last := len(op.Args) > 0 && op.Args[0] >= 0 && left[op.Args[0]] == 1 // nobody else reads the first
		v, err := p.step(op, args, last, small)
		if err != nil {
			return rows{}, err
		}
		vals[k] = v
		for _, a := range op.Args {
			if a >= 0 {
				if left[a]--; left[a] == 0 {
					vals[a].data = nil
				}
			}
		}
	}
	if len(vals) == 0 {
		return in, nil
	}
	return vals[len(vals)-1], nil
}

func (p *Program) step(op *Op, args []rows, last bool, small int) (rows, error) {
	switch op.Kind {
	case Diagonal:
		return p.pushDiagonal(op, args[0], last)
	case Link:
		return p.pushLink(op, args[0], small)
	}
	return p.pushSum(op, args)
}

// pushDiagonal scales and shifts; with over it may write over its operand.
func (p *Program) pushDiagonal(op *Op, in rows, over bool) (rows, error) {
	out := in
	switch {
	case in.data == nil && op.Shift == nil:
		return in, nil
	case in.data == nil:
		out.data = make([]float64, p.size(in.labels)*in.batch)
	case !over:
		out.data = slices.Clone(in.data)
	}
	to := p.strides(in.labels)
	each := func(a *Array, f func(row []float64, v float64)) error {
		if a == nil {
			return nil
		}
		v, err := a.load(p)
		if err != nil {
			return err
		}
		weight := p.strides(a.Labels)
		var loops []loop[pushAt]
		for _, l := range in.labels {
			loops = append(loops, loop[pushAt]{n: p.Sizes[l], stride: pushAt{out: to[l] * in.batch, weight: weight[l]}})
		}
		nest(pushAt{}, merged(loops), func(at pushAt, _ float64, last loop[pushAt]) {
			for range last.n {
				f(out.data[at.out:at.out+in.batch], v[at.weight])
				at = at.plus(last.stride)
			}
		})
		return nil
	}
	if err := each(op.Scale, func(row []float64, v float64) {
		for i := range row {
			row[i] *= v
		}
	}); err != nil {
		return rows{}, err
	}
	return out, each(op.Shift, func(row []float64, v float64) {
		for i := range row {
			row[i] += v
		}
	})
}

func (p *Program) pushSum(op *Op, args []rows) (rows, error) {
	var out rows
	for k, a := range args {
		named := rows{labels: make([]Label, len(a.labels)), batch: a.batch, data: a.data}
		for i, l := range a.labels {
			named.labels[i] = rename(op.Rename[k], l)
		}
		if k == 0 {
			out = rows{labels: named.labels, batch: a.batch}
		}
		if a.data == nil {
			continue
		}
		data, err := p.arrange(named, out.labels)
		if err != nil {
			return rows{}, err
		}
		if out.data == nil {
			out.data = make([]float64, len(data))
		}
		for i, x := range data {
			out.data[i] += float64(op.Coef[k] * x)
		}
	}
	return out, nil
}

// arrange returns the data of r in the order of labels.
func (p *Program) arrange(r rows, labels []Label) ([]float64, error) {
	if slices.Equal(r.labels, labels) {
		return r.data, nil
	}
	from, to := p.strides(r.labels), p.strides(labels)
	if len(from) != len(to) || len(from) != len(labels) {
		return nil, fmt.Errorf("arranging labels %v as %v", r.labels, labels)
	}
	var loops []loop[pushAt]
	for _, l := range labels {
		if _, ok := from[l]; !ok {
			return nil, fmt.Errorf("arranging labels %v as %v", r.labels, labels)
		}
		loops = append(loops, loop[pushAt]{n: p.Sizes[l], stride: pushAt{out: to[l] * r.batch, in: from[l] * r.batch}})
	}
	out := make([]float64, len(r.data))
	nest(pushAt{}, loops, func(at pushAt, _ float64, last loop[pushAt]) {
		for range last.n {
			copy(out[at.out:at.out+r.batch], r.data[at.in:at.in+r.batch])
			at = at.plus(last.stride)
		}
	})
	return out, nil
}
