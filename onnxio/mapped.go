package onnxio

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"unsafe"

	"github.com/edsrzf/mmap-go"

	"repmlp/internal/output"
)

// A mapped file stays readable after its last reader forgets it, until closed.
type mapped struct {
	path string
	info fs.FileInfo // when it was opened
	data mmap.MMap
	size int64
	file *os.File
}

func mapFile(path string) (*mapped, error) {
	if err := output.Regular(path); err != nil {
		return nil, err
	}
	f, err := output.Open(path)
	if err != nil {
		return nil, err
	}
	m := &mapped{path: path, file: f}
	if err := m.open(path); err != nil {
		f.Close()
		return nil, err
	}
	return m, nil
}

func (m *mapped) open(path string) error {
	st, err := m.file.Stat()
	if err != nil {
		return err
	}
	if !st.Mode().IsRegular() {
		return &fs.PathError{Op: "open", Path: path, Err: fmt.Errorf("not a regular file")}
	}
	m.info = st
	if m.size = st.Size(); m.size == 0 {
		return nil
	}
	if m.data, err = mmap.Map(m.file, mmap.RDONLY, 0); err != nil {
		return fmt.Errorf("mapping %q: %w", path, err)
	}
	return nil
}

func (m *mapped) close() error {
	var err error
	if m.data != nil {
		err = m.data.Unmap()
	}
	return errors.Join(err, m.file.Close())
}

// find returns the mapped file that b lies in, and where; nil for bytes from
// elsewhere.
func (s *store) find(b []byte) (*mapped, int64) {
	if s == nil || len(b) == 0 {
		return nil, 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.main != nil && inside(b, s.main.data) {
		return s.main, offset(b, s.main.data)
	}
	for _, m := range s.ext {
		if inside(b, m.data) {
			return m, offset(b, m.data)
		}
	}
	return nil, 0
}

func inside(b, all []byte) bool {
	return len(all) > 0 && offset(b, all) >= 0 && offset(b, all)+int64(len(b)) <= int64(len(all))
}

func offset(b, all []byte) int64 {
	return int64(uintptr(unsafe.Pointer(unsafe.SliceData(b))) - uintptr(unsafe.Pointer(unsafe.SliceData(all))))
}

// Trim gives the pages of the mapped files back that reading weights brought
// into memory. They are read again when they are needed.
func (m *Model) Trim() { m.files.trim() }

func (s *store) trim() {
	for _, f := range s.all() {
		forget(f.data)
	}
}
