package fuse

import (
	"math"
	"slices"
)

// pushLink runs a link over rows; weights of more than small values are read in
// runs.
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
	if op.W != nil {
		if in.batch > 1 || len(op.Axes) > 0 {
			small = math.MaxInt
		}
		var stored Values
		var err error
		if weights, stored, err = op.W.open(p, small); err != nil {
			return rows{}, err
		}
		if stored != nil {
			pushStored(out.data, stored, in.data, p.linkLoops(op, in, out))
			return out, nil
		}
	}
	nest(pushAt{}, plainLast(p.linkLoops(op, in, out)), func(at pushAt, weight float64, last loop[pushAt]) {
		for range last.n {
			w := weights[at.weight] * weight
			dst, src := out.data[at.out:at.out+in.batch], in.data[at.in:at.in+in.batch]
			if in.batch == 1 {
				dst[0] += float64(w * src[0])
			} else if w != 0 {
				for i, x := range src {
					dst[i] += float64(w * x)
				}
			}
			at = at.plus(last.stride)
		}
	})
	return out, nil
}

// linkLoops are the loops over all products of a link: its axes first, then what
// it reads or passes through, then what it makes.
func (p *Program) linkLoops(op *Op, in, out rows) []loop[pushAt] {
	from, to, weight := p.strides(in.labels), p.strides(out.labels), map[Label]int{}
	if op.W != nil {
		weight = p.strides(op.W.Labels)
	}
	var loops []loop[pushAt]
	slid := map[Label]bool{}
	for _, a := range op.Axes {
		entries := a.Entries()
		ins, outs, taps := p.flat(a.In, from), p.flat(a.Out, to), p.flat(a.Tap, weight)
		l := loop[pushAt]{n: len(entries), jumps: make([]jump[pushAt], 0, len(entries))}
		for _, e := range entries {
			l.jumps = append(l.jumps, jump[pushAt]{pushAt{outs[e.Out] * in.batch, ins[e.In] * in.batch, at(taps, e.Tap)}, e.Weight})
		}
		loops = append(loops, l)
		for _, x := range slices.Concat(a.In, a.Out) {
			slid[x] = true
		}
	}
	for _, l := range in.labels {
		if !slid[l] {
			loops = append(loops, loop[pushAt]{n: p.Sizes[l], stride: pushAt{to[l] * in.batch, from[l] * in.batch, weight[l]}})
		}
	}
	for _, l := range op.Out {
		loops = append(loops, loop[pushAt]{n: p.Sizes[l], stride: pushAt{out: to[l] * in.batch, weight: weight[l]}})
	}
	return loops
}

// plainLast moves a loop without jumps to the end, where nest wants one.
func plainLast(loops []loop[pushAt]) []loop[pushAt] {
	isPlain := func(l loop[pushAt]) bool { return l.jumps == nil }
	if i := slices.IndexFunc(loops, isPlain); i >= 0 {
		l := loops[i]
		return append(slices.Delete(loops, i, i+1), l)
	}
	return append(loops, loop[pushAt]{n: 1})
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
