package layer

import (
	"fmt"
	"math"
	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/reason"
	"sync"

	"repmlp/fuse"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// A folding computes the numbers of a merged weight piece by piece, in the
// order in which they are stored; *fuse.Folding is one.
type folding interface {
	Pieces() int
	Piece(i int) (from, to int)
	Fold(i int, dst []float64) error
}

// A merged weight is rounded once, when it is written: it is the source of a
// computed tensor.
type merged struct {
	folding
	elem  onnxio.DType
	node  *graph.Node // named where the numbers forbid the merge
	space *sync.Pool  // of []float64
}

func (m *merged) Piece(i int) (from, to int64) {
	a, b := m.folding.Piece(i)
	width := int64(m.elem.Bits() / 8)
	return int64(a) * width, int64(b) * width
}

func (m *merged) Fill(i int, dst []byte) error {
	from, to := m.folding.Piece(i)
	v := m.buffer(to - from)
	defer m.space.Put(&v)
	if err := m.Fold(i, v); err != nil {
		return err
	}
	ok, err := onnxio.PutFloat64(dst, v, m.elem)
	if err == nil && !ok {
		err = unstorable(v, m.elem, m.node)
	}
	return err
}

func (m *merged) buffer(n int) []float64 {
	if p, ok := m.space.Get().(*[]float64); ok && cap(*p) >= n {
		return (*p)[:n]
	}
	return make([]float64, n)
}

// exact computes all numbers before rounding.
func (m *merged) exact() ([]float64, error) {
	var out []float64
	for i := range m.Pieces() {
		from, to := m.folding.Piece(i)
		v := make([]float64, to-from)
		if err := m.Fold(i, v); err != nil {
			return nil, err
		}
		out = append(out, v...)
	}
	return out, nil
}

// unstorable says why numbers cannot be stored as d; nil if they can.
func unstorable(v []float64, d onnxio.DType, n *graph.Node) error {
	x, found := onnxio.Unstorable(v, d)
	switch {
	case !found:
		return nil
	case math.IsNaN(x) || math.IsInf(x, 0):
		return affine.Refusing(n, reason.NonFiniteWeight, "merging %q gives a weight of %g: one of its weights is not finite", n.Title(), x)
	}
	return affine.Refusing(n, reason.FP16Overflow, "merging %q gives a weight of %g, which does not fit %s; keep float32 for this layer", n.Title(), x, d)
}

// whole is a weight that is computed at once.
type whole struct {
	n       int
	compute func() ([]float64, error)
}

func (w whole) Pieces() int          { return 1 }
func (w whole) Piece(int) (int, int) { return 0, w.n }
func (w whole) Fold(_ int, dst []float64) error {
	v, err := w.compute()
	if err == nil && len(v) != len(dst) {
		err = fmt.Errorf("a merged weight has %d values, %d were planned", len(v), len(dst))
	}
	copy(dst, v)
	return err
}

// shared keeps a folded conv until its weight and its bias were both taken.
type shared struct {
	mu     sync.Mutex
	fold   func() (*fuse.Kernel, error)
	kernel *fuse.Kernel
	taken  [2]bool
}

func (s *shared) take(bias bool) ([]float64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.kernel
	if k == nil {
		var err error
		if k, err = s.fold(); err != nil {
			return nil, err
		}
		s.kernel = k
	}
	which := 0
	if bias {
		which = 1
	}
	if s.taken[which] = true; s.taken[0] && s.taken[1] {
		s.kernel, s.taken = nil, [2]bool{}
	}
	if bias {
		return k.B, nil
	}
	return k.W, nil
}
