package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"repmlp/verify/ort"
)

// A result is what became of one mutant.
type result struct {
	origin
	Outcome string // a word for the table
	Finding string // what is wrong, "" for nothing
	Suspect string // what may be
	Detail  string
	Seconds float64 // of the conversion
	Peak    int64   // bytes

	model []byte // where it is worth keeping
}

// The file of the mutant in a worker's folder.
const mutantFile = "mutant.onnx"

// work answers numbers of mutants, one a line, with lines "stage NAME", "from
// ORIGIN" and, at the end, "done RESULT".
func work(o options, dir string, files []string, in io.Reader, out io.Writer) error {
	lib, err := library(o)
	if err != nil {
		return err
	}
	debug.SetMemoryLimit(maxBytes / 2) // garbage is no need
	p := newPool(o.seed, files)
	t := &trial{lib: lib, dir: dir, stage: func(s string) { fmt.Fprintln(out, "stage", s) }}
	for s := bufio.NewScanner(in); s.Scan(); {
		i, err := strconv.Atoi(s.Text())
		if err != nil {
			return err
		}
		t.stage("make")
		b, from, err := p.make(i)
		r := result{origin: from, Outcome: "no seed"}
		if err == nil {
			file := filepath.Join(dir, mutantFile)
			if err := os.WriteFile(file, b, 0o644); err != nil {
				return err
			}
			line, err := json.Marshal(from)
			if err != nil {
				return err
			}
			fmt.Fprintf(out, "from %s\n", line)
			resetPeak()
			start := time.Now()
			r = t.run(file, uint64(i))
			r.origin, r.Peak = from, peak()
			if r.Seconds == 0 {
				r.Seconds = time.Since(start).Seconds()
			}
		}
		line, err := json.Marshal(r)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "done %s\n", line)
	}
	return nil
}

// library opens ONNX Runtime, nil where there is none and none is asked for.
func library(o options) (*ort.Library, error) {
	if !ort.Available {
		if o.requires {
			return nil, fmt.Errorf("this build has no ONNX Runtime")
		}
		return nil, nil
	}
	lib, err := ort.Open(ort.Find(o.ortLib, os.Getenv))
	if err != nil && !o.requires {
		return nil, nil
	}
	return lib, err
}

// resetPeak and peak measure the largest memory of this process, where the
// system tells (Linux).
func resetPeak() { os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) } // elsewhere there is no such file

func peak() int64 {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64) // 0: unknown
			return kb << 10
		}
	}
	return 0
}
