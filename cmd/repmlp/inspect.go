package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"repmlp/convert"
	"repmlp/onnxio"
)

func (a *app) inspectCommand() *cobra.Command {
	f := &planFlags{}
	var asJSON, values bool
	cmd := &cobra.Command{
		Use:   "inspect MODEL.onnx",
		Short: "Show the blocks found, what would be merged, and what not and why",
		Long: `inspect shows what convert would do and writes nothing. It reads no large weights,
so it cannot know what only numbers forbid: a weight that is not finite, one
that overflows float16, an invalid variance, a padding value that is not exact
enough. With --values it reads all weights and knows.`,
		Args: exactly("MODEL.onnx"),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts, err := f.options()
			if err != nil {
				return err
			}
			m, err := onnxio.Load(args[0])
			if err != nil {
				return err
			}
			defer m.Close()
			var plan *convert.Plan
			if values {
				opts.Prover = a.prover(0, nil)
				step, end := a.progress()
				opts.Progress = step
				plan, err = convert.PlanValues(cmd.Context(), m, opts)
				end()
			} else {
				plan, err = convert.PlanModel(m, opts)
			}
			if err != nil {
				return fmt.Errorf("inspecting %q: %w", args[0], err)
			}
			r := &convert.Report{Schema: convert.Schema, Tool: convert.Tool{Name: "repmlp", Version: version}, Command: "inspect",
				Input: convert.Facts(m), Blocks: plan.Blocks, Regions: plan.Describe(nil), Declined: plan.Declined, Warnings: plan.Warnings, Verdict: plan.Verdict()}
			r.Input.Path = args[0]
			if asJSON {
				return printJSON(a.out, r)
			}
			return writeText(a.out, r, a.verbose)
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the JSON report instead of text")
	cmd.Flags().BoolVar(&values, "values", false, "also read the weights, for the reasons that depend on their values")
	return cmd
}

func (a *app) rulesCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "rules [NAME]",
		Short: "The catalogue of merges: formula, condition, example",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return coded(exitUsage, fmt.Errorf("rules: unexpected argument %q", args[1]))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			docs := convert.Catalogue()
			var names []string
			for _, d := range docs {
				names = append(names, d.Name)
				if len(args) == 0 {
					fmt.Fprintf(a.out, "%-10s %s\n", d.Name, d.Title)
				} else if d.Name == args[0] {
					fmt.Fprintf(a.out, "%s: %s\n\n  %s\n\n  exact: %s\n  example: %s\n", d.Name, d.Title, d.Formula, d.When, d.Example)
					return nil
				}
			}
			if len(args) == 1 {
				return coded(exitUsage, fmt.Errorf("there is no rule %q; there are %s", args[0], strings.Join(names, ", ")))
			}
			return nil
		},
	}
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		Run:   func(*cobra.Command, []string) { fmt.Fprintln(a.out, "repmlp", version) },
	}
}
