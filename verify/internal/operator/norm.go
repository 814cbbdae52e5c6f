package operator

import (
	"fmt"
	"math"
	"slices"

	"repmlp/onnxio"
	"repmlp/verify/internal/kernel"
	"repmlp/verify/internal/tensor"
)

func lpNorm(c *Call) ([]*Value, error) {
	x := c.In[0]
	axis, err := tensor.AxisOf(c.Node.AttrInt("axis"), len(x.Shape))
	if err != nil {
		return nil, err
	}
	p := c.Node.AttrInt("p")
	n, inner := x.Shape[axis], tensor.Count(x.Shape[axis+1:])
	out := Like(x, x.DType, x.Shape)
	for r := 0; n > 0 && r < x.Len()/n; r++ {
		base := r/inner*n*inner + r%inner
		s := 0.0
		for i := range n {
			v := math.Abs(x.Float(base + i*inner))
			if p == 2 {
				v *= v
			}
			s += v
		}
		if p == 2 {
			s = math.Sqrt(s)
		}
		for i := range n {
			put(out, base+i*inner, x.Float(base+i*inner)/s)
		}
	}
	return []*Value{out}, nil
}

func meanVariance(c *Call) ([]*Value, error) {
	x := c.In[0]
	axes := c.Node.Ints("axes")
	if axes == nil {
		axes = []int64{0, 2, 3}
	}
	kept := slices.Clone(x.Shape)
	for _, a := range axes {
		k, err := tensor.AxisOf(a, len(x.Shape))
		if err != nil {
			return nil, err
		}
		kept[k] = 1
	}
	var to []int
	tensor.Walk(x.Shape, tensor.Spread(kept, x.Shape), func(_, o int) { to = append(to, o) })
	mean, square := make([]float64, tensor.Count(kept)), make([]float64, tensor.Count(kept))
	n := float64(x.Len() / max(len(mean), 1))
	for i, o := range to {
		mean[o] += x.Float(i) / n
	}
	for i, o := range to {
		d := x.Float(i) - mean[o]
		square[o] += d * d / n
	}
	out := Like(x, x.DType, x.Shape)
	for i, o := range to {
		put(out, i, (x.Float(i)-mean[o])/(math.Sqrt(square[o])+1e-9))
	}
	return []*Value{out}, nil
}

// batchNorm normalizes every channel with the mean and variance that are given, or
// in training with those of the batch.
func batchNorm(c *Call) ([]*Value, error) {
	x := c.In[0]
	if len(x.Shape) == 0 {
		return nil, Unsupportedf("the Go engine lacks this form of BatchNormalization")
	}
	b := batch{images: x.Shape[0], channels: 1, inner: 1} // of a vector, which is a batch of single numbers
	switch {
	case c.Node.AttrInt("spatial") == 0 && c.Run.Opset < 9: // every element has parameters of its own
		b.channels = tensor.Count(x.Shape[1:])
	case len(x.Shape) > 1:
		b.channels, b.inner = x.Shape[1], tensor.Count(x.Shape[2:])
	}
	for i := 1; i < 5; i++ {
		if c.In[i].Len() != b.channels {
			return nil, fmt.Errorf("input %d has %d values for %d channels", i, c.In[i].Len(), b.channels)
		}
	}
	mean, variance := c.In[3].Floats(), c.In[4].Floats()
	var trained []*Value
	if trains(c) {
		mean, variance = b.moments(x)
		trained = trainedStatistics(c, mean, variance)
	}
	scale, shift := make([]float64, b.channels), make([]float64, b.channels)
	for ch := range scale {
		scale[ch] = c.In[1].Float(ch) / math.Sqrt(variance[ch]+float64(c.Node.AttrFloat("epsilon")))
		shift[ch] = c.In[2].Float(ch) - mean[ch]*scale[ch]
		if c.Run.Mode == Absolute { // magnitudes do not cancel
			shift[ch] = c.In[2].Float(ch) + mean[ch]*scale[ch]
		}
	}
	out := over(x, x.DType, x.Shape)
	kernel.Split(b.images*b.channels, 1+(1<<14)/max(b.inner, 1), func(from, to int) {
		space := make([]float64, doubles)
		for r := from; r < to; r++ {
			a, s := scale[r%b.channels], shift[r%b.channels]
			inDouble(out, x, r*b.inner, (r+1)*b.inner, space, func(v []float64) {
				for i, x := range v {
					v[i] = x*a + s
				}
			})
		}
	})
	return append([]*Value{out}, trained...), nil
}

// trains reports whether a BatchNormalization is in training mode, as its opset says it.
func trains(c *Call) bool {
	outs := 0
	for _, o := range c.Node.Outputs() {
		if o != "" {
			outs++
		}
	}
	switch {
	case c.Run.Opset >= 14:
		return c.Node.AttrInt("training_mode") != 0
	case c.Run.Opset < 7 && c.Node.AttrInt("is_test") == 0:
		return true
	}
	return outs > 1
}

// A batch says how a tensor lies: images of channels of inner numbers.
type batch struct{ images, channels, inner int }

// moments are the mean and the variance of every channel.
func (b batch) moments(x *Value) (mean, variance []float64) {
	n := float64(b.images * b.inner)
	mean, variance = make([]float64, b.channels), make([]float64, b.channels)
	sum := func(ch int, f func(v float64) float64) float64 {
		s := 0.0
		for i := range b.images {
			for p := range b.inner {
				s += f(x.Float((i*b.channels+ch)*b.inner + p))
			}
		}
		return s / n
	}
	for ch := range mean {
		mean[ch] = sum(ch, func(v float64) float64 { return v })
		variance[ch] = sum(ch, func(v float64) float64 { return (v - mean[ch]) * (v - mean[ch]) })
	}
	return mean, variance
}

// trainedStatistics are the running mean and variance after a batch, and behind them
// those of the batch, which opsets below 14 save.
func trainedStatistics(c *Call, mean, variance []float64) (out []*Value) {
	momentum := float64(c.Node.AttrFloat("momentum"))
	for k, now := range [][]float64{mean, variance} {
		t := Like(c.In[3+k], c.In[3+k].DType, c.In[3+k].Shape)
		for i := range now {
			put(t, i, c.In[3+k].Float(i)*momentum+now[i]*(1-momentum))
		}
		out = append(out, t)
	}
	for _, now := range [][]float64{mean, variance} {
		t := Like(c.In[3], c.In[3].DType, c.In[3].Shape)
		fill(t, now)
		out = append(out, t)
	}
	return out
}

// normalize brings every run of n consecutive elements of the first input to mean 0,
// variance 1.
func normalize(c *Call, n int, after func(i int, v float64) float64) (out *Value, means, inverse []float64) {
	x, eps := c.In[0], float64(c.Node.AttrFloat("epsilon"))
	out = Like(x, x.DType, x.Shape)
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
			put(out, r*n+i, after(r*n+i, c.magnitude((x.Float(r*n+i)-m)*inv, n)))
		}
	}
	return out, means, inverse
}

// magnitude is one of n normalised numbers; in a run of magnitudes, to which the numbers
// themselves are not known, a bound of all of them: the sum of their squares is at
// most n.
func (c *Call) magnitude(v float64, n int) float64 {
	if c.Run.Mode == Absolute {
		return math.Sqrt(float64(n))
	}
	return v
}

func instanceNorm(c *Call) ([]*Value, error) {
	x := c.In[0]
	n, ch := tensor.Count(x.Shape[2:]), x.Shape[1]
	out, _, _ := normalize(c, n, func(i int, v float64) float64 {
		k := i / n % ch
		return v*c.In[1].Float(k) + c.In[2].Float(k)
	})
	return []*Value{out}, nil
}

func groupNorm(c *Call) ([]*Value, error) {
	x := c.In[0]
	groups := int(c.Node.AttrInt("num_groups"))
	ch := x.Shape[1]
	if groups < 1 || ch%groups != 0 {
		return nil, fmt.Errorf("%d channels do not fit %d groups", ch, groups)
	}
	inner := tensor.Count(x.Shape[2:])
	out, _, _ := normalize(c, inner*ch/groups, func(i int, v float64) float64 {
		k := i / inner % ch
		if c.Run.Opset < 21 && c.In[1].Len() == groups {
			k /= ch / groups
		}
		return v*c.In[1].Float(k) + c.In[2].Float(k)
	})
	return []*Value{out}, nil
}

// trailing are the axes that a norm of the last ones normalises, and for each of their
// elements where its parameter lies.
func trailing(c *Call, param int) (shape, at []int, err error) {
	x := c.In[0]
	axis, err := tensor.AxisOf(c.Node.AttrInt("axis"), len(x.Shape))
	if err != nil {
		return nil, nil, err
	}
	shape = x.Shape[axis:]
	if c.has(param) {
		tensor.Walk(shape, tensor.Spread(c.In[param].Shape, shape), func(_, o int) { at = append(at, o) })
	}
	return shape, at, nil
}

func layerNorm(c *Call) ([]*Value, error) {
	x := c.In[0]
	shape, scale, err := trailing(c, 1)
	if err != nil {
		return nil, err
	}
	_, bias, _ := trailing(c, 2)
	n := tensor.Count(shape)
	out, means, inverse := normalize(c, n, func(i int, v float64) float64 {
		v *= c.In[1].Float(scale[i%n])
		if bias != nil {
			v += c.In[2].Float(bias[i%n])
		}
		return v
	})
	stat := slices.Clone(x.Shape)
	for i := len(stat) - len(shape); i < len(stat); i++ {
		stat[i] = 1
	}
	m, s := Like(x, onnxio.Float32, stat), Like(x, onnxio.Float32, stat)
	fill(m, means)
	fill(s, inverse)
	return []*Value{out, m, s}, nil
}

func rmsNorm(c *Call) ([]*Value, error) {
	x := c.In[0]
	shape, scale, err := trailing(c, 1)
	if err != nil {
		return nil, err
	}
	n := tensor.Count(shape)
	out := Like(x, c.In[1].DType, x.Shape)
	for r := 0; r*n < x.Len(); r++ {
		s := 0.0
		for i := range n {
			s += x.Float(r*n+i) * x.Float(r*n+i)
		}
		inv := 1 / math.Sqrt(s/float64(n)+float64(c.Node.AttrFloat("epsilon")))
		for i := range n {
			put(out, r*n+i, c.magnitude(x.Float(r*n+i)*inv, n)*c.In[1].Float(scale[i]))
		}
	}
	return []*Value{out}, nil
}

func lrn(c *Call) ([]*Value, error) {
	x := c.In[0]
	size := int(c.Node.AttrInt("size"))
	alpha, beta, bias := float64(c.Node.AttrFloat("alpha")), float64(c.Node.AttrFloat("beta")), float64(c.Node.AttrFloat("bias"))
	ch, inner := x.Shape[1], tensor.Count(x.Shape[2:])
	out := Like(x, x.DType, x.Shape)
	for i := range x.Len() {
		k := i / inner % ch
		s := 0.0
		for j := max(0, k-(size-1)/2); j <= min(ch-1, k+size/2); j++ {
			v := x.Float(i + (j-k)*inner)
			s += v * v
		}
		put(out, i, x.Float(i)/math.Pow(bias+alpha/float64(size)*s, beta))
	}
	return []*Value{out}, nil
}
