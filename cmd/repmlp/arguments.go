package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"repmlp/onnxio"
)

// exactly asks for n arguments, naming what is missing.
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < len(names) {
			return fmt.Errorf("%s: missing argument %s", cmd.Name(), names[len(args)])
		}
		if len(args) > len(names) {
			return fmt.Errorf("%s: unexpected argument %q", cmd.Name(), args[len(names)])
		}
		return nil
	}
}

// atLeast asks for the named arguments, of which the last may be repeated.
func atLeast(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < len(names) {
			return exactly(names...)(cmd, args)
		}
		return nil
	}
}

// oneOrTwo asks for an argument, and takes another.
func oneOrTwo(name string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > 2 {
			return fmt.Errorf("%s: unexpected argument %q", cmd.Name(), args[2])
		}
		return exactly(name)(cmd, args[:min(1, len(args))])
	}
}

// knownCommand refuses what is left where a command was expected.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	err := fmt.Errorf("unknown command %q", args[0])
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		return &onnxio.Hint{Err: err, Advice: "there is " + strings.Join(near, " and ")}
	}
	return err
}

// usage makes wrong arguments of every command a usage error, of those that
// cobra brings along too.
func usage(root *cobra.Command) {
	root.SuggestionsMinimumDistance = 2 // letters
	root.SetHelpCommand(helpCommand(root))
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		if cmd.Name() == "completion" {
			cmd.Args = knownShell
			cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		}
		if check := cmd.Args; check != nil {
			cmd.Args = func(cmd *cobra.Command, args []string) error {
				if err := check(cmd, args); err != nil {
					return wrongUse(cmd, err)
				}
				return nil
			}
		}
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit(root)
}

// wrongUse is a usage error of a command.
func wrongUse(cmd *cobra.Command, err error) error {
	if onnxio.Advice(err) != "" {
		return coded(exitUsage, err)
	}
	return coded(exitUsage, &onnxio.Hint{Err: err, Advice: cmd.CommandPath() + " --help lists what it takes"})
}

// wrongFlag is the error of a flag that there is not, or whose value is none.
func wrongFlag(cmd *cobra.Command, err error) error {
	if v, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		want := "another value"
		switch v.GetFlag().Value.Type() {
		case "int":
			want = "a whole number"
		case "uint64":
			want = "a whole number that is not negative"
		case "duration":
			want = "a time, as 90s or 5m"
		case "bool":
			want = "true or false"
		}
		err = fmt.Errorf("--%s %q: it takes %s", v.GetFlag().Name, v.GetValue(), want)
	}
	return wrongUse(cmd, err)
}

func knownShell(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("completion: %q is no shell that is known; there are bash, fish, powershell and zsh", args[0])
	}
	return nil
}

// helpCommand is help for a command that there is.
func helpCommand(root *cobra.Command) *cobra.Command {
	find := func(args []string) (*cobra.Command, error) {
		cmd, rest, err := root.Find(args)
		if err != nil || len(rest) > 0 {
			return nil, fmt.Errorf("help: unknown command %q", args[len(args)-max(1, len(rest))])
		}
		return cmd, nil
	}
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Help about a command and its flags",
		Args: func(_ *cobra.Command, args []string) error {
			_, err := find(args)
			return err
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			var names []string
			if cmd, err := find(args); err == nil {
				for _, sub := range cmd.Commands() {
					if sub.IsAvailableCommand() {
						names = append(names, sub.Name()+"\t"+sub.Short)
					}
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			cmd, err := find(args)
			if err != nil {
				return err
			}
			cmd.InitDefaultHelpFlag()
			return cmd.Help()
		},
	}
}
