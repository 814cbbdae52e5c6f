package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"repmlp/convert"
	"repmlp/onnxio"
)

type inspectFlags struct {
	planFlags
	reportFlags
	dims   []string
	values bool
}

func (a *app) inspectCommand() *cobra.Command {
	f := &inspectFlags{}
	cmd := &cobra.Command{
		Use:   "inspect MODEL.onnx",
		Short: "Show the blocks found, what would be merged, and what not and why",
		Long: `inspect shows what convert would do and writes no model. It reads no large weights,
so it cannot know what only numbers forbid: a weight that is not finite, one
that overflows float16, an invalid variance, a padding value that is not exact
enough. With --values it reads all weights and knows. With -q it prints its last
line alone.`,
		Args:              exactly("MODEL.onnx"),
		ValidArgsFunction: models(1),
		RunE:              func(cmd *cobra.Command, args []string) error { return a.inspect(cmd.Context(), f, args[0]) },
	}
	f.planFlags.add(cmd)
	f.reportFlags.add(cmd)
	cmd.Flags().BoolVar(&f.values, "values", false, "also read the weights, for the reasons that depend on their values")
	cmd.Flags().StringArrayVar(&f.dims, "dim", nil, "value of a named dimension, `NAME=SIZE`, in the proofs that --values may need; repeatable")
	complete(cmd, "dim", words())
	return cmd
}

func (a *app) inspect(ctx context.Context, f *inspectFlags, path string) error {
	opts, err := f.planFlags.options()
	if err != nil {
		return err
	}
	dims, err := parseDims(f.dims)
	if err != nil {
		return err
	}
	if err := f.reportFlags.check(); err != nil {
		return err
	}
	opts.Prover = a.prover(0, dims)
	r := newReport("inspect")
	r.Input = &convert.FileFacts{Path: path}
	err = a.look(ctx, f, opts, dims, r)
	if err == nil {
		err = a.tell(&f.reportFlags, r, brief)
	}
	return a.conclude(ctx, &f.reportFlags, r, err)
}

// look plans the conversion of the model that the report names.
func (a *app) look(ctx context.Context, f *inspectFlags, opts convert.Options, dims map[string]int64, r *convert.Report) (err error) {
	defer sound(&err)
	path := r.Input.Path
	writes := f.outputs()
	if err := writes.check([]string{path}); err != nil {
		return err
	}
	m, err := onnxio.Load(path)
	if err != nil {
		return err
	}
	defer m.Close()
	defer sound(&err, m)
	if err := writes.spare(m.Files()); err != nil {
		return err
	}
	if r.Input, err = fileFacts(m, path); err != nil {
		return err
	}
	if err := checkDims(m, dims); err != nil {
		return err
	}
	hashed := hashLater(f.wanted(), path, &r.Input.SHA256)
	var plan *convert.Plan
	if f.values {
		step, end := a.progress()
		opts.Progress = step
		plan, err = convert.PlanValues(ctx, m, opts)
		end()
	} else {
		plan, err = convert.PlanModel(m, opts)
	}
	if e := hashed(); e != nil && err == nil {
		err = e
	}
	if err == nil {
		err = unchanged(m)
	}
	if err == nil {
		err = context.Cause(ctx) // planning does not look at it
	}
	if err != nil {
		return fmt.Errorf("inspecting %q: %w", path, err)
	}
	r.Blocks, r.Regions, r.Declined, r.Warnings = plan.Blocks, plan.Describe(nil), plan.Declined, plan.Warnings
	r.Verdict = convert.Would(plan.Verdict())
	a.warnOfTraining(r.Warnings)
	return nil
}
