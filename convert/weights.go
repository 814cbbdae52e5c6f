package convert

import (
	"fmt"
	"math"
	"slices"
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
		return &valueError{*refuse("non_finite_weight", "merging %q gives a weight of %g: one of its weights is not finite", n.Title(), x), n}
	}
	return &valueError{*refuse("fp16_overflow", "merging %q gives a weight of %g, which does not fit %s; keep float32 for this layer", n.Title(), x, d), n}
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

// A scaledConv is one conv between scales and shifts of its channels: its
// weights are scaled where they lie. W' = S·W·T, b' = S·(W·t + b) + s.
type scaledConv struct {
	weights       fuse.Values
	bias          []float64 // of the conv itself
	before, after *fuse.Kernel
	out, in, taps int // in is for one group
	each          int // output channels in a piece
	groups        int
	headless      bool // nothing is scaled before
}

// convPiece is about how many weights of a conv are scaled at a time, and biasPiece
// how many are read for its bias.
const (
	convPiece = 1 << 16
	biasPiece = 1 << 13
)

func (s *scaledConv) row() int { return s.in * s.taps }

func (s *scaledConv) Pieces() int { return (s.out + s.each - 1) / s.each }

func (s *scaledConv) Piece(i int) (from, to int) {
	return i * s.each * s.row(), min((i+1)*s.each, s.out) * s.row()
}

// first is the input channel that an output channel starts to read from.
func (s *scaledConv) first(out int) int { return out / (s.out / s.groups) * s.in }

func (s *scaledConv) Fold(i int, dst []float64) error {
	row := s.row()
	s.weights.Read(dst, i*s.each*row)
	for k := 0; k*row < len(dst); k++ {
		o := i*s.each + k
		f, w := s.after.W[o], dst[k*row:][:row]
		if s.headless {
			for j := range w {
				w[j] *= f
			}
			continue
		}
		before := s.before.W[s.first(o):][:s.in]
		if s.taps == 1 {
			w = w[:len(before)]
			for c, g := range before {
				w[c] *= f * g
			}
			continue
		}
		for c, g := range before {
			g *= f
			for j, x := range w[c*s.taps:][:s.taps] {
				w[c*s.taps+j] = g * x
			}
		}
	}
	return nil
}

func (s *scaledConv) foldBias() ([]float64, error) {
	out := slices.Clone(s.after.B)
	for o, f := range s.after.W {
		if s.bias != nil {
			out[o] += f * s.bias[o]
		}
	}
	if s.headless {
		return out, nil
	}
	row := s.row()
	some := min(max(biasPiece/row, 1), s.out) // rows at a time
	block := make([]float64, some*row)
	for first := 0; first < s.out; first += some {
		count := min(some, s.out-first)
		s.weights.Read(block[:count*row], first*row)
		for k := range count {
			o := first + k
			w := block[k*row:][:row]
			if s.taps > 1 { // all taps of a channel have its shift
				for c := range s.in {
					sum := 0.0
					for _, x := range w[c*s.taps:][:s.taps] {
						sum += x
					}
					w[c] = sum
				}
			}
			out[o] += s.after.W[o] * fuse.Dot(w[:s.in], s.before.B[s.first(o):][:s.in])
		}
	}
	return out, nil
}

// scaled recognises a region that is one stored conv and what scales its
// channels; nil for any other.
func (e *emitter) scaled(s *segment) (*scaledConv, error) {
	at := slices.IndexFunc(s.steps, func(st *step) bool { return st.kind == layerStep })
	from := s.from
	for i, st := range s.steps {
		if len(st.args) != 1 || st.args[0] != from || i != at && st.kind != viewStep && !st.perChannel || st.node.OpType == "SpaceToDepth" {
			return nil, nil
		}
		from = s.values[i]
	}
	if at < 0 || s.steps[at].rule != "conv" {
		return nil, nil
	}
	conv := s.steps[at]
	shape, ok := constShape(conv.weights[0])
	if !ok || size(shape) == 0 {
		return nil, nil
	}
	groups := int(conv.node.Int("group", 1))
	c := &scaledConv{out: shape[0], in: shape[1], taps: size(shape[2:]), groups: groups}
	c.each = max(1, convPiece/c.row())
	fold := func(steps []*step, channels int) (*fuse.Kernel, error) {
		k := fuse.Identity(channels, len(shape)-2)
		for _, st := range steps {
			var err error
			if k, err = st.kernel([]*fuse.Kernel{k}); err != nil {
				return nil, err
			}
		}
		return k, nil
	}
	var err error
	if c.before, err = fold(s.steps[:at], c.in*groups); err != nil {
		return nil, err
	}
	c.headless = !slices.ContainsFunc(s.steps[:at], func(st *step) bool { return st.kind != viewStep })
	if c.after, err = fold(s.steps[at+1:], c.out); err != nil {
		return nil, err
	}
	if c.weights, err = e.open(conv.weights[0])(); c.weights == nil || err != nil {
		return nil, err
	}
	if len(conv.weights) > 1 {
		if c.bias, err = e.weight(conv.weights[1])(); err != nil {
			return nil, err
		}
	}
	return c, nil
}
