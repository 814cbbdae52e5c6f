package verify

import (
	"slices"
	"sync"
)

// An arena keeps the storage of tensors that nothing reads any more for those
// that are made next.
type arena struct {
	mu   sync.Mutex
	f32  shelf[float32]
	f64  shelf[float64]
	mine map[any]bool // storage that was made here, by its first element
	uses map[any]int  // of storage that known values share
	raw  sync.Pool    // of *[]byte, for what is read of files
}

// newArena makes an arena that keeps at most so many bytes of each type: more
// would not be asked for again soon.
func newArena(keep int) *arena {
	return &arena{mine: map[any]bool{}, uses: map[any]int{}, f32: shelf[float32]{keep: keep}, f64: shelf[float64]{keep: keep}}
}

// What arenas keep for runs of whole models and for proofs of regions.
const (
	modelShelf = 64 << 20
	trialShelf = 8 << 20
)

type shelf[T float] struct {
	free  [][]T // oldest first
	bytes int
	keep  int
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
		return make([]T, n)
	}
	out := s.free[best][:n]
	s.bytes -= 8 * cap(out)
	s.free = slices.Delete(s.free, best, best+1)
	clear(out)
	return out
}

func (s *shelf[T]) put(v []T) {
	const small = 1 << 10
	if cap(v) < small {
		return
	}
	s.free = append(s.free, v)
	for s.bytes += 8 * cap(v); s.bytes > s.keep; {
		s.bytes -= 8 * cap(s.free[0])
		s.free = slices.Delete(s.free, 0, 1)
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
	a.mu.Lock()
	defer a.mu.Unlock()
	v := a.f64.take(n)
	if n > 0 {
		a.mine[&v[0]] = true
	}
	return v
}
