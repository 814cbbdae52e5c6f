package main

import (
	"errors"

	"github.com/spf13/cobra"

	"repmlp/convert"
)

func (a *app) proveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "prove ORIGINAL.onnx CONVERTED.onnx",
		Short: "Prove for every input that a model is another with linear parts merged",
		Long: `prove shows that the second model is the first with linear parts merged, whoever
made it. Nodes that compute the same from the same values are found by what they
do, whatever they are called, and weights are compared to the bit. Where the
models differ, the smallest pieces between values that both have are looked for.
Each piece that is linear is proved: it differs by no more than a few roundings of
the terms that are summed, and the report says how many. Pieces that are not
linear are compared on samples, which the report says too; with --strict that is
exit 4.

Flags that change what the original means are those of convert. docs/verify.md
says what is assumed.`,
		Args:              exactly("ORIGINAL.onnx", "CONVERTED.onnx"),
		ValidArgsFunction: models(2),
	}
	s := flagged(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return a.prove(cmd, s, args[0], args[1]) }
	return cmd
}

// prove proves one model from another.
func (a *app) prove(cmd *cobra.Command, s *settings, original, converted string) error {
	opts, err := a.options(cmd, s)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	writes := s.outputs()
	if err := writes.check(s.reads(opts, original, converted)); err != nil {
		r := failing("prove", original)
		r.Output = &convert.FileFacts{Path: converted}
		return a.conclude(ctx, s, nil, r, err)
	}
	step, end := a.progress()
	opts.Progress, opts.Opened = step, spares(writes)
	r, err := convert.ProveFiles(ctx, original, converted, opts)
	collect(thrifty)
	end()
	switch {
	case err == nil:
		err = a.tell(s, r, plain)
	case errors.Is(err, convert.ErrNotEquivalent) && !s.json && a.depth() == plain: // where to look; a failing standard output is noticed at the end
		writeText(a.out, r, plain, a.look)
	}
	return a.conclude(ctx, s, nil, r, err)
}
