package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"repmlp/verify/ort"
)

// commit is what the release was built from; the linker sets it where the build does not
// know it itself.
var commit string

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version, and with -v what it was built from",
		Args:  exactly(),
		Run: func(*cobra.Command, []string) {
			fmt.Fprintln(a.out, "repmlp", version)
			if a.verbose {
				fmt.Fprint(a.out, builtFrom(debug.ReadBuildInfo()))
			}
		},
	}
}

// builtFrom says what a build was made from, a fact in each line.
func builtFrom(info *debug.BuildInfo, ok bool) string {
	from, changed := commit, ""
	if ok {
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision" && from == "":
				from = s.Value
			case s.Key == "vcs.modified" && s.Value == "true":
				changed = ", with changes"
			}
		}
	}
	if from == "" {
		from = "not known"
	}
	runtimes := "no: a static build runs models with the built-in engine"
	switch {
	case ort.Available:
		runtimes = "yes, where its library is found (repmlp engines)"
	case hasCompanion() != nil:
		runtimes = "yes, by " + companionName + " beside this command"
	}
	return fmt.Sprintf("commit        %s%s\nGo            %s %s/%s\nONNX Runtime  %s\n", from, changed, runtime.Version(), runtime.GOOS, runtime.GOARCH, runtimes)
}
