package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"repmlp/convert"
	"repmlp/onnxio"
	"repmlp/verify"
)

type convertFlags struct {
	checkFlags
	planFlags
	output     string
	reports    []string
	json       bool
	strict     bool
	noCheck    bool
	noMetadata bool
}

func (a *app) convertCommand() *cobra.Command {
	f := &convertFlags{}
	cmd := &cobra.Command{
		Use:   "convert MODEL.onnx",
		Short: "Merge what can be merged exactly, prove it, write MODEL.inference.onnx",
		Long: `convert reads a training-form ONNX model, merges every linear part that can be
merged exactly, proves each merge on random rows in float64, runs the whole
model before and after, and writes the model to deploy. Nothing is written
unless everything holds.`,
		Args: exactly("MODEL.onnx"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.convert(cmd, f, args[0]) },
	}
	f.checkFlags.add(cmd)
	f.planFlags.add(cmd)
	fl := cmd.Flags()
	fl.StringVarP(&f.output, "output", "o", "", "where to write (default MODEL.inference.onnx beside the input)")
	fl.StringArrayVar(&f.reports, "report", nil, "also write a report, by extension .json, .html or .txt; repeatable")
	fl.BoolVar(&f.json, "json", false, "print the JSON report instead of text")
	fl.BoolVar(&f.strict, "strict", false, "exit 4 and write nothing unless every candidate was merged and there was one")
	fl.BoolVar(&f.noCheck, "no-check", false, "skip the run of the whole model; the proofs of the merges always run")
	fl.BoolVar(&f.noMetadata, "no-metadata", false, "write no provenance into the model")
	return cmd
}

func (a *app) convert(cmd *cobra.Command, f *convertFlags, path string) error {
	ctx := cmd.Context()
	check, err := f.checkFlags.options(cmd)
	if err != nil {
		return err
	}
	opts, err := f.planFlags.options()
	if err != nil {
		return err
	}
	if err := checkReportNames(f.reports); err != nil {
		return err
	}
	out := f.output
	if out == "" {
		out = strings.TrimSuffix(path, ".onnx") + ".inference.onnx"
	}
	if sameFile(path, out) {
		return fmt.Errorf("the output %q is the input itself; choose another with -o", out)
	}
	start := time.Now()
	m, err := onnxio.Load(path)
	if err != nil {
		return err
	}
	defer m.Close()
	r := &convert.Report{Schema: convert.Schema, Tool: convert.Tool{Name: "repmlp", Version: version}, Command: "convert", Seconds: map[string]float64{}}
	r.Input = facts(m, path)
	if r.Input.Bytes, err = fileSize(path); err != nil {
		return err
	}
	hashed := func() error { return nil }
	if f.json || len(f.reports) > 0 { // nobody else is told
		hashed = hashLater(path, &r.Input.SHA256)
	}
	r.Seconds["load"] = time.Since(start).Seconds()

	opts.NoMetadata = f.noMetadata
	opts.Prover = a.prover(f.seed, check.Dims)
	step, end := a.progress()
	opts.Progress = step
	collect(pace(r.Input.Parameters))
	res, pending, err := convert.ToFile(ctx, m, out, opts)
	end()
	if res != nil && res.Plan != nil {
		r.Verdict, r.Declined, r.Warnings = res.Verdict, res.Plan.Declined, res.Plan.Warnings
		r.Regions = res.Plan.Describe(res.Proofs)
		r.Blocks = res.Plan.Blocks
		r.Ops = &convert.OpCounts{Before: convert.CountOps(m), After: convert.CountOps(res.Model)}
		for k, v := range res.Seconds {
			r.Seconds[k] = v
		}
	}
	if e := hashed(); e != nil && err == nil {
		err = e
	}
	if pending != nil {
		defer pending.Discard()
		defer res.Written.Close()
	}
	if err != nil {
		if errors.Is(err, convert.ErrNotEquivalent) {
			if e := a.writeReports(f.reports, r); e != nil {
				return e
			}
		}
		return withEngineHint(err, "an operator inside a merge cannot be run, so the merge cannot be proved; please report the model")
	}
	if f.strict && res.Verdict != convert.Fused {
		if err := a.writeReports(f.reports, r); err != nil {
			return err
		}
		return coded(exitStrict, fmt.Errorf("--strict: the verdict is %q, nothing was written%s", res.Verdict, firstDecline(res.Plan)))
	}
	return a.finish(ctx, f, check, r, m, res, pending, out)
}

func firstDecline(p *convert.Plan) string {
	for _, d := range p.Declined {
		return fmt.Sprintf("; first decline: %s: %s", d.Code, d.Message)
	}
	return ""
}

// finish checks the written file and gives it its name.
func (a *app) finish(ctx context.Context, f *convertFlags, check verify.CompareOptions, r *convert.Report, m *onnxio.Model, res *convert.Result, pending *onnxio.Pending, out string) error {
	written := res.Written
	changed := res.Model != m
	if changed {
		if err := secondReading(written, res.Model, r); err != nil {
			return err
		}
	}
	if changed && !f.noCheck {
		start := time.Now()
		err := a.compareFiles(ctx, f, check, r, m, res, pending, r.Input.Path, filepath.Dir(out))
		r.Seconds["check"] = time.Since(start).Seconds()
		if err != nil {
			if errors.Is(err, convert.ErrNotEquivalent) {
				if e := a.writeReports(f.reports, r); e != nil {
					return e
				}
			}
			return withEngineHint(err, "--no-check keeps the proofs of the merges and skips the run of the whole model")
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	start := time.Now()
	if err := pending.Commit(); err != nil {
		return err
	}
	r.Seconds["save"] = time.Since(start).Seconds()
	r.Output = facts(res.Model, out)
	r.Output.Bytes, r.Output.External = pending.Bytes(), pending.External()
	if f.json || len(f.reports) > 0 {
		if err := hashLater(out, &r.Output.SHA256)(); err != nil {
			return err
		}
	}
	if err := a.writeReports(f.reports, r); err != nil {
		return err
	}
	if f.json {
		return printJSON(a.out, r)
	}
	if !a.quiet {
		return writeText(a.out, r, a.verbose)
	}
	return nil
}

// secondReading has an independent decoder read the written file.
func secondReading(written, meant *onnxio.Model, r *convert.Report) error {
	missing, err := verify.SecondReading(written.FileBytes(), meant)
	if err != nil {
		return coded(exitFailed, err)
	}
	r.Warnings = append(r.Warnings, convert.Warning{Code: "second_reader", Message: "the written file was read back by an independent decoder; not covered: " + strings.Join(missing, ", ")})
	return nil
}

// compareFiles runs the model before and after. Engines that read files get the
// written one under its own name in a folder beside it.
func (a *app) compareFiles(ctx context.Context, f *convertFlags, o verify.CompareOptions, r *convert.Report, m *onnxio.Model, res *convert.Result, pending *onnxio.Pending, in, dir string) error {
	var folder string
	defer func() {
		if folder != "" {
			os.RemoveAll(folder)
		}
	}()
	beside := func() (string, error) {
		var err error
		if folder == "" {
			folder, err = os.MkdirTemp(dir, ".repmlp-check-")
		}
		return folder, err
	}
	ref, cand := atPath(res.Baseline, in), side{res.Written, func() (string, error) {
		dir, err := beside()
		if err != nil {
			return "", err
		}
		return pending.Expose(dir)
	}}
	if res.Baseline != m && (f.asInfer || f.freeze) {
		ref.file = func() (string, error) {
			dir, err := beside()
			if err != nil {
				return "", err
			}
			path := filepath.Join(dir, "baseline.onnx")
			return path, res.Baseline.Save(path)
		}
	}
	return a.compare(ctx, &f.checkFlags, o, r, ref, cand)
}

// tellingNoise is the relative rounding noise of a model from which on comparing
// outputs shows little: with ten times that allowed, a tenth of the output may
// differ.
const tellingNoise = 0.01

// compare runs both whole models and notes the result.
func (a *app) compare(ctx context.Context, f *checkFlags, o verify.CompareOptions, r *convert.Report, ref, cand side) error {
	step, end := a.progress()
	if step != nil {
		o.Progress = func(done, total int) { step("checking", done, total) }
	}
	collect(relaxed)
	defer collect(thrifty)
	c, engine, err := a.runBoth(ctx, &f.engineFlags, o, ref, cand)
	end()
	if err != nil {
		return err
	}
	r.Check = describeCheck(c, engine, f.seed, o)
	r.Warnings = append(r.Warnings, weakness(c, o)...)
	if !c.Passed {
		return fmt.Errorf("the models differ: output %s: %w", worstOutput(c), convert.ErrNotEquivalent)
	}
	return nil
}

// weakness says why a comparison shows less than it seems to.
func weakness(c *verify.Comparison, o verify.CompareOptions) (notes []convert.Warning) {
	if c.NoiseFloor > tellingNoise && !o.Fixed {
		notes = append(notes, convert.Warning{Code: "noisy_model", Message: fmt.Sprintf(
			"float32 rounding alone changes the outputs of the original by %.2g of the largest one, so comparing whole models shows little; try --inputs with real data", c.NoiseFloor)})
	}
	for _, d := range c.Outputs {
		if !d.Finite {
			notes = append(notes, convert.Warning{Code: "not_finite", Message: fmt.Sprintf(
				"output %q of the original holds no finite number, so comparing it shows nothing; try --inputs with real data", d.Name)})
		}
	}
	return notes
}

func worstOutput(c *verify.Comparison) string {
	for _, o := range c.Outputs {
		if !o.Passed {
			return fmt.Sprintf("%q differs by %.3g at %v (relative to its largest value %.3g, allowed %.3g)", o.Name, o.MaxAbs, o.Worst, o.MaxRel, c.RTol)
		}
	}
	return ""
}

func describeCheck(c *verify.Comparison, engine string, seed uint64, o verify.CompareOptions) *convert.Check {
	out := &convert.Check{Engine: engine, Seed: seed, Samples: c.Samples, Inputs: o.Inputs, RTol: convert.Number(c.RTol), ATol: convert.Number(c.ATol),
		Passed: c.Passed, NoiseFloor: convert.Number(c.NoiseFloor)}
	for _, d := range c.Outputs {
		out.Outputs = append(out.Outputs, convert.CheckOutput{Name: d.Name, Shape: d.Shape, MaxAbs: convert.Number(d.MaxAbs), MaxRel: convert.Number(d.MaxRel), WorstIndex: d.Worst})
	}
	return out
}

func facts(m *onnxio.Model, path string) *convert.FileFacts {
	f := convert.Facts(m)
	f.Path = path
	return f
}

func fileSize(path string) (int64, error) {
	st, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return st.Size(), nil
}

// hashLater starts hashing a file; the result waits for the end and stores it.
func hashLater(path string, sum *string) func() error {
	done := make(chan error, 1)
	go func() {
		done <- func() error {
			f, err := os.Open(path)
			if err != nil {
				return err
			}
			defer f.Close()
			h := sha256.New()
			if _, err := io.Copy(h, f); err != nil {
				return fmt.Errorf("hashing %q: %w", path, err)
			}
			*sum = hex.EncodeToString(h.Sum(nil))
			return nil
		}()
	}()
	return sync.OnceValue(func() error { return <-done })
}

// fileFacts describes a model together with its file.
func fileFacts(m *onnxio.Model, path string) (*convert.FileFacts, error) {
	f := facts(m, path)
	var err error
	if f.Bytes, err = fileSize(path); err != nil {
		return nil, err
	}
	return f, hashLater(path, &f.SHA256)()
}
