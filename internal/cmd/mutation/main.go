// Command mutation tells how many small mistakes the tests of packages find: it
// makes mutants of their source, each with one change, runs the tests on each and
// prints which survived. Nothing in the source tree changes.
//
//	go run ./internal/cmd/mutation -n 200 -seed 1 ./fuse ./convert/...
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"

	"repmlp/internal/parallel"
)

func main() {
	n := flag.Int("n", 200, "mutants, drawn evenly over files and operators")
	seed := flag.Uint64("seed", 1, "of the draw")
	tests := flag.String("tests", "", "packages whose tests are run, with commas; without it those that are mutated")
	own := flag.Bool("own", false, "run the tests of a mutant's own package alone")
	factor := flag.Float64("factor", 10, "tests may take as many times as long as without a mutation, and 5 s, of the processor")
	workers := flag.Int("j", max(1, runtime.NumCPU()/2), "mutants at a time, at most one for each processor")
	slow := flag.Duration("slow", 0, "leave out tests that take longer than this; 0 is none")
	match := flag.String("match", "", "of the drawn mutants those whose line of -list matches this regular expression")
	excuses := flag.String("equivalent", "", "a file that lists mutants that cannot be told from the original")
	list := flag.Bool("list", false, "list the mutants, run nothing")
	verbose := flag.Bool("v", false, "say what became of each mutant while it works")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: mutation [flags] PACKAGES")
		flag.PrintDefaults()
		os.Exit(2)
	}
	job := &job{n: *n, seed: *seed, packages: flag.Args(), tests: flag.Args(), own: *own, factor: *factor, workers: *workers,
		slow: *slow, match: *match, excuses: *excuses, list: *list, verbose: *verbose}
	if *tests != "" {
		job.tests = strings.Split(*tests, ",")
	}
	if err := job.run(); err != nil {
		fmt.Fprintln(os.Stderr, "mutation: error:", err)
		os.Exit(1)
	}
}

// A job is what the command line asks for.
type job struct {
	n               int
	seed            uint64
	packages, tests []string
	own             bool
	factor          float64
	workers         int
	slow            time.Duration
	match, excuses  string
	list, verbose   bool
}

func (j *job) run() error {
	pkgs, err := load(j.packages)
	if err != nil {
		return err
	}
	excuses := Excuses{}
	if j.excuses != "" {
		if excuses, err = readExcuses(j.excuses); err != nil {
			return err
		}
	}
	mutants, err := j.draw(pkgs)
	if err != nil {
		return err
	}
	if j.list {
		for _, m := range mutants {
			fmt.Println(line(m))
		}
		return nil
	}
	work, err := os.MkdirTemp("", "mutation-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	runner, err := j.runner(pkgs, work)
	if err != nil {
		return err
	}
	trials := make([]Trial, len(mutants))
	slots := make(chan struct{}, j.workers)
	err = parallel.Each(len(mutants), func(i int) error {
		slots <- struct{}{}
		defer func() { <-slots }()
		dir := filepath.Join(work, fmt.Sprint(i))
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		t, err := runner.try(mutants[i], dir)
		if err != nil {
			return err
		}
		if why, ok := excuses[key(t.Mutant)]; ok && (t.Verdict == Survived || t.Verdict == Unrun) {
			t.Verdict, t.By = Excused, why
		}
		if trials[i] = t; j.verbose {
			fmt.Fprintln(os.Stderr, t.Verdict, t.By, "|", line(t.Mutant))
		}
		return nil
	})
	if err != nil {
		return err
	}
	report(os.Stdout, trials)
	return nil
}

// draw is the mutants that are asked for.
func (j *job) draw(pkgs []*Package) ([]*Mutant, error) {
	all := sample(pkgs, j.n, j.seed)
	re, err := regexp.Compile(j.match)
	if err != nil {
		return nil, err
	}
	var out []*Mutant
	for _, m := range all {
		if re.MatchString(line(m)) {
			out = append(out, m)
		}
	}
	return out, nil
}

// runner prepares the tests, which must pass without a mutation.
func (j *job) runner(pkgs []*Package, work string) (*Runner, error) {
	all, err := suites(j.tests)
	if err != nil {
		return nil, err
	}
	for _, s := range all {
		begin := time.Now()
		if err := s.prepare(work, pkgs); err != nil {
			return nil, err
		}
		if j.slow > 0 {
			s.leaveOut(j.slow)
		}
		if j.verbose {
			fmt.Fprintf(os.Stderr, "%s: %d tests, %v\n", s.Path, len(s.tests), time.Since(begin).Round(time.Second))
		}
	}
	return &Runner{Suites: all, Factor: j.factor, Own: j.own}, nil
}

// line is a mutant in one line.
func line(m *Mutant) string {
	before, after := m.Change()
	file, function, _ := strings.Cut(m.Name(), " ")
	return fmt.Sprintf("%s:%d %s %s: %s → %s", file, m.Line, function, m.Operator, before, after)
}
