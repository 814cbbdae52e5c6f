package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"repmlp/convert"
	"repmlp/measure"
	"repmlp/onnxio"
	"repmlp/verify"
	"repmlp/verify/ort"
)

// benchSchema names the layout of a bench report.
const benchSchema = "repmlp.bench/1"

type benchFlags struct {
	engineFlags
	batches string
	dims    []string
	seed    uint64
	runs    int
	warmup  int
	threads int
	json    bool
	perOp   bool
}

// A benchReport is what bench --json prints.
type benchReport struct {
	Schema  string        `json:"schema"`
	Tool    convert.Tool  `json:"tool"`
	Engine  string        `json:"engine"`
	Threads int           `json:"threads"` // 0: as many as there are cores
	Runs    int           `json:"runs"`
	Warmup  int           `json:"warmup"`
	Models  []benchModel  `json:"models"`
	Results []benchResult `json:"results"`
}

// A benchModel is what a model costs before it runs.
type benchModel struct {
	Path    string             `json:"path"`
	Session float64            `json:"session_seconds"`
	Peak    int64              `json:"peak_bytes,omitempty"` // of a process that runs this model alone
	PerOp   map[string]float64 `json:"per_op_seconds,omitempty"`
}

// A benchResult is one model at one batch size.
type benchResult struct {
	Path      string      `json:"path"`
	Batch     int64       `json:"batch"`
	MedianMS  float64     `json:"median_ms"`
	P10MS     float64     `json:"p10_ms"`
	P90MS     float64     `json:"p90_ms"`
	PerSecond float64     `json:"items_per_second"`
	Ratio     *benchRatio `json:"ratio_to_first,omitempty"`
}

// A benchRatio says how many times faster than the first model, with a 95 %
// confidence interval.
type benchRatio struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

func (a *app) benchCommand() *cobra.Command {
	f := &benchFlags{}
	cmd := &cobra.Command{
		Use:   "bench MODEL.onnx [OTHER.onnx ...]",
		Short: "Latency of models side by side, runs interleaved",
		Long: `bench runs the given models in turns on the same random inputs and reports the
latency of each, and how many times faster than the first it is, with a 95 %
confidence interval. Without --engine it takes ONNX Runtime where it is found.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("bench: missing argument MODEL.onnx")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.bench(cmd.Context(), f, args) },
	}
	f.engineFlags.add(cmd)
	fl := cmd.Flags()
	fl.StringVar(&f.batches, "batch", "1", "batch sizes, as 1,8,32")
	fl.StringArrayVar(&f.dims, "dim", nil, "value of a named dimension, as height=224; repeatable")
	fl.Uint64Var(&f.seed, "seed", 0, "seed of the random inputs")
	fl.IntVar(&f.runs, "runs", 20, "counted runs of each model at each batch size")
	fl.IntVar(&f.warmup, "warmup", 3, "runs before that are not counted")
	fl.IntVar(&f.threads, "threads", 0, "threads within an operator, ONNX Runtime only (default: the number of cores)")
	fl.BoolVar(&f.perOp, "per-op", false, "also report the time of each operator")
	fl.BoolVar(&f.json, "json", false, "print JSON instead of text")
	return cmd
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
func (f *benchFlags) open(ctx context.Context, path string, m *onnxio.Model, profile string) (benchSession, string, error) {
	name, err := f.name()
	if err != nil {
		return nil, "", err
	}
	if name != engineGo {
		lib, err := f.library()
		if err == nil {
			s, err := lib.Session(path, m, ort.Options{Threads: f.threads, Calm: true, Profile: profile})
			return s, "onnxruntime " + lib.Version, err
		}
		if name == engineORT {
			return nil, "", err
		}
	}
	e, err := verify.NewEngine(m, verify.EngineOptions{Seed: f.seed})
	if err == nil {
		err = e.Supports()
	}
	return &goSession{ctx, e}, "go", err
}

func (a *app) bench(ctx context.Context, f *benchFlags, paths []string) error {
	dims, batches, err := f.shapes()
	if err != nil {
		return err
	}
	if f.runs < 1 || f.warmup < 0 || f.threads < 0 {
		return coded(exitUsage, errors.New("--runs must be at least 1, --warmup and --threads must not be negative"))
	}
	r := &benchReport{Schema: benchSchema, Tool: convert.Tool{Name: "repmlp", Version: version}, Threads: f.threads, Runs: f.runs, Warmup: f.warmup}
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
		if err := verify.CheckInputs(models[0], m); err != nil {
			return fmt.Errorf("%q and %q cannot run on the same inputs: %w", paths[0], path, err)
		}
		start := time.Now()
		s, engine, err := f.open(ctx, path, m, "")
		if err != nil {
			return err
		}
		sessions = append(sessions, s)
		r.Engine = engine
		r.Models = append(r.Models, benchModel{Path: path, Session: time.Since(start).Seconds()})
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
		rows, err := f.measure(ctx, sessions, models, paths, dims, batch)
		if err != nil {
			return err
		}
		r.Results = append(r.Results, rows...)
	}
	if f.perOp {
		for i, path := range paths {
			if r.Models[i].PerOp, err = f.profile(ctx, path, models[i], dims, batches[0]); err != nil {
				return err
			}
		}
	}
	end()
	if f.json {
		return printJSON(a.out, r)
	}
	return writeBench(a.out, r)
}

// measure times all models at one batch size.
func (f *benchFlags) measure(ctx context.Context, sessions []benchSession, models []*onnxio.Model, paths []string, dims map[string]int64, batch int64) ([]benchResult, error) {
	feeds, err := verify.RandomInputs(models[0], dims, batch, f.seed)
	if err != nil {
		return nil, err
	}
	for _, t := range feeds { // a model may have its batch fixed
		if len(t.Shape) > 0 {
			batch = int64(t.Shape[0])
		}
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
			row.Ratio = &benchRatio{v.Value, v.Low, v.High}
		}
		out = append(out, row)
	}
	return out, nil
}

// shapes reads the bound dimensions and the batch sizes.
func (f *benchFlags) shapes() (dims map[string]int64, batches []int64, err error) {
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

func writeBench(w io.Writer, r *benchReport) error {
	var b strings.Builder
	fmt.Fprintf(&b, "engine %s, %d runs after %d for warming up\n", r.Engine, r.Runs, r.Warmup)
	width := 0
	for _, m := range r.Models {
		width = max(width, len(m.Path))
	}
	for _, m := range r.Models {
		fmt.Fprintf(&b, "  %-*s  session %.2f s", width, m.Path, m.Session)
		if m.Peak > 0 {
			fmt.Fprintf(&b, ", peak memory %d MiB", m.Peak>>20)
		}
		fmt.Fprintln(&b)
	}
	last := int64(-1)
	for _, x := range r.Results {
		if x.Batch != last {
			fmt.Fprintf(&b, "batch %d\n", x.Batch)
			last = x.Batch
		}
		fmt.Fprintf(&b, "  %-*s  median %8.2f ms  p10 %8.2f  p90 %8.2f  %9.1f/s", width, x.Path, x.MedianMS, x.P10MS, x.P90MS, x.PerSecond)
		if x.Ratio != nil {
			fmt.Fprintf(&b, "  %.2f× as fast as the first (%.2f to %.2f)", x.Ratio.Value, x.Ratio.Low, x.Ratio.High)
		}
		fmt.Fprintln(&b)
	}
	for _, m := range r.Models {
		if len(m.PerOp) == 0 {
			continue
		}
		fmt.Fprintf(&b, "operators of %s, ms\n", m.Path)
		ops := make([]string, 0, len(m.PerOp))
		for op := range m.PerOp {
			ops = append(ops, op)
		}
		slices.SortFunc(ops, func(x, y string) int {
			return cmp.Or(cmp.Compare(m.PerOp[y], m.PerOp[x]), strings.Compare(x, y))
		})
		for _, op := range ops {
			fmt.Fprintf(&b, "  %-24s %9.3f\n", op, 1e3*m.PerOp[op])
		}
	}
	_, err := io.WriteString(w, lines(b.String()))
	return err
}
