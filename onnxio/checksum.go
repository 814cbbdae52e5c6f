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

// CheckData compares the files of external data with the checksums that the model
// gives for them: the SHA-1 of the whole file in hexadecimal, as ONNX defines the
// key "checksum". It reads all of each such file, so Load does not do it; a model
// without checksums costs nothing.
func (m *Model) CheckData(ctx context.Context) error {
	sums := map[string]string{} // by location
	var first error
	m.eachTensor(func(t *Tensor) {
		if first != nil || t.external == nil || len(t.external.checksum) != hex.EncodedLen(sha1.Size) {
			return
		}
		l := t.external.location
		sum, ok := sums[l]
		if !ok {
			if sum, first = m.files.sum(ctx, l); first != nil {
				return
			}
			sums[l] = sum
		}
		if !strings.EqualFold(sum, t.external.checksum) {
			first = &Hint{fmt.Errorf("external data %q is not the file that the model was written with: its SHA-1 is %s, tensor %q asks for %s", l, sum, t.Name, t.external.checksum),
				"the two files were mixed up or damaged; export or download both again"}
		}
	})
	return first
}

// sum is the SHA-1 of a file of external data.
func (s *store) sum(ctx context.Context, location string) (string, error) {
	f, err := s.open(location)
	if err != nil {
		return "", err
	}
	h := sha1.New()
	if err := hashFile(ctx, h, f.file, 0, f.size); err != nil {
		return "", fmt.Errorf("hashing external data %q: %w", location, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// hashFile adds the bytes of a file between two places to h.
func hashFile(ctx context.Context, h hash.Hash, f *os.File, from, to int64) error {
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
	h     hash.Hash
}

func newDigest(f *os.File) *digest {
	d := &digest{file: f, later: map[int64]int64{}, more: make(chan struct{}, 1), done: make(chan error, 1), h: sha1.New()}
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

// sum ends the digest; the hash is of everything that was written.
func (d *digest) sum() ([]byte, error) {
	select {
	case d.more <- struct{}{}:
	default: // a call that sees everything is on its way
	}
	close(d.more)
	err := <-d.done
	return d.h.Sum(nil), err
}
