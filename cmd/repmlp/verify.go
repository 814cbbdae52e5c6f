package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"repmlp/convert"
	"repmlp/onnxio"
)

func (a *app) verifyCommand() *cobra.Command {
	f := &checkFlags{}
	var reports []string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify REFERENCE.onnx CANDIDATE.onnx",
		Short: "Compare any two models with the same inputs and outputs",
		Long: `verify runs two models on the same random or real inputs and compares their
outputs. Without --rtol and --atol the tolerance follows the reference's own
float32 rounding noise, which is measured against a float64 run.`,
		Args: exactly("REFERENCE.onnx", "CANDIDATE.onnx"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o, err := f.options(cmd)
			if err != nil {
				return err
			}
			if err := checkReportNames(reports); err != nil {
				return err
			}
			ref, err := onnxio.Load(args[0])
			if err != nil {
				return err
			}
			defer ref.Close()
			cand, err := onnxio.Load(args[1])
			if err != nil {
				return err
			}
			defer cand.Close()
			r := &convert.Report{Schema: convert.Schema, Tool: convert.Tool{Name: "repmlp", Version: version}, Command: "verify"}
			if r.Input, err = fileFacts(ref, args[0]); err != nil {
				return err
			}
			if r.Output, err = fileFacts(cand, args[1]); err != nil {
				return err
			}
			err = a.compare(cmd.Context(), f, o, r, atPath(ref, args[0]), atPath(cand, args[1]))
			if err != nil && !errors.Is(err, convert.ErrNotEquivalent) {
				return withEngineHint(err, "verify needs an engine that runs every operator of both models")
			}
			if e := a.writeReports(reports, r); e != nil {
				return e
			}
			if asJSON {
				if e := printJSON(a.out, r); e != nil {
					return e
				}
			} else if err == nil && !a.quiet {
				c := r.Check
				fmt.Fprintf(a.out, "equivalent: %d run(s), largest difference %.3g of the largest output, allowed %.3g (%s)\n",
					c.Samples, worstRel(c), float64(c.RTol), noise(c))
				for _, w := range r.Warnings {
					fmt.Fprintf(a.out, "note %s: %s\n", w.Code, w.Message)
				}
			}
			return err
		},
	}
	f.add(cmd)
	cmd.Flags().StringArrayVar(&reports, "report", nil, "also write a report, by extension .json, .html or .txt; repeatable")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the JSON report instead of text")
	return cmd
}

func worstRel(c *convert.Check) float64 {
	w := 0.0
	for _, o := range c.Outputs {
		w = max(w, float64(o.MaxRel))
	}
	return w
}
