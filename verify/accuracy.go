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
	var before, after errors64
	scale := 0.0
	for k := range runs.count {
		one, err := runs.at(k)
		if err != nil {
			return Accuracy{}, err
		}
		truth, err := run(ref, Double, one.feed)
		if err != nil {
			return Accuracy{}, err
		}
		x, err := run(ref, Single, one.feed)
		if err != nil {
			return Accuracy{}, err
		}
		y, err := run(cand, Single, one.feed)
		if err != nil {
			return Accuracy{}, err
		}
		for _, v := range ref.Graph().Outputs() {
			if t := truth[v.Name()]; t.DType.IsFloat() {
				scale = max(scale, collect(t, x[v.Name()], y[v.Name()], &before, &after))
			}
		}
	}
	if before.n == 0 || scale == 0 {
		return Accuracy{}, nil
	}
	return Accuracy{RefRMS: before.rms() / scale, RefMax: before.most / scale, CandRMS: after.rms() / scale, CandMax: after.most / scale}, nil
}

// collect adds the errors of two runs of an output, and returns its largest number.
func collect(truth, x, y *Tensor, before, after *errors64) (scale float64) {
	for i := range truth.Len() {
		t := truth.Float(i)
		d, e := x.Float(i)-t, y.Float(i)-t
		if finite(d) && finite(e) { // else not finite in the original either
			before.add(d)
			after.add(e)
			scale = max(scale, math.Abs(t))
		}
	}
	return scale
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// errors64 are the errors of many numbers.
type errors64 struct{ squares, n, most float64 }

func (e *errors64) add(d float64) {
	e.squares, e.n, e.most = e.squares+d*d, e.n+1, max(e.most, math.Abs(d))
}

// rms is the root of the mean square.
func (e *errors64) rms() float64 { return math.Sqrt(e.squares / e.n) }
