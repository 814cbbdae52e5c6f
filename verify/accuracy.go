package verify

import (
	"context"
	"math"

	"repmlp/onnxio"
)

// An Accuracy is how far float32 runs of two models are from the float64 truth
// of the first, over all outputs, relative to the largest output.
type Accuracy struct {
	RefRMS, RefMax   float64
	CandRMS, CandMax float64
}

// MeasureAccuracy runs the reference in float64 and both models in float32 on
// random inputs.
func MeasureAccuracy(ctx context.Context, ref, cand *onnxio.Model, o CompareOptions) (Accuracy, error) {
	runs, err := samples(ref, o)
	if err != nil {
		return Accuracy{}, err
	}
	run := func(m *onnxio.Model, mode Mode, feed map[string]*Tensor) (map[string]*Tensor, error) {
		e, err := NewEngine(m, EngineOptions{Mode: mode, Seed: o.Seed, Limit: o.Limit})
		if err != nil {
			return nil, err
		}
		return e.Run(ctx, feed)
	}
	var a Accuracy
	var refSum, candSum, n, scale float64
	for k := range runs.count {
		one, err := runs.at(k)
		if err != nil {
			return a, err
		}
		feed := one.feed
		truth, err := run(ref, Double, feed)
		if err != nil {
			return a, err
		}
		x, err := run(ref, Single, feed)
		if err != nil {
			return a, err
		}
		y, err := run(cand, Single, feed)
		if err != nil {
			return a, err
		}
		for _, v := range ref.Graph.Outputs {
			t := truth[v.Name]
			if !t.DType.IsFloat() {
				continue
			}
			for i := range t.Len() {
				d, e := x[v.Name].Float(i)-t.Float(i), y[v.Name].Float(i)-t.Float(i)
				if math.IsNaN(d) || math.IsInf(d, 0) || math.IsNaN(e) || math.IsInf(e, 0) {
					continue // not finite in the original either
				}
				refSum, candSum, n = refSum+d*d, candSum+e*e, n+1
				a.RefMax, a.CandMax = max(a.RefMax, math.Abs(d)), max(a.CandMax, math.Abs(e))
				scale = max(scale, math.Abs(t.Float(i)))
			}
		}
	}
	if n == 0 || scale == 0 {
		return Accuracy{}, nil
	}
	a.RefRMS, a.CandRMS = math.Sqrt(refSum/n)/scale, math.Sqrt(candSum/n)/scale
	a.RefMax, a.CandMax = a.RefMax/scale, a.CandMax/scale
	return a, nil
}
