package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"repmlp/convert"
)

func (a *app) rulesCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "rules [NAME]",
		Short: "The catalogue of merges: formula, condition, example",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return fmt.Errorf("rules: unexpected argument %q", args[1])
			}
			return nil
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, d := range convert.Catalogue() {
				names = append(names, d.Name+"\t"+d.Title)
			}
			return names[:len(names)*(1-min(1, len(args)))], cobra.ShellCompDirectiveNoFileComp
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
