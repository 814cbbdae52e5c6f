package verify

import (
	"runtime"
	"slices"
	"sync"
	"unsafe"

	"github.com/edsrzf/mmap-go"

	"repmlp/internal/budget"
)

// An arena follows the tensors of a run, so that the storage of those that
// nothing reads any more serves for those that are made next.
type arena struct {
	*storage
	mine  map[any]bool  // storage that was made here, by its first element
	uses  map[any]int   // of storage that known values share
	meter *budget.Meter // what runs at the same time hold together, may be nil
	held  int64         // of that, by the values that this run knows
	asked int64         // of that, for the node that runs
}

// ask takes bytes from the budget before they are allocated for the node that
// runs. Beyond it a panic with a *budget.Exceeded ends the node; Engine.call
// makes an error of it.
func (a *arena) ask(bytes int64) {
	if a == nil {
		return
	}
	if err := a.meter.Take(bytes, ""); err != nil {
		panic(err)
	}
	a.asked += bytes
}

// settle notes what the values hold that are known now; what else the last node
// asked for is free again.
func (a *arena) settle(live int64) {
	a.meter.Give(a.held + a.asked - live)
	a.held, a.asked = live, 0
}

// newArena makes an arena for one run at a time; arenas may share their storage.
func newArena(s *storage) *arena {
	return &arena{storage: s, mine: map[any]bool{}, uses: map[any]int{}}
}

// A storage keeps what arenas need no more. It is safe for concurrent use.
type storage struct {
	mu  sync.Mutex
	f32 shelf[float32]
	f64 shelf[float64]
}

// newStorage makes storage that keeps at most so many bytes of each type: more
// would not be asked for again soon.
func newStorage(keep int) *storage {
	return &storage{f32: shelf[float32]{keep: keep}, f64: shelf[float64]{keep: keep}}
}

// newSlabs makes storage that cuts float64 slices from slabs outside the heap and
// keeps all of those.
func newSlabs() *storage {
	s := newStorage(proofShelf)
	s.f64.slab = func() []byte {
		m, err := mmap.MapRegion(nil, slabSize, mmap.COPY, mmap.ANON, 0)
		if err != nil {
			return nil
		}
		largePages(m)
		runtime.AddCleanup(s, func(m mmap.MMap) { _ = m.Unmap() }, m)
		return m
	}
	return s
}

// take returns n zeros.
func (s *storage) take(n int) []float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.f64.take(n)
}

// put takes back what take returned.
func (s *storage) put(v []float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.f64.put(v)
}

// What is kept for runs of whole models and for the proofs of regions.
const (
	modelShelf = 64 << 20
	proofShelf = 8 << 20
)

// slabSize is the size of a slab in bytes, and slabShare the part of it from which
// on slices are cut from it.
const (
	slabSize  = 16 << 20
	slabShare = 128
)

type shelf[T float] struct {
	free  [][]T // oldest first
	bytes int   // of what is not from slabs
	keep  int
	slab  func() []byte // makes a slab, where there are any
	rest  []byte        // of the newest slab
}

// cuts reports whether slices of n numbers come from slabs.
func (s *shelf[T]) cuts(n int) bool {
	return s.slab != nil && bytesOf[T](n) >= slabSize/slabShare && bytesOf[T](n) <= slabSize
}

// oversize is how much longer than needed a slice may be.
const oversize = 8

// take returns zeros, from a slice that is not very much longer than needed.
func (s *shelf[T]) take(n int) []T {
	best := -1
	for i, f := range s.free {
		if cap(f) >= n && cap(f) <= oversize*n && (best < 0 || cap(f) < cap(s.free[best])) {
			best = i
		}
	}
	if best < 0 {
		return s.cut(n)
	}
	out := s.free[best][:n]
	if !s.cuts(cap(out)) {
		s.bytes -= bytesOf[T](cap(out))
	}
	s.free = slices.Delete(s.free, best, best+1)
	clear(out)
	return out
}

// cut makes a slice. Memory that is touched for the first time costs more than
// what proofs do with it, unless it comes in large pages; so there are slabs.
func (s *shelf[T]) cut(n int) []T {
	if !s.cuts(n) {
		return make([]T, n)
	}
	bytes := bytesOf[T](n)
	if len(s.rest) < bytes {
		if s.rest = s.slab(); s.rest == nil {
			return make([]T, n)
		}
	}
	out := unsafe.Slice((*T)(unsafe.Pointer(&s.rest[0])), n)
	s.rest = s.rest[bytes:]
	return out
}

func bytesOf[T float](n int) int { return n * int(unsafe.Sizeof(T(0))) }

func (s *shelf[T]) put(v []T) {
	const small = 1 << 10
	if cap(v) < small {
		return
	}
	s.free = append(s.free, v)
	if s.cuts(cap(v)) {
		return
	}
	for s.bytes += bytesOf[T](cap(v)); s.bytes > s.keep; {
		oldest := slices.IndexFunc(s.free, func(v []T) bool { return !s.cuts(cap(v)) })
		s.bytes -= bytesOf[T](cap(s.free[oldest]))
		s.free = slices.Delete(s.free, oldest, oldest+1)
	}
}

// key is the identity of a tensor's storage; nil for integers and for none.
func (t *Tensor) key() any {
	switch {
	case len(t.F32) > 0:
		return &t.F32[0]
	case len(t.F64) > 0:
		return &t.F64[0]
	}
	return nil
}

// hold notes that a value has this storage.
func (a *arena) hold(t *Tensor) {
	if k := t.key(); k != nil {
		a.uses[k]++
	}
}

// release notes that a value is gone; the storage is free when no other has it.
func (a *arena) release(t *Tensor) {
	k := t.key()
	if k == nil {
		return
	}
	if a.uses[k]--; a.uses[k] > 0 {
		return
	}
	delete(a.uses, k)
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.mine[k] {
		return // the mapping of a file, for one
	}
	delete(a.mine, k)
	if t.F32 != nil {
		a.f32.put(t.F32)
	} else {
		a.f64.put(t.F64)
	}
}

// alone reports whether one value has the storage of t, which was made here.
func (a *arena) alone(t *Tensor) bool {
	k := t.key()
	return k != nil && a.uses[k] == 1 && a.mine[k]
}

// made reports whether the storage of t was made here for the run that is going
// on or has ended last.
func (a *arena) made(t *Tensor) bool { return a.mine[t.key()] }

// recycle takes storage back that nobody uses any more.
func (a *arena) recycle(ts []*Tensor) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, t := range ts {
		a.f32.put(t.F32)
		a.f64.put(t.F64)
	}
}

// floats32 and floats64 return n zeros.
func (a *arena) floats32(n int) []float32 {
	if a == nil {
		return make([]float32, n)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	v := a.f32.take(n)
	if n > 0 {
		a.mine[&v[0]] = true
	}
	return v
}

func (a *arena) floats64(n int) []float64 {
	if a == nil {
		return make([]float64, n)
	}
	v := a.take(n)
	if n > 0 {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.mine[&v[0]] = true
	}
	return v
}
