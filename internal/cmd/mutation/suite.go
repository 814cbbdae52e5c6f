package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A Suite is the tests of one package, as they are without a mutation.
type Suite struct {
	Path, Dir string
	deps      map[string]bool // packages that the tests are built from
	tests     []test
	covers    Coverage
	binary    [sha256.Size]byte // of the test binary, in which positions within lines are not kept

	mu    sync.Mutex
	kills map[string]int // by test
}

type test struct {
	name string
	took time.Duration
}

// buildFlags make binaries that are equal where their code is.
var buildFlags = []string{"-vet=off", "-buildvcs=false", "-ldflags=-s -w -buildid="}

// suites lists the packages of the patterns that have tests, those first that the
// others are built from.
func suites(patterns []string) ([]*Suite, error) {
	all, err := goList(append([]string{"-test", "-deps", "--"}, patterns...)...)
	if err != nil {
		return nil, err
	}
	deps := map[string][]string{}
	for _, l := range all {
		deps[l.ImportPath] = l.Deps
	}
	var out []*Suite
	for _, l := range all {
		if l.DepOnly || len(l.TestGoFiles)+len(l.XTestGoFiles) == 0 || strings.Contains(l.ImportPath, " ") {
			continue
		}
		s := &Suite{Path: l.ImportPath, Dir: l.Dir, deps: map[string]bool{l.ImportPath: true}, kills: map[string]int{}}
		for _, d := range deps[l.ImportPath+".test"] {
			path, _, _ := strings.Cut(d, " ") // "a/b [a/b.test]" is a/b with its tests
			s.deps[path] = true
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b *Suite) int {
		return cmp.Or(cmp.Compare(len(a.deps), len(b.deps)), strings.Compare(a.Path, b.Path))
	})
	return out, nil
}

// prepare runs the suite without a mutation: which tests there are, how long they
// take and what they run of the packages.
func (s *Suite) prepare(work string, pkgs []*Package) error {
	plain, covered := filepath.Join(work, "plain.test"), filepath.Join(work, "covered.test")
	if err := build(s.Path, plain); err != nil {
		return err
	}
	data, err := os.ReadFile(plain)
	if err != nil {
		return err
	}
	s.binary = sha256.Sum256(data)
	var paths []string
	for _, p := range pkgs {
		paths = append(paths, p.Path)
	}
	if err := build(s.Path, covered, "-cover", "-coverpkg="+strings.Join(paths, ",")); err != nil {
		return err
	}
	profile := filepath.Join(work, "profile")
	out, err := s.run(covered, 0, "-test.v", "-test.coverprofile="+profile)
	if err != nil {
		return fmt.Errorf("testing %s without a mutation: %w\n%s", s.Path, err, out)
	}
	s.tests = parseTests(out)
	if data, err = os.ReadFile(profile); err != nil {
		return err
	}
	s.covers, err = parseCoverage(data)
	return err
}

var testLine = regexp.MustCompile(`(?m)^--- (PASS|FAIL): (\S+) \(([0-9.]+)s\)`)

func parseTests(out []byte) []test {
	var tests []test
	for _, m := range testLine.FindAllSubmatch(out, -1) {
		seconds, _ := strconv.ParseFloat(string(m[3]), 64)
		tests = append(tests, test{string(m[2]), time.Duration(seconds * float64(time.Second))})
	}
	return tests
}

// leaveOut drops tests that take longer than limit.
func (s *Suite) leaveOut(limit time.Duration) {
	s.tests = slices.DeleteFunc(s.tests, func(t test) bool { return t.took > limit })
}

func build(pkg, to string, flags ...string) error {
	args := slices.Concat([]string{"test", "-c", "-o", to}, buildFlags, flags, []string{pkg})
	out, err := exec.Command("go", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("building the tests of %s: %w\n%s", pkg, err, out)
	}
	return nil
}

// memoryLimit bounds the address space of a test binary, in KiB: a mutant may
// allocate without end.
const memoryLimit = 12 << 20

// errTime says that a run took longer than it may.
var errTime = errors.New("out of time")

// waiting is how many times as long as its processor time a run may take: what else the
// machine does makes runs slow, and one that waits for ever uses no processor.
const waiting = 10

// run runs a test binary in the package's folder; limit bounds its processor time, 0 does
// not.
func (s *Suite) run(binary string, limit time.Duration, flags ...string) ([]byte, error) {
	ctx := context.Background()
	limits := fmt.Sprintf("ulimit -v %d", memoryLimit)
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, waiting*limit)
		defer cancel()
		limits += fmt.Sprintf("; ulimit -t %d", seconds(limit))
	}
	args := slices.Concat([]string{"-c", limits + `; exec "$0" "$@"`, binary, "-test.short", "-test.timeout=0"}, flags)
	cmd := exec.CommandContext(ctx, "sh", args...)
	cmd.Dir = s.Dir
	var out tail
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = 5 * time.Second
	ownGroup(cmd)
	err := cmd.Run()
	if ctx.Err() != nil || limit > 0 && ended(cmd.ProcessState, limit) {
		err = errTime
	}
	return out.Bytes(), err
}

// ended reports whether a signal ended a process that had used up its processor time, of
// which a good part may not be counted where the machine is shared.
func ended(p *os.ProcessState, limit time.Duration) bool {
	return p != nil && p.ExitCode() == -1 && p.UserTime()+p.SystemTime() >= limit/2
}

// seconds rounds up.
func seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }

// stages are the tests in the order in which they are tried on a mutant: what killed
// most before, then quick ones, then the others.
func (s *Suite) stages() [][]test {
	s.mu.Lock()
	defer s.mu.Unlock()
	var killers, quick, slow []test
	for _, t := range s.tests {
		switch {
		case s.kills[t.name] > 0:
			killers = append(killers, t)
		case t.took < time.Second:
			quick = append(quick, t)
		default:
			slow = append(slow, t)
		}
	}
	slices.SortStableFunc(killers, func(a, b test) int {
		return cmp.Or(cmp.Compare(s.kills[b.name], s.kills[a.name]), cmp.Compare(a.took, b.took))
	})
	const first = 4
	if len(killers) > first {
		for _, t := range killers[first:] {
			if t.took < time.Second {
				quick = append(quick, t)
			} else {
				slow = append(slow, t)
			}
		}
		killers = killers[:first]
	}
	return slices.DeleteFunc([][]test{killers, quick, slow}, func(ts []test) bool { return len(ts) == 0 })
}

// count notes which test killed a mutant.
func (s *Suite) count(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kills[name]++
}

// kill runs the tests on a binary that holds a mutant and says which of them killed
// it; "" where none did. A run takes at most factor times as much of the processor as it
// took time without the mutation, and some seconds.
func (s *Suite) kill(binary string, factor float64) string {
	for _, stage := range s.stages() {
		var names []string
		var took time.Duration
		for _, t := range stage {
			names = append(names, regexp.QuoteMeta(t.name))
			took += t.took
		}
		limit := time.Duration(factor*float64(took)) + 5*time.Second
		out, err := s.run(binary, limit, "-test.failfast", "-test.run=^("+strings.Join(names, "|")+")$")
		if err == nil {
			continue
		}
		for _, t := range parseTests(out) {
			s.count(t.name)
			return t.name
		}
		if len(stage) == 1 {
			s.count(stage[0].name)
		}
		if errors.Is(err, errTime) {
			return errTime.Error()
		}
		return err.Error()
	}
	return ""
}

// A tail keeps the first and the last part of what is written to it.
type tail struct{ head, end []byte }

const tailSize = 1 << 20

func (t *tail) Write(p []byte) (int, error) {
	n := min(len(p), tailSize-len(t.head))
	t.head = append(t.head, p[:n]...)
	t.end = append(t.end, p[n:]...)
	if len(t.end) > 2*tailSize {
		t.end = slices.Clone(t.end[len(t.end)-tailSize:])
	}
	return len(p), nil
}

func (t *tail) Bytes() []byte { return bytes.Join([][]byte{t.head, t.end}, nil) }
