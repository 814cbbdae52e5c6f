package layer

import (
	"errors"
	"math"
	"slices"
	"sync"
	"testing"

	"repmlp/convert/internal/affine"
	"repmlp/internal/sketch"
	"repmlp/onnxio"
)

// counted is a weight in pieces whose numbers are their places; piece bad is not to be
// had.
type counted struct {
	ends []int
	bad  int
}

func (c counted) Pieces() int { return len(c.ends) }

func (c counted) Piece(i int) (from, to int) {
	if i > 0 {
		from = c.ends[i-1]
	}
	return from, c.ends[i]
}

func (c counted) Fold(i int, dst []float64) error {
	from, to := c.Piece(i)
	if i == c.bad {
		return errors.New("unread")
	}
	if len(dst) != to-from {
		return errors.New("another length")
	}
	for k := range dst {
		dst[k] = float64(from + k)
	}
	return nil
}

// Pieces are written where they lie, in any order, in the stored type.
func TestMergedPieces(t *testing.T) {
	n := sketch.Graph(t, "x : 1\ny = Neg(x)").Nodes[0]
	for _, elem := range []onnxio.DType{onnxio.Float16, onnxio.Float32, onnxio.Float64} {
		width := int64(elem.Bits() / 8)
		m := &merged{counted{[]int{3, 4, 9}, -1}, elem, n, &sync.Pool{}}
		all := make([]byte, 9*width)
		for _, i := range []int{1, 0, 2} {
			from, to := m.Piece(i)
			if err := m.Fill(i, all[from:to]); err != nil {
				t.Fatal(err)
			}
		}
		have, want := make([]float64, 9), []float64{0, 1, 2, 3, 4, 5, 6, 7, 8}
		if err := onnxio.DecodeFloat64(have, all, elem); err != nil || !slices.Equal(have, want) {
			t.Errorf("%s: %v %v", elem, have, err)
		}
		if exact, err := m.exact(); err != nil || !slices.Equal(exact, want) {
			t.Errorf("%s: before rounding %v %v", elem, exact, err)
		}
	}
	m := &merged{counted{[]int{3, 4}, 1}, onnxio.Float32, n, &sync.Pool{}}
	if err := m.Fill(1, make([]byte, 4)); err == nil {
		t.Error("a piece that is not to be had was written")
	}
	if _, err := m.exact(); err == nil {
		t.Error("and before rounding")
	}
}

// What does not fit is told from what is no number.
func TestUnstorable(t *testing.T) {
	n := sketch.Graph(t, "x : 1\ny = Neg(x)").Nodes[0]
	for _, c := range []struct {
		v    float64
		d    onnxio.DType
		code string
	}{{65504, onnxio.Float16, ""}, {1e5, onnxio.Float16, "fp16_overflow"}, {-1e5, onnxio.Float16, "fp16_overflow"}, {1e5, onnxio.Float32, ""}, {1e39, onnxio.Float32, "fp16_overflow"},
		{math.NaN(), onnxio.Float64, "non_finite_weight"}, {math.Inf(-1), onnxio.Float32, "non_finite_weight"}} {
		err := unstorable([]float64{0, c.v}, c.d, n)
		bad, ok := errors.AsType[*affine.ValueError](err)
		if ok != (c.code != "") || ok && (string(bad.Code) != c.code || bad.Node != n) {
			t.Errorf("%g as %s: %v", c.v, c.d, err)
		}
	}
}

// A weight that comes at once has the length that was planned.
func TestWholeWeights(t *testing.T) {
	w := whole{3, func() ([]float64, error) { return []float64{1, 2, 3}, nil }}
	dst := make([]float64, 3)
	if from, to := w.Piece(0); w.Pieces() != 1 || from != 0 || to != 3 {
		t.Errorf("%d pieces, %d to %d", w.Pieces(), from, to)
	}
	if err := w.Fold(0, dst); err != nil || !slices.Equal(dst, []float64{1, 2, 3}) {
		t.Errorf("%v %v", dst, err)
	}
	if w.Fold(0, make([]float64, 2)) == nil || w.Fold(0, make([]float64, 4)) == nil {
		t.Error("another length")
	}
	w.compute = func() ([]float64, error) { return nil, errors.New("unread") }
	if err := w.Fold(0, dst); err == nil || err.Error() != "unread" {
		t.Errorf("%v", err)
	}
}
