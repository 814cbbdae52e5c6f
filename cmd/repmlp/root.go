package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"repmlp/convert"
	"repmlp/internal/parallel"
	"repmlp/onnxio"
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
	out        *stdout
	err        io.Writer
	terminal   bool // standard error is one
	quiet      bool
	verbose    bool
	noProgress bool
	colour     string   // auto, always or never
	look       look     // of standard output
	args       []string // of the command line
	// prover, where it is not nil, makes the checker of the merges.
	prover func(seed uint64, dims map[string]int64) convert.Prover
}

// run executes the command line and returns the exit code.
func run(ctx context.Context, args []string, out, errw io.Writer) int {
	a := &app{out: &stdout{to: out}, err: errw}
	if f, ok := errw.(*os.File); ok {
		a.terminal = term.IsTerminal(int(f.Fd()))
	}
	return a.run(ctx, args)
}

// root is the tree of commands.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "repmlp",
		Short: "Merge training-time branches of an ONNX model into the layers they deploy as",
		Long: `repmlp merges training-time branches of an ONNX model into the layers they deploy
as, proves each merge, and writes the model.

  repmlp inspect MODEL.onnx   shows what would be merged
  repmlp convert MODEL.onnx   does it, and writes MODEL.inference.onnx

Exit codes: 0 done, 1 failed, 2 wrong use, 3 not equivalent, 4 --strict and
something was not merged, 130 interrupted. No model is written unless it is 0.`,
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          knownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetVersionTemplate("repmlp {{.Version}}\n")
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetFlagErrorFunc(wrongFlag)
	f := root.PersistentFlags()
	f.BoolVarP(&a.quiet, "quiet", "q", false, "print errors and warnings only; inspect keeps its last line, bench its figures")
	f.BoolVarP(&a.verbose, "verbose", "v", false, "print every merge with its nodes, every output with its limit, the time of each stage")
	f.BoolVar(&a.noProgress, "no-progress", false, "no progress bar")
	f.StringVar(&a.colour, "color", "auto", "`WHEN` to print in colours: auto (on a terminal, unless NO_COLOR is set), always or never")
	complete(root, "color", words("auto", "always", "never"))
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) (err error) {
		if a.look, err = appearance(a.out.to, a.colour, os.Getenv); err != nil {
			return wrongUse(cmd, err)
		}
		return nil
	}
	root.AddCommand(a.convertCommand(), a.verifyCommand(), a.proveCommand(), a.inspectCommand(), a.bisectCommand(), a.benchCommand(), a.benchMemoryCommand(), a.enginesCommand(), a.rulesCommand(), a.versionCommand())
	usage(root)
	return root
}

func (a *app) run(ctx context.Context, args []string) int {
	a.args = args
	root := a.root()
	root.SetArgs(args)
	err := a.guarded(func() error { return root.ExecuteContext(ctx) })
	if h, ok := handedOver(err); ok {
		code, e := h.run(args)
		if e == nil {
			return code
		}
		err = e
	}
	if err == nil {
		return exitDone
	}
	return a.fail(ctx, err)
}

// guarded does some work: a panic is an error that asks for a report, and so is a standard
// output that failed.
func (a *app) guarded(work func() error) error {
	err := a.reportable(parallel.Guard(work))
	if err == nil {
		err = a.out.err
	}
	return err
}

// reportable has an error of a panic ask for a report.
func (a *app) reportable(err error) error {
	if p, ok := errors.AsType[*parallel.Panic](err); ok && onnxio.Advice(err) == "" {
		return bug(p, a.args)
	}
	return err
}

// interrupted reports whether a command failed because it was told to end.
func interrupted(ctx context.Context, err error) bool {
	return ctx.Err() != nil && errors.Is(err, context.Canceled)
}

// exitCode is the code that a command ends with.
func exitCode(ctx context.Context, err error) int {
	switch {
	case err == nil:
		return exitDone
	case interrupted(ctx, err):
		if s, ok := errors.AsType[*stopped](context.Cause(ctx)); ok {
			return s.code()
		}
		return exitInterrupted
	case errors.Is(err, convert.ErrNotEquivalent):
		return exitNotEquivalent
	case errors.Is(err, convert.ErrStrict):
		return exitStrict
	}
	if c, ok := errors.AsType[*codedError](err); ok {
		return c.code
	}
	return exitFailed
}

// fail prints an error and its hint and returns the exit code.
func (a *app) fail(ctx context.Context, err error) int {
	code := exitCode(ctx, err)
	if _, ok := errors.AsType[*saidAlready](err); ok {
		return code
	}
	if interrupted(ctx, err) {
		if err = context.Cause(ctx); err == context.Canceled {
			err = &stopped{syscall.SIGINT}
		}
	}
	advice := onnxio.Advice(err)
	if code == exitUsage && advice == "" {
		advice = "repmlp help lists commands and flags"
	}
	a.say("error", sentence(err), advice)
	return code
}

// warn prints a warning, with -q too.
func (a *app) warn(text, advice string) { a.say("warning", text, advice) }

func (a *app) say(kind, text, advice string) {
	fmt.Fprintf(a.err, "repmlp: %s: %s\n", kind, message(text))
	if advice != "" {
		fmt.Fprintf(a.err, "repmlp: hint: %s\n", message(advice))
	}
}
