package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// renewAfter is how many mutants a worker takes: what ONNX Runtime leaves behind
// adds up.
const renewAfter = 2000

// A tally counts results.
type tally struct {
	mu                           sync.Mutex
	outcomes, findings, suspects map[string]int
	byKind                       map[string]map[string]int
	examples                     map[string]string // of suspects and refusals
	slowest                      float64
	largest                      int64
}

// hunt tries all mutants and prints the counts; it returns how many findings
// there are.
func hunt(o options, out io.Writer) (int, error) {
	if _, err := library(o); err != nil {
		return 0, err
	}
	t := &tally{outcomes: map[string]int{}, findings: map[string]int{}, suspects: map[string]int{}, byKind: map[string]map[string]int{}, examples: map[string]string{}}
	tmp, err := os.MkdirTemp("", "mutants-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(tmp)
	start := time.Now()
	var next atomic.Int64
	var wg sync.WaitGroup
	errs := make([]error, o.jobs)
	for k := range o.jobs {
		wg.Go(func() {
			w := &handler{o: o, dir: filepath.Join(tmp, strconv.Itoa(k))}
			defer w.end()
			for {
				i := int(next.Add(1)) - 1
				if i >= o.n || o.budget > 0 && time.Since(start) > o.budget {
					return
				}
				r, err := w.try(o.first + i)
				if err != nil {
					errs[k] = err
					return
				}
				if errs[k] = t.add(o, o.first+i, r); errs[k] != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return 0, err
		}
	}
	total := 0
	for _, n := range t.findings {
		total += n
	}
	t.print(out, total, time.Since(start))
	return total, nil
}

// add counts a result and keeps the file of a finding or suspect.
func (t *tally) add(o options, i int, r result) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.outcomes[r.Outcome]++
	for _, k := range slices.Compact(slices.Sorted(slices.Values(r.Kinds))) {
		if t.byKind[k] == nil {
			t.byKind[k] = map[string]int{}
		}
		t.byKind[k][group(r)]++
	}
	t.slowest, t.largest = max(t.slowest, r.Seconds), max(t.largest, r.Peak)
	what, folder := r.Finding, o.keep
	if what != "" {
		t.findings[what]++
	} else if r.Suspect != "" {
		what, folder = r.Suspect, filepath.Join(o.keep, "look")
		key := r.Suspect + ": " + kind(r.Detail)
		t.suspects[key]++
		if t.suspects[key] > 3 {
			return nil
		}
		t.examples[key] = strconv.Itoa(i)
	}
	if what == "" {
		return nil
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	name := filepath.Join(folder, fmt.Sprintf("%s-%d-%d", strings.ReplaceAll(what, " ", "_"), o.seed, i))
	if err := os.WriteFile(name+".onnx", r.model, 0o644); err != nil {
		return err
	}
	text := fmt.Sprintf("seed %d, mutant %d of %s\nchanges: %s\n%s: %s\n%.1f s, %d MB\n", o.seed, i, r.File, strings.Join(r.Kinds, ", "), what, r.Detail, r.Seconds, r.Peak>>20)
	return os.WriteFile(name+".txt", []byte(text), 0o644)
}

// group is a word for the table of kinds.
func group(r result) string {
	switch {
	case r.Finding != "":
		return "findings"
	case strings.HasPrefix(r.Outcome, "fused"), strings.HasPrefix(r.Outcome, "partial"):
		return "merged"
	case r.Outcome == "declined", r.Outcome == "unchanged":
		return "as it was"
	case r.Outcome == "unreadable", r.Outcome == "no seed":
		return "unreadable"
	}
	return "refused"
}

func (t *tally) print(out io.Writer, total int, took time.Duration) {
	n := 0
	for _, k := range t.outcomes {
		n += k
	}
	fmt.Fprintf(out, "%d mutants in %.0f s; slowest conversion %.1f s, most memory %d MB\n\n", n, took.Seconds(), t.slowest, t.largest>>20)
	for _, k := range slices.Sorted(maps.Keys(t.outcomes)) {
		fmt.Fprintf(out, "%7d  %s\n", t.outcomes[k], k)
	}
	fmt.Fprintf(out, "\n%-22s %10s %10s %10s %10s %10s\n", "change", "merged", "as it was", "refused", "unreadable", "findings")
	for _, k := range slices.Sorted(maps.Keys(t.byKind)) {
		c := t.byKind[k]
		fmt.Fprintf(out, "%-22s %10d %10d %10d %10d %10d\n", k, c["merged"], c["as it was"], c["refused"], c["unreadable"], c["findings"])
	}
	if len(t.suspects) > 0 {
		fmt.Fprintf(out, "\nworth a look:\n")
		for _, k := range slices.Sorted(maps.Keys(t.suspects)) {
			fmt.Fprintf(out, "%7d  %s (mutant %s)\n", t.suspects[k], k, t.examples[k])
		}
	}
	fmt.Fprintf(out, "\n%d findings\n", total)
	for _, k := range slices.Sorted(maps.Keys(t.findings)) {
		fmt.Fprintf(out, "%7d  %s\n", t.findings[k], k)
	}
}

// A handler keeps one worker going.
type handler struct {
	o     options
	dir   string
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines chan string
	tried int
}

func (h *handler) begin() error {
	os.RemoveAll(h.dir)
	if err := os.MkdirAll(h.dir, 0o755); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	args := append([]string{"-worker", "-dir", h.dir}, os.Args[1:]...)
	h.cmd = exec.Command(self, args...)
	h.cmd.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(max(1, runtime.GOMAXPROCS(0)/h.o.jobs)), "GOTRACEBACK=all")
	errs, err := os.Create(filepath.Join(h.dir, "stderr"))
	if err != nil {
		return err
	}
	defer errs.Close()
	h.cmd.Stderr = errs
	if h.in, err = h.cmd.StdinPipe(); err != nil {
		return err
	}
	stdout, err := h.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := h.cmd.Start(); err != nil {
		return err
	}
	h.lines, h.tried = make(chan string), 0
	go func(lines chan<- string) {
		defer close(lines)
		for r := bufio.NewReader(stdout); ; {
			s, err := r.ReadString('\n')
			if err != nil {
				return
			}
			lines <- strings.TrimSuffix(s, "\n")
		}
	}(h.lines)
	return nil
}

// end stops the worker.
func (h *handler) end() {
	if h.cmd == nil {
		return
	}
	h.in.Close()
	h.cmd.Process.Kill()
	for range h.lines {
	}
	h.cmd.Wait()
	h.cmd = nil
}

// try has a mutant converted. What ends a worker is tried again in a new one
// before it counts: the cause may lie in what the worker did before.
func (h *handler) try(i int) (result, error) {
	r, err := h.once(i)
	if err != nil || !r.ends() {
		return r, err
	}
	h.end()
	r, err = h.once(i)
	if err == nil && r.ends() {
		h.end()
	}
	return r, err
}

// ends reports whether the worker should not go on.
func (r *result) ends() bool {
	return slices.Contains([]string{"crash", "time", "memory"}, r.Finding) || r.Outcome == "ONNX Runtime ends the process"
}

func (h *handler) once(i int) (result, error) {
	if h.cmd != nil && h.tried >= renewAfter {
		h.end()
	}
	if h.cmd == nil {
		if err := h.begin(); err != nil {
			return result{}, err
		}
	}
	h.tried++
	fmt.Fprintln(h.in, i) // an error shows as the end of the answers
	stage, from := "", origin{}
	deadline := time.NewTimer(maxSeconds * time.Second)
	look := time.NewTicker(100 * time.Millisecond)
	defer deadline.Stop()
	defer look.Stop()
	lost := func(finding string) result {
		r := result{Outcome: "lost", Finding: finding, Detail: "while at: " + stage}
		if strings.HasPrefix(stage, "oracle") && stage != "oracle written" {
			r.Outcome, r.Finding = "ONNX Runtime ends the process", ""
		}
		if b, err := os.ReadFile(filepath.Join(h.dir, "stderr")); err == nil {
			r.Detail += "\n" + string(b[:min(len(b), 1<<14)])
		}
		r.origin = from
		return h.keep(r)
	}
	for {
		select {
		case line, ok := <-h.lines:
			if !ok {
				return lost("crash"), nil
			}
			if s, ok := strings.CutPrefix(line, "stage "); ok {
				if stage = s; strings.HasPrefix(s, "oracle") {
					deadline.Reset(maxSeconds * time.Second)
				}
				continue
			}
			if s, ok := strings.CutPrefix(line, "from "); ok {
				if err := json.Unmarshal([]byte(s), &from); err != nil {
					return result{}, err
				}
				continue
			}
			s, ok := strings.CutPrefix(line, "done ")
			if !ok {
				continue // ONNX Runtime prints
			}
			var r result
			if err := json.Unmarshal([]byte(s), &r); err != nil {
				return r, err
			}
			switch {
			case r.Finding != "":
			case r.Peak > maxBytes:
				r.Finding, r.Detail = "memory", fmt.Sprintf("%d MB\n%s", r.Peak>>20, r.Detail)
			case r.Seconds > maxSeconds:
				r.Finding = "time"
			}
			return h.keep(r), nil
		case <-deadline.C:
			return lost("time"), nil
		case <-look.C:
			if rss(h.cmd.Process.Pid) > maxBytes {
				return lost("memory"), nil
			}
		}
	}
}

// keep adds the bytes of the mutant where there is something about it.
func (h *handler) keep(r result) result {
	if r.Finding != "" || r.Suspect != "" {
		r.model, _ = os.ReadFile(filepath.Join(h.dir, mutantFile)) // none where making it failed
	}
	return r
}

// rss is the memory of a process in bytes, 0 where the system does not tell.
func rss(pid int) int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	f := strings.Fields(string(b))
	if len(f) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(f[1], 10, 64) // 0: unknown
	return pages * int64(os.Getpagesize())
}
