package main

import (
	"context"
	"io"
	"time"

	"repmlp/internal/measure"
	"repmlp/onnxio"
	"repmlp/verify"
)

// A session is a model that is ready to run.
type session interface {
	Prepare(feeds map[string]*verify.Tensor) (run func() error, done func(), err error)
	Close() error
}

// A bench is where models are measured, and where tables and progress are printed.
type bench struct {
	open     func(m *onnxio.Model, threads int) (session, error)
	now      func() time.Time
	out, log io.Writer
}

// warmups are how often each session runs before its runs count.
const warmups = 3

// times returns the lower quartile of each session's seconds, in runs that take turns; 0 of
// a session that is nil. shape is that of a session's input x. rounds says how often
// each runs, of the seconds that all took together to run once.
func (b *bench) times(sessions []session, shape func(f int) []int, rounds func(once float64) int) ([]float64, error) {
	var runs []func() error
	var at []int
	for f, s := range sessions {
		if s == nil {
			continue
		}
		t := &verify.Tensor{DType: onnxio.Float32, Shape: shape(f)}
		t.F32 = make([]float32, t.Len())
		for i := range t.F32 {
			t.F32[i] = float32(i%17) / 16
		}
		run, done, err := s.Prepare(map[string]*verify.Tensor{"x": t})
		if err != nil {
			return nil, err
		}
		defer done()
		runs, at = append(runs, run), append(at, f)
	}
	begin := b.now()
	for _, run := range runs {
		if err := run(); err != nil {
			return nil, err
		}
	}
	seconds, err := measure.Interleaved(context.Background(), runs, warmups, rounds(b.now().Sub(begin).Seconds()), b.now)
	if err != nil {
		return nil, err
	}
	out := make([]float64, len(sessions))
	for i, f := range at {
		out[f] = measure.Quartile(seconds[i])
	}
	return out, nil
}
