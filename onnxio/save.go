package onnxio

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"

	"repmlp/budget"
)

// inlineLimit is the largest file that protobuf implementations read.
const inlineLimit = 2<<30 - 1<<20

// smallTensor is the size up to which a new tensor stays inline in a model
// whose weights are external, as PyTorch's exporter does.
const smallTensor = 256

// dataAlign is the alignment of tensors in a new external file.
const dataAlign = 64

// Pending is a written model that does not carry its name yet. Commit gives it
// its name; Discard removes it. Both may be called in any order and twice.
type Pending struct {
	path     string
	model    *renameio.PendingFile
	data     *renameio.PendingFile // external data, may be nil
	location string
	bytes    int64
	copies   []string // external files that are copied along
	flush    *writeback
	done     bool
	limits   budget.Limits
}

// Bytes is the length of the model file, without external data.
func (p *Pending) Bytes() int64 { return p.bytes }

// Write writes m to a temporary file beside path. External data stays external
// in path+".data"; a model above protobuf's 2 GB limit gets its large tensors
// moved there. An untouched model keeps its bytes, and its external files are
// copied along where path lies in another folder.
//
// Untouched spans are copied by the kernel and computed tensors are written as
// their pieces are computed, on all processors, so that memory stays small
// whatever the size of the model. progress, where it is not nil, is called from
// one goroutine.
func (m *Model) Write(ctx context.Context, path string, progress func(done, total int)) (*Pending, error) {
	return m.write(ctx, path, inlineLimit, progress)
}

// write is Write with another limit for inline weights.
func (m *Model) write(ctx context.Context, path string, limit int64, progress func(done, total int)) (_ *Pending, err error) {
	p := &Pending{limits: m.limits, path: path, location: filepath.Base(path) + ".data"}
	defer func() {
		if err != nil {
			p.Discard()
			err = fmt.Errorf("writing %q: %w", path, err)
		}
	}()
	if p.model, err = renameio.NewPendingFile(path, renameio.WithPermissions(0o644), renameio.WithExistingPermissions()); err != nil {
		return nil, err
	}
	enc := &encoder{}
	var tasks []task
	if m.edited() {
		if tasks, err = m.writeExternal(p, enc, limit); err != nil {
			return nil, err
		}
	} else if err := m.copyExternal(p); err != nil {
		return nil, err
	}
	out, err := enc.model(m)
	if err != nil {
		return nil, err
	}
	s := &stream{to: p.model.File}
	for _, piece := range out.pieces {
		if piece.tensor == nil {
			s.bytes(piece.bytes, m.files)
		} else if err := s.tensor(piece.tensor); err != nil {
			return nil, err
		}
	}
	s.flush()
	if err := allocate(s.to, s.size); err != nil {
		return nil, err
	}
	p.bytes = out.size
	p.flush = newWriteback()
	return p, run(ctx, append(tasks, s.tasks...), m.Trim, progress, p.flush)
}

// edited reports whether the graph differs from the file it came from.
func (m *Model) edited() bool {
	for _, f := range m.fields {
		if f.num == 7 {
			return f.raw == nil
		}
	}
	return false
}

// writeExternal decides which tensors are external and plans how they are
// written.
func (m *Model) writeExternal(p *Pending, enc *encoder, limit int64) ([]task, error) {
	external, inline := false, int64(0)
	m.eachTensor(func(t *Tensor) {
		if t.External != nil {
			external = true
		} else {
			inline += t.stored()
		}
	})
	if !external && inline <= limit {
		return nil, nil
	}
	enc.move = map[*Tensor]External{}
	var s *stream
	var first error
	m.eachTensor(func(t *Tensor) {
		fresh := t.raw == nil || inline > limit
		if first != nil || t.External == nil && !(fresh && t.stored() > smallTensor) {
			return
		}
		if s == nil {
			if p.data, first = renameio.NewPendingFile(p.path+".data", renameio.WithPermissions(0o644), renameio.WithExistingPermissions()); first != nil {
				return
			}
			s = &stream{to: p.data.File}
		}
		if pad := -s.size & (dataAlign - 1); pad > 0 {
			s.bytes(make([]byte, pad), nil)
		}
		enc.move[t] = External{Location: p.location, Offset: s.size, Length: t.stored(), hasLen: true}
		first = s.tensor(t)
	})
	if first != nil || s == nil {
		return nil, first
	}
	s.flush()
	return s.tasks, allocate(s.to, s.size)
}

// copyExternal plans the copies that keep an untouched model readable at its
// new place.
func (m *Model) copyExternal(p *Pending) error {
	for _, loc := range m.ExternalFiles() {
		from, err := m.files.path(loc)
		if err != nil {
			return err
		}
		to := filepath.Join(filepath.Dir(p.path), filepath.FromSlash(loc))
		if same, err := sameFile(from, to); err != nil || same {
			if err != nil {
				return err
			}
			continue
		}
		if _, err := os.Lstat(to); err == nil {
			same, err := sameContent(from, to)
			if err != nil {
				return err
			}
			if !same {
				return &Hint{fmt.Errorf("the model's external data belongs at %q, where another file lies", to), "write into an empty folder"}
			}
			continue
		}
		p.copies = append(p.copies, from, to)
	}
	return nil
}

func sameFile(a, b string) (bool, error) {
	sa, err := os.Stat(a)
	if err != nil {
		return false, err
	}
	sb, err := os.Stat(b)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return os.SameFile(sa, sb), nil
}

func sameContent(a, b string) (bool, error) {
	ma, err := mapFile(a)
	if err != nil {
		return false, err
	}
	defer ma.close()
	mb, err := mapFile(b)
	if err != nil {
		return false, err
	}
	defer mb.close()
	return bytes.Equal(ma.data, mb.data), nil
}

// Load reads the written files back under the names they will get.
func (p *Pending) Load() (*Model, error) {
	main, err := mapFile(p.model.Name())
	if err != nil {
		return nil, err
	}
	files := &store{dir: filepath.Dir(p.path), main: main, ext: map[string]*mapped{}}
	m := &Model{files: files}
	if p.data != nil {
		if files.ext[p.location], err = mapFile(p.data.Name()); err != nil {
			m.Close()
			return nil, err
		}
	}
	for i := 0; i < len(p.copies); i += 2 {
		loc, err := filepath.Rel(files.dir, p.copies[i+1])
		if err == nil {
			files.ext[filepath.ToSlash(loc)], err = mapFile(p.copies[i])
		}
		if err != nil {
			m.Close()
			return nil, err
		}
	}
	read, err := parse(main.data, files, p.limits)
	if err != nil {
		m.Close()
		return nil, fmt.Errorf("reading the written file back: %w", err)
	}
	return read, nil
}

// Expose gives the written files the names they will get, in another folder of
// the same file system, so that programs that read models by name can.
func (p *Pending) Expose(dir string) (path string, err error) {
	path = filepath.Join(dir, filepath.Base(p.path))
	if err := os.Link(p.model.Name(), path); err != nil {
		return "", err
	}
	if p.data != nil {
		err = os.Link(p.data.Name(), path+".data")
	}
	return path, err
}

// External lists the external files that Commit will leave, by location.
func (p *Pending) External() []string {
	var names []string
	if p.data != nil {
		names = append(names, p.location)
	}
	for i := 1; i < len(p.copies); i += 2 {
		names = append(names, p.copies[i])
	}
	return names
}

// Sync writes the files to disk under their temporary names: what Commit leaves
// to do takes no time, and hardly anything can go wrong with it.
func (p *Pending) Sync() error {
	if p.done {
		return nil
	}
	p.flush.stop()
	for _, f := range []*renameio.PendingFile{p.data, p.model} {
		if f == nil {
			continue
		}
		if err := f.Sync(); err != nil {
			return fmt.Errorf("writing %q: %w", p.path, err)
		}
	}
	return nil
}

// Commit syncs the files to disk and gives them their names, data first.
func (p *Pending) Commit() error {
	if p.done {
		return nil
	}
	p.flush.stop()
	for i := 0; i < len(p.copies); i += 2 {
		if err := copyFile(p.copies[i], p.copies[i+1]); err != nil {
			return fmt.Errorf("copying external data to %q: %w", p.copies[i+1], err)
		}
	}
	if p.data != nil {
		if err := p.data.CloseAtomicallyReplace(); err != nil {
			return fmt.Errorf("writing %q: %w", p.path+".data", err)
		}
	}
	if err := p.model.CloseAtomicallyReplace(); err != nil {
		return fmt.Errorf("writing %q: %w", p.path, err)
	}
	p.done = true
	return nil
}

// Discard removes the temporary files.
func (p *Pending) Discard() {
	if p.done {
		return
	}
	p.done = true
	p.flush.stop()
	if p.model != nil {
		p.model.Cleanup()
	}
	if p.data != nil {
		p.data.Cleanup()
	}
}

func copyFile(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := renameio.NewPendingFile(to, renameio.WithPermissions(0o644))
	if err != nil {
		return err
	}
	defer dst.Cleanup()
	if _, err := io.Copy(dst, src); err != nil {
		return err
	}
	return dst.CloseAtomicallyReplace()
}

// Encode returns the model's bytes. It is for models without external data.
func (m *Model) Encode() ([]byte, error) {
	out, err := (&encoder{}).model(m)
	if err != nil {
		return nil, err
	}
	return out.join()
}

// Save writes m to path atomically.
func (m *Model) Save(path string) error {
	p, err := m.Write(context.Background(), path, nil)
	if err != nil {
		return err
	}
	defer p.Discard()
	return p.Commit()
}
