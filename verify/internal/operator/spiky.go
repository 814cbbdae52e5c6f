package operator

import (
	"repmlp/verify/internal/kernel"
	"repmlp/verify/internal/tensor"
)

// A probe of a linear map feeds unit vectors, which are nearly all zeros: what they meet
// of a weight is all that is read.

// spikyGemm computes c = a·b for a probe whose rows, or columns where the weight stands on the
// left, are nearly all alike; it reports false for any other.
func spikyGemm(run *Running, m, n, k int, a, b *Value, transB bool, c []float64) bool {
	if !run.Probe {
		return false
	}
	if a.File == nil {
		ldb := n
		if transB {
			ldb = k
		}
		if rows, ok := kernel.RowsOf(a.F64, m, k, k, c, n); ok {
			rows.Times(n, k, matrix[float64](b, ldb), transB)
			return true
		}
	}
	if b.File != nil {
		return false
	}
	var columns kernel.SpikyRows
	var ok bool
	if transB {
		columns, ok = kernel.RowsInto(b.F64, n, k, c)
	} else {
		columns, ok = kernel.ColumnsOf(b.F64, k, n, c)
	}
	if ok {
		columns.Times(m, k, matrix[float64](a, k), true)
	}
	return ok
}

// spikyProducts is spikyGemm for every pair of offsets, or for none.
func spikyProducts(run *Running, out, a, b *Value, oa, ob []int, m, n, k int) bool {
	if !run.Probe {
		return false
	}
	all := make([]kernel.SpikyRows, len(oa))
	rows := func(i int) (ok bool) {
		all[i], ok = kernel.RowsOf(a.F64[oa[i]:], m, k, k, out.F64[i*m*n:], n)
		return ok
	}
	columns := func(i int) (ok bool) {
		all[i], ok = kernel.ColumnsOf(b.F64[ob[i]:], k, n, out.F64[i*m*n:])
		return ok
	}
	left := a.File != nil || !every(len(oa), rows)
	if left && (b.File != nil || !every(len(oa), columns)) {
		return false
	}
	for i, rows := range all {
		if left {
			rows.Times(m, k, matrix[float64](a, k).At(oa[i]), true)
		} else {
			rows.Times(n, k, matrix[float64](b, n).At(ob[i]), false)
		}
	}
	return true
}

// every reports whether f holds for all of n.
func every(n int, f func(i int) bool) bool {
	for i := range n {
		if !f(i) {
			return false
		}
	}
	return true
}

// spiky convolves maps that are nearly all zeros; it reports false for any other.
func (v *convolution) spiky(out, x, w *Value) bool {
	if !v.probe {
		return false
	}
	switch {
	case v.ci == 1:
		return v.spikyChannels(out, x, w)
	case v.size == 1 && v.direct():
		return v.spikyRows(out, x, w)
	}
	most := max(v.ci*v.size/kernel.Sparse/v.taps, 1)
	var rows []touched
	at, taps := make([]int, len(v.in)), v.spatial.taps()
	of := map[int]int{} // rows of the group of an image, by output position
	perGroup := make([]kernel.SpikyRows, v.groups)
	var spikes []kernel.Spike
	var ok bool
	for i := range v.images {
		for j := range v.groups {
			from, to := v.input(i, j)
			if spikes, ok = kernel.Spikes(spikes[:0], x.F64[from:to], most); !ok {
				return false
			}
			rows = rows[:0]
			clear(of)
			for _, s := range spikes {
				channel := s.At / v.size
				unravel(s.At%v.size, v.in, at)
				for t, tap := range taps {
					p, ok := v.reader(at, tap)
					if !ok {
						continue
					}
					r, known := of[p]
					if !known {
						r = len(rows)
						of[p] = r
						rows = append(rows, touched{p, nil})
					}
					rows[r].spikes = append(rows[r].spikes, kernel.Spike{At: channel*v.taps + t, V: s.V})
				}
			}
			for _, r := range rows {
				perGroup[j].Add(r.spikes, out.F64[(i*v.groups+j)*v.co*v.outs+r.output:], v.outs)
			}
		}
	}
	weight := matrix[float64](w, v.ci*v.taps)
	for j, rows := range perGroup {
		rows.Times(v.co, v.ci*v.taps, weight.At(j*v.co*v.ci*v.taps), true)
	}
	return true
}

// spikyRows is spiky for maps of one position: rows of each group.
func (v *convolution) spikyRows(out, x, w *Value) bool {
	all := make([]kernel.SpikyRows, v.groups)
	if !every(v.groups, func(j int) (ok bool) {
		all[j], ok = kernel.RowsOf(x.F64[j*v.ci:], v.images, v.ci, v.groups*v.ci, out.F64[j*v.co:], v.groups*v.co)
		return ok
	}) {
		return false
	}
	for j, rows := range all {
		rows.Times(v.co, v.ci, matrix[float64](w, v.ci).At(j*v.co*v.ci), true)
	}
	return true
}

// touched is an output position, and what it reads.
type touched struct {
	output int
	spikes []kernel.Spike
}

// spikyChannels is spiky where every channel is a group.
func (v *convolution) spikyChannels(out, x, w *Value) bool {
	spikes, ok := kernel.Spikes(nil, x.F64, len(x.F64)/kernel.Sparse)
	if !ok {
		return false
	}
	weight := w.dense()
	at, taps := make([]int, len(v.in)), v.spatial.taps()
	for _, s := range spikes {
		image := s.At / v.size // of a channel
		unravel(s.At%v.size, v.in, at)
		for t, tap := range taps {
			p, ok := v.reader(at, tap)
			if !ok {
				continue
			}
			for o := range v.co {
				out.F64[(image*v.co+o)*v.outs+p] += s.V * weight.F64[(image%v.groups*v.co+o)*v.taps+t]
			}
		}
	}
	return true
}

// unravel writes the index of position i of a map of these sizes to at.
func unravel(i int, sizes, at []int) {
	for a := len(sizes) - 1; a >= 0; a-- {
		at[a] = i % sizes[a]
		i /= sizes[a]
	}
}

// reader is the output position that reads a position of the map under a tap, which is
// displaced so far; ok is false where none does.
func (s spatial) reader(at, tap []int) (p int, ok bool) {
	for a, x := range at {
		q := x - tap[a]
		stride := int(s.Stride[a])
		if q < 0 || q%stride != 0 || q/stride >= s.out[a] {
			return 0, false
		}
		p = p*s.out[a] + q/stride
	}
	return p, true
}

// spiky is spread for maps that are nearly all zeros, whose result has n numbers; nil for any
// other.
func (s spreading) spiky(x, w *Value, groups, n int) []float64 {
	ci, co, taps := w.Shape[0]/groups, w.Shape[1], tensor.Count(s.kernel)
	in, outs := tensor.Count(s.in), tensor.Count(s.out)
	var all []kernel.Spike
	for i := range x.Shape[0] * groups {
		known, ok := len(all), false
		if all, ok = kernel.Spikes(all, x.F64[i*ci*in:][:ci*in], max(ci*in/kernel.Sparse, 1)); !ok {
			return nil
		}
		for k := range all[known:] {
			all[known+k].At += i * ci * in
		}
	}
	acc := make([]float64, n)
	at, places := make([]int, len(s.in)), make([]int, taps)
	for _, spike := range all {
		i := spike.At / (ci * in) // of an image and a group
		unravel(spike.At%in, s.in, at)
		tensor.EachIndex(s.kernel, func(k int, tap []int) {
			places[k] = -1
			p := 0
			for a, x := range at {
				q := x*s.stride[a] + tap[a]*s.dilation[a] - s.begin[a]
				if q < 0 || q >= s.out[a] {
					return
				}
				p = p*s.out[a] + q
			}
			places[k] = p
		})
		channel := i%groups*ci + spike.At/in%ci
		line := w.F64[channel*co*taps:][:co*taps]
		for o := range co {
			to := acc[(i*co+o)*outs:][:outs]
			for k, p := range places {
				if p >= 0 {
					to[p] += spike.V * line[o*taps+k]
				}
			}
		}
	}
	return acc
}
