package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
	"time"

	"repmlp/convert"
	"repmlp/onnxio"
	"repmlp/verify"
	"repmlp/verify/ort"
	"repmlp/verify/secondreader"
)

// A trial converts mutants.
type trial struct {
	lib   *ort.Library // may be nil
	dir   string
	stage func(string)
}

// run goes the way of repmlp convert with its default options, and then asks
// ONNX Runtime.
func (t *trial) run(file string, seed uint64) (r result) {
	defer func() {
		if p := recover(); p != nil {
			r.Finding, r.Detail = "panic", fmt.Sprintf("%v\n%s", p, debug.Stack())
		}
	}()
	ctx := context.Background()
	start := time.Now()
	t.stage("load")
	m, err := onnxio.Load(file)
	if err != nil {
		return result{Outcome: "unreadable", Detail: err.Error()}
	}
	defer m.Close()
	out := filepath.Join(t.dir, "out.onnx")
	defer remove(out)
	opts := convert.Options{SecondReader: secondreader.Reader{}, Began: t.stage}
	report, err := convert.File(ctx, file, out, opts)
	_, lacks := errors.AsType[*verify.Unsupported](err)
	if lacks {
		opts.NoCheck = true
		report, err = convert.File(ctx, file, out, opts)
	}
	r.Seconds = time.Since(start).Seconds()
	switch {
	case err == nil:
		r.Outcome = report.Verdict
		if lacks {
			r.Outcome += ", not run by the Go engine"
		}
	case errors.Is(err, convert.ErrNotEquivalent):
		r.Outcome, r.Suspect, r.Detail = "not equivalent", "not equivalent", err.Error()
		return r
	default:
		r.Outcome, r.Detail = "refused", err.Error()
		if t.lib != nil {
			t.stage("oracle")
			if t.runs(ctx, m, file, seed) {
				r.Outcome, r.Suspect = "refused, ONNX Runtime runs it", "refused"
			}
		}
		return r
	}
	if len(report.Regions) == 0 || t.lib == nil {
		return r
	}
	written, err := onnxio.Load(out)
	if err != nil {
		r.Finding, r.Detail = "error", err.Error()
		return r
	}
	defer written.Close()
	t.stage("oracle original")
	noise := 0.0 // of rounding, relative to the largest output
	if report.Check != nil {
		noise = float64(report.Check.NoiseFloor)
	}
	o := oracle{t, m, file, seed, noise}
	said, finding, detail := o.judge(ctx, written, out)
	r.Outcome += "; " + said
	r.Finding, r.Detail = finding, detail
	return r
}

// remove removes a model and its external data.
func remove(model string) {
	files, _ := filepath.Glob(model + "*")
	for _, f := range files {
		os.Remove(f)
	}
}

// runs reports whether ONNX Runtime takes a model with random inputs.
func (t *trial) runs(ctx context.Context, m *onnxio.Model, file string, seed uint64) bool {
	s, err := t.lib.Session(file, m, plain)
	if err != nil {
		return false
	}
	defer s.Close()
	feeds, err := verify.RandomInputs(m, nil, 2, seed)
	if err != nil {
		return false
	}
	_, err = s.Run(ctx, feeds)
	return err == nil
}

var particular = regexp.MustCompile(`"[^"]*"|\[[^\]]*\]|[-+]?[0-9][0-9.e+-]*`)

// kind is a message without what differs between models.
func kind(message string) string {
	line, _, _ := strings.Cut(message, "\n")
	s := particular.ReplaceAllString(line, "_")
	return s[:min(len(s), 200)]
}
