package onnxio

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
)

// A ramp makes n bytes that count, in pieces of a size.
type ramp struct {
	n, size int64
	broken  error // of the last piece
	filled  *atomic.Int32
}

func (r ramp) Pieces() int { return int((r.n + r.size - 1) / r.size) }
func (r ramp) Piece(i int) (from, to int64) {
	return int64(i) * r.size, min(int64(i+1)*r.size, r.n)
}
func (r ramp) Fill(i int, dst []byte) error {
	r.filled.Add(1)
	if r.broken != nil && i == r.Pieces()-1 {
		return r.broken
	}
	for k := range dst {
		dst[k] = byte((int64(i)*r.size + int64(k)) * 7)
	}
	return nil
}

func (r ramp) all() []byte {
	b := make([]byte, r.n)
	for k := range b {
		b[k] = byte(int64(k) * 7)
	}
	return b
}

// adding is a model that adds a computed tensor.
func adding(t *testing.T, r ramp) *Model {
	t.Helper()
	w, err := NewComputed("w", Uint8, []int64{r.n}, r)
	if err != nil {
		t.Fatal(err)
	}
	m, err := NewModel(Parts{Inputs: []*ValueInfo{NewValue("x", Uint8, Known(r.n))}, Outputs: []*ValueInfo{NewValue("y", Uint8, Known(r.n))},
		Nodes: []*Node{NewNode("n", "Identity", []string{"x"}, []string{"y"})}})
	if err != nil {
		t.Fatal(err)
	}
	n := m.graph.nodes[0]
	if m, err = m.Apply(Edit{DropNodes: []*Node{n}, AddInits: []*Tensor{w}, AddNodes: []Placed{{NewNode("add", "Add", []string{"x", "w"}, []string{"y"}), nil}}}); err != nil {
		t.Fatal(err)
	}
	return m
}

// What is computed while it is written is what Bytes computes, inline and outside,
// under temporary names and under the last ones.
func TestComputedTensors(t *testing.T) {
	r := ramp{n: 40 << 20, size: 3 << 20, filled: new(atomic.Int32)}
	for _, limit := range []int64{inlineLimit, 0} {
		r.filled.Store(0)
		m := adding(t, r)
		dir := t.TempDir()
		path := filepath.Join(dir, "m.onnx")
		last, total := 0, 0
		p, err := m.write(t.Context(), path, limit, func(done, of int) { last, total = done, of })
		if err != nil {
			t.Fatal(err)
		}
		defer p.Discard()
		if got := int(r.filled.Load()); got != r.Pieces() {
			t.Errorf("%d pieces of %d were computed", got, r.Pieces())
		}
		if last > total {
			t.Errorf("progress ended at %d of %d", last, total)
		}
		if external := p.External(); (len(external) == 1) != (limit == 0) {
			t.Errorf("limit %d: external files %q", limit, external)
		}
		read := func(what string, m *Model, err error) {
			if err != nil {
				t.Errorf("limit %d, %s: %v", limit, what, err)
				return
			}
			defer m.Close()
			if b, err := m.graph.inits[0].Bytes(); err != nil || !bytes.Equal(b, r.all()) {
				t.Errorf("limit %d, %s: other bytes than were computed, %v", limit, what, err)
			}
			if err := m.CheckData(t.Context()); err != nil {
				t.Errorf("limit %d, %s: %v", limit, what, err)
			}
		}
		back, err := p.Load()
		read("before the names", back, err)
		other := t.TempDir()
		shown, err := p.Expose(other)
		if err != nil {
			t.Fatal(err)
		}
		back, err = Load(shown)
		read("exposed", back, err)
		if err := p.Commit(); err != nil {
			t.Fatal(err)
		}
		if st, err := os.Stat(path); err != nil || st.Size() != p.Bytes() {
			t.Errorf("limit %d: the file has not the length %d that was told, %v", limit, p.Bytes(), err)
		}
		back, err = Load(path)
		read("committed", back, err)

		r.filled.Store(0)
		if err := m.Try(t.Context(), nil); err != nil || int(r.filled.Load()) != r.Pieces() {
			t.Errorf("a trial: %v after %d pieces", err, r.filled.Load())
		}
		r.filled.Store(0)
		if err := m.Compute(t.Context()); err != nil {
			t.Fatal(err)
		}
		if b, err := m.graph.inits[0].Bytes(); err != nil || !bytes.Equal(b, r.all()) || int(r.filled.Load()) != r.Pieces() {
			t.Errorf("computed twice, or wrong: %v, %d pieces", err, r.filled.Load())
		}
	}
}

// An error of a piece, or of the caller's context, leaves nothing behind.
func TestPiecesThatFail(t *testing.T) {
	broken := errors.New("no such number")
	m := adding(t, ramp{n: 1000, size: 100, broken: broken, filled: new(atomic.Int32)})
	dir := t.TempDir()
	if err := m.Save(filepath.Join(dir, "m.onnx")); !errors.Is(err, broken) {
		t.Errorf("saving: %v", err)
	}
	if err := m.Try(t.Context(), nil); !errors.Is(err, broken) {
		t.Errorf("a trial: %v", err)
	}
	if err := m.Compute(t.Context()); !errors.Is(err, broken) {
		t.Errorf("computing: %v", err)
	}
	if _, err := m.Encode(); !errors.Is(err, broken) {
		t.Errorf("encoding: %v", err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	whole := adding(t, ramp{n: 1000, size: 100, filled: new(atomic.Int32)})
	if _, err := whole.Write(ended, filepath.Join(dir, "m.onnx"), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if left := names(t, dir); !slices.Equal(left, nil) {
		t.Errorf("left behind: %q", left)
	}
	if _, err := NewComputed("w", Uint8, []int64{7}, ramp{n: 5, size: 5}); err == nil {
		t.Error("pieces that are shorter than the tensor are accepted")
	}
	if _, err := NewComputed("w", Uint8, []int64{-7}, ramp{n: 5, size: 5}); err == nil {
		t.Error("a negative size is accepted")
	}
}
