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

	"repmlp/internal/output"
)

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
	if err := output.Regular(path); err != nil {
		if r, ok := errors.AsType[*output.Refusal](err); ok {
			return nil, &Hint{fmt.Errorf("external data: %w", r), "external data must be a regular file in the model's folder"}
		}
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

// path resolves a location as ONNX Runtime does: relative to the model's folder,
// in which the file must lie once all links are followed. Where the model itself
// is a link, as in the cache of a model hub, the folder of the real file counts
// too.
func (s *store) path(location string) (string, error) {
	outside := func() error {
		return &Hint{fmt.Errorf("external data %q lies outside the model's folder", location), "put the file beside the model and export the model again, or correct its location"}
	}
	switch {
	case location == "":
		return "", fmt.Errorf("external data without a location")
	case strings.ContainsRune(location, 0):
		return "", fmt.Errorf("the location %q of external data holds a NUL byte", location)
	case os.IsPathSeparator(location[len(location)-1]):
		return "", fmt.Errorf("the location %q of external data is a folder", location)
	case !filepath.IsLocal(filepath.FromSlash(location)):
		return "", outside()
	}
	path := filepath.Join(s.dir, filepath.FromSlash(location))
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		err = fmt.Errorf("external data file %q is missing: %w", location, reason(err))
		if strings.Contains(location, `\`) {
			err = &Hint{err, "its location is written with backslashes, which are letters here; ONNX wants forward slashes"}
		}
		return "", err
	}
	folders := []string{s.dir}
	if s.main != nil {
		if model, err := filepath.EvalSymlinks(s.main.path); err == nil {
			folders = append(folders, filepath.Dir(model))
		}
	}
	for _, dir := range folders {
		dir, err := filepath.EvalSymlinks(dir)
		if err != nil {
			return "", err
		}
		if rel, err := filepath.Rel(dir, real); err == nil && filepath.IsLocal(rel) {
			return path, nil
		}
	}
	return "", outside()
}

// reason is what happened to a file, without its name.
func reason(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}

func (s *store) read(t *Tensor) ([]byte, error) {
	m, err := s.open(t.external.location)
	if err != nil {
		return nil, fmt.Errorf("reading tensor %q: %w", t.name, err)
	}
	from, n := t.external.offset, t.stored()
	switch {
	case from < 0:
		return nil, fmt.Errorf("reading tensor %q: the offset %d in external data %q is negative", t.name, from, t.external.location)
	case from > m.size || n > m.size-from:
		return nil, fmt.Errorf("reading tensor %q: external data %q has %d bytes and ends before the %d bytes at %d do", t.name, t.external.location, m.size, n, from)
	}
	return m.data[from : from+n : from+n], nil
}

// consistentExternal checks what the message of an external tensor of n elements says.
func (t *Tensor) consistentExternal(n int64) error {
	if t.dtype == String || t.dtype.Bits() == 0 {
		return fmt.Errorf("tensor %q of type %s cannot be external", t.name, t.dtype)
	}
	if t.external.hasLen && t.external.length != t.dtype.rawSize(n) {
		return fmt.Errorf("tensor %q (%s %v) needs %d bytes, its external data entry says %d", t.name, t.dtype, t.dims, t.dtype.rawSize(n), t.external.length)
	}
	return nil
}

// ExternalFiles lists the locations of external data that the model reads.
func (m *Model) ExternalFiles() []string {
	var names []string
	seen := map[string]bool{}
	m.eachTensor(func(t *Tensor) {
		if t.external != nil && !seen[t.external.location] {
			seen[t.external.location] = true
			names = append(names, t.external.location)
		}
	})
	return names
}

// Files lists the paths of all files that the model reads: its own first, then
// those of external data by location. Whoever writes must spare them.
func (m *Model) Files() []string {
	var paths []string
	for _, f := range m.files.all() {
		paths = append(paths, f.path)
	}
	return paths
}

// all are the mapped files in a fixed order.
func (s *store) all() (files []*mapped) {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.main != nil {
		files = append(files, s.main)
	}
	var locations []string
	for l := range s.ext {
		locations = append(locations, l)
	}
	slices.Sort(locations)
	for _, l := range locations {
		files = append(files, s.ext[l])
	}
	return files
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
	var first error
	for _, f := range m.files.all() {
		if err := f.close(); err != nil && first == nil {
			first = err
		}
	}
	m.files.mu.Lock()
	defer m.files.mu.Unlock()
	m.files.main, m.files.ext = nil, nil
	return first
}

// Changed is an error if a file that the model reads is no more what it was when
// it was opened: what was read from it may be of two kinds then.
func (m *Model) Changed() error {
	for _, f := range m.files.all() {
		if err := f.changed(); err != nil {
			return err
		}
	}
	return nil
}

func (m *mapped) changed() error {
	how := ""
	now, err := os.Stat(m.path)
	switch {
	case err != nil:
		how = ": " + reason(err).Error()
	case !os.SameFile(now, m.info):
		how = ": another one has its name now"
	case now.Size() != m.info.Size():
		how = fmt.Sprintf(": it had %d bytes and has %d", m.info.Size(), now.Size())
	case now.ModTime().Equal(m.info.ModTime()):
		return nil
	}
	return &Hint{&Modified{m.path, how}, "run again when nothing writes to the file"}
}
