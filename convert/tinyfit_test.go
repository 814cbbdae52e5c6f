package convert_test

import (
	"math"
	"math/rand/v2"
	"slices"
)

// spare reports whether the graph without some nodes is the same function with convs whose
// inputs and outputs are scaled and which have other biases, as a layer is that takes
// scales and shifts: least squares over random inputs leave nothing.
func (g *tinyGraph) spare(without map[int]bool) bool {
	rng := rand.New(rand.NewPCG(7, 11))
	var inputs [][]float64
	var want []float64
	for range 12 {
		x := make([]float64, tinyInput.size())
		scale := math.Exp(2 * rng.NormFloat64()) // so that each activation shows both sides
		for i := range x {
			x[i] = scale * rng.NormFloat64()
		}
		inputs = append(inputs, x)
		want = append(want, g.run(x, nil)...)
	}
	size := 0.0
	for _, v := range want {
		size = max(size, math.Abs(v))
	}
	for try := range 6 {
		fit := *g
		fit.nodes = slices.Clone(g.nodes)
		var scales, free []*float64
		var apply []func()
		for i := range fit.nodes {
			n := &fit.nodes[i]
			taps := tinyOps[n.op].taps
			if taps == 0 || without[i] {
				continue
			}
			c, out := g.shapes[n.in[0]].channels, g.shapes[n.out].channels
			was, by := n.params, slices.Repeat([]float64{1}, out+c)
			n.params = slices.Clone(was)
			for k := range by {
				scales = append(scales, &by[k])
			}
			for o := range out {
				free = append(free, &n.params[out*c*taps+o])
			}
			apply = append(apply, func() {
				for k := range out * c * taps {
					n.params[k] = was[k] * by[k/(c*taps)] * by[out+k/taps%c]
				}
			})
		}
		free = append(free, scales...)
		for _, p := range free {
			*p += 0.5 * float64(try) * rng.NormFloat64()
		}
		left := func() []float64 {
			for _, f := range apply {
				f()
			}
			var out []float64
			for _, x := range inputs {
				out = append(out, fit.run(x, without)...)
			}
			for i := range out {
				out[i] = (out[i] - want[i]) / size
			}
			return out
		}
		if leastSquares(free, left) < 1e-9 {
			return true
		}
	}
	return false
}

// leastSquares moves some numbers until what is left is small, by Gauss and Newton with
// damping (Levenberg and Marquardt), and gives the largest of it.
func leastSquares(free []*float64, left func() []float64) float64 {
	now, damp := left(), 1e-3
	for range 60 {
		if largest(now) < 1e-10 {
			break
		}
		slope := make([][]float64, len(free))
		for k, p := range free {
			at := *p
			*p = at + 1e-6
			moved := left()
			*p = at
			for i := range moved {
				moved[i] = (moved[i] - now[i]) / 1e-6
			}
			slope[k] = moved
		}
		better := false
		for range 8 {
			step := normalEquations(slope, now, damp)
			for k, p := range free {
				*p -= step[k]
			}
			if next := left(); dotOf(next, next) < dotOf(now, now) {
				now, damp, better = next, damp/10, true
				break
			}
			for k, p := range free {
				*p += step[k]
			}
			damp *= 10
		}
		if !better {
			break
		}
	}
	return largest(now)
}

func largest(v []float64) float64 {
	m := 0.0
	for _, x := range v {
		m = max(m, math.Abs(x))
	}
	return m
}

func dotOf(a, b []float64) float64 {
	s := 0.0
	for i := range a {
		s += a[i] * b[i]
	}
	return s
}

// normalEquations solves (JᵀJ + damp·D) step = Jᵀr, D the diagonal of JᵀJ.
func normalEquations(slope [][]float64, r []float64, damp float64) []float64 {
	n := len(slope)
	m := make([][]float64, n)
	for i := range m {
		m[i] = make([]float64, n+1)
		for j := range n {
			m[i][j] = dotOf(slope[i], slope[j])
		}
		m[i][i] += damp*m[i][i] + 1e-14
		m[i][n] = dotOf(slope[i], r)
	}
	for i := range n {
		p := i
		for k := i + 1; k < n; k++ {
			if math.Abs(m[k][i]) > math.Abs(m[p][i]) {
				p = k
			}
		}
		m[i], m[p] = m[p], m[i]
		for k := range n {
			if k != i && m[i][i] != 0 {
				f := m[k][i] / m[i][i]
				for j := i; j <= n; j++ {
					m[k][j] -= f * m[i][j]
				}
			}
		}
	}
	step := make([]float64, n)
	for i := range step {
		if m[i][i] != 0 {
			step[i] = m[i][n] / m[i][i]
		}
	}
	return step
}
