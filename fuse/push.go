package fuse

import (
	"cmp"
	"fmt"
	"math"
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
	at := p.strides(in.labels)
	each := func(a *Array, f func(row []float64, v float64)) error {
		if a == nil {
			return nil
		}
		v, err := a.load(p)
		if err != nil {
			return err
		}
		st := p.strides(a.Labels)
		var loops []loop
		for _, l := range in.labels {
			loops = append(loops, loop{n: p.Sizes[l], stride: [4]int{at[l] * in.batch, st[l]}})
		}
		nest(merged(loops), func(o [4]int, _ float64, last loop) {
			for range last.n {
				f(out.data[o[0]:o[0]+in.batch], v[o[1]])
				o[0] += last.stride[0]
				o[1] += last.stride[1]
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

func (p *Program) pushLink(op *Op, in rows, small int) (rows, error) {
	inner := *p
	inner.Ops = []Op{*op}
	inner.Ops[0].Args = []int{-1}
	inner.Input = in.labels
	out := rows{labels: inner.Result(), batch: in.batch}
	if !slices.ContainsFunc(in.data, func(x float64) bool { return x != 0 }) {
		return out, nil // a zero row, as the one that gives the bias, needs no weights
	}
	out.data = make([]float64, p.size(out.labels)*in.batch)
	weights := []float64{1}
	var stored Values // or weights that are read in runs
	wst := map[Label]int{}
	if op.W != nil {
		if in.batch > 1 || len(op.Axes) > 0 {
			small = math.MaxInt
		}
		var err error
		if weights, stored, err = op.W.open(p, small); err != nil {
			return rows{}, err
		}
		wst = p.strides(op.W.Labels)
	}
	ist, ost := p.strides(in.labels), p.strides(out.labels)
	var loops []loop
	isAxis := map[Label]bool{}
	for _, a := range op.Axes {
		es := a.Entries()
		l := loop{n: len(es), entries: make([]tuple, 0, len(es))}
		iw, ow, tw := p.flat(a.In, ist), p.flat(a.Out, ost), p.flat(a.Tap, wst)
		for _, e := range es {
			l.entries = append(l.entries, tuple{off: [4]int{ow[e.Out] * in.batch, iw[e.In] * in.batch, at(tw, e.Tap)}, weight: e.Weight})
		}
		loops = append(loops, l)
		for _, x := range append(slices.Clone(a.In), a.Out...) {
			isAxis[x] = true
		}
	}
	for _, l := range in.labels {
		if !isAxis[l] {
			loops = append(loops, loop{n: p.Sizes[l], stride: [4]int{ost[l] * in.batch, ist[l] * in.batch, wst[l]}})
		}
	}
	for _, l := range op.Out {
		loops = append(loops, loop{n: p.Sizes[l], stride: [4]int{ost[l] * in.batch, 0, wst[l]}})
	}
	if stored != nil {
		pushStored(out.data, stored, in.data, loops)
		return out, nil
	}
	for i, l := range loops { // an entries loop cannot be innermost
		if l.entries == nil {
			loops = append(slices.Delete(loops, i, i+1), l)
			break
		}
	}
	if k := len(loops) - 1; k < 0 || loops[k].entries != nil {
		loops = append(loops, loop{n: 1})
	}
	nest(loops, func(o [4]int, weight float64, last loop) {
		for range last.n {
			w := weights[o[2]] * weight
			dst, src := out.data[o[0]:o[0]+in.batch], in.data[o[1]:o[1]+in.batch]
			if in.batch == 1 {
				dst[0] += w * src[0]
			} else if w != 0 {
				for i, x := range src {
					dst[i] += w * x
				}
			}
			o[0] += last.stride[0]
			o[1] += last.stride[1]
			o[2] += last.stride[2]
		}
	})
	return out, nil
}

// pushStored adds all products of weights and inputs over the loops to out. The
// weights are read in runs, each once.
func pushStored(out []float64, weights Values, in []float64, loops []loop) {
	var over, free []loop // loops that move the weight, and others
	for _, l := range loops {
		if l.n > 1 && l.stride[2] > 0 {
			over = append(over, l)
		} else {
			free = append(free, l)
		}
	}
	slices.SortStableFunc(over, func(a, b loop) int { return cmp.Compare(b.stride[2], a.stride[2]) })
	over = merged(over)
	last := loop{n: 1}
	if k := len(over) - 1; k >= 0 {
		last, over = over[k], over[:k]
	}
	run := make([]float64, (last.n-1)*last.stride[2]+1)
	free = append(merged(free), last)
	far := 0 // over[far:] stays close together
	for ; far < len(over); far++ {
		if _, dense := span(over[far:], len(run)); dense {
			break
		}
	}
	add := func(weights Values, at [4]int) {
		weights.Read(run, at[2])
		nest(free, func(o [4]int, _ float64, last loop) {
			y, x := at[0]+o[0], at[1]+o[1]
			if last.stride == [4]int{0, 1, 1} {
				out[y] += Dot(run, in[x:][:len(run)])
				return
			}
			w := 0
			for range last.n {
				out[y] += run[w] * in[x]
				y, x, w = y+last.stride[0], x+last.stride[1], w+last.stride[2]
			}
		})
	}
	nest(append(slices.Clone(over[:far]), loop{n: 1}), func(o [4]int, _ float64, _ loop) {
		if far == len(over) {
			add(weights, o)
			return
		}
		n, _ := span(over[far:], len(run))
		near, release := weights.Near(o[2], n)
		defer release()
		o[2] = 0
		nest(append(slices.Clone(over[far:]), loop{n: 1}), func(at [4]int, _ float64, _ loop) {
			for k := range at {
				at[k] += o[k]
			}
			add(near, at)
		})
	})
}

// Dot adds up the products of two slices of one length, in four sums that do not
// wait for each other.
func Dot(a, b []float64) float64 {
	var s0, s1, s2, s3 float64
	b = b[:len(a)]
	i := 0
	for ; i+3 < len(a); i += 4 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
		s2 += a[i+2] * b[i+2]
		s3 += a[i+3] * b[i+3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return s0 + s1 + (s2 + s3)
}

// flat lists the offsets of all flat indices over labels.
func (p *Program) flat(labels []Label, stride map[Label]int) []int {
	out := []int{0}
	for _, l := range labels {
		next := make([]int, 0, len(out)*p.Sizes[l])
		for _, o := range out {
			for i := range p.Sizes[l] {
				next = append(next, o+i*stride[l])
			}
		}
		out = next
	}
	return out
}

func at(offsets []int, i int) int {
	if i < len(offsets) {
		return offsets[i]
	}
	return 0
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
			out.data[i] += op.Coef[k] * x
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
	var loops []loop
	for _, l := range labels {
		if _, ok := from[l]; !ok {
			return nil, fmt.Errorf("arranging labels %v as %v", r.labels, labels)
		}
		loops = append(loops, loop{n: p.Sizes[l], stride: [4]int{to[l] * r.batch, from[l] * r.batch}})
	}
	out := make([]float64, len(r.data))
	nest(loops, func(o [4]int, _ float64, last loop) {
		for range last.n {
			copy(out[o[0]:o[0]+r.batch], r.data[o[1]:o[1]+r.batch])
			o[0] += last.stride[0]
			o[1] += last.stride[1]
		}
	})
	return out, nil
}
