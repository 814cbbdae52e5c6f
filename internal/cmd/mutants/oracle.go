package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"

	"repmlp/internal/mutant"
	"repmlp/onnxio"
	"repmlp/verify"
	"repmlp/verify/ort"
)

// plain runs the graph as it stands.
var plain = ort.Options{Threads: 1, Plain: true}

// How far the outputs of the written file may be from those of the original.
const (
	// selfMultiple is in units of what the original differs from itself when its
	// inputs, or its constants, move by one unit in the last place: a few moves at
	// random find a good part of the largest change, not all of it.
	// Long sums round without either of them moving: the difference of runs in
	// float32 and float64, relative to the largest output, counts as well.
	selfMultiple = 10
	// granted is taken for granted, in units in the last place of the output's
	// type relative to its largest value: a shallow sum may not change at all when
	// its inputs move.
	granted = 64
	moves   = 2
)

// An oracle runs an original and what was written from it with ONNX Runtime.
type oracle struct {
	*trial
	m    *onnxio.Model
	file string
	seed uint64

	noise float64 // rounding of the original, relative to its largest output
}

// judge says in a word how far it came; finding is "" where nothing is wrong.
func (o oracle) judge(ctx context.Context, written *onnxio.Model, path string) (said, finding, detail string) {
	before, err := o.lib.Session(o.file, o.m, plain)
	if err != nil {
		return "ONNX Runtime refuses the original", "", ""
	}
	defer before.Close()
	feeds, err := verify.RandomInputs(o.m, nil, 2, o.seed)
	if err != nil {
		return "no inputs", "", ""
	}
	want, err := before.Run(ctx, feeds)
	if err != nil {
		return "ONNX Runtime cannot run the original", "", ""
	}
	self := map[string]float64{}
	note := func(got map[string]*verify.Tensor) {
		for name, a := range want {
			self[name] = max(self[name], distance(a, got[name]))
		}
	}
	r := rand.New(rand.NewPCG(o.seed, 1))
	for range moves {
		if got, err := before.Run(ctx, moved(feeds, r)); err == nil {
			note(got)
		}
	}
	o.stage("oracle written")
	after, err := o.lib.Session(path, written, plain)
	if err != nil {
		return "wrong", "ONNX Runtime refuses the written file", err.Error()
	}
	defer after.Close()
	got, err := after.Run(ctx, feeds)
	if err != nil {
		return "wrong", "ONNX Runtime cannot run the written file", err.Error()
	}
	if detail = differs(want, got, self, 0); detail == "" {
		return "same", "", ""
	}
	for range moves { // is it the rounding of constants?
		if got, err := o.nudged(ctx, feeds, r); err == nil {
			note(got)
		}
	}
	if detail = differs(want, got, self, o.noise); detail == "" {
		return "same, as far as it is exact", "", ""
	}
	return "wrong", "the written file differs", detail
}

// nudged runs the original with other last digits of its constants.
func (o oracle) nudged(ctx context.Context, feeds map[string]*verify.Tensor, r *rand.Rand) (map[string]*verify.Tensor, error) {
	seed, err := mutant.NewSeed(o.m)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(o.dir, "nudged.onnx")
	if err := os.WriteFile(file, seed.Nudged(r), 0o644); err != nil {
		return nil, err
	}
	s, err := o.lib.Session(file, o.m, plain)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return s.Run(ctx, feeds)
}

// moved is every float input moved by one unit in the last place.
func moved(feeds map[string]*verify.Tensor, r *rand.Rand) map[string]*verify.Tensor {
	out := map[string]*verify.Tensor{}
	for name, t := range feeds {
		c := *t
		step := func() float64 { return 1 + math.Copysign(mutant.Ulp(t.DType), r.Float64()-0.5) }
		if t.F32 != nil {
			c.F32 = make([]float32, len(t.F32))
			for i, x := range t.F32 {
				c.F32[i] = float32(float64(x) * step())
			}
		}
		if t.F64 != nil {
			c.F64 = make([]float64, len(t.F64))
			for i, x := range t.F64 {
				c.F64[i] = x * step()
			}
		}
		out[name] = &c
	}
	return out
}

// distance is the largest difference of two tensors, infinite where only one of
// them is finite.
func distance(a, b *verify.Tensor) float64 {
	if b == nil || a.Len() != b.Len() {
		return math.Inf(1)
	}
	worst := 0.0
	for i := range a.Len() {
		x, y := a.Float(i), b.Float(i)
		if x == y || math.IsNaN(x) && math.IsNaN(y) {
			continue
		}
		d := math.Abs(x - y)
		if math.IsNaN(d) {
			d = math.Inf(1)
		}
		worst = max(worst, d)
	}
	return worst
}

// differs says which output is farther away than allowed, "" for none. noise is
// the rounding of the original relative to its largest output.
func differs(want, got map[string]*verify.Tensor, self map[string]float64, noise float64) string {
	detail := ""
	for name, a := range want {
		b := got[name]
		if b == nil || fmt.Sprint(a.Shape) != fmt.Sprint(b.Shape) || a.DType != b.DType {
			return fmt.Sprintf("output %q has another shape or type: %v and %v", name, a.Shape, b)
		}
		scale := 0.0
		for i := range a.Len() {
			if x := math.Abs(a.Float(i)); !math.IsInf(x, 0) && x > scale {
				scale = x
			}
		}
		limit := selfMultiple * (self[name] + noise*scale)
		if a.DType.IsFloat() {
			limit += granted * mutant.Ulp(a.DType) * scale
		}
		if d := distance(a, b); d > limit {
			detail = fmt.Sprintf("output %q differs by %g, its largest value is %g, the original differs from itself by %g", name, d, scale, self[name])
		}
	}
	return detail
}
