package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"repmlp/convert"
	"repmlp/onnxio"
	"repmlp/verify"
)

// A timing is a convert.Engine that also times both models once they agree, as bench
// does: for convert --bench.
type timing struct {
	convert.Engine
	benchmark
	paths   []string // what the report calls the models
	dims    map[string]int64
	batches []int64
	step    func(step string, done, total int) // nil is silent
	took    *convert.Timings
}

// timing is what --bench asks for; nil without it.
func (s *settings) timing(cmd *cobra.Command, o convert.Options, in, out string) (*timing, error) {
	if !s.bench {
		for _, flag := range []string{"batch", "runs", "warmup", "threads"} {
			if cmd.Flags().Changed(flag) {
				return nil, wrongUse(cmd, fmt.Errorf("--%s is for --bench", flag))
			}
		}
		return nil, nil
	}
	if s.noCheck {
		return nil, wrongUse(cmd, errors.New("--bench times models that were compared, which --no-check skips"))
	}
	b := benchmark{s}
	if err := b.usable(cmd); err != nil {
		return nil, err
	}
	sizes, batches, err := b.shapes()
	if err != nil {
		return nil, err
	}
	return &timing{Engine: o.Engine, benchmark: b, paths: []string{in, out}, dims: sizes, batches: batches}, nil
}

// Compare implements convert.Engine.
func (t *timing) Compare(ctx context.Context, ref, cand convert.Side, o verify.CompareOptions) (*verify.Comparison, string, error) {
	c, engine, err := t.Engine.Compare(ctx, ref, cand, o)
	if err != nil || !c.Passed {
		return c, engine, err
	}
	return c, engine, t.time(ctx, ref, cand)
}

func (t *timing) time(ctx context.Context, sides ...convert.Side) error {
	took := &convert.Timings{Threads: t.threads, Runs: t.runs, Warmup: t.warmup, Inputs: t.inputs}
	var models []*onnxio.Model
	var sessions []benchSession
	defer func() {
		for _, s := range sessions {
			s.Close()
		}
	}()
	for i, side := range sides {
		path, err := side.File()
		if err != nil {
			return err
		}
		start := time.Now()
		s, engine, err := t.open(ctx, path, side.Model, "")
		if err != nil {
			return err
		}
		sessions, models, took.Engine = append(sessions, s), append(models, side.Model), engine
		took.Models = append(took.Models, convert.TimedModel{Path: t.paths[i], Session: time.Since(start).Seconds()})
	}
	for i, batch := range t.batches {
		if t.step != nil {
			t.step("timing", i, len(t.batches))
		}
		rows, err := t.measure(ctx, sessions, models, t.paths, t.dims, batch)
		if err != nil {
			return err
		}
		took.Results = append(took.Results, rows...)
	}
	t.took = took
	return nil
}
