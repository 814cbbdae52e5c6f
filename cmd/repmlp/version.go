package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  exactly(),
		Run:   func(*cobra.Command, []string) { fmt.Fprintln(a.out, "repmlp", version) },
	}
}
