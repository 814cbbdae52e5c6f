package storage

import (
	"runtime"
	"slices"
	"sync"
	"unsafe"

	"github.com/edsrzf/mmap-go"

	"repmlp/verify/internal/kernel"
)

// A Storage keeps what arenas need no more. It is safe for concurrent use.
type Storage struct {
	mu  sync.Mutex
	f32 shelf[float32]
	f64 shelf[float64]
}

// New makes storage that keeps at most so many bytes of each type: more
// would not be asked for again soon.
func New(keep int) *Storage {
	return &Storage{f32: shelf[float32]{keep: keep}, f64: shelf[float64]{keep: keep}}
}

// NewSlabs makes storage that cuts float64 slices from slabs outside the heap and
// keeps all of those.
func NewSlabs() *Storage {
	s := New(proofShelf)
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

// Take returns n zeros.
func (s *Storage) Take(n int) []float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.f64.take(n)
}

// Take32 returns n zeros.
func (s *Storage) Take32(n int) []float32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.f32.take(n)
}

// Put32 takes back what take32 returned.
func (s *Storage) Put32(v []float32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.f32.put(v)
}

// Put takes back what take returned.
func (s *Storage) Put(v []float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.f64.put(v)
}

// What is kept for runs of whole models and for the proofs of regions.
const (
	ModelShelf = 64 << 20
	proofShelf = 8 << 20
)

// slabSize is the size of a slab in bytes, and slabShare the part of it from which
// on slices are cut from it.
const (
	slabSize  = 16 << 20
	slabShare = 128
)

type shelf[T kernel.Float] struct {
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

func bytesOf[T kernel.Float](n int) int { return n * int(unsafe.Sizeof(T(0))) }

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
