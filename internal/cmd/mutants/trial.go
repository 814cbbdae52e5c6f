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
	t.stage("convert")
	out := filepath.Join(t.dir, "out.onnx")
	noise := 0.0 // of rounding, relative to the largest output
	res, pending, err := convert.ToFile(ctx, m, out, convert.Options{Prover: &verify.Prover{}})
	if pending != nil {
		defer pending.Discard()
		defer res.Written.Close()
	}
	if err == nil {
		r.Outcome = res.Verdict
		if res.Model != m {
			t.stage("check")
			noise, err = t.check(ctx, res)
		}
	}
	r.Seconds = time.Since(start).Seconds()
	_, lacks := errors.AsType[*verify.Unsupported](err)
	switch {
	case err == nil || lacks && pending != nil:
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
	if res.Model == m || t.lib == nil {
		return r
	}
	dir := filepath.Join(t.dir, "written")
	if err := os.Mkdir(dir, 0o755); err != nil {
		r.Finding, r.Detail = "error", err.Error()
		return r
	}
	defer os.RemoveAll(dir)
	path, err := pending.Expose(dir)
	if err != nil {
		r.Finding, r.Detail = "error", err.Error()
		return r
	}
	t.stage("oracle original")
	o := oracle{t, m, file, seed, noise}
	said, finding, detail := o.judge(ctx, res.Written, path)
	r.Outcome += "; " + said
	r.Finding, r.Detail = finding, detail
	return r
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

// check is what the command does with a written file. It returns how much of the
// outputs is rounding.
func (t *trial) check(ctx context.Context, res *convert.Result) (noise float64, err error) {
	if _, err := verify.SecondReading(res.Written.FileBytes(), res.Model); err != nil {
		return 0, err
	}
	c, err := verify.Compare(ctx, res.Baseline, res.Written, verify.CompareOptions{})
	if err != nil {
		return 0, err
	}
	if !c.Passed {
		return 0, fmt.Errorf("the models differ: %+v: %w", c.Outputs, convert.ErrNotEquivalent)
	}
	return c.NoiseFloor, nil
}

var particular = regexp.MustCompile(`"[^"]*"|\[[^\]]*\]|[-+]?[0-9][0-9.e+-]*`)

// kind is a message without what differs between models.
func kind(message string) string {
	line, _, _ := strings.Cut(message, "\n")
	s := particular.ReplaceAllString(line, "_")
	return s[:min(len(s), 200)]
}
