package operator

import (
	"repmlp/verify/internal/kernel"
	"repmlp/verify/internal/tensor"
)

// A probe of a linear map feeds unit vectors, which are nearly all zeros: what they meet
// of a weight is all that is read.

// spikyProduct computes c = a·b for a probe whose rows are nearly all zeros; it reports false
// for any other.
func spikyProduct(run *Running, m, n, k int, a []float64, lda int, b kernel.Matrix[float64], transB bool, c []float64, ldc int) bool {
	if !run.Probe {
		return false
	}
	rows, ok := kernel.SpikyRows(a, m, k, lda, c, n, ldc)
	if !ok {
		return false
	}
	kernel.SpikyProduct(rows, n, b, transB)
	return true
}

// spikyProducts is spikyProduct for every pair of offsets, or for none; the columns of b may
// be those that are nearly all zeros.
func spikyProducts(run *Running, out, a, b *Value, oa, ob []int, m, n, k int) bool {
	if !run.Probe {
		return false
	}
	all := make([][]kernel.SpikyRow, len(oa))
	rows := func(i int) (ok bool) {
		all[i], ok = kernel.SpikyRows(a.F64[oa[i]:], m, k, k, out.F64[i*m*n:], n, n)
		return ok
	}
	columns := func(i int) (ok bool) {
		all[i], ok = kernel.SpikyColumns(b.F64[ob[i]:], k, n, out.F64[i*m*n:])
		return ok
	}
	left := a.File != nil || !every(len(oa), rows)
	if left && (b.File != nil || !every(len(oa), columns)) {
		return false
	}
	for i, rows := range all {
		if left {
			kernel.SpikyProduct(rows, m, matrix[float64](a, k).At(oa[i]), true)
		} else {
			kernel.SpikyProduct(rows, n, matrix[float64](b, n).At(ob[i]), false)
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
	if v.ci == 1 {
		return v.spikyChannels(out, x, w)
	}
	most := max(v.ci*v.size/kernel.Sparse/v.taps, 1)
	var rows []kernel.SpikyRow
	at, taps := make([]int, len(v.in)), v.spatial.taps()
	of := map[int]int{} // rows of the group of an image, by output position
	perGroup := make([][]kernel.SpikyRow, v.groups)
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
						rows = append(rows, kernel.SpikyRow{Y: out.F64[(i*v.groups+j)*v.co*v.outs+p:], Step: v.outs})
					}
					rows[r].Spikes = append(rows[r].Spikes, kernel.Spike{At: channel*v.taps + t, V: s.V})
				}
			}
			perGroup[j] = append(perGroup[j], rows...)
		}
	}
	weight := matrix[float64](w, v.ci*v.taps)
	for j, rows := range perGroup {
		kernel.SpikyProduct(rows, v.co, weight.At(j*v.co*v.ci*v.taps), true)
	}
	return true
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

// spiky spreads maps that are nearly all zeros, for all images; it reports false for any
// other.
func (s spreading) spiky(acc []float64, x, w *Value, groups int) bool {
	ci, co, taps := w.Shape[0]/groups, w.Shape[1], tensor.Count(s.kernel)
	in, outs := tensor.Count(s.in), tensor.Count(s.out)
	var all []kernel.Spike
	for i := range x.Shape[0] * groups {
		spikes, ok := kernel.Spikes(nil, x.F64[i*ci*in:][:ci*in], max(ci*in/kernel.Sparse, 1))
		if !ok {
			return false
		}
		for _, spike := range spikes {
			spike.At += i * ci * in
			all = append(all, spike)
		}
	}
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
	return true
}
