package convert_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"repmlp/convert"
	"repmlp/onnxio"
	"repmlp/verify"
)

// A randomKind makes random models of one sort. What is expected of them follows from
// how they were built.
type randomKind struct {
	name   string
	exact  func(seed uint64) randomCase // all of it merges
	broken func(seed uint64) randomCase // a condition is taken away; nil where a kind has none
	rare   uint64                       // one is tried where others try so many, 1 if zero
	shows  []string                     // features that the exact ones have, see features
	breaks []string                     // that the broken ones have
}

// A randomCase is one of them.
type randomCase struct {
	spec   any      // what is told of it
	tags   []string // features that cannot be read off the model
	opts   convert.Options
	build  func() (*onnxio.Model, error)
	missed func(m *onnxio.Model, res *convert.Result) string // what should have merged and did not; nil where all is right
	noise  bool                                              // what is left of a subtraction of equal numbers may differ
}

// randomKinds is the table of them; each has a file.
var randomKinds = []randomKind{blockKind, kinKind, placeKind, selectKind, transposedKind, windowKind, besideKind, treeKind, fanKind, graphKind}

// blocks is how many random models of each kind a test converts;
// REPMLP_BLOCKS sets another number for soak runs, REPMLP_FIRST the first seed.
// With -short, as under the race detector, there are fewer.
func blocks(t *testing.T) (from, to uint64) {
	read := func(name string, def uint64) uint64 {
		s := os.Getenv(name)
		if s == "" {
			return def
		}
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatalf("%s=%q is no number", name, s)
		}
		return n
	}
	count := uint64(1200)
	if testing.Short() {
		count = 30
	}
	from = read("REPMLP_FIRST", 0)
	return from, from + read("REPMLP_BLOCKS", count)
}

// Every exact random model merges as far as its kind says, its proofs hold and its
// outputs agree. With -v the features that occurred are printed.
func TestRandomModelsMerge(t *testing.T) {
	var sum total
	for _, k := range randomKinds {
		t.Run(k.name, func(t *testing.T) { sum.add(k.run(t, k.exact, k.shows)) })
	}
	t.Logf("exact: %v", &sum)
}

// A random model with one condition broken keeps its outputs, whatever is merged.
func TestBrokenModelsKeepTheirOutputs(t *testing.T) {
	var sum total
	for _, k := range randomKinds {
		if k.broken != nil {
			t.Run(k.name, func(t *testing.T) { sum.add(k.run(t, k.broken, k.breaks)) })
		}
	}
	t.Logf("broken: %v", &sum)
}

// A total counts random models.
type total struct {
	mu                           sync.Mutex
	tried, merged, missed, wrong int
	failed                       int // conversions that ended in an error
	seen                         tally
}

func (s *total) String() string {
	return fmt.Sprintf("%d tried, %d with merges, %d missed, %d wrong, %d errors", s.tried, s.merged, s.missed, s.wrong, s.failed)
}

func (s *total) add(o *total) {
	s.tried, s.merged, s.missed, s.wrong, s.failed = s.tried+o.tried, s.merged+o.merged, s.missed+o.missed, s.wrong+o.wrong, s.failed+o.failed
}

// enough failures of one kind end its test.
const enough = 5

// run tries the models of a kind side by side, and prints what occurred.
func (k randomKind) run(t *testing.T, of func(seed uint64) randomCase, needs []string) *total {
	from, to := blocks(t)
	to = from + (to-from)/max(k.rare, 1)
	s, start := &total{seen: tally{}}, time.Now()
	var next atomic.Uint64
	next.Store(from)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for {
				seed := next.Add(1) - 1
				if seed >= to || s.bad() >= enough {
					return
				}
				s.try(t, of(seed), seed)
			}
		})
	}
	wg.Wait()
	t.Logf("%v in %.0f s\n%v", s, time.Since(start).Seconds(), s.seen)
	if lacks := s.seen.lacking(needs); len(lacks) > 0 && to-from >= 2000/max(k.rare, 1) && s.bad() == 0 {
		t.Errorf("never occurred: %s", strings.Join(lacks, ", "))
	}
	return s
}

func (s *total) bad() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.missed + s.wrong + s.failed
}

// try converts one model and looks at what came of it.
func (s *total) try(t *testing.T, c randomCase, seed uint64) {
	m, err := c.build()
	if err != nil {
		t.Errorf("%+v: %v", c.spec, err)
		s.count(func() { s.failed++ })
		return
	}
	c.opts.Prover = &verify.Prover{Seed: seed}
	res, err := convert.Convert(context.Background(), m, c.opts)
	if err != nil {
		t.Errorf("%+v: %v", c.spec, err)
		s.count(func() { s.tried++; s.failed++ })
		return
	}
	why := ""
	if c.missed != nil {
		why = c.missed(m, res)
	}
	if bad := unnamed(res); why == "" && len(bad) > 0 {
		why = fmt.Sprintf("not named: %v", bad)
	}
	if have, want := layerWeights(res.Model), layerWeights(m); why == "" && have > want && !c.opts.AllowGrowth && storesWeights(m) {
		why = fmt.Sprintf("%d weights of layers, %d before", have, want)
	}
	if why != "" {
		t.Errorf("%+v: missed: %s; verdict %s, %v left, declined %v, left %v", c.spec, why, res.Verdict, countOps(res.Model), res.Plan.Declined, res.Plan.Left)
	}
	right := true
	if res.Model != m {
		right = c.same(t, seed, m, res.Model)
	}
	s.count(func() {
		s.tried++
		if len(res.Plan.Regions) > 0 {
			s.merged++
		}
		if why != "" {
			s.missed++
		}
		if !right {
			s.wrong++
		}
		s.seen.add(features(m), outcomes(res), c.tags)
	})
}

func (s *total) count(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// same runs both whole models in the Go engine.
func (c randomCase) same(t *testing.T, seed uint64, a, b *onnxio.Model) bool {
	d, err := verify.Compare(context.Background(), a, b, verify.CompareOptions{Seed: seed})
	if err != nil {
		t.Errorf("%+v: %v", c.spec, err)
		return false
	}
	if d.Passed || c.noise && nothingLeft(d) {
		return true
	}
	t.Errorf("%+v: WRONG OUTPUT: %+v", c.spec, d.Outputs)
	return false
}

// sameModel runs both whole models in the Go engine.
func sameModel(t *testing.T, s any, seed uint64, a, b *onnxio.Model) bool {
	t.Helper()
	return randomCase{spec: s}.same(t, seed, a, b)
}
