package main

import (
	"context"

	"github.com/spf13/cobra"

	"repmlp/convert"
	"repmlp/onnxio"
	"repmlp/verify"
)

type verifyFlags struct {
	checkFlags
	reportFlags
}

func (a *app) verifyCommand() *cobra.Command {
	f := &verifyFlags{}
	cmd := &cobra.Command{
		Use:   "verify REFERENCE.onnx CANDIDATE.onnx",
		Short: "Compare any two models with the same inputs and outputs",
		Long: `verify runs two models on the same random or real inputs and compares their
outputs. Without --rtol and --atol the tolerance follows the reference's own
rounding noise: how far it is from a float64 run, and how far from itself where
inputs and weights are moved by a rounding. ONNX Runtime has no float64 run of a
float32 model: there the reference is run with and without optimisations, and
with moved inputs. The report says what was allowed. Outputs of a test_data_set
folder are what both models have to give.`,
		Args:              exactly("REFERENCE.onnx", "CANDIDATE.onnx"),
		ValidArgsFunction: models(2),
		RunE:              func(cmd *cobra.Command, args []string) error { return a.verify(cmd, f, args[0], args[1]) },
	}
	f.checkFlags.add(cmd)
	f.reportFlags.add(cmd)
	return cmd
}

func (a *app) verify(cmd *cobra.Command, f *verifyFlags, reference, candidate string) error {
	o, err := f.options(cmd)
	if err != nil {
		return err
	}
	if err := f.reportFlags.check(); err != nil {
		return err
	}
	r := newReport("verify")
	r.Input, r.Output = &convert.FileFacts{Path: reference}, &convert.FileFacts{Path: candidate}
	err = a.judge(cmd.Context(), f, o, r)
	if err == nil {
		r.Verdict = convert.Equivalent
		err = a.tell(&f.reportFlags, r, plain)
	}
	return a.conclude(cmd.Context(), &f.reportFlags, r, err)
}

// judge compares the models that the report names.
func (a *app) judge(ctx context.Context, f *verifyFlags, o verify.CompareOptions, r *convert.Report) (err error) {
	defer sound(&err)
	writes := f.outputs()
	if err := writes.check(append([]string{r.Input.Path, r.Output.Path}, f.reads()...)); err != nil {
		return err
	}
	var sides [2]side
	for i, facts := range []**convert.FileFacts{&r.Input, &r.Output} {
		path := (*facts).Path
		m, err := onnxio.Load(path)
		if err != nil {
			return err
		}
		defer m.Close()
		defer sound(&err, m)
		if err := writes.spare(m.Files()); err != nil {
			return err
		}
		if *facts, err = fileFacts(m, path); err != nil {
			return err
		}
		if err := hashLater(f.wanted(), path, &(*facts).SHA256)(); err != nil {
			return err
		}
		if err := m.CheckData(ctx); err != nil {
			return err
		}
		sides[i] = atPath(m, path)
	}
	if err := checkDims(sides[0].model, o.Dims); err != nil {
		return err
	}
	err = a.compare(ctx, &f.checkFlags, o, r, sides[0], sides[1])
	if err == nil {
		err = shown(r.Check)
	}
	if err == nil {
		err = unchanged(sides[0].model, sides[1].model)
	}
	return withEngineHint(err, "verify needs an engine that runs every operator of both models")
}
