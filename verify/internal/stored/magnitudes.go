package stored

import (
	"math"
	"slices"
	"sync"
)

// Magnitudes remember sums |w|·|x| for the run with magnitudes that follows a run in
// float64: the weights are read anyway then. They are used where that run asks for
// the same weights with the same numbers; it reads them itself where it does not.
type Magnitudes struct {
	mu   sync.Mutex
	seen map[block][]sum
}

// A block is a stored matrix of weights, which begins at this byte, and the way in
// which it is read.
type block struct {
	first   *byte
	columns bool
}

func NewMagnitudes() *Magnitudes { return &Magnitudes{seen: map[block][]sum{}} }

// Forget drops everything.
func (m *Magnitudes) Forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.seen)
}

// plan lists what has to be added up over a block of weights so that s is: nothing
// where it is known, and its magnitudes beside it where they may be asked for.
func (m *Magnitudes) plan(b block, s sum) []sum {
	switch {
	case len(s.x) == 0:
		return nil
	case m == nil:
		return []sum{s}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if s.absolute {
		for _, known := range m.seen[b] {
			if len(known.y[0]) == len(s.y[0]) && slices.EqualFunc(known.x, s.x, slices.Equal[[]float64]) {
				for i, y := range known.y {
					copy(s.y[i], y)
				}
				return nil
			}
		}
		return []sum{s}
	}
	size := sum{absolute: true}
	for i, x := range s.x {
		x = slices.Clone(x)
		for j, v := range x {
			x[j] = math.Abs(v)
		}
		size.x, size.y = append(size.x, x), append(size.y, make([]float64, len(s.y[i])))
	}
	m.seen[b] = append(m.seen[b], size)
	return []sum{s, size}
}
