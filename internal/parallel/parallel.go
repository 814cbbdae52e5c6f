// Package parallel runs numbered tasks side by side.
package parallel

import (
	"runtime"
	"sync"
)

// Each calls f(0) … f(n-1) on all processors, in this order of starting, and
// returns the error of the smallest index that failed; later calls may then not
// be made. A panic of a call is the caller's, as a *[Panic], when no call runs
// any more.
func Each(n int, f func(i int) error) error { return on(runtime.GOMAXPROCS(0), n, f) }

// on is Each with at most that many calls at a time.
func on(workers, n int, f func(i int) error) error {
	t := tasks{high: n}
	var wg sync.WaitGroup
	for range min(workers, n) - 1 {
		wg.Go(func() { t.work(false, f) })
	}
	t.work(false, f)
	wg.Wait()
	return t.result()
}

// Ends calls f(0) … f(n-1), two at a time, from both ends: neighbours, which are
// often alike, do not run together. It returns the error of the smallest index
// that failed; larger ones may then not be called. Panics are as those of Each.
func Ends(n int, f func(i int) error) error {
	t := tasks{high: n}
	var wg sync.WaitGroup
	wg.Go(func() { t.work(true, f) })
	t.work(false, f)
	wg.Wait()
	return t.result()
}

// tasks are low up to high, which nobody has taken yet.
type tasks struct {
	mu        sync.Mutex
	low, high int
	failed    int   // the smallest index that failed
	err       error // its error, nil while none has
}

// work takes tasks until there are none, from the end if last is set.
func (t *tasks) work(last bool, f func(i int) error) {
	for i, ok := t.take(last); ok; i, ok = t.take(last) {
		if err := Guard(func() error { return f(i) }); err != nil {
			t.fail(i, err)
		}
	}
}

// result is the error of the smallest index that failed.
func (t *tasks) result() error {
	if p, ok := t.err.(*Panic); ok {
		panic(p)
	}
	return t.err
}

func (t *tasks) take(last bool) (i int, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.low >= t.high {
		return 0, false
	}
	if last {
		t.high--
		return t.high, true
	}
	t.low++
	return t.low - 1, true
}

// fail notes an error: larger indices need not be tried.
func (t *tasks) fail(i int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil || i < t.failed {
		t.failed, t.err = i, err
	}
	t.high = min(t.high, t.failed)
}
