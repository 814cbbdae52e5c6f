package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"repmlp/convert"
	"repmlp/onnxio"
	"repmlp/verify"
)

// Exit codes of the command line's contract.
const (
	exitDone          = 0
	exitFailed        = 1
	exitUsage         = 2
	exitNotEquivalent = 3
	exitStrict        = 4
	exitInterrupted   = 130
)

// A codedError carries the exit code that its command ends with. With quiet,
// everything was said already.
type codedError struct {
	code int
	err  error
}

func (e *codedError) Error() string { return e.err.Error() }
func (e *codedError) Unwrap() error { return e.err }

func coded(code int, err error) error { return &codedError{code, err} }

// An app is what commands share: streams and the flags of the whole program.
type app struct {
	out, err   io.Writer
	terminal   bool // standard error is one
	quiet      bool
	verbose    bool
	noProgress bool
	// prover makes the checker of the merges.
	prover func(seed uint64, dims map[string]int64) convert.Prover
}

// run executes the command line and returns the exit code.
func run(ctx context.Context, args []string, out, errw io.Writer) int {
	a := &app{out: out, err: errw, prover: func(seed uint64, dims map[string]int64) convert.Prover { return &verify.Prover{Seed: seed, Dims: dims} }}
	if f, ok := errw.(*os.File); ok {
		a.terminal = term.IsTerminal(int(f.Fd()))
	}
	return a.run(ctx, args)
}

func (a *app) run(ctx context.Context, args []string) int {
	root := &cobra.Command{
		Use:           "repmlp",
		Short:         "Merge training-time branches of an ONNX model into the layers they deploy as",
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return coded(exitUsage, fmt.Errorf("unknown command %q", args[0]))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			return cmd.Help()
		},
	}
	root.SetArgs(args)
	root.SetVersionTemplate("repmlp {{.Version}}\n")
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return coded(exitUsage, err) })
	f := root.PersistentFlags()
	f.BoolVarP(&a.quiet, "quiet", "q", false, "print errors only")
	f.BoolVarP(&a.verbose, "verbose", "v", false, "print more")
	f.BoolVar(&a.noProgress, "no-progress", false, "no progress bar")
	root.AddCommand(a.convertCommand(), a.verifyCommand(), a.inspectCommand(), a.benchCommand(), a.benchMemoryCommand(), a.enginesCommand(), a.rulesCommand(), a.versionCommand())
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	return a.fail(ctx, err)
}

// fail prints an error and its hint and returns the exit code.
func (a *app) fail(ctx context.Context, err error) int {
	code := exitFailed
	if c, ok := errors.AsType[*codedError](err); ok {
		code = c.code
	}
	switch {
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		code = exitInterrupted
		err = errors.New("interrupted; nothing was written")
	case errors.Is(err, convert.ErrNotEquivalent):
		code = exitNotEquivalent
	}
	fmt.Fprintln(a.err, "repmlp: error:", printable(err.Error()))
	advice := onnxio.Advice(err)
	if code == exitUsage && advice == "" {
		advice = "repmlp help lists commands and flags"
	}
	if advice != "" {
		fmt.Fprintln(a.err, "repmlp: hint:", printable(advice))
	}
	return code
}

// printable escapes control characters, so that a name in a file cannot drive
// the terminal. Line breaks stay.
func printable(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n':
			b.WriteRune(r)
		case unicode.IsControl(r) || r == unicode.ReplacementChar || r == '\u2028' || r == '\u2029' || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069':
			fmt.Fprintf(&b, "\\u%04x", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// exactly asks for n arguments, naming what is missing.
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < len(names) {
			return coded(exitUsage, fmt.Errorf("%s: missing argument %s", cmd.Name(), names[len(args)]))
		}
		if len(args) > len(names) {
			return coded(exitUsage, fmt.Errorf("%s: unexpected argument %q", cmd.Name(), args[len(names)]))
		}
		return nil
	}
}

// withEngineHint adds what to do when the Go engine lacks an operator.
func withEngineHint(err error, advice string) error {
	if _, ok := errors.AsType[*verify.Unsupported](err); ok {
		return &onnxio.Hint{Err: err, Advice: advice}
	}
	return err
}
