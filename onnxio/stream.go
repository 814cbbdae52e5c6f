package onnxio

import (
	"context"
	"os"
	"sync"
	"sync/atomic"
)

// Sizes of the work that one processor takes at a time.
const (
	smallPiece = 64 << 10 // shorter spans are copied together
	copyPiece  = 8 << 20
	// trimAfter is how much is written before the pages that were read for it
	// are given back.
	trimAfter = 8 << 20
)

// A stream is a file in the making: its pieces are known by size before any of
// them is computed, so that they can be written in any order.
type stream struct {
	to    *os.File
	size  int64
	tasks []task
	loose []byte // small spans at the end that no task holds yet
}

// A task writes one part of a file.
type task struct {
	to    *os.File
	at    int64
	bytes []byte
	from  *mapped // or a span of this file, from byte skip on
	skip  int64
	n     int64
	t     *Tensor // or piece i of a computed tensor
	i     int
}

func (s *stream) flush() {
	if len(s.loose) > 0 {
		s.tasks = append(s.tasks, task{to: s.to, at: s.size - int64(len(s.loose)), bytes: s.loose})
		s.loose = nil
	}
}

// bytes appends b. A long span that lies in a mapped file is copied by the
// kernel.
func (s *stream) bytes(b []byte, files *store) {
	if len(b) < smallPiece {
		s.loose = append(s.loose, b...)
		s.size += int64(len(b))
		if len(s.loose) >= copyPiece {
			s.flush()
		}
		return
	}
	s.flush()
	from, skip := files.find(b)
	for len(b) > 0 {
		n := min(len(b), copyPiece)
		t := task{to: s.to, at: s.size, bytes: b[:n]}
		if from != nil {
			t.from, t.skip, t.n = from, skip, int64(n)
		}
		s.tasks = append(s.tasks, t)
		s.size, skip, b = s.size+int64(n), skip+int64(n), b[n:]
	}
}

// tensor appends the values of t.
func (s *stream) tensor(t *Tensor) error {
	if t.computed == nil || t.computed.data != nil {
		b, err := t.Bytes()
		if err != nil {
			return err
		}
		s.bytes(b, t.files)
		return nil
	}
	s.flush()
	for i := range t.computed.Pieces() {
		from, _ := t.computed.Piece(i)
		s.tasks = append(s.tasks, task{to: s.to, at: s.size + from, t: t, i: i})
	}
	s.size += t.stored()
	return nil
}

// run does all tasks on all processors. Memory is bounded by the pieces that
// are in work.
func run(ctx context.Context, tasks []task, release func(), progress func(done, total int)) error {
	var done, written atomic.Int64
	err := parallel(len(tasks), func(i int) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := tasks[i].do()
		if err != nil {
			return err
		}
		if now := written.Add(n); now/trimAfter != (now-n)/trimAfter {
			release()
		}
		if k := done.Add(1); progress != nil && k%64 == 0 {
			progress(int(k), len(tasks))
		}
		return nil
	})
	release()
	return err
}

var buffers = sync.Pool{New: func() any { return new([]byte) }}

func (t *task) do() (int64, error) {
	b := t.bytes
	switch {
	case t.t != nil:
		from, to := t.t.computed.Piece(t.i)
		space := buffers.Get().(*[]byte)
		defer buffers.Put(space)
		if cap(*space) < int(to-from) {
			*space = make([]byte, to-from)
		}
		b = (*space)[:to-from]
		if err := t.t.computed.Fill(t.i, b); err != nil {
			return 0, err
		}
	case t.from != nil:
		ok, err := copySpan(t.to, t.at, t.from.file, t.skip, t.n)
		if err != nil {
			return 0, err
		}
		if ok {
			startWriteback(t.to, t.at, t.n)
			return t.n, nil
		}
	}
	if _, err := t.to.WriteAt(b, t.at); err != nil {
		return 0, err
	}
	startWriteback(t.to, t.at, int64(len(b)))
	return int64(len(b)), nil
}
