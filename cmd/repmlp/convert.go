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
	"repmlp/internal/output"
	"repmlp/internal/parallel"
	"repmlp/onnxio"
	"repmlp/verify"
)

type convertFlags struct {
	checkFlags
	planFlags
	reportFlags
	output     string
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
		Args:              exactly("MODEL.onnx"),
		ValidArgsFunction: models(1),
		RunE:              func(cmd *cobra.Command, args []string) error { return a.convert(cmd, f, args[0]) },
	}
	f.checkFlags.add(cmd)
	f.planFlags.add(cmd)
	f.reportFlags.add(cmd)
	fl := cmd.Flags()
	fl.StringVarP(&f.output, "output", "o", "", "`FILE` to write (default MODEL.inference.onnx beside the input)")
	fl.BoolVar(&f.strict, "strict", false, "exit 4 and write nothing unless every candidate was merged and there was one")
	fl.BoolVar(&f.noCheck, "no-check", false, "skip the run of the whole model; the proofs of the merges always run")
	fl.BoolVar(&f.noMetadata, "no-metadata", false, "write no provenance into the model")
	complete(cmd, "output", extensions("onnx"))
	return cmd
}

// beside is where the output goes that nobody named.
func beside(path string) string {
	if ext := filepath.Ext(path); strings.EqualFold(ext, ".onnx") {
		path = strings.TrimSuffix(path, ext)
	}
	return path + ".inference.onnx"
}

// A job is one conversion.
type job struct {
	*convertFlags
	check  verify.CompareOptions
	plan   convert.Options
	in     string
	out    string
	report *convert.Report
}

func (a *app) convert(cmd *cobra.Command, f *convertFlags, path string) error {
	check, err := f.checkFlags.options(cmd)
	if err != nil {
		return err
	}
	for _, flag := range []string{"inputs", "samples", "rtol", "atol", "engine", "ort-lib"} {
		if f.noCheck && cmd.Flags().Changed(flag) {
			return wrongUse(cmd, fmt.Errorf("--%s is for the run of the whole model, which --no-check skips", flag))
		}
	}
	plan, err := f.planFlags.options()
	if err != nil {
		return err
	}
	if err := f.reportFlags.check(); err != nil {
		return err
	}
	plan.NoMetadata = f.noMetadata
	plan.Prover = a.prover(f.seed, check.Dims)
	out := f.output
	if !cmd.Flags().Changed("output") {
		out = beside(path)
	}
	j := &job{f, check, plan, path, out, newReport("convert")}
	j.report.Input = &convert.FileFacts{Path: path}
	j.report.Seconds = map[string]float64{}
	return a.conclude(cmd.Context(), &f.reportFlags, j.report, a.merge(cmd.Context(), j))
}

// merge does the work of convert up to the names of the files.
func (a *app) merge(ctx context.Context, j *job) (err error) {
	defer sound(&err)
	r := j.report
	writes := append(j.outputs(), output.Target{Flag: "-o", Path: j.out})
	if err := writes.check(append([]string{j.in}, j.reads()...)); err != nil {
		return err
	}
	start := time.Now()
	m, err := onnxio.Load(j.in)
	if err != nil {
		return err
	}
	defer m.Close()
	defer sound(&err, m)
	if err := writes.spare(m.Files()); err != nil {
		return err
	}
	if r.Input, err = fileFacts(m, j.in); err != nil {
		return err
	}
	if err := checkDims(m, j.check.Dims); err != nil {
		return err
	}
	hashed := hashLater(j.wanted(), j.in, &r.Input.SHA256)
	intact := later(func() error { return m.CheckData(ctx) })
	r.Seconds["load"] = time.Since(start).Seconds()

	step, end := a.progress()
	j.plan.Progress = step
	collect(pace(r.Input.Parameters))
	res, pending, err := convert.ToFile(ctx, m, j.out, j.plan)
	end()
	if res != nil && res.Plan != nil {
		r.Verdict, r.Declined, r.Warnings = res.Verdict, res.Plan.Declined, res.Plan.Warnings
		r.Regions = res.Plan.Describe(res.Proofs)
		r.Blocks = res.Plan.Blocks
		r.Ops = &convert.OpCounts{Before: convert.CountOps(m), After: convert.CountOps(res.Model)}
		for k, v := range res.Seconds {
			r.Seconds[k] = v
		}
		a.warnOfTraining(r.Warnings)
	}
	if e := errors.Join(hashed(), intact()); e != nil && err == nil {
		err = e
	}
	if pending != nil {
		defer pending.Discard()
		defer res.Written.Close()
	}
	if err != nil {
		return withEngineHint(err, "an operator inside a merge cannot be run, so the merge cannot be proved; please report the model")
	}
	if j.strict && res.Verdict != convert.Fused {
		return coded(exitStrict, fmt.Errorf("--strict: the verdict is %q, nothing was written%s", res.Verdict, firstDecline(res.Plan)))
	}
	if err := a.try(ctx, j, m, res, pending); err != nil {
		return err
	}
	return a.publish(ctx, j, m, res, pending)
}

func firstDecline(p *convert.Plan) string {
	for _, d := range p.Declined {
		if !d.Growth() {
			return fmt.Sprintf("; first decline: %s: %s", d.Code, d.Message)
		}
	}
	return ""
}

// try reads the written file a second time and runs both whole models.
func (a *app) try(ctx context.Context, j *job, m *onnxio.Model, res *convert.Result, pending *onnxio.Pending) error {
	if res.Model == m {
		return nil
	}
	if err := secondReading(res.Written, res.Model, j.report); err != nil {
		return err
	}
	if j.noCheck {
		return nil
	}
	start := time.Now()
	err := a.compareFiles(ctx, j.convertFlags, j.check, j.report, m, res, pending, j.in, filepath.Dir(j.out))
	j.report.Seconds["check"] = time.Since(start).Seconds()
	return withEngineHint(err, "--no-check keeps the proofs of the merges and skips the run of the whole model")
}

// publish tells what was done, and then gives the files their names: the reports
// first, the model last. A failure leaves none of them.
func (a *app) publish(ctx context.Context, j *job, m *onnxio.Model, res *convert.Result, pending *onnxio.Pending) error {
	r := j.report
	start := time.Now()
	if err := pending.Sync(); err != nil {
		return err
	}
	r.Seconds["save"] = time.Since(start).Seconds()
	if err := unchanged(m); err != nil {
		return err
	}
	r.Output = convert.Facts(res.Model)
	r.Output.Path, r.Output.Bytes, r.Output.External = j.out, pending.Bytes(), pending.External()
	r.Output.Identical = res.Model == m && len(m.ExternalFiles()) == 0
	if j.wanted() {
		r.Output.SHA256 = hashBytes(res.Written.FileBytes())
	}
	ready, err := j.prepare(render(r))
	if err != nil {
		return err
	}
	defer ready.discard()
	if err := ctx.Err(); err != nil {
		return err
	}
	switch {
	case j.json:
		err = printJSON(a.out, r)
	case !a.quiet:
		err = writeText(a.out, r, a.depth())
	}
	if err == nil {
		err = ready.commit()
	}
	if err == nil {
		err = pending.Commit()
	}
	if err != nil {
		return &reported{err}
	}
	ready.keep()
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
	var folder *output.Folder
	defer func() { folder.Remove() }()
	beside := func() (string, error) {
		if folder == nil {
			var err error
			if folder, err = output.CreateFolder(dir); err != nil {
				return "", err
			}
		}
		return folder.Path, nil
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
		return fmt.Errorf("the models differ: %s: %w", worstOutput(c), convert.ErrNotEquivalent)
	}
	return nil
}

// fileFacts describes the model in a file, without its hash.
func fileFacts(m *onnxio.Model, path string) (*convert.FileFacts, error) {
	f := convert.Facts(m)
	f.Path = path
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	f.Bytes = st.Size()
	return f, nil
}

func hashBytes(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// hashLater starts hashing a file where that is wanted; the result waits for the
// end and stores it.
func hashLater(wanted bool, path string, sum *string) func() error {
	if !wanted {
		return func() error { return nil }
	}
	return later(func() error {
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
	})
}

// later starts f beside other work; the result waits for its end.
func later(f func() error) func() error {
	done := make(chan error, 1)
	go func() { done <- parallel.Guard(f) }()
	return sync.OnceValue(func() error { return <-done })
}
