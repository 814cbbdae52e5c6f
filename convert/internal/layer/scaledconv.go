package layer

import (
	"slices"

	"repmlp/convert/internal/affine"
	"repmlp/fuse"
)

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
			out[o] += float64(f * s.bias[o])
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
			out[o] += float64(s.after.W[o] * fuse.Dot(w[:s.in], s.before.B[s.first(o):][:s.in]))
		}
	}
	return out, nil
}

// asScaledConv recognises a segment that is one stored conv and what scales its
// channels; nil for any other.
func asScaledConv(s *affine.Segment) (*scaledConv, error) {
	at := slices.IndexFunc(s.Steps, func(a *affine.Affine) bool { return affine.IsLayer(a.Op) })
	if at < 0 {
		return nil, nil
	}
	conv, ok := s.Steps[at].Op.(*affine.Conv)
	if !ok || affine.Size(conv.Shape) == 0 {
		return nil, nil
	}
	ops, ok := s.Fitted()
	if !ok {
		return nil, nil
	}
	from := s.From
	for i, a := range s.Steps {
		if len(a.Args) != 1 || a.Args[0] != from || i != at && !keepsChannels(ops[i]) {
			return nil, nil
		}
		from = a.Out
	}
	shape, groups := conv.Shape, conv.Groups
	c := &scaledConv{out: shape[0], in: shape[1], taps: affine.Size(shape[2:]), groups: groups}
	c.each = max(1, convPiece/c.row())
	fold := func(from, to, channels int) (*fuse.Kernel, error) {
		k := fuse.Identity(channels, len(shape)-2)
		for i := from; i < to; i++ {
			var err error
			if k, err = ops[i].Kernel(s.Steps[i].Node(), []*fuse.Kernel{k}); err != nil {
				return nil, err
			}
		}
		return k, nil
	}
	var err error
	if c.before, err = fold(0, at, c.in*groups); err != nil {
		return nil, err
	}
	c.headless = !slices.ContainsFunc(s.Steps[:at], func(a *affine.Affine) bool { return !affine.IsView(a.Op) })
	if c.after, err = fold(at+1, len(ops), c.out); err != nil {
		return nil, err
	}
	if c.weights, c.bias, err = conv.Stored(); c.weights == nil || err != nil {
		return nil, err
	}
	return c, nil
}

// keepsChannels reports whether an operation leaves channels where they are, and
// scales or shifts them at most.
func keepsChannels(op affine.Op) bool {
	switch op := op.(type) {
	case *affine.Diagonal:
		return op.PerChannel()
	case *affine.View, *affine.Permute:
		return true
	}
	return false
}
