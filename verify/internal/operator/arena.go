package operator

import (
	"repmlp/internal/budget"
	"repmlp/verify/internal/storage"
	"repmlp/verify/internal/tensor"
)

// An Arena follows the tensors of a run, so that the storage of those that
// nothing reads any more serves for those that are made next.
type Arena struct {
	*storage.Storage
	mine  map[any]bool  // storage that was made here, by its first element
	uses  map[any]int   // of storage that known values share
	Meter *budget.Meter // what runs at the same time hold together, may be nil
	held  int64         // of that, by the values that this run knows
	asked int64         // of that, for the node that runs
}

// ask takes bytes from the budget before they are allocated for the node that
// runs. Beyond it a panic with a *budget.Exceeded ends the node; Engine.call
// makes an error of it.
func (a *Arena) ask(bytes int64) {
	if a == nil {
		return
	}
	if err := a.Meter.Take(bytes, ""); err != nil {
		panic(err)
	}
	a.asked += bytes
}

// Settle notes what the values hold that are known now; what else the last node
// asked for is free again.
func (a *Arena) Settle(live int64) {
	a.Meter.Give(a.held + a.asked - live)
	a.held, a.asked = live, 0
}

// Begin forgets the values of the last run.
func (a *Arena) Begin() { a.uses, a.mine = map[any]int{}, map[any]bool{} }

// NewArena makes an arena for one run at a time; arenas may share their storage.
func NewArena(s *storage.Storage) *Arena {
	return &Arena{Storage: s, mine: map[any]bool{}, uses: map[any]int{}}
}

// Hold notes that a value has this storage.
func (a *Arena) Hold(t *tensor.Tensor) {
	if k := tensor.Key(t); k != nil {
		a.uses[k]++
	}
}

// Release notes that a value is gone; the storage is free when no other has it.
func (a *Arena) Release(t *tensor.Tensor) {
	k := tensor.Key(t)
	if k == nil {
		return
	}
	if a.uses[k]--; a.uses[k] > 0 {
		return
	}
	delete(a.uses, k)
	if !a.mine[k] {
		return // the mapping of a file, for one
	}
	delete(a.mine, k)
	a.Put32(t.F32)
	a.Put(t.F64)
}

// Alone reports whether one value has the storage of t, which was made here.
func (a *Arena) Alone(t *tensor.Tensor) bool {
	k := tensor.Key(t)
	return k != nil && a.uses[k] == 1 && a.mine[k]
}

// Made reports whether the storage of t was made here for the run that is going
// on or has ended last.
func (a *Arena) Made(t *tensor.Tensor) bool { return a.mine[tensor.Key(t)] }

// Recycle takes storage back that nobody uses any more.
func (a *Arena) Recycle(ts []*tensor.Tensor) {
	for _, t := range ts {
		a.Put32(t.F32)
		a.Put(t.F64)
	}
}

// floats32 and floats64 return n zeros.
func (a *Arena) floats32(n int) []float32 {
	if a == nil {
		return make([]float32, n)
	}
	v := a.Take32(n)
	if n > 0 {
		a.mine[&v[0]] = true
	}
	return v
}

func (a *Arena) Floats64(n int) []float64 {
	if a == nil {
		return make([]float64, n)
	}
	v := a.Take(n)
	if n > 0 {
		a.mine[&v[0]] = true
	}
	return v
}
