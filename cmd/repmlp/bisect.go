package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mattn/go-shellwords"
	"github.com/spf13/cobra"

	"repmlp/convert"
	"repmlp/onnxio"
)

func (a *app) bisectCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bisect MODEL.onnx --check 'COMMAND {}'",
		Short: "Find the smallest set of merges that fails a check of your own",
		Long: `bisect converts the model with some of its merges at a time and runs a command on
each, in which {} stands for the file. It first tries the model without any merge
and with all, and ends with the smallest set that fails.

The command is run as it is, without a shell; sh -c 'COMMAND {}' asks for one. Its
exit code says what it thinks of the model, as with git bisect run: 0 good, 125
nothing can be said, 1 to 127 bad, 128 and more, or a signal, end the search. After
--timeout a run is bad. What it prints goes to standard error, nothing with -q. Files
are written into a temporary folder, in TMPDIR where that is set.`,
		Example:           `  repmlp bisect model.onnx --check 'python evaluate.py --model {}' --timeout 5m`,
		Args:              exactly("MODEL.onnx"),
		ValidArgsFunction: models(1),
	}
	s := flagged(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return a.bisect(cmd, s, args[0]) }
	return cmd
}

// place stands for the file in a check.
const place = "{}"

// checkWords takes a check apart as a shell does, without what only a shell does.
func (s *settings) checkWords() ([]string, error) {
	p := shellwords.NewParser()
	words, err := p.Parse(s.check)
	switch {
	case s.check == "":
		return nil, errors.New("bisect: missing --check 'COMMAND {}'")
	case err != nil || len(words) == 0 || p.Position >= 0: // it stops where a shell would do more
		return nil, fmt.Errorf("--check %q is no command: quotes have to be closed, and < > | & ; ( ) need sh -c '...'", s.check)
	case !slices.ContainsFunc(words, func(w string) bool { return strings.Contains(w, place) }):
		return nil, fmt.Errorf("--check %q: there is no {}, which stands for the file", s.check)
	}
	if _, err := exec.LookPath(words[0]); err != nil {
		return nil, fmt.Errorf("--check: %w", err)
	}
	return words, nil
}

// shells take a command apart again.
var shells = []string{"sh", "bash", "dash", "zsh", "ksh", "fish"}

func (a *app) bisect(cmd *cobra.Command, s *settings, in string) error {
	opts, err := a.options(cmd, s)
	if err != nil {
		return err
	}
	words, err := s.checkWords()
	if err != nil {
		return wrongUse(cmd, err)
	}
	if s.timeout < 0 {
		return coded(exitUsage, fmt.Errorf("--timeout is %v, it must not be negative", s.timeout))
	}
	dir, err := filepath.Abs(os.TempDir())
	if err != nil {
		return err
	}
	if slices.Contains(shells, strings.TrimSuffix(filepath.Base(words[0]), ".exe")) && strings.ContainsAny(dir, " \t\n'\"`$&|;<>()*?[]#~!{}") {
		return fmt.Errorf("the temporary folder %q has characters that a shell takes apart; set TMPDIR", dir)
	}
	step, end := a.progress()
	opts.Progress = step
	opts.Opened = func(_ *onnxio.Model, r *convert.Report) error {
		collect(pace(r.Input))
		return nil
	}
	ctx := cmd.Context()
	n := 0
	b, err := convert.Bisect(ctx, in, dir, opts, func(ctx context.Context, file string, run *convert.BisectionRun) (convert.Outcome, error) {
		end()
		n++
		o, err := a.checked(ctx, s, words, file, run)
		if err == nil && !a.quiet {
			word := map[convert.Outcome]string{convert.CheckGood: "good", convert.CheckBad: "bad", convert.CheckSkip: "skipped"}[o]
			if run.Late {
				word += ", it took too long"
			}
			fmt.Fprintf(a.err, "repmlp: run %d: %s: %s (exit %d, %.1f s)\n", n, mergesOf(run.Merges), word, run.Code, run.Seconds)
		}
		return o, err
	})
	end()
	if err == nil {
		err = bisected(b)
		if err != nil {
			b.Error = &convert.Failure{Message: err.Error(), Hint: onnxio.Advice(err)}
		}
	}
	if s.json && !interrupted(ctx, err) {
		if e := printJSON(a.out, b); e != nil && err == nil {
			err = e
		}
	}
	if err == nil && !s.json {
		a.tellBisection(b, s, in)
	}
	return err
}

// bisected is an error where the check says nothing about the merges.
func bisected(b *convert.Bisection) error {
	switch b.Verdict {
	case convert.AlwaysFails:
		return &onnxio.Hint{Err: fmt.Errorf("the check fails for the model without any merge (exit %d), so it says nothing about them", b.Runs[0].Code), Advice: "run it by hand on the model itself"}
	case convert.NotTestable:
		return errors.New("the check says nothing (exit 125) of the model without any merge, or with all")
	}
	return nil
}

func mergesOf(ids []string) string {
	switch len(ids) {
	case 0:
		return "no merge"
	case 1, 2, 3, 4:
		return "merges " + strings.Join(ids, " ")
	}
	return fmt.Sprintf("%d merges, %s to %s", len(ids), ids[0], ids[len(ids)-1])
}

// checked runs the check on a file.
func (a *app) checked(ctx context.Context, s *settings, words []string, file string, run *convert.BisectionRun) (convert.Outcome, error) {
	limited := ctx
	if s.timeout > 0 {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeout(ctx, s.timeout)
		defer cancel()
	}
	args := make([]string, len(words))
	for i, w := range words {
		args[i] = strings.ReplaceAll(w, place, file)
	}
	c := exec.CommandContext(limited, args[0], args[1:]...)
	var said bytes.Buffer
	if !a.quiet {
		c.Stdout, c.Stderr = a.err, a.err
	} else {
		c.Stdout, c.Stderr = &said, &said
	}
	alone(c)
	c.WaitDelay = grace / 2
	start := time.Now()
	err := c.Run()
	run.Seconds = time.Since(start).Seconds()
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	exit, ended := errors.AsType[*exec.ExitError](err)
	switch {
	case limited.Err() != nil:
		run.Late, run.Code = true, 124 // as timeout(1) has it
		return convert.CheckBad, nil
	case err == nil, errors.Is(err, exec.ErrWaitDelay): // what it started may have kept its streams
		return convert.CheckGood, nil
	case !ended:
		return 0, fmt.Errorf("running the check: %w", err)
	}
	switch run.Code = exit.ExitCode(); {
	case run.Code == 125:
		return convert.CheckSkip, nil
	case run.Code > 0 && run.Code < 128:
		return convert.CheckBad, nil
	}
	return 0, fmt.Errorf("the check ended the search: %s", exit.String())
}

// tellBisection prints what was found.
func (a *app) tellBisection(b *convert.Bisection, s *settings, in string) {
	t := &text{report: &convert.Report{Command: "bisect", Regions: b.Failing}, depth: a.depth()}
	switch {
	case b.Merges == 0:
		t.line("nothing to search: no merge is there to make; the check passes (%s)", plural(len(b.Runs), "run"))
	case b.Verdict == convert.NothingFails:
		t.line("nothing fails: the check passes with all of %s (%s)", plural(b.Merges, "merge"), plural(len(b.Runs), "run"))
	default:
		for _, g := range b.Failing {
			t.line("%s: %s into %s: %s", g.ID, plural(len(g.Merged), "node"), layer(g), name(g.Value))
			if a.depth() > brief {
				t.line("    %s", message(g.Derivation))
				t.line("    nodes: %s", names(g.Merged))
			}
		}
		what := "fails the check alone"
		if len(b.Failing) > 1 {
			what = "fail the check together, and not without any one of them"
		}
		if b.Open {
			what += "; some sets were skipped, so that a smaller one may fail too"
		}
		t.line("%s of %d %s (%s)", plural(len(b.Failing), "merge"), b.Merges, what, plural(len(b.Runs), "run"))
		t.line("without: %s", message(without(b, s, in)))
	}
	fmt.Fprint(a.out, lines(t.String()))
}

// without is the command line that avoids the merges which fail.
func without(b *convert.Bisection, s *settings, in string) string {
	words := []string{"repmlp", "convert", shellWord(in)}
	if s.fc != "auto" {
		words = append(words, "--fc", s.fc)
	}
	for _, f := range []struct {
		on   bool
		flag string
	}{{s.growth, "--allow-growth"}, {s.freeze, "--freeze-inputs"}, {s.dequantize, "--fold-dequantize"}, {s.asInfer, "--batch-stats-as-inference"}} {
		if f.on {
			words = append(words, f.flag)
		}
	}
	for _, shape := range s.shapes {
		words = append(words, "--shape", shellWord(shape))
	}
	for _, p := range s.only {
		words = append(words, "--only", shellWord(p))
	}
	for _, p := range s.skip {
		words = append(words, "--skip", shellWord(p))
	}
	for _, g := range b.Failing {
		words = append(words, "--skip", g.ID)
	}
	return strings.Join(words, " ")
}
