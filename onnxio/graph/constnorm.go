package graph

import (
	"math"
	"slices"

	"repmlp/internal/elementary"
	"repmlp/onnxio"
)

// Normalizations of constants.

// constBatchNorm is BatchNormalization, y = (x-μ)·γ/√(σ²+ε) + β, with the statistics that
// are given, or in training mode with those of x: exporters write weights that a
// convolution standardises so.
func constBatchNorm(e *evaluation, n *Node, in []*Const) (*Const, error) {
	x := in[0]
	if len(x.Shape) < 2 || n.AttrInt("spatial") == 0 {
		return nil, errShape
	}
	channels, inner := x.Shape[1], size(x.Shape[2:])
	for _, c := range in[1:5] {
		if len(c.Shape) != 1 || c.Len() != channels {
			return nil, errShape
		}
	}
	mean, variance := in[3].F, in[4].F
	if e.g.trained(n) {
		mean, variance = moments(x)
	}
	deviation := make([]float64, channels)
	for k, v := range variance {
		if deviation[k] = math.Sqrt(v + float64(n.AttrFloat("epsilon"))); !(deviation[k] > 0) {
			return nil, errUndefined
		}
	}
	out, err := e.make(x.DType, x.Shape)
	if err != nil {
		return nil, err
	}
	for i, v := range x.F {
		k := i / inner % channels
		out.F[i] = float64((v-mean[k])/deviation[k]*in[1].F[k]) + in[2].F[k]
	}
	return out.settle(true)
}

// moments are the mean and the variance of every channel of x, which has images, channels
// and axes that are taken together.
func moments(x *Const) (mean, variance []float64) {
	channels, inner := x.Shape[1], size(x.Shape[2:])
	mean, variance = make([]float64, channels), make([]float64, channels)
	count := float64(x.Shape[0] * inner)
	for i, v := range x.F {
		mean[i/inner%channels] += v / count
	}
	for i, v := range x.F {
		k := i / inner % channels
		variance[k] += (v - mean[k]) * (v - mean[k]) / count
	}
	return mean, variance
}

// trained reports whether a BatchNormalization takes the statistics of its data: is_test=0
// below opset 7, further outputs up to 13, training_mode later.
func (g *Graph) trained(n *Node) bool {
	switch {
	case g.Opset >= 14:
		return n.AttrInt("training_mode") != 0
	case g.Opset < 7 && n.AttrInt("is_test") == 0:
		return true
	}
	return outputs(n) > 1
}

// outputs counts the outputs that a node names.
func outputs(n *Node) (count int) {
	for _, v := range n.Out {
		if v != nil {
			count++
		}
	}
	return count
}

// A standardizing brings runs of consecutive elements to mean 0 and variance 1, or to a
// mean square of 1.
type standardizing struct {
	run     int
	epsilon float64
	square  bool // the mean stays
}

// of returns the mean of a run and the factor that brings it to variance 1.
func (s standardizing) of(v []float64) (mean, factor float64) {
	if !s.square {
		for _, x := range v {
			mean += x
		}
		mean /= float64(len(v))
	}
	total := 0.0
	for _, x := range v {
		total += float64((x - mean) * (x - mean))
	}
	return mean, 1 / math.Sqrt(total/float64(len(v))+s.epsilon)
}

// rule makes a constant whose element i is at(i, the standardized element).
func (s standardizing) rule(e *evaluation, x *Const, at func(i int, v float64) float64) (*Const, error) {
	out, err := e.make(x.DType, x.Shape)
	if err != nil {
		return nil, err
	}
	for from := 0; s.run > 0 && from+s.run <= len(x.F); from += s.run {
		mean, factor := s.of(x.F[from : from+s.run])
		for i := from; i < from+s.run; i++ {
			out.F[i] = at(i, (x.F[i]-mean)*factor)
		}
	}
	return out.settle(true)
}

// constInstanceNorm is InstanceNormalization: every channel of an image by itself.
func constInstanceNorm(e *evaluation, n *Node, in []*Const) (*Const, error) {
	x := in[0]
	if len(x.Shape) < 3 || in[1].Len() != x.Shape[1] || in[2].Len() != x.Shape[1] {
		return nil, errShape
	}
	run := size(x.Shape[2:])
	s := standardizing{run: run, epsilon: float64(n.AttrFloat("epsilon"))}
	return s.rule(e, x, func(i int, v float64) float64 {
		k := i / run % x.Shape[1]
		return float64(v*in[1].F[k]) + in[2].F[k]
	})
}

// constGroupNorm is GroupNormalization: scale and bias for each group in opset 18, for
// each channel from 21 on.
func constGroupNorm(e *evaluation, n *Node, in []*Const) (*Const, error) {
	x, groups := in[0], int(n.AttrInt("num_groups"))
	if len(x.Shape) < 3 || groups < 1 || groups > x.Shape[1] || x.Shape[1]%groups != 0 {
		return nil, errShape
	}
	inner, each := size(x.Shape[2:]), 1
	if e.g.Opset < 21 && in[1].Len() == groups {
		each = x.Shape[1] / groups
	}
	if in[1].Len()*each != x.Shape[1] || in[2].Len() != in[1].Len() {
		return nil, errShape
	}
	s := standardizing{run: x.Shape[1] / groups * inner, epsilon: float64(n.AttrFloat("epsilon"))}
	return s.rule(e, x, func(i int, v float64) float64 {
		k := i / inner % x.Shape[1] / each
		return float64(v*in[1].F[k]) + in[2].F[k]
	})
}

// constLayerNorm is LayerNormalization (opset 17), whose further outputs are the mean
// and the inverse deviation, and RMSNormalization (23), which keeps the mean.
func constLayerNorm(e *evaluation, n *Node, in []*Const) (*Const, error) {
	x := in[0]
	axis, ok := Axis(n.AttrInt("axis"), len(x.Shape))
	if !ok {
		return nil, errAxis
	}
	if in[1].DType != x.DType { // RMSNormalization has the scale's type
		return nil, errShape
	}
	shape := x.Shape[axis:]
	s := standardizing{run: size(shape), epsilon: float64(n.AttrFloat("epsilon")), square: n.OpType() == "RMSNormalization"}
	if e.output > 0 {
		kept := slices.Concat(x.Shape[:axis], slices.Repeat([]int{1}, len(shape)))
		out, err := e.make(onnxio.Float32, kept)
		if err != nil {
			return nil, err
		}
		for i := range out.F {
			mean, factor := s.of(x.F[i*s.run : (i+1)*s.run])
			if out.F[i] = mean; e.output == 2 {
				out.F[i] = factor
			}
		}
		return out.settle(true)
	}
	var places [2][]int // of scale and bias
	for k, c := range in[1:] {
		if joined, err := joint(c.Shape, shape); err != nil || !slices.Equal(joined, shape) {
			return nil, errShape
		}
		places[k] = make([]int, s.run)
		st := spread(c.Shape, shape)
		walk(shape, func(i int, idx []int) { places[k][i] = dot(idx, st) })
	}
	return s.rule(e, x, func(i int, v float64) float64 {
		v = float64(v * in[1].F[places[0][i%s.run]])
		if len(in) > 2 {
			v += in[2].F[places[1][i%s.run]]
		}
		return v
	})
}

// constMeanVariance is MeanVarianceNormalization (opset 9): (x-E[x])/√E[(x-E[x])²] over
// some axes, with the 1e-9 of its function body.
func constMeanVariance(e *evaluation, n *Node, in []*Const) (*Const, error) {
	x := in[0]
	axes := n.Ints("axes")
	if axes == nil {
		axes = []int64{0, 2, 3}
	}
	kept := slices.Clone(x.Shape)
	for _, a := range axes {
		k, ok := Axis(a, len(kept))
		if !ok {
			return nil, errAxis
		}
		kept[k] = 1
	}
	st := spread(kept, x.Shape)
	count := float64(x.Len()) / float64(max(size(kept), 1))
	means, squares := make([]float64, size(kept)), make([]float64, size(kept))
	walk(x.Shape, func(i int, idx []int) { means[dot(idx, st)] += x.F[i] / count })
	walk(x.Shape, func(i int, idx []int) {
		k := dot(idx, st)
		squares[k] += elementary.Pow(x.F[i]-means[k], 2) / count
	})
	out, err := e.make(x.DType, x.Shape)
	if err != nil {
		return nil, err
	}
	walk(x.Shape, func(i int, idx []int) {
		k := dot(idx, st)
		out.F[i] = (x.F[i] - means[k]) / (math.Sqrt(squares[k]) + 1e-9)
	})
	return out.settle(true)
}

// constLRN is LRN (opset 13): x/(bias + alpha/size·Σx²)^beta over neighbouring channels.
func constLRN(e *evaluation, n *Node, in []*Const) (*Const, error) {
	x, width := in[0], int(n.AttrInt("size"))
	if len(x.Shape) < 3 || width < 1 {
		return nil, errShape
	}
	out, err := e.make(x.DType, x.Shape)
	if err != nil {
		return nil, err
	}
	alpha, beta, bias := float64(n.AttrFloat("alpha")), float64(n.AttrFloat("beta")), float64(n.AttrFloat("bias"))
	lines(x.Shape, 1, func(at, step int) {
		for k := range x.Shape[1] {
			total := 0.0
			for j := max(0, k-(width-1)/2); j <= min(x.Shape[1]-1, k+width/2); j++ {
				total += float64(x.F[at+j*step] * x.F[at+j*step])
			}
			out.F[at+k*step] = x.F[at+k*step] * elementary.Pow(bias+float64(alpha/float64(width)*total), -beta)
		}
	})
	return out.settle(true)
}
