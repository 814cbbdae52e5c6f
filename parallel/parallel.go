// Package parallel runs numbered tasks side by side.
package parallel

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Each calls f(0) … f(n-1) on all processors, in this order of starting, and
// returns the error of the smallest index that failed; later calls may then not
// be made.
func Each(n int, f func(i int) error) error { return on(runtime.GOMAXPROCS(0), n, f) }

// on is Each with at most that many calls at a time.
func on(workers, n int, f func(i int) error) error {
	workers = min(workers, n)
	if workers <= 1 {
		for i := range n {
			if err := f(i); err != nil {
				return err
			}
		}
		return nil
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	var mu sync.Mutex
	var first error
	at := n
	for range workers {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := f(i); err != nil {
					mu.Lock()
					if i < at {
						at, first = i, err
					}
					mu.Unlock()
					next.Store(int64(n))
					return
				}
			}
		})
	}
	wg.Wait()
	return first
}

// Ends calls f(0) … f(n-1), two at a time, from both ends: neighbours, which are
// often alike, do not run together. It returns the error of the smallest index
// that failed; larger ones may then not be called.
func Ends(n int, f func(i int) error) error {
	var mu sync.Mutex
	var first error
	low, high := 0, n // what is left
	next := func(last bool) (i int, ok bool) {
		mu.Lock()
		defer mu.Unlock()
		if low >= high {
			return 0, false
		}
		if last {
			high--
			return high, true
		}
		low++
		return low - 1, true
	}
	at := n
	fail := func(i int, err error) {
		mu.Lock()
		defer mu.Unlock()
		if i < at {
			at, first = i, err
		}
		high = min(high, at)
	}
	var wg sync.WaitGroup
	for _, last := range []bool{false, true} {
		wg.Go(func() {
			for {
				i, ok := next(last)
				if !ok {
					return
				}
				if err := f(i); err != nil {
					fail(i, err)
				}
			}
		})
	}
	wg.Wait()
	return first
}
