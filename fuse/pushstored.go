package fuse

import (
	"cmp"
	"slices"
)

// pushStored adds all products of weights and inputs over the loops to out. The
// weights are read in runs, each once.
func pushStored(out []float64, weights Values, in []float64, loops []loop[pushAt]) {
	over, last, free := weightRuns(loops)
	run := make([]float64, (last.n-1)*last.stride.weight+1)
	free = append(free, last)
	add := func(weights Values, from pushAt) {
		weights.Read(run, from.weight)
		from.weight = 0
		addRuns(out, run, in, from, free)
	}
	far, near := farLoops(over, len(run))
	once := loop[pushAt]{n: 1}
	nest(pushAt{}, append(slices.Clone(over[:far]), once), func(from pushAt, _ float64, _ loop[pushAt]) {
		if far == len(over) {
			add(weights, from)
			return
		}
		close, release := weights.Near(from.weight, near)
		defer release()
		from.weight = 0
		nest(from, append(slices.Clone(over[far:]), once), func(at pushAt, _ float64, _ loop[pushAt]) {
			add(close, at)
		})
	})
}

// weightRuns sorts loops into those that move the weight, from far to near, with
// the nearest apart, and the others.
func weightRuns(loops []loop[pushAt]) (over []loop[pushAt], last loop[pushAt], free []loop[pushAt]) {
	for _, l := range loops {
		if l.n > 1 && l.stride.weight > 0 {
			over = append(over, l)
		} else {
			free = append(free, l)
		}
	}
	slices.SortStableFunc(over, func(a, b loop[pushAt]) int { return cmp.Compare(b.stride.weight, a.stride.weight) })
	over, free = merged(over), merged(free)
	last = loop[pushAt]{n: 1}
	if k := len(over) - 1; k >= 0 {
		over, last = over[:k], over[k]
	}
	return over, last, free
}

// farLoops is how many of the loops move far; all runs of the others lie within
// near numbers.
func farLoops(loops []loop[pushAt], run int) (far, near int) {
	stretches := make([]stretch, len(loops))
	for i, l := range loops {
		stretches[i] = stretch{l.n, l.stride.weight}
	}
	for ; far < len(loops); far++ {
		if n, dense := span(stretches[far:], run); dense {
			return far, n
		}
	}
	return far, 0
}

// addRuns adds the products of one run of weights over the loops, the last of
// which runs along it.
func addRuns(out, run, in []float64, from pushAt, loops []loop[pushAt]) {
	nest(from, loops, func(at pushAt, _ float64, last loop[pushAt]) {
		if last.stride == (pushAt{in: 1, weight: 1}) {
			out[at.out] += Dot(run, in[at.in:][:len(run)])
			return
		}
		for range last.n {
			out[at.out] += float64(run[at.weight] * in[at.in])
			at = at.plus(last.stride)
		}
	})
}

// Dot adds up the products of two slices of one length, in four sums that do not
// wait for each other.
func Dot(a, b []float64) float64 {
	var s0, s1, s2, s3 float64
	b = b[:len(a)]
	i := 0
	for ; i+3 < len(a); i += 4 {
		s0 += float64(a[i] * b[i])
		s1 += float64(a[i+1] * b[i+1])
		s2 += float64(a[i+2] * b[i+2])
		s3 += float64(a[i+3] * b[i+3])
	}
	for ; i < len(a); i++ {
		s0 += float64(a[i] * b[i])
	}
	return s0 + s1 + (s2 + s3)
}
