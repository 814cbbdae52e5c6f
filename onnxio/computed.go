package onnxio

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"repmlp/internal/parallel"
)

// A Source computes the values of a new tensor when they are written, piece by
// piece, so that they need not be in memory together.
type Source interface {
	// Pieces is the number of pieces. They follow each other without gaps.
	Pieces() int
	// Piece says which bytes of the raw storage piece i holds.
	Piece(i int) (from, to int64)
	// Fill computes piece i. dst has its length. Pieces may be asked for
	// concurrently, in any order, and more than once.
	Fill(i int, dst []byte) error
}

// computed is the state of a tensor with a source.
type computed struct {
	Source
	once sync.Once
	data []byte
	err  error
}

// NewComputed makes a tensor whose values are computed when they are needed.
// Writing a model never holds more than a few pieces; Bytes computes all of
// them and keeps the result.
func NewComputed(name string, d DType, dims []int64, s Source) (*Tensor, error) {
	t := &Tensor{name: name, dtype: d, dims: slices.Clone(dims), computed: &computed{Source: s}}
	if err := t.check(); err != nil {
		return nil, fmt.Errorf("making tensor %q: %w", name, err)
	}
	if n := s.Pieces(); n > 0 {
		if _, to := s.Piece(n - 1); to != t.stored() {
			return nil, fmt.Errorf("making tensor %q: its pieces hold %d bytes, the type and shape ask for %d", name, to, t.stored())
		}
	}
	return t, nil
}

// Computed reports whether the values come from a source, not from a file.
func (t *Tensor) Computed() bool { return t.computed != nil }

func (c *computed) bytes(name string, n int64) ([]byte, error) {
	c.once.Do(func() {
		data := make([]byte, n)
		c.err = parallel.Each(c.Pieces(), func(i int) error {
			from, to := c.Piece(i)
			return c.Fill(i, data[from:to])
		})
		if c.err == nil {
			c.data = data
		}
	})
	if c.err != nil {
		return nil, fmt.Errorf("computing tensor %q: %w", name, c.err)
	}
	return c.data, nil
}

// Compute computes the values of all computed tensors of the main graph and
// keeps them.
func (m *Model) Compute(ctx context.Context) error {
	for _, t := range m.graph.inits {
		if err := ctx.Err(); err != nil {
			return err
		}
		if t.computed != nil {
			if _, err := t.Bytes(); err != nil {
				return err
			}
		}
	}
	return nil
}

// Try computes the values of all computed tensors of the main graph piece by
// piece and keeps nothing: the error is the one that writing them would give.
// progress, if not nil, is called as the work goes on.
func (m *Model) Try(ctx context.Context, progress func(done, total int)) error {
	var tasks []task
	for _, t := range m.graph.inits {
		if t.computed != nil {
			tasks = append(tasks, task{t: t})
		}
	}
	return run(ctx, nil, tasks, m.Trim, progress, nil, nil)
}

// Failures computes the values of all computed tensors of the main graph as Try does,
// but does not stop at an error: it returns that of the first piece that fails of each
// tensor, in order of the tensors.
func (m *Model) Failures(ctx context.Context) []error {
	failed := make([]error, len(m.graph.inits))
	parallel.Each(len(failed), func(i int) error {
		t := m.graph.inits[i]
		if t.computed == nil {
			return nil
		}
		for k := 0; k < t.computed.Pieces() && failed[i] == nil; k++ {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			from, to := t.computed.Piece(k)
			failed[i] = t.computed.Fill(k, make([]byte, to-from))
		}
		return nil
	})
	return slices.DeleteFunc(failed, func(err error) bool { return err == nil })
}
