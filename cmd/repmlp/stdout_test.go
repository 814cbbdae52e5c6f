package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
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

// A report that cannot be given its name leaves neither it nor the model.
func TestReportThatCannotBeNamed(t *testing.T) {
	dir := t.TempDir()
	out, report, other := filepath.Join(dir, "o.onnx"), filepath.Join(dir, "r.json"), filepath.Join(dir, "a.txt")
	var o, e bytes.Buffer
	sabotage := func() { // after the names were looked at
		if err := os.MkdirAll(filepath.Join(report, "x"), 0o755); err != nil {
			t.Error(err)
		}
	}
	a := &app{out: &stdout{to: &o}, err: &e, prover: func(uint64, map[string]int64) convert.Prover { return &saboteur{do: sabotage} }}
	code := a.run(context.Background(), []string{"convert", "../../testdata/digits/digits_dynamo.onnx", "-o", out, "--report", other, "--report", report})
	files, _ := os.ReadDir(dir)
	if code != exitFailed || len(files) != 1 || files[0].Name() != "r.json" {
		t.Errorf("exit %d, %v: %s", code, files, e.String())
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
