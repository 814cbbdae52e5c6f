package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"repmlp/convert"
	"repmlp/internal/output"
	"repmlp/onnxio"
)

func (a *app) convertCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "convert MODEL.onnx...",
		Short: "Merge what can be merged exactly, prove it, write MODEL.inference.onnx",
		Long: `convert reads a training-form ONNX model, merges every linear part that can be
merged exactly, proves each merge for all inputs by reading every coefficient off
the original, runs the whole model before and after, and writes the model to
deploy. Nothing is written unless everything holds.

Several models, or a pattern such as 'models/*.onnx', are converted one after
another or --jobs at a time; one that fails does not stop the others, and the
worst exit code counts. --out-dir is where their results go.`,
		Args:              atLeast("MODEL.onnx"),
		ValidArgsFunction: models(-1),
	}
	s := flagged(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return a.convert(cmd, s, args) }
	return cmd
}

// resultEnding is that of the models that conversions write.
const resultEnding = ".inference.onnx"

// beside is where the output goes that nobody named.
func beside(path string) string {
	if ext := filepath.Ext(path); strings.EqualFold(ext, ".onnx") {
		path = strings.TrimSuffix(path, ext)
	}
	return path + resultEnding
}

func (a *app) convert(cmd *cobra.Command, s *settings, args []string) error {
	list, err := modelsOf(args)
	if err != nil {
		return err
	}
	if s.bench && cmd.Flags().Changed("jobs") {
		return wrongUse(cmd, errors.New("--bench needs the machine for one model at a time; leave --jobs out"))
	}
	if s.dryRun {
		for _, flag := range []string{"jobs", "out-dir", "bench"} {
			if cmd.Flags().Changed(flag) {
				return wrongUse(cmd, fmt.Errorf("--%s is for models that are written; with --dry-run none is", flag))
			}
		}
		if len(list) > 1 {
			return wrongUse(cmd, errors.New("--dry-run takes one model at a time"))
		}
	}
	for _, flag := range []string{"jobs", "out-dir"} {
		if cmd.Flags().Changed(flag) {
			return a.several(cmd, s, list)
		}
	}
	if len(list) > 1 {
		return a.several(cmd, s, list)
	}
	out := s.output
	if !cmd.Flags().Changed("output") {
		out = beside(list[0])
	}
	_, err = a.convertTo(cmd, s, list[0], out)
	return err
}

// convertTo converts one model; its report is nil where the flags are wrong.
func (a *app) convertTo(cmd *cobra.Command, s *settings, in, out string) (*convert.Report, error) {
	opts, err := a.options(cmd, s)
	if err != nil {
		return nil, err
	}
	ctx := cmd.Context()
	writes := append(s.outputs(), output.Target{Flag: "-o", Path: out})
	if err := writes.check(s.reads(opts, in)); err != nil {
		r := failing("convert", in)
		return r, a.conclude(ctx, s, nil, r, err)
	}
	if s.dryRun {
		return a.dryRun(ctx, s, in, opts, writes)
	}
	step, end := a.progress()
	opts.Progress = step
	opts.Opened = func(m *onnxio.Model, r *convert.Report) error {
		collect(pace(r.Input))
		return writes.spare(m.Files())
	}
	timed, err := s.timing(cmd, opts, in, out)
	if err != nil {
		return nil, err
	}
	if timed != nil {
		timed.step, opts.Engine = step, timed
	}
	stages := newDump(s.dump)
	opts.Dump = stages.note()
	told := false // on standard output
	var ready prepared
	opts.Commit = func(r *convert.Report) (err error) {
		end()
		if timed != nil {
			r.Timings = timed.took
		}
		if ready, err = s.prepare(reportOf(r), stages); err != nil {
			return err
		}
		told = true
		switch {
		case s.json:
			err = printJSON(a.out, r)
		case !a.quiet:
			err = writeText(a.out, r, a.depth(), a.look)
		}
		if err == nil {
			err = ready.commit()
		}
		return err
	}
	r, err := convert.File(ctx, in, out, opts)
	end()
	if err == nil {
		ready.keep()
	}
	ready.discard() // those that carry their names too, where the model does not
	a.warnOfTraining(r.Warnings)
	if err != nil && told {
		err = &reported{err}
	}
	return r, a.conclude(ctx, s, stages, r, err)
}

// dryRun says what a conversion with these options would do. Unlike inspect without
// --values it reads the weights, so it knows what only numbers forbid.
func (a *app) dryRun(ctx context.Context, s *settings, in string, opts convert.Options, writes targets) (*convert.Report, error) {
	step, end := a.progress()
	opts.Progress, opts.Values = step, true
	opts.Opened = func(m *onnxio.Model, r *convert.Report) error {
		collect(pace(r.Input))
		return writes.spare(m.Files())
	}
	stages := newDump(s.dump)
	opts.Dump = stages.note()
	r, err := convert.InspectFile(ctx, in, opts)
	end()
	a.warnOfTraining(r.Warnings)
	if err == nil {
		err = a.tellStages(s, r, plain, stages)
	}
	return r, a.conclude(ctx, s, stages, r, err)
}
