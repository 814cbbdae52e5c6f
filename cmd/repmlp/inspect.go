package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"repmlp/convert"
	"repmlp/onnxio"
)

func (a *app) inspectCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "inspect MODEL.onnx [OTHER.onnx]",
		Short: "Show a model: what it takes and gives, what would be merged, what not and why; or how two differ",
		Long: `inspect shows what convert would do and writes no model. It reads no large weights,
so it cannot know what only numbers forbid: a weight that is not finite, one
that overflows float16, an invalid variance, a padding value that is not exact
enough. With --values it reads all weights and knows; --dim is for the proofs
that it may need then. With -q it prints its last line alone.

With two models it shows what differs between them: inputs and outputs, nodes,
attributes, initializers. Nodes are found by the values that they make and by
structure, whatever they are called. Nothing is run: verify compares what the
models compute.`,
		Args:              oneOrTwo("MODEL.onnx"),
		ValidArgsFunction: models(2),
	}
	s := flagged(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 2 {
			return a.differ(cmd, s, args[0], args[1])
		}
		return a.inspect(cmd, s, args[0])
	}
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

// differ shows how two models differ.
func (a *app) differ(cmd *cobra.Command, s *settings, first, second string) error {
	for _, flag := range []string{"fc", "allow-growth", "freeze-inputs", "fold-dequantize", "batch-stats-as-inference", "values", "dim", "shape", "only", "skip"} {
		if f := cmd.Flags().Lookup(flag); f != nil && f.Changed {
			return wrongUse(cmd, fmt.Errorf("--%s is for one model; of two inspect shows what differs, and merges nothing", flag))
		}
	}
	opts, err := a.options(cmd, s)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	writes := s.outputs()
	if err := writes.check([]string{first, second}); err != nil {
		r := failing("inspect", first)
		r.Output = &convert.FileFacts{Path: second}
		return a.conclude(ctx, s, nil, r, err)
	}
	opts.Opened = spares(writes)
	r, err := convert.DifferFiles(ctx, first, second, opts)
	if err == nil {
		err = a.tell(s, r, brief)
	}
	return a.conclude(ctx, s, nil, r, err)
}
