package verify

import (
	"runtime"
	"sync"
)

// parallel cuts n items into pieces of at least grain and runs them on all
// processors. The result may not depend on how the items are cut.
func parallel(n, grain int, f func(from, to int)) {
	workers := min(runtime.GOMAXPROCS(0), (n+grain-1)/max(grain, 1))
	if workers <= 1 {
		if n > 0 {
			f(0, n)
		}
		return
	}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() { f(n*w/workers, n*(w+1)/workers) })
	}
	wg.Wait()
}
