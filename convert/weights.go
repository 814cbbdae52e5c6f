package convert

import (
	"fmt"
	"math"
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
	if why := unstorable(v, m.elem, m.node); why != nil {
		return why
	}
	return onnxio.PutFloat64(dst, v, m.elem)
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
	limit := math.MaxFloat64
	switch d {
	case onnxio.Float16:
		limit = 65520 // rounds to infinity from here on
	case onnxio.Float32:
		limit = math.MaxFloat32 * (1 + 0x1p-25)
	case onnxio.BFloat16:
		limit = 0x1.FFp127
	}
	for _, x := range v {
		if math.Abs(x) < limit {
			continue
		}
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return &valueError{*refuse("non_finite_weight", "merging %q gives a weight of %g: one of its weights is not finite", n.Title(), x), n}
		}
		if x != limit && x != -limit || d != onnxio.Float64 {
			return &valueError{*refuse("fp16_overflow", "merging %q gives a weight of %g, which does not fit %s; keep float32 for this layer", n.Title(), x, d), n}
		}
	}
	return nil
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

// A scaledConv is one conv followed by scales and shifts of its channels: its
// rows are scaled where they lie.
type scaledConv struct {
	weights fuse.Values
	row     int // weights for one output channel
	each    int // output channels in a piece
	out     int
	scale   []float64
}

func (s *scaledConv) Pieces() int { return (s.out + s.each - 1) / s.each }

func (s *scaledConv) Piece(i int) (from, to int) {
	return i * s.each * s.row, min((i+1)*s.each, s.out) * s.row
}

func (s *scaledConv) Fold(i int, dst []float64) error {
	s.weights.Read(dst, i*s.each*s.row)
	for k := 0; k*s.row < len(dst); k++ {
		f := s.scale[i*s.each+k]
		for j, x := range dst[k*s.row:][:s.row] {
			dst[k*s.row+j] = f * x
		}
	}
	return nil
}

// convPiece is about how many weights of a conv are scaled at a time.
const convPiece = 1 << 16

// scaled recognises a region that is one stored conv and what scales its
// channels; nil for any other.
func (e *emitter) scaled(s *segment) (folding, *fuse.Kernel, error) {
	first := s.steps[0]
	if first.kind != layerStep || first.rule != "conv" || first.args[0] != s.from {
		return nil, nil, nil
	}
	shape, ok := constShape(first.weights[0])
	if !ok || size(shape) == 0 {
		return nil, nil, nil
	}
	k := fuse.Identity(shape[0], len(shape)-2)
	for i, st := range s.steps[1:] {
		if len(st.args) != 1 || st.args[0] != s.values[i] || st.kind != viewStep && !st.perChannel {
			return nil, nil, nil
		}
		var err error
		if k, err = st.kernel([]*fuse.Kernel{k}); err != nil {
			return nil, nil, err
		}
	}
	v, err := e.open(first.weights[0])()
	if v == nil || err != nil || len(k.W) != shape[0] {
		return nil, nil, err
	}
	c := &scaledConv{weights: v, row: size(shape[1:]), out: shape[0], scale: k.W}
	c.each = max(1, convPiece/c.row)
	if len(first.weights) > 1 {
		b, err := e.weight(first.weights[1])()
		if err != nil {
			return nil, nil, err
		}
		for i, x := range b {
			k.B[i] += k.W[i] * x
		}
	}
	return c, k, nil
}
