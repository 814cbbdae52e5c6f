//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"repmlp/convert"
)

// sabotaged converts a model while something happens to it, in a folder of its
// own, and returns what is left there beside what it held.
func sabotaged(t *testing.T, ctx context.Context, in string, do func()) (code int, errw string, left []string) {
	t.Helper()
	out := t.TempDir()
	var o, e bytes.Buffer
	a := &app{out: &stdout{to: &o}, err: &e, prover: func(uint64, map[string]int64) convert.Prover { return &saboteur{do: do} }}
	code = a.run(ctx, []string{"convert", in, "-o", filepath.Join(out, "o.onnx"), "--report", filepath.Join(out, "r.json")})
	entries, err := os.ReadDir(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range entries {
		left = append(left, f.Name())
	}
	return code, e.String(), left
}

// copied is a model with external data, and another without, in a new folder.
func copied(t *testing.T, external bool) (model, data string) {
	t.Helper()
	dir := t.TempDir()
	copyTo := func(from, name string) string {
		b, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), b, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		return filepath.Join(dir, name)
	}
	if !external {
		m := copyTo("../../testdata/digits/digits_dynamo.onnx", "m.onnx")
		return m, m
	}
	from := "../../testdata/cases/dyn_v1_dynN_ext/model.onnx"
	return copyTo(from, "m.onnx"), copyTo(from+".data", "model.onnx.data")
}

// An input that another program cuts, writes over, replaces or removes while it is
// read: an error that says so, exit 1, and nothing is left.
func TestInputChangesWhileItIsRead(t *testing.T) {
	for _, external := range []bool{false, true} {
		for how, spoil := range map[string]func(path string) error{
			"cut to nothing": func(p string) error { return os.Truncate(p, 0) },
			"cut by a page":  func(p string) error { return os.Truncate(p, 4096) },
			"cut by a byte": func(p string) error {
				st, err := os.Stat(p)
				if err == nil {
					err = os.Truncate(p, st.Size()-1)
				}
				return err
			},
			"written over": func(p string) error {
				f, err := os.OpenFile(p, os.O_WRONLY, 0)
				if err == nil {
					_, err = f.WriteAt(bytes.Repeat([]byte{7}, 5000), 1000)
					f.Close()
					os.Chtimes(p, time.Time{}, time.Now().Add(time.Hour)) // clocks of file systems are coarse
				}
				return err
			},
			"replaced": func(p string) error {
				b, err := os.ReadFile(p)
				if err == nil {
					err = os.WriteFile(p+".new", b, 0o644)
				}
				if err == nil {
					err = os.Rename(p+".new", p)
				}
				return err
			},
			"removed": os.Remove,
		} {
			model, data := copied(t, external)
			code, errw, left := sabotaged(t, context.Background(), model, func() {
				if err := spoil(data); err != nil {
					os.Stat(data) // a second region
				}
			})
			if code != exitFailed || !strings.Contains(errw, "changed while it was read") || !strings.Contains(errw, filepath.Base(data)) || len(left) > 0 {
				t.Errorf("external %v, %s: exit %d, %s left %q", external, how, code, errw, left)
			}
		}
	}
}

// A panic on whichever goroutine is exit 1, says what to report and where it
// happened, and leaves nothing.
func TestPanicIsABug(t *testing.T) {
	model, _ := copied(t, false)
	for name, do := range map[string]func(){
		"value": func() { panic("broken invariant") },
		"index": func() { _ = make([]int, 3)[len(os.Args)+5] },
		"nil":   func() { var a *app; a.quiet = true },
	} {
		code, errw, left := sabotaged(t, context.Background(), model, do)
		if code != exitFailed || len(left) > 0 {
			t.Errorf("%s: exit %d, left %q", name, code, left)
		}
		for _, want := range []string{"this is a bug in repmlp", "repmlp: hint: please report it", version, "convert", "faults_unix_test.go:"} {
			if !strings.Contains(errw, want) {
				t.Errorf("%s: %q is missing in %s", name, want, errw)
			}
		}
		if strings.Contains(errw, "goroutine") {
			t.Errorf("%s: a dump: %s", name, errw)
		}
	}
}

// A signal that asks the program to end makes it clean up; the code says which it
// was. A second one ends it at once.
func TestSignals(t *testing.T) {
	model, _ := copied(t, false)
	for sig, want := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143, syscall.SIGHUP: 129} {
		if signal.Ignored(sig) {
			continue // by whoever runs the tests, see TestIgnoredSignals
		}
		exits := make(chan int, 1)
		ctx, stop := untilSignal(context.Background(), func(code int) { exits <- code })
		send := func() {
			if err := syscall.Kill(os.Getpid(), sig); err != nil {
				t.Error(err)
			}
		}
		var once sync.Once // regions are proved side by side, and a second signal ends at once
		code, errw, left := sabotaged(t, ctx, model, func() {
			once.Do(send)
			<-ctx.Done()
		})
		if code != want || len(left) > 0 || !strings.Contains(errw, "nothing was written") {
			t.Errorf("%v: exit %d, %s left %q", sig, code, errw, left)
		}
		send()
		if code := <-exits; code != want {
			t.Errorf("a second %v ends with %d", sig, code)
		}
		stop()
	}
}

// A hangup that the starter has the program ignore stays ignored, as under nohup.
func TestIgnoredSignals(t *testing.T) {
	if os.Getenv("REPMLP_TEST_NOHUP") != "" {
		ctx, stop := untilSignal(context.Background(), os.Exit)
		defer stop()
		syscall.Kill(os.Getpid(), syscall.SIGHUP)
		syscall.Kill(os.Getpid(), syscall.SIGTERM)
		<-ctx.Done()
		fmt.Println("ended by", context.Cause(ctx).(*stopped).sig)
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	attr := &os.ProcAttr{Env: append(os.Environ(), "REPMLP_TEST_NOHUP=1")}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	attr.Files = []*os.File{nil, w, w}
	p, err := os.StartProcess("/bin/sh", []string{"sh", "-c", `trap "" HUP; exec "$0" -test.run '^TestIgnoredSignals$' -test.v`, self}, attr)
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	b.ReadFrom(r)
	if st, err := p.Wait(); err != nil || !st.Success() || !strings.Contains(b.String(), "ended by terminated") {
		t.Errorf("%v, %v: %s", st, err, b.String())
	}
}

// A pipe or a device is refused before it is opened, whatever it stands for.
func TestSpecialFilesAreNotRead(t *testing.T) {
	model, _ := copied(t, false)
	external, data := copied(t, true)
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.Remove(data); err == nil {
		err = syscall.Mkfifo(data, 0o600)
		if err != nil {
			t.Fatal(err)
		}
	}
	os.Mkdir("set", 0o755)
	for _, name := range []string{"p.onnx", "p.npy", "p.npz", "set/input_0.pb"} {
		if err := syscall.Mkfifo(name, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{
		{"convert", "p.onnx"}, {"inspect", "p.onnx"}, {"verify", "p.onnx", model}, {"verify", model, "p.onnx"}, {"bench", "p.onnx"},
		{"convert", external}, {"inspect", external}, {"verify", model, model, "--inputs", "p.npy"}, {"verify", model, model, "--inputs", "p.npz"},
		{"verify", model, model, "--inputs", "set"}, {"convert", model, "--inputs", "p.npy", "-o", "o.onnx"}, {"convert", "set"},
	} {
		code, out, errw := repmlp(args...)
		if code != exitFailed || out != "" || !strings.Contains(errw, "is a pipe, not a regular file") && !strings.Contains(errw, "is a folder, not a regular file") {
			t.Errorf("%v: exit %d, %q, %s", args, code, out, errw)
		}
	}
}
