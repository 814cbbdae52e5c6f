package verify

import (
	"fmt"
	"math"
	"slices"

	"repmlp/onnxio"
	"repmlp/verify/internal/kernel"
)

func norms() map[string]operator {
	return map[string]operator{"BatchNormalization": batchNorm, "InstanceNormalization": instanceNorm, "LayerNormalization": layerNorm,
		"GroupNormalization": groupNorm, "Softmax": softmax(false), "LogSoftmax": softmax(true), "LRN": lrn}
}

func batchNorm(c *call) ([]*Tensor, error) {
	x := c.in[0]
	if len(x.Shape) == 0 {
		return nil, unsupported("the Go engine lacks this form of BatchNormalization")
	}
	channels, inner := 1, 1 // of a vector, which is a batch of single numbers
	switch {
	case c.n.Int("spatial", 1) == 0 && c.e.opset < 9: // every element has parameters of its own
		channels = count(x.Shape[1:])
	case len(x.Shape) > 1:
		channels, inner = x.Shape[1], count(x.Shape[2:])
	}
	eps := float64(c.n.Float("epsilon", 1e-5))
	for i := 1; i < 5; i++ {
		if c.in[i].Len() != channels {
			return nil, fmt.Errorf("input %d has %d values for %d channels", i, c.in[i].Len(), channels)
		}
	}
	mean, variance := c.in[3].Floats(), c.in[4].Floats()
	outs := 0
	for _, o := range c.n.Outputs {
		if o != "" {
			outs++
		}
	}
	training := c.e.opset >= 14 && c.n.Int("training_mode", 0) != 0 || c.e.opset < 14 && outs > 1 || c.e.opset < 7 && c.n.Int("is_test", 0) == 0
	var extra []*Tensor
	if training {
		n := float64(x.Shape[0] * inner)
		mean, variance = make([]float64, channels), make([]float64, channels)
		for ch := range channels {
			for i := range x.Shape[0] {
				for p := range inner {
					mean[ch] += x.Float((i*channels+ch)*inner + p)
				}
			}
			mean[ch] /= n
			for i := range x.Shape[0] {
				for p := range inner {
					d := x.Float((i*channels+ch)*inner+p) - mean[ch]
					variance[ch] += d * d
				}
			}
			variance[ch] /= n
		}
		momentum := float64(c.n.Float("momentum", 0.9))
		for k, now := range [][]float64{mean, variance} {
			t := like(c.in[3+k], c.in[3+k].DType, c.in[3+k].Shape)
			for i := range now {
				put(t, i, c.in[3+k].Float(i)*momentum+now[i]*(1-momentum))
			}
			extra = append(extra, t)
		}
		for _, now := range [][]float64{mean, variance} { // saved_mean, saved_var below opset 14
			t := like(c.in[3], c.in[3].DType, c.in[3].Shape)
			fill(t, now)
			extra = append(extra, t)
		}
	}
	out := over(x, x.DType, x.Shape)
	kernel.Split(x.Shape[0]*channels, 1+(1<<14)/max(inner, 1), func(from, to int) {
		space := make([]float64, doubles)
		for r := from; r < to; r++ {
			ch := r % channels
			scale := c.in[1].Float(ch) / math.Sqrt(variance[ch]+eps)
			shift := c.in[2].Float(ch) - mean[ch]*scale
			if c.e.mode == Absolute { // magnitudes do not cancel
				shift = c.in[2].Float(ch) + mean[ch]*scale
			}
			inDouble(out, x, r*inner, (r+1)*inner, space, func(v []float64) {
				for i, x := range v {
					v[i] = x*scale + shift
				}
			})
		}
	})
	return append([]*Tensor{out}, extra...), nil
}

// normalize brings every run of n consecutive elements to mean 0, variance 1.
func normalize(x *Tensor, n int, eps float64, after func(i int, v float64) float64) (out *Tensor, means, inverse []float64) {
	out = like(x, x.DType, x.Shape)
	for r := 0; r*n < x.Len(); r++ {
		m, s := 0.0, 0.0
		for i := range n {
			m += x.Float(r*n + i)
		}
		m /= float64(n)
		for i := range n {
			d := x.Float(r*n+i) - m
			s += d * d
		}
		inv := 1 / math.Sqrt(s/float64(n)+eps)
		means, inverse = append(means, m), append(inverse, inv)
		for i := range n {
			put(out, r*n+i, after(r*n+i, (x.Float(r*n+i)-m)*inv))
		}
	}
	return out, means, inverse
}

func instanceNorm(c *call) ([]*Tensor, error) {
	x := c.in[0]
	n, ch := count(x.Shape[2:]), x.Shape[1]
	out, _, _ := normalize(x, n, float64(c.n.Float("epsilon", 1e-5)), func(i int, v float64) float64 {
		k := i / n % ch
		return v*c.in[1].Float(k) + c.in[2].Float(k)
	})
	return []*Tensor{out}, nil
}

func groupNorm(c *call) ([]*Tensor, error) {
	x := c.in[0]
	groups := int(c.n.Int("num_groups", 1))
	ch := x.Shape[1]
	if groups < 1 || ch%groups != 0 {
		return nil, fmt.Errorf("%d channels do not fit %d groups", ch, groups)
	}
	inner := count(x.Shape[2:])
	out, _, _ := normalize(x, inner*ch/groups, float64(c.n.Float("epsilon", 1e-5)), func(i int, v float64) float64 {
		k := i / inner % ch
		if c.e.opset < 21 && c.in[1].Len() == groups {
			k /= ch / groups
		}
		return v*c.in[1].Float(k) + c.in[2].Float(k)
	})
	return []*Tensor{out}, nil
}

func layerNorm(c *call) ([]*Tensor, error) {
	x := c.in[0]
	axis, err := axisOf(c.n.Int("axis", -1), len(x.Shape))
	if err != nil {
		return nil, err
	}
	shape := x.Shape[axis:]
	n := count(shape)
	var scale, bias []int
	walk(shape, spread(c.in[1].Shape, shape), func(_, o int) { scale = append(scale, o) })
	if c.has(2) {
		walk(shape, spread(c.in[2].Shape, shape), func(_, o int) { bias = append(bias, o) })
	}
	out, means, inverse := normalize(x, n, float64(c.n.Float("epsilon", 1e-5)), func(i int, v float64) float64 {
		v *= c.in[1].Float(scale[i%n])
		if bias != nil {
			v += c.in[2].Float(bias[i%n])
		}
		return v
	})
	stat := slices.Clone(x.Shape)
	for i := axis; i < len(stat); i++ {
		stat[i] = 1
	}
	m, s := like(x, onnxio.Float32, stat), like(x, onnxio.Float32, stat)
	fill(m, means)
	fill(s, inverse)
	return []*Tensor{out, m, s}, nil
}

func softmax(logarithm bool) operator {
	return func(c *call) ([]*Tensor, error) {
		x := c.in[0]
		def := int64(-1)
		if c.e.opset < 13 {
			def = 1
		}
		axis, err := axisOf(c.n.Int("axis", def), len(x.Shape))
		if err != nil {
			return nil, err
		}
		n, inner := x.Shape[axis], count(x.Shape[axis+1:])
		if c.e.opset < 13 { // everything from the axis on is one run
			n, inner = count(x.Shape[axis:]), 1
		}
		out := like(x, x.DType, x.Shape)
		for r := 0; n > 0 && r < x.Len()/n; r++ {
			base := r/inner*n*inner + r%inner
			top := math.Inf(-1)
			for i := range n {
				top = math.Max(top, x.Float(base+i*inner))
			}
			sum := 0.0
			for i := range n {
				sum += math.Exp(x.Float(base+i*inner) - top)
			}
			for i := range n {
				v := x.Float(base+i*inner) - top
				if logarithm {
					v -= math.Log(sum)
				} else {
					v = math.Exp(v) / sum
				}
				put(out, base+i*inner, v)
			}
		}
		return []*Tensor{out}, nil
	}
}

func lrn(c *call) ([]*Tensor, error) {
	x := c.in[0]
	size := int(c.n.Int("size", 1))
	alpha, beta, bias := float64(c.n.Float("alpha", 1e-4)), float64(c.n.Float("beta", 0.75)), float64(c.n.Float("bias", 1))
	ch, inner := x.Shape[1], count(x.Shape[2:])
	out := like(x, x.DType, x.Shape)
	for i := range x.Len() {
		k := i / inner % ch
		s := 0.0
		for j := max(0, k-(size-1)/2); j <= min(ch-1, k+size/2); j++ {
			v := x.Float(i + (j-k)*inner)
			s += v * v
		}
		put(out, i, x.Float(i)/math.Pow(bias+alpha/float64(size)*s, beta))
	}
	return []*Tensor{out}, nil
}
