package parallel

import (
	"fmt"
	"path"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
)

// A Panic is a panic of a task, with the place where it happened.
type Panic struct {
	Value any
	at    []uintptr
}

func (p *Panic) Error() string { return fmt.Sprint(p.Value) }

func (p *Panic) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// Fault reports whether memory could not be read that the program itself mapped:
// a file became shorter, or its disk failed.
func (p *Panic) Fault() bool {
	f, ok := p.Value.(interface{ Addr() uintptr })
	return ok && f.Addr() >= 4096
}

// Where lists the innermost calls, the panicking one first.
func (p *Panic) Where() string {
	const most = 8
	var calls []string
	frames := runtime.CallersFrames(p.at)
	for more := true; more && len(calls) < most; {
		var f runtime.Frame
		f, more = frames.Next()
		if f.Function != "" && !strings.HasPrefix(f.Function, "runtime.") && !strings.HasPrefix(f.Function, "repmlp/internal/parallel.") {
			calls = append(calls, fmt.Sprintf("%s (%s:%d)", strings.TrimPrefix(f.Function, "repmlp/"), path.Base(f.File), f.Line))
		}
	}
	return strings.Join(calls, ", ")
}

// Recovered makes a Panic of what recover returned, nil of nil. It is called where
// recover is, so that it sees where the panic happened.
func Recovered(v any) *Panic {
	if v == nil {
		return nil
	}
	if p, ok := v.(*Panic); ok {
		return p
	}
	at := make([]uintptr, 64)
	return &Panic{v, at[:runtime.Callers(2, at)]}
}

// Guard calls f and returns its panic, if any, as an error. Reading a mapped file
// that became shorter is such a panic too.
func Guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := Recovered(recover()); p != nil {
			err = p
		}
	}()
	return f()
}

// A Group is goroutines whose panics are the caller's.
type Group struct {
	wg    sync.WaitGroup
	mu    sync.Mutex
	panic *Panic
}

// Go calls f in a goroutine.
func (g *Group) Go(f func()) {
	g.wg.Go(func() {
		err := Guard(func() error { f(); return nil })
		if p, ok := err.(*Panic); ok {
			g.mu.Lock()
			defer g.mu.Unlock()
			if g.panic == nil {
				g.panic = p
			}
		}
	})
}

// Wait waits for all of them. A panic of one is the caller's then.
func (g *Group) Wait() {
	g.wg.Wait()
	if g.panic != nil {
		panic(g.panic)
	}
}
