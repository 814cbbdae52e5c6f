package onnxio

import (
	"context"
	"errors"
	"os"
	"runtime"
	"sort"
	"sync"
	"sync/atomic"

	"repmlp/internal/parallel"
)

// Sizes of the work that one processor takes at a time.
const (
	smallPiece = 64 << 10 // shorter spans are copied together
	copyPiece  = 8 << 20
	// trimAfter is how much is written before the pages that were read for it
	// are given back.
	trimAfter = 16 << 20
)

// A stream is a file in the making: its pieces are known by size before any of
// them is computed, so that they can be written in any order.
type stream struct {
	size  int64
	tasks []task
	loose []byte // small spans at the end that no task holds yet
}

// A task writes one part of a file.
type task struct {
	at    int64
	bytes []byte
	from  *mapped // or a span of this file, from byte skip on
	skip  int64
	n     int64
	t     *Tensor // or the pieces of a computed tensor
}

// parts is how many pieces of work a task is.
func (t *task) parts() int {
	if t.t != nil {
		return t.t.computed.Pieces()
	}
	return 1
}

func (s *stream) flush() {
	if len(s.loose) > 0 {
		s.tasks = append(s.tasks, task{at: s.size - int64(len(s.loose)), bytes: s.loose})
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
		t := task{at: s.size, bytes: b[:n]}
		if from != nil {
			t.from, t.skip, t.n = from, skip, int64(n)
		}
		s.tasks = append(s.tasks, t)
		s.size, skip, b = s.size+int64(n), skip+int64(n), b[n:]
	}
}

// nothing is a piece of zeros.
var nothing [smallPiece]byte

// zeros appends n zeros.
func (s *stream) zeros(n int64) {
	for n > 0 {
		k := min(n, int64(len(nothing)))
		s.bytes(nothing[:k], nil)
		n -= k
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
	s.tasks = append(s.tasks, task{at: s.size, t: t})
	s.size += t.stored()
	return nil
}

// parts is how many pieces of work tasks are.
func parts(tasks []task) (n int) {
	for i := range tasks {
		n += tasks[i].parts()
	}
	return n
}

// run does all tasks for a file, or for none. Computing goes on all processors; one goroutine writes,
// since the system lets only one write to a file at a time. Memory is bounded by
// the pieces that are in work.
func run(ctx context.Context, to *os.File, tasks []task, release func(), progress func(done, total int), flush *writeback, sum *digest) error {
	first := make([]int, len(tasks)+1) // of the parts of each task
	for i := range tasks {
		first[i+1] = first[i] + tasks[i].parts()
	}
	total := first[len(tasks)]
	done := make(chan written, 2*runtime.GOMAXPROCS(0))
	failed := make(chan error, 1)
	var stop atomic.Bool
	go func() {
		var err error
		n, since := 0, int64(0)
		for w := range done {
			if err == nil {
				err = w.task.write(to, w.bytes, w.at)
			}
			if err != nil {
				stop.Store(true)
			}
			sum.wrote(w.at, int64(len(w.bytes)))
			if w.space != nil {
				spaces.Put(w.space)
			}
			if since += int64(len(w.bytes)) + w.task.n; since > trimAfter {
				release()
				flush.start(to)
				since = 0
			}
			if n++; progress != nil && n%64 == 0 {
				progress(n, total)
			}
		}
		failed <- err
	}()
	err := parallel.Each(total, func(i int) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if stop.Load() {
			return errStopped
		}
		k := sort.SearchInts(first, i+1) - 1
		w, err := tasks[k].compute(i - first[k])
		if err == nil {
			done <- w
		}
		return err
	})
	close(done)
	if e := <-failed; e != nil {
		err = e
	}
	release()
	return err
}

var errStopped = errors.New("stopped after a failed write")

// written is a task whose bytes are ready.
type written struct {
	*task
	at    int64
	bytes []byte
	space *[]byte // to be given back
}

func (t *task) compute(part int) (written, error) {
	if t.t == nil {
		return written{t, t.at, t.bytes, nil}, nil
	}
	from, to := t.t.computed.Piece(part)
	space := spaces.Get().(*[]byte)
	if cap(*space) < int(to-from) {
		*space = make([]byte, to-from)
	}
	b := (*space)[:to-from]
	return written{t, t.at + from, b, space}, t.t.computed.Fill(part, b)
}

func (t *task) write(to *os.File, b []byte, at int64) error {
	if to == nil {
		return nil
	}
	if t.from != nil {
		if ok, err := copySpan(to, t.at, t.from.file, t.skip, t.n); ok || err != nil {
			return err
		}
	}
	_, err := to.WriteAt(b, at)
	if err != nil && t.from != nil {
		if changed := t.from.changed(); changed != nil {
			return changed // its pages are gone
		}
	}
	if err != nil {
		return reason(err)
	}
	return nil
}

// A writeback keeps the kernel writing files to disk while other work goes on,
// so that the sync at the end has less to wait for.
type writeback struct {
	files chan *os.File
	done  chan struct{}
	once  sync.Once
}

func newWriteback() *writeback {
	w := &writeback{make(chan *os.File, 1), make(chan struct{}), sync.Once{}}
	go func() {
		defer close(w.done)
		for f := range w.files {
			startWriteback(f)
		}
	}()
	return w
}

// start asks for what was written so far, unless the kernel is still at it.
func (w *writeback) start(f *os.File) {
	if w == nil {
		return
	}
	select {
	case w.files <- f:
	default:
	}
}

// stop waits until no file is in use any more.
func (w *writeback) stop() {
	if w != nil {
		w.once.Do(func() { close(w.files) })
		<-w.done
	}
}
