package parallel

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/edsrzf/mmap-go"
)

// A panic of a task is the caller's, when no task runs any more, with the place
// where it happened.
func TestPanicsReachTheCaller(t *testing.T) {
	broken := errors.New("broken")
	var running atomic.Int32
	task := func(i int) error {
		running.Add(1)
		defer running.Add(-1)
		if i == 7 {
			panic(broken)
		}
		return nil
	}
	for name, run := range map[string]func(){
		"Each":  func() { on(4, 20, task) },
		"one":   func() { on(1, 20, task) },
		"Ends":  func() { Ends(20, task) },
		"Group": func() { var g Group; g.Go(func() { task(7) }); g.Wait() },
		"Guard": func() {
			if err := Guard(func() error { return task(7) }); err != nil {
				panic(err)
			}
		},
	} {
		func() {
			defer func() {
				p, ok := recover().(*Panic)
				if !ok || p.Value != broken || !errors.Is(p, broken) || p.Fault() {
					t.Errorf("%s: recovered %v", name, p)
				} else if running.Load() != 0 {
					t.Errorf("%s: %d tasks run", name, running.Load())
				}
			}()
			run()
			t.Errorf("%s: no panic", name)
		}()
	}
}

// An error of a smaller index comes before a panic.
func TestErrorBeforePanic(t *testing.T) {
	err := on(1, 10, func(i int) error {
		if i == 3 {
			return errors.New("3")
		}
		if i == 4 {
			panic("4")
		}
		return nil
	})
	if err == nil || err.Error() != "3" {
		t.Errorf("the error is %v", err)
	}
}

// What is no fault of memory is none.
func TestNoFault(t *testing.T) {
	p, ok := Guard(func() error { panic("x") }).(*Panic)
	if !ok {
		t.Fatal("no panic")
	}
	var index []int
	q, ok := Guard(func() error { return errors.New(strings.Repeat("x", index[3])) }).(*Panic)
	if !ok || q.Fault() {
		t.Errorf("an index out of range is %v", q)
	}
	if p.Fault() || Recovered(p) != p || Recovered(nil) != nil {
		t.Error("a panic is another one")
	}
}

// A mapped file that became shorter is a panic that says so, on every goroutine.
func TestFault(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a mapped file cannot be cut")
	}
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, make([]byte, 1<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := mmap.Map(f, mmap.RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Unmap()
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	var sum atomic.Int32
	read := func(i int) error { sum.Add(int32(m[i*4096])); return nil }
	for name, run := range map[string]func(){
		"Each": func() { on(4, 20, read) }, "Ends": func() { Ends(20, read) },
		"Group": func() { var g Group; g.Go(func() { read(3) }); g.Wait() },
	} {
		err := Guard(func() error { run(); return nil })
		if p, ok := errors.AsType[*Panic](err); !ok || !p.Fault() {
			t.Errorf("%s: %v", name, err)
		}
	}
}
