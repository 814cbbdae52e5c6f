package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"repmlp/convert"
	"repmlp/verify"
)

// A device fails after so many bytes.
type device struct {
	bytes.Buffer
	room int
	err  error
}

func (d *device) Write(p []byte) (int, error) {
	if len(p) > d.room {
		n, _ := d.Buffer.Write(p[:d.room])
		d.room = 0
		return n, d.err
	}
	d.room -= len(p)
	return d.Buffer.Write(p)
}

// A full device as standard output is exit 1 and leaves nothing; a reader that
// went away is no failure, and the model stays.
func TestStandardOutput(t *testing.T) {
	in := sample
	for _, room := range []int{0, 10, 300} {
		for _, c := range []struct {
			wanted int // files
			args   []string
		}{
			{2, []string{"convert", in, "-o", "o.onnx", "--report", "r.txt"}},
			{2, []string{"convert", in, "-o", "o.onnx", "--json", "--report", "r.html"}},
			{1, []string{"verify", in, in, "-v", "--report", "r.json"}},
			{1, []string{"inspect", in, "--report", "r.json"}},
			{0, []string{"rules"}}, {0, []string{"help"}}, {0, []string{"completion", "bash"}},
		} {
			args := c.args
			for failure, want := range map[error]int{
				&fs.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.ENOSPC}: exitFailed,
				&fs.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.EPIPE}:  exitDone,
			} {
				t.Chdir(t.TempDir())
				d := &device{room: room, err: failure}
				var e bytes.Buffer
				code := run(context.Background(), args, d, &e)
				if code != want {
					t.Errorf("%v after %d bytes, %v: exit %d, %s", args, room, failure, code, e.String())
				}
				files, _ := os.ReadDir(".")
				switch {
				case want == exitFailed && len(files) > 0:
					t.Errorf("%v after %d bytes: %d files left, as %q", args, room, len(files), files[0].Name())
				case want == exitFailed && !strings.Contains(e.String(), "no space left"):
					t.Errorf("%v after %d bytes says %q", args, room, e.String())
				case want == exitDone && len(files) != c.wanted:
					t.Errorf("%v after %d bytes, reader gone: %d files, want %d", args, room, len(files), c.wanted)
				}
			}
		}
	}
}

// A file that cannot be given its name, be it the model or a report, leaves none
// of the others.
func TestFilesThatCannotBeNamed(t *testing.T) {
	for _, bad := range []string{"o.onnx", "a.txt", "r.json"} {
		dir := t.TempDir()
		in := func(name string) string { return filepath.Join(dir, name) }
		sabotage := func() { // after the names were looked at
			if err := os.MkdirAll(filepath.Join(in(bad), "x"), 0o755); err != nil {
				t.Error(err)
			}
		}
		var o, e bytes.Buffer
		a := &app{out: &stdout{to: &o}, err: &e, prover: func(uint64, map[string]int64) convert.Prover { return &saboteur{do: sabotage} }}
		code := a.run(context.Background(), []string{"convert", sample, "-o", in("o.onnx"), "--report", in("a.txt"), "--report", in("r.json")})
		files, _ := os.ReadDir(dir)
		if code != exitFailed || len(files) != 1 || files[0].Name() != bad || !strings.Contains(e.String(), bad) {
			t.Errorf("%s: exit %d, %v: %s", bad, code, files, e.String())
		}
	}
}

// Interrupted at any of its proofs a conversion is exit 130 and leaves nothing,
// also where a report was asked for.
func TestInterruptAtEveryProof(t *testing.T) {
	for stop := range int32(5) {
		dir := t.TempDir()
		ctx, cancel := context.WithCancel(context.Background())
		var count atomic.Int32
		interrupt := func() {
			if count.Add(1) == stop {
				cancel()
			}
		}
		var o, e bytes.Buffer
		a := &app{out: &stdout{to: &o}, err: &e, prover: func(uint64, map[string]int64) convert.Prover { return &saboteur{do: interrupt} }}
		code := a.run(ctx, []string{"convert", sample, "-o", filepath.Join(dir, "o.onnx"), "--json", "--report", filepath.Join(dir, "r.json")})
		files, _ := os.ReadDir(dir)
		switch {
		case stop == 0 && (code != exitDone || len(files) != 2):
			t.Errorf("without an interruption: exit %d, %v", code, files)
		case stop > 0 && (code != exitInterrupted || len(files) > 0 || o.Len() > 0):
			t.Errorf("interrupted at proof %d: exit %d, %v, %q", stop, code, files, o.String())
		}
		cancel()
	}
}

// A saboteur does something while regions are proved.
type saboteur struct {
	verify.Prover
	do func()
}

func (s *saboteur) Prove(ctx context.Context, c verify.Claim) (verify.Proof, error) {
	s.do()
	return s.Prover.Prove(ctx, c)
}

// What comes after a failure is not written: it would have a hole before it.
func TestStdoutKeepsItsFirstFailure(t *testing.T) {
	d := &device{err: errors.New("broken")}
	s := &stdout{to: d}
	s.Write([]byte("a"))
	d.room = 10
	if _, err := s.Write([]byte("b")); err == nil || d.Len() > 0 {
		t.Errorf("after a failure: %v, %q", err, d.String())
	}
}

// An endless proof finds a difference that is no number.
type endless struct{ verify.Prover }

func (*endless) Prove(context.Context, verify.Claim) (verify.Proof, error) {
	return verify.Proof{Rows: 2, MaxAbs: math.Inf(1), Bound: math.NaN()}, nil
}

// A difference that is no number is exit 3, and every kind of report can say so.
func TestDifferenceThatIsNoNumber(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	var o, e bytes.Buffer
	a := &app{out: &stdout{to: &o}, err: &e, prover: func(uint64, map[string]int64) convert.Prover { return &endless{} }}
	code := a.run(context.Background(), []string{"convert", sample, "-o", in("o.onnx"), "--json", "--report", in("r.txt"), "--report", in("r.html"), "--report", in("r.json")})
	files, _ := os.ReadDir(dir)
	if code != exitNotEquivalent || len(files) != 3 || strings.Contains(e.String(), "warning") {
		t.Errorf("exit %d, %v: %s", code, files, e.String())
	}
	var r convert.Report
	if err := json.Unmarshal(o.Bytes(), &r); err != nil || r.Verdict != convert.NotEquivalent || r.Regions[0].Proof == nil {
		t.Errorf("%v: %s", err, o.String())
	}
	if text := readDoc(t, in("r.txt")); !strings.Contains(text, "NOT PROVED") {
		t.Errorf("%s", text)
	}
}
