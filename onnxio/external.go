package onnxio

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/edsrzf/mmap-go"
)

// A mapped file stays readable after its last reader forgets it, until closed.
type mapped struct {
	data mmap.MMap
	size int64
	file *os.File
}

func mapFile(path string) (*mapped, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	m := &mapped{file: f}
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
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.main != nil {
		forget(s.main.data)
	}
	for _, f := range s.ext {
		forget(f.data)
	}
}

// store holds the files that a model reads from: the model itself and its
// external data, which is mapped on first use.
type store struct {
	dir  string
	main *mapped

	mu  sync.Mutex
	ext map[string]*mapped

	touches atomic.Int32 // places read since pages were given back
}

// touchesAtOnce bounds the places in a file that are resident because a few bytes
// were read there: around each the system brings in up to some megabytes.
const touchesAtOnce = 16

// touched notes that a few bytes were read somewhere.
func (s *store) touched() {
	if s != nil && s.touches.Add(1) == touchesAtOnce {
		s.touches.Store(0)
		s.trim()
	}
}

func (s *store) open(location string) (*mapped, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.ext[location]; m != nil {
		return m, nil
	}
	path, err := s.path(location)
	if err != nil {
		return nil, err
	}
	m, err := mapFile(path)
	if err != nil {
		return nil, err
	}
	if s.ext == nil {
		s.ext = map[string]*mapped{}
	}
	s.ext[location] = m
	return m, nil
}

// path resolves a location inside the model's folder; links that lead out of
// it are refused, as the ONNX specification asks.
func (s *store) path(location string) (string, error) {
	clean := filepath.FromSlash(strings.ReplaceAll(location, `\`, "/"))
	if location == "" || !filepath.IsLocal(clean) {
		return "", fmt.Errorf("external data %q lies outside the model's folder", location)
	}
	path := filepath.Join(s.dir, clean)
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", fmt.Errorf("external data file %q is missing: %w", location, err)
	}
	dir, err := filepath.EvalSymlinks(s.dir)
	if err != nil {
		return "", err
	}
	if rel, err := filepath.Rel(dir, real); err != nil || !filepath.IsLocal(rel) {
		return "", fmt.Errorf("external data %q lies outside the model's folder", location)
	}
	return path, nil
}

func (s *store) read(t *Tensor) ([]byte, error) {
	m, err := s.open(t.External.Location)
	if err != nil {
		return nil, fmt.Errorf("reading tensor %q: %w", t.Name, err)
	}
	from, n := t.External.Offset, t.stored()
	if from < 0 || from > m.size || n > m.size-from {
		return nil, fmt.Errorf("reading tensor %q: external data %q ends before byte %d", t.Name, t.External.Location, from+n)
	}
	return m.data[from : from+n : from+n], nil
}

func (t *Tensor) checkExternal(n int64) error {
	if t.DType == String || t.DType.Bits() == 0 {
		return fmt.Errorf("tensor %q of type %s cannot be external", t.Name, t.DType)
	}
	if t.External.hasLen && t.External.Length != t.DType.rawSize(n) {
		return fmt.Errorf("tensor %q (%s %v) needs %d bytes, its external data entry says %d", t.Name, t.DType, t.Dims, t.DType.rawSize(n), t.External.Length)
	}
	if t.files == nil {
		return fmt.Errorf("tensor %q has external data but the model came without a folder", t.Name)
	}
	_, err := t.files.read(t)
	return err
}

// ExternalFiles lists the locations of external data that the model reads.
func (m *Model) ExternalFiles() []string {
	var names []string
	m.eachTensor(func(t *Tensor) {
		if t.External != nil && !slices.Contains(names, t.External.Location) {
			names = append(names, t.External.Location)
		}
	})
	return names
}

// FileBytes is the model file as it is mapped, nil for a model that came from
// memory. The bytes must not be changed, nor read after Close.
func (m *Model) FileBytes() []byte {
	if m.files == nil || m.files.main == nil {
		return nil
	}
	return m.files.main.data
}

// Close releases the mapped files. Tensors must not be read afterwards.
func (m *Model) Close() error {
	if m.files == nil {
		return nil
	}
	s := m.files
	s.mu.Lock()
	defer s.mu.Unlock()
	var first error
	for _, f := range s.ext {
		if err := f.close(); err != nil && first == nil {
			first = err
		}
	}
	s.ext = nil
	if s.main != nil {
		if err := s.main.close(); err != nil && first == nil {
			first = err
		}
		s.main = nil
	}
	return first
}
