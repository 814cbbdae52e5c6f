package main

import (
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"repmlp/convert"
	"repmlp/internal/output"
	"repmlp/onnxio"
)

func (a *app) convertCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "convert MODEL.onnx",
		Short: "Merge what can be merged exactly, prove it, write MODEL.inference.onnx",
		Long: `convert reads a training-form ONNX model, merges every linear part that can be
merged exactly, proves each merge on random rows in float64, runs the whole
model before and after, and writes the model to deploy. Nothing is written
unless everything holds.`,
		Args:              exactly("MODEL.onnx"),
		ValidArgsFunction: models(1),
	}
	s := flagged(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return a.convert(cmd, s, args[0]) }
	return cmd
}

// beside is where the output goes that nobody named.
func beside(path string) string {
	if ext := filepath.Ext(path); strings.EqualFold(ext, ".onnx") {
		path = strings.TrimSuffix(path, ext)
	}
	return path + ".inference.onnx"
}

func (a *app) convert(cmd *cobra.Command, s *settings, in string) error {
	opts, err := a.options(cmd, s)
	if err != nil {
		return err
	}
	out := s.output
	if !cmd.Flags().Changed("output") {
		out = beside(in)
	}
	ctx := cmd.Context()
	writes := append(s.outputs(), output.Target{Flag: "-o", Path: out})
	if err := writes.check(s.reads(opts, in)); err != nil {
		return a.conclude(ctx, s, nil, failing("convert", in), err)
	}
	step, end := a.progress()
	opts.Progress = step
	opts.Opened = func(m *onnxio.Model, r *convert.Report) error {
		collect(pace(r.Input))
		return writes.spare(m.Files())
	}
	stages := newDump(s.dump)
	opts.Dump = stages.note()
	told := false // on standard output
	var ready prepared
	opts.Commit = func(r *convert.Report) (err error) {
		end()
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
	return a.conclude(ctx, s, stages, r, err)
}
