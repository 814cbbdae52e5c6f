package main

import (
	"github.com/spf13/cobra"

	"repmlp/convert"
	"repmlp/onnxio"
)

func (a *app) inspectCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "inspect MODEL.onnx",
		Short: "Show the blocks found, what would be merged, and what not and why",
		Long: `inspect shows what convert would do and writes no model. It reads no large weights,
so it cannot know what only numbers forbid: a weight that is not finite, one
that overflows float16, an invalid variance, a padding value that is not exact
enough. With --values it reads all weights and knows; --dim is for the proofs
that it may need then. With -q it prints its last line alone.`,
		Args:              exactly("MODEL.onnx"),
		ValidArgsFunction: models(1),
	}
	s := flagged(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return a.inspect(cmd, s, args[0]) }
	return cmd
}

func (a *app) inspect(cmd *cobra.Command, s *settings, path string) error {
	opts, err := a.options(cmd, s)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	writes := s.outputs()
	if err := writes.check([]string{path}); err != nil {
		return a.conclude(ctx, s, nil, failing("inspect", path), err)
	}
	step, end := a.progress()
	opts.Progress = step
	opts.Opened = func(m *onnxio.Model, r *convert.Report) error {
		collect(pace(r.Input))
		return writes.spare(m.Files())
	}
	r, err := convert.InspectFile(ctx, path, opts)
	end()
	a.warnOfTraining(r.Warnings)
	if err == nil {
		err = a.tell(s, r, brief)
	}
	return a.conclude(ctx, s, nil, r, err)
}
