package onnxio

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
	"strings"
	"sync/atomic"
)

// hashPiece is how much of a file is hashed at a time.
const hashPiece = 1 << 20

// CheckData compares the files of external data with what the model says of them:
// the hash of the content in the names that Write gives, or the SHA-1 of the whole
// file in hexadecimal, as ONNX defines the key "checksum". It reads all of each such
// file, so Load does not do it; a model without either costs nothing.
func (m *Model) CheckData(ctx context.Context) error {
	sums := map[string]string{} // by location and kind
	sum := func(location, kind string, h sum) (string, error) {
		got, ok := sums[kind+location]
		if ok {
			return got, nil
		}
		f, err := m.files.open(location)
		if err == nil {
			got, err = hashed(ctx, h, f.file, f.size)
		}
		if err != nil {
			return "", fmt.Errorf("hashing external data %q: %w", location, err)
		}
		sums[kind+location] = got
		return got, nil
	}
	var first error
	m.eachTensor(func(t *Tensor) {
		if first != nil || t.external == nil {
			return
		}
		l, wrong := t.external.location, ""
		if want := hashOf(l); want != "" {
			got, err := sum(l, "content", newContent())
			if first = err; got != want {
				wrong = "its content is not what its name says"
			}
		}
		if want := t.external.checksum; first == nil && len(want) == hex.EncodedLen(sha1.Size) {
			got, err := sum(l, "sha1", sha1Sum{sha1.New()})
			if first = err; !strings.EqualFold(got, want) {
				wrong = fmt.Sprintf("its SHA-1 is %s, tensor %q asks for %s", got, t.name, want)
			}
		}
		if first == nil && wrong != "" {
			first = &Hint{&Invalid{fmt.Errorf("external data %q is not the file that the model was written with: %s", l, wrong)},
				"the two files were mixed up or damaged; export or download both again"}
		}
	})
	return first
}

// A sum is a hash that has a name.
type sum interface {
	io.Writer
	name() string
}

type sha1Sum struct{ hash.Hash }

func (s sha1Sum) name() string { return hex.EncodeToString(s.Sum(nil)) }

// hashed is the sum of the first bytes of a file.
func hashed(ctx context.Context, h sum, f *os.File, size int64) (string, error) {
	if err := hashFile(ctx, h, f, 0, size); err != nil {
		return "", err
	}
	return h.name(), nil
}

// hashFile adds the bytes of a file between two places to h.
func hashFile(ctx context.Context, h io.Writer, f *os.File, from, to int64) error {
	space := make([]byte, min(hashPiece, to-from))
	for from < to {
		if err := ctx.Err(); err != nil {
			return err
		}
		b := space[:min(int64(len(space)), to-from)]
		if _, err := f.ReadAt(b, from); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		h.Write(b)
		from += int64(len(b))
	}
	return nil
}

// A digest hashes a file while it is written, behind the writer: what was written
// is in memory still, and the hash has a processor of its own.
type digest struct {
	file  *os.File
	later map[int64]int64 // parts that were written before those in front of them, by place
	front int64           // everything before it was written
	ready atomic.Int64    // front, for the one who hashes
	more  chan struct{}
	done  chan error
	h     *content
}

func newDigest(f *os.File) *digest {
	d := &digest{file: f, later: map[int64]int64{}, more: make(chan struct{}, 1), done: make(chan error, 1), h: newContent()}
	go func() {
		var err error
		at := int64(0)
		for range d.more {
			if to := d.ready.Load(); err == nil && to > at {
				err = hashFile(context.Background(), d.h, d.file, at, to)
				at = to
			}
		}
		d.done <- err
	}()
	return d
}

// wrote notes that n bytes were written at a place.
func (d *digest) wrote(at, n int64) {
	if d == nil || n == 0 {
		return
	}
	d.later[at] = n
	for n, ok := d.later[d.front]; ok; n, ok = d.later[d.front] {
		delete(d.later, d.front)
		d.front += n
	}
	d.ready.Store(d.front)
	select {
	case d.more <- struct{}{}:
	default:
	}
}

// name ends the digest; the hash is of everything that was written.
func (d *digest) name() (string, error) {
	select {
	case d.more <- struct{}{}:
	default: // a call that sees everything is on its way
	}
	close(d.more)
	err := <-d.done
	return d.h.name(), err
}
