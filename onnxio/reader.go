package onnxio

import (
	"os"
	"sync"
)

// A Reader copies the raw values of a tensor from where they are stored. Pages
// of a mapped file do not become resident by that, which for long runs costs
// more than the copy. It is safe for concurrent use.
type Reader struct {
	data []byte
	file *os.File // that data is mapped from, at this offset; nil for none
	skip int64
}

// Reader gives access to the values as Bytes returns them.
func (t *Tensor) Reader() (*Reader, error) {
	b, err := t.Bytes()
	if err != nil {
		return nil, err
	}
	r := &Reader{data: b}
	if m, skip := t.files.find(b); m != nil {
		r.file, r.skip = m.file, skip
	}
	return r, nil
}

// Mapped is all values without a copy.
func (r *Reader) Mapped() []byte { return r.data }

// Read returns n bytes from byte at on: in space, which it makes longer where
// that is necessary, or where they lie.
func (r *Reader) Read(space *[]byte, at, n int) []byte {
	b := r.data[at:][:n:n]
	if r.file == nil {
		return b
	}
	if cap(*space) < n {
		*space = make([]byte, n)
	}
	if _, err := r.file.ReadAt((*space)[:n], r.skip+int64(at)); err != nil {
		return b // the mapping knows better
	}
	return (*space)[:n]
}

var spaces = sync.Pool{New: func() any { return new([]byte) }}

// With calls use with n bytes from byte at on, which are valid until it returns.
func (r *Reader) With(at, n int, use func(b []byte)) {
	space := spaces.Get().(*[]byte)
	defer spaces.Put(space)
	use(r.Read(space, at, n))
}
