package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"repmlp/convert"
	"repmlp/internal/output"
)

func (a *app) verifyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify REFERENCE.onnx CANDIDATE.onnx | --pairs MODEL.onnx...",
		Short: "Compare any two models with the same inputs and outputs",
		Long: `verify runs two models on the same random or real inputs and compares their
outputs. Without --rtol and --atol the tolerance follows the reference's own
rounding noise: how far it is from a float64 run, and how far from itself where
inputs and weights are moved by a rounding. ONNX Runtime has no float64 run of a
float32 model: there the reference is run with and without optimisations, and
with moved inputs. The report says what was allowed. Outputs of a test_data_set
folder are what both models have to give. docs/verify.md says how the limit is
chosen and how to read a failure.

With --locate the first value is named that both models have, by its name, or with
--match position by its place, and that differs by more than rounding explains, with
the nodes that make it.
--save-case writes the smallest piece of both models that shows it into a new
folder, with what it reads, as DIR/reference.onnx, DIR/candidate.onnx and
DIR/test_data_set_0.

With --pairs every model is compared with what convert made of it:
MODEL.inference.onnx beside it, or in --out-dir. A pattern such as 'models/*.onnx'
skips results of convert. The exit code is the worst.`,
		ValidArgsFunction: models(2),
	}
	s := flagged(cmd)
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if s.pairs {
			return atLeast("MODEL.onnx")(cmd, args)
		}
		return exactly("REFERENCE.onnx", "CANDIDATE.onnx")(cmd, args)
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if s.pairs {
			return a.verifyPairs(cmd, s, args)
		}
		for _, flag := range []string{"out-dir", "jobs"} {
			if cmd.Flags().Changed(flag) {
				return wrongUse(cmd, fmt.Errorf("--%s is for --pairs", flag))
			}
		}
		_, err := a.verify(cmd, s, args[0], args[1])
		return err
	}
	return cmd
}

// verify compares two models; its report is nil where the flags are wrong.
func (a *app) verify(cmd *cobra.Command, s *settings, reference, candidate string) (*convert.Report, error) {
	opts, err := a.options(cmd, s)
	if err != nil {
		return nil, err
	}
	ctx := cmd.Context()
	writes := append(s.outputs(), s.saved()...)
	err = writes.check(s.reads(opts, reference, candidate))
	for _, folder := range s.newFolders() {
		if err == nil {
			err = output.CheckFolder(folder)
		}
	}
	if err != nil {
		r := failing("verify", reference)
		r.Output = &convert.FileFacts{Path: candidate}
		return r, a.conclude(ctx, s, nil, r, err)
	}
	step, end := a.progress()
	opts.Progress, opts.Opened = step, spares(writes)
	r, err := convert.CompareFiles(ctx, reference, candidate, opts)
	collect(thrifty)
	end()
	switch {
	case err == nil:
		err = a.tell(s, r, plain)
	case errors.Is(err, convert.ErrNotEquivalent) && !s.json && a.depth() == plain: // where to look; a failing standard output is noticed at the end
		writeText(a.out, r, plain, a.look)
	}
	return r, a.conclude(ctx, s, nil, r, err)
}
