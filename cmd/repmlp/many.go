package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"repmlp/convert"
	"repmlp/internal/output"
)

// A job is the work on one of several models in one run.
type job struct {
	in, out  string // out is what it becomes, or what it is compared with
	do       func(a *app, cmd *cobra.Command, s *settings, in, out string) (*convert.Report, error)
	settings settings // with reports of its own
	app      app      // what it prints is kept until its turn comes
	text     bytes.Buffer
	told     bytes.Buffer // on standard error
	report   *convert.Report
	code     int
	done     chan struct{}
}

// modelsOf lists the models that arguments name, each once: a file, or a pattern of a shell
// where no file has that name. A pattern does not take results of earlier conversions.
func modelsOf(args []string) ([]string, error) {
	var out []string
	add := func(path string) {
		if path = filepath.Clean(path); !slices.Contains(out, path) {
			out = append(out, path)
		}
	}
	if len(args) == 1 && isThere(args[0]) {
		return args, nil // named as it was given
	}
	for _, arg := range args {
		if isThere(arg) || !strings.ContainsAny(arg, "*?[") {
			add(arg)
			continue
		}
		list, err := filepath.Glob(arg)
		if err != nil {
			return nil, coded(exitUsage, fmt.Errorf("%q is no pattern: %w", arg, err))
		}
		list = slices.DeleteFunc(list, func(p string) bool { return strings.HasSuffix(p, resultEnding) })
		if len(list) == 0 {
			return nil, fmt.Errorf("no model matches %q", arg)
		}
		for _, p := range list {
			add(p)
		}
	}
	return out, nil
}

func isThere(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// forModel is the name of a report for one of several models: {} in it is the model's name.
func forModel(pattern, model string) string {
	return strings.ReplaceAll(pattern, "{}", strings.TrimSuffix(filepath.Base(model), filepath.Ext(model)))
}

// several converts models one after another, or some at a time. One that fails does not
// stop the others.
func (a *app) several(cmd *cobra.Command, s *settings, models []string) error {
	given := cmd.Flags().Changed
	switch {
	case given("output"):
		return wrongUse(cmd, errors.New("-o names the result of one model; --out-dir is for several"))
	case given("dump"):
		return wrongUse(cmd, errors.New("--dump is for one model"))
	}
	if err := a.checkSeveral(cmd, s); err != nil {
		return err
	}
	if s.outDir != "" {
		if err := os.MkdirAll(s.outDir, 0o755); err != nil {
			return fmt.Errorf("making the folder of --out-dir: %w", err)
		}
	}
	jobs, err := a.jobs(s, models)
	if err != nil {
		return err
	}
	a.work(cmd, s, jobs)
	return a.worst(s, jobs, modelsTable)
}

// checkSeveral refuses flags that make no sense for several models, or for any, and hands a
// run with an engine that this build lacks over.
func (a *app) checkSeveral(cmd *cobra.Command, s *settings) error {
	switch {
	case s.jobs < 1:
		return coded(exitUsage, fmt.Errorf("--jobs is %d, it must be at least 1", s.jobs))
	case cmd.Flags().Changed("out-dir") && s.outDir == "":
		return coded(exitUsage, errors.New("--out-dir: an empty name; name a folder"))
	}
	for _, p := range s.reports {
		if !strings.Contains(p, "{}") {
			return wrongUse(cmd, fmt.Errorf("--report %q: with several models a report is written for each; put {} where the model's name goes", p))
		}
	}
	if _, err := a.options(cmd, s); err != nil { // the same for all
		return err
	}
	if s.engine != string(engineGo) {
		return hasCompanion()
	}
	return nil
}

// result is what becomes of one of several models.
func (s *settings) result(in string) string {
	if s.outDir == "" {
		return beside(in)
	}
	return filepath.Join(s.outDir, filepath.Base(beside(in)))
}

// worst prints the table of all, and is the worst outcome.
func (a *app) worst(s *settings, jobs []*job, table func([]*job) (g grid, last string)) error {
	if !a.quiet && !s.json {
		g, last := table(jobs)
		if _, err := a.out.Write([]byte(strings.Join(append(g.lines("", a.look.width), last), "\n") + "\n")); err != nil {
			return err
		}
	}
	code := exitDone
	for _, j := range jobs {
		code = worse(code, j.code)
	}
	if code == exitDone {
		return nil
	}
	return coded(code, &saidAlready{})
}

// jobs says what becomes of each model, and refuses, before any work, results that are one
// file or that would be written over something.
func (a *app) jobs(s *settings, models []string) ([]*job, error) {
	var jobs []*job
	var all targets
	for _, in := range models {
		j := a.newJob(s, in, (*app).convertTo)
		jobs = append(jobs, j)
		for _, k := range jobs[:len(jobs)-1] {
			if output.SameFile(k.out, j.out) {
				return nil, fmt.Errorf("%q and %q would both become %q; convert them apart, or into two folders", k.in, in, j.out)
			}
		}
		all = append(append(all, j.settings.outputs()...), output.Target{Flag: "the result", Path: j.out})
	}
	return jobs, output.Spare(models, all...)
}

// newJob is the work on one model, with reports of its own.
func (a *app) newJob(s *settings, in string, do func(*app, *cobra.Command, *settings, string, string) (*convert.Report, error)) *job {
	j := &job{in: in, out: s.result(in), do: do, settings: *s, app: *a, done: make(chan struct{})}
	j.settings.reports = nil
	for _, p := range s.reports {
		j.settings.reports = append(j.settings.reports, forModel(p, in))
	}
	j.app.out, j.app.err = &stdout{to: &j.text}, &j.told
	j.app.noProgress = true
	return j
}

// work does the jobs, and prints what is said of each in their order.
func (a *app) work(cmd *cobra.Command, s *settings, jobs []*job) {
	ctx := cmd.Context()
	next := make(chan *job)
	var wait sync.WaitGroup
	for range min(s.jobs, len(jobs)) {
		wait.Go(func() {
			for j := range next {
				j.run(cmd)
				close(j.done)
			}
		})
	}
	go func() {
		defer close(next)
		for _, j := range jobs {
			if ctx.Err() != nil { // it was told to end: nothing more is begun
				j.code = exitCode(ctx, ctx.Err())
				close(j.done)
				continue
			}
			next <- j
		}
	}()
	for i, j := range jobs {
		<-j.done
		a.tellJob(s, j, i, len(jobs))
	}
	wait.Wait()
}

// run does the work and says what became of it.
func (j *job) run(cmd *cobra.Command) {
	err := j.app.guarded(func() (err error) {
		j.report, err = j.do(&j.app, cmd, &j.settings, j.in, j.out)
		return err
	})
	if err != nil {
		j.code = j.app.fail(cmd.Context(), err)
	}
}

// tellJob prints what was said of a model.
func (a *app) tellJob(s *settings, j *job, i, n int) {
	a.err.Write(j.told.Bytes())
	switch {
	case s.json:
		var b bytes.Buffer
		if j.text.Len() > 0 && json.Compact(&b, j.text.Bytes()) == nil {
			b.WriteByte('\n')
			a.out.Write(b.Bytes()) // its failure is noticed at the end
		}
	case a.verbose:
		a.out.Write(j.text.Bytes())
	case a.terminal && !a.quiet && !a.noProgress:
		fmt.Fprintf(a.err, "%d of %d: %s\n", i+1, n, name(j.in))
	}
}

// modelsTable has a line for each model, and what it comes to.
func modelsTable(jobs []*job) (g grid, last string) {
	g = grid{columns: []column{{title: "model", cuts: true}, {title: "verdict"}, {title: "merges", right: true}, {title: "nodes", right: true}, {title: "largest difference", right: true}, {title: "result", cuts: true}}}
	written := 0
	for _, j := range jobs {
		verdict, merges, nodes, differ, to := convert.Failed, "", "", "", ""
		if r := j.report; r != nil && r.Verdict != "" {
			verdict = r.Verdict
			if r.Output != nil && j.code == exitDone {
				merges, nodes, to = fmt.Sprint(len(r.Regions)), fmt.Sprintf("%d -> %d", r.Input.Nodes, r.Output.Nodes), name(j.out)
			}
			differ = largest(r)
		}
		if j.code == exitDone {
			written++
		} else if j.code == exitStrict {
			to = "not written (--strict)"
		}
		g.add(name(j.in), said(verdict), merges, nodes, differ, to)
	}
	return g, fmt.Sprintf("%d of %s written", written, plural(len(jobs), "model"))
}

// largest is the largest difference of any output, "" where none was compared.
func largest(r *convert.Report) string {
	if r.Check == nil {
		return ""
	}
	worst := 0.0
	for _, o := range r.Check.Outputs {
		worst = max(worst, float64(o.MaxAbs))
	}
	return fmt.Sprintf("%.1e", worst)
}

// worse is the exit code that counts of two: interrupted, not equivalent, failed, strict.
func worse(a, b int) int {
	rank := func(code int) int {
		if code > 128 {
			return math.MaxInt
		}
		return slices.Index([]int{exitDone, exitStrict, exitFailed, exitUsage, exitNotEquivalent}, code)
	}
	if rank(a) < rank(b) {
		return b
	}
	return a
}

// A saidAlready error was printed where it happened.
type saidAlready struct{}

func (*saidAlready) Error() string { return "it was said of every model what became of it" }
