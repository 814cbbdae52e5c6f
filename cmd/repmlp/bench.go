package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"repmlp/convert"
	"repmlp/internal/dims"
	"repmlp/internal/measure"
	"repmlp/onnxio"
	"repmlp/verify"
	"repmlp/verify/ort"
)

// benchSchema names the layout of a bench report.
const benchSchema = "repmlp.bench/1"

// A benchmark times models as its settings say.
type benchmark struct{ *settings }

// A benchReport is what bench --json prints.
type benchReport struct {
	Schema string       `json:"schema"`
	Tool   convert.Tool `json:"tool"`
	convert.Timings
}

type (
	benchModel  = convert.TimedModel
	benchResult = convert.TimedResult
)

func (a *app) benchCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench MODEL.onnx [OTHER.onnx ...]",
		Short: "Latency of models side by side, runs interleaved",
		Long: `bench runs the given models in turns on the same random or real inputs and
reports the latency of each, and how many times faster than the first it is, with
a 95 % confidence interval. Without --engine it takes ONNX Runtime where it is
found.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("bench: missing argument MODEL.onnx")
			}
			return nil
		},
		ValidArgsFunction: models(0),
	}
	f := benchmark{flagged(cmd)}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := f.usable(cmd); err != nil {
			return err
		}
		return a.bench(cmd.Context(), f, args)
	}
	return cmd
}

// usable refuses flags that do not go together.
func (f benchmark) usable(cmd *cobra.Command) error {
	switch {
	case len(f.inputs) > 0 && (cmd.Flags().Changed("batch") || len(f.dims) > 0):
		return wrongUse(cmd, errors.New("--inputs has sizes of its own; --batch and --dim are for random inputs"))
	case f.runs < 1 || f.warmup < 0 || f.threads < 0:
		return coded(exitUsage, errors.New("--runs must be at least 1, --warmup and --threads must not be negative"))
	}
	return nil
}

// A benchSession is a model that is ready to be timed.
type benchSession interface {
	Prepare(feeds map[string]*verify.Tensor) (run func() error, done func(), err error)
	Close() error
}

// goSession runs a model with the Go engine.
type goSession struct {
	ctx    context.Context
	engine *verify.Engine
}

func (s *goSession) Prepare(feeds map[string]*verify.Tensor) (func() error, func(), error) {
	return func() error { _, err := s.engine.Run(s.ctx, feeds); return err }, func() {}, nil
}

func (s *goSession) Close() error { return nil }

// open prepares a model with the engine of the flags; profile is the prefix of
// a file, "" for none.
func (f benchmark) open(ctx context.Context, path string, m *onnxio.Model, profile string) (benchSession, string, error) {
	name, err := f.engineName()
	if err != nil {
		return nil, "", err
	}
	if name != engineGo {
		lib, err := f.library()
		if err == nil {
			s, err := lib.Session(path, m, ort.Options{Threads: f.threads, Calm: true, Profile: profile})
			return s, "onnxruntime " + lib.Version, err
		}
		if _, ok := handedOver(err); ok || name == engineORT {
			return nil, "", err
		}
	}
	e, err := verify.NewEngine(m, verify.EngineOptions{Seed: f.seed})
	if err == nil {
		err = e.Supports()
	}
	return &goSession{ctx, e}, "go", err
}

func (a *app) bench(ctx context.Context, f benchmark, paths []string) error {
	sizes, batches, err := f.shapes()
	if err != nil {
		return err
	}
	if err := f.checkReports(); err != nil {
		return err
	}
	writes := f.outputs()
	if err := writes.check(slices.Concat(paths, convert.Options{Inputs: f.inputs}.Reads())); err != nil {
		return err
	}
	r := &benchReport{Schema: benchSchema, Tool: convert.Tool{Name: "repmlp", Version: version},
		Timings: convert.Timings{Threads: f.threads, Runs: f.runs, Warmup: f.warmup, Inputs: f.inputs}}
	var models []*onnxio.Model
	var sessions []benchSession
	defer func() {
		for _, s := range sessions {
			s.Close()
		}
		for _, m := range models {
			m.Close()
		}
	}()
	for _, path := range paths {
		m, err := onnxio.Load(path)
		if err != nil {
			return err
		}
		models = append(models, m)
		if err := writes.spare(m.Files()); err != nil {
			return err
		}
		if err := dims.Check(m, sizes); err != nil {
			return err
		}
		if err := verify.CheckInputs(models[0], m); err != nil {
			return fmt.Errorf("%q and %q cannot run on the same inputs: %w", paths[0], path, err)
		}
		start := time.Now()
		s, engine, err := f.open(ctx, path, m, "")
		if err != nil {
			return err
		}
		sessions = append(sessions, s)
		if r.Engine == "" && engine == "go" && f.engine != string(engineGo) {
			_, err := f.library()
			a.warn("ONNX Runtime cannot be used here, so the Go engine is timed, which is slower: "+sentence(err), onnxio.Advice(err))
		}
		r.Engine = engine
		r.Models = append(r.Models, benchModel{Path: path, Session: time.Since(start).Seconds()})
	}
	if r.Engine == "go" && f.threads > 0 {
		a.warn("--threads has no effect on the Go engine", "--engine ort takes ONNX Runtime")
	}
	for i, path := range paths {
		r.Models[i].Peak = f.peak(ctx, path, batches)
	}
	step, end := a.progress()
	defer end()
	for _, batch := range batches {
		if step != nil {
			step("batch "+strconv.FormatInt(batch, 10), 0, 1)
		}
		rows, err := f.measure(ctx, sessions, models, paths, sizes, batch)
		if err != nil {
			return err
		}
		r.Results = append(r.Results, rows...)
	}
	if f.perOp {
		for i, path := range paths {
			if r.Models[i].PerOp, err = f.profile(ctx, path, models[i], sizes, batches[0]); err != nil {
				return err
			}
		}
	}
	end()
	if err := unchanged(models...); err != nil {
		return err
	}
	return a.tellBench(f.settings, r)
}

// feeds are the inputs of one run, and its batch.
func (f benchmark) feeds(m *onnxio.Model, dims map[string]int64, batch int64) (map[string]*verify.Tensor, int64, error) {
	var feeds map[string]*verify.Tensor
	if len(f.inputs) > 0 {
		all, err := verify.Inputs(m, f.inputs)
		if err != nil {
			return nil, 0, err
		}
		feeds = all[0]
	} else {
		var err error
		if feeds, err = verify.RandomInputs(m, dims, batch, f.seed); err != nil {
			return nil, 0, err
		}
	}
	for _, v := range m.Graph().Inputs() { // a model may have its batch fixed
		if t := feeds[v.Name()]; t != nil && len(t.Shape) > 0 {
			return feeds, int64(t.Shape[0]), nil
		}
	}
	return feeds, batch, nil
}

// measure times all models at one batch size.
func (f benchmark) measure(ctx context.Context, sessions []benchSession, models []*onnxio.Model, paths []string, dims map[string]int64, batch int64) ([]benchResult, error) {
	feeds, batch, err := f.feeds(models[0], dims, batch)
	if err != nil {
		return nil, err
	}
	var runs []func() error
	for i, s := range sessions {
		run, done, err := s.Prepare(feeds)
		if err != nil {
			return nil, fmt.Errorf("running %q: %w", paths[i], err)
		}
		defer done()
		runs = append(runs, func() error {
			if err := run(); err != nil {
				return fmt.Errorf("running %q: %w", paths[i], err)
			}
			return nil
		})
	}
	seconds, err := measure.Interleaved(ctx, runs, f.warmup, f.runs, time.Now)
	if err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(f.seed, uint64(batch)))
	var out []benchResult
	for i, path := range paths {
		s := measure.Summarise(seconds[i])
		row := benchResult{Path: path, Batch: batch, MedianMS: 1e3 * s.Median, P10MS: 1e3 * s.P10, P90MS: 1e3 * s.P90, PerSecond: float64(batch) / s.Median}
		if i > 0 {
			v := measure.Ratio(seconds[0], seconds[i], rng)
			row.Ratio = &convert.Speedup{Value: v.Value, Low: v.Low, High: v.High}
		}
		out = append(out, row)
	}
	return out, nil
}

// shapes reads the bound dimensions and the batch sizes.
func (f benchmark) shapes() (dims map[string]int64, batches []int64, err error) {
	if dims, err = parseDims(f.dims); err != nil {
		return nil, nil, err
	}
	for _, s := range strings.Split(f.batches, ",") {
		n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 32)
		if err != nil || n < 1 {
			return nil, nil, coded(exitUsage, fmt.Errorf("--batch %q is no list of sizes, as 1,8,32", f.batches))
		}
		batches = append(batches, n)
	}
	return dims, batches, nil
}
