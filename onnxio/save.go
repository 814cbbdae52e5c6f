package onnxio

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"repmlp/internal/output"
)

// inlineLimit is the largest file that protobuf implementations read.
const inlineLimit = 2<<30 - 1<<20

// smallTensor is the size up to which a new tensor stays inline in a model
// whose weights are external, as PyTorch's exporter does.
const smallTensor = 256

// Pending is a written model that does not carry its name yet. Commit gives it
// its name; Discard removes it. Both may be called in any order and twice.
type Pending struct {
	path     string
	model    *output.File
	data     *output.File // external data, may be nil
	location string       // of the data
	bytes    int64
	reads    []*mapped // files that the model was made from
	flush    *writeback
	done     bool
	limits   Limits
}

// Bytes is the length of the model file, without external data.
func (p *Pending) Bytes() int64 { return p.bytes }

// Size is how many bytes the file of m would have, and its external data. With external
// data the file may differ by a few bytes: it names that after itself.
func (m *Model) Size() (file, data int64, err error) {
	enc := &encoder{}
	s, err := m.layOut(enc, inlineLimit)
	if err != nil {
		return 0, 0, err
	}
	if s != nil {
		data = s.size
		enc.location = dataName("", strings.Repeat(letters[:1], contentLetters))
	}
	out, err := enc.model(m)
	return out.size, data, err
}

// Write writes m to a file without a name beside path. External data stays
// external, in one file of a name of its own content (see [dataName]); a model
// above protobuf's 2 GB limit gets its large tensors moved there. An untouched
// model keeps its bytes but for the places of external data.
//
// Untouched spans are copied by the kernel and computed tensors are written as
// their pieces are computed, on all processors, so that memory stays small
// whatever the size of the model. progress, where it is not nil, is called from
// one goroutine at a time.
func (m *Model) Write(ctx context.Context, path string, progress func(done, total int)) (*Pending, error) {
	return m.write(ctx, path, inlineLimit, progress)
}

// write is Write with another limit for inline weights.
func (m *Model) write(ctx context.Context, path string, limit int64, progress func(done, total int)) (_ *Pending, err error) {
	p := &Pending{path: path, reads: m.files.all(), limits: m.limits}
	defer func() {
		if err != nil {
			p.Discard()
			err = fmt.Errorf("writing %q: %w", path, err)
		}
	}()
	p.flush = newWriteback()
	if p.model, err = p.create(); err != nil {
		return nil, err
	}
	enc := &encoder{}
	data, err := m.layOut(enc, limit)
	if err != nil {
		return nil, err
	}
	if data != nil {
		if p.data, err = p.create(); err != nil {
			return nil, err
		}
	}
	// The places in the model have a fixed length, so its size is known before the
	// name of the data is: a full disk is an error before any work.
	enc.location = dataName(path, strings.Repeat(letters[:1], contentLetters))
	s, err := m.stream(enc)
	if err != nil {
		return nil, err
	}
	if err := allocate(p.model.File, s.size); err != nil {
		return nil, err
	}
	steps := stages{progress: progress, total: parts(s.tasks)}
	if data != nil {
		if err := allocate(p.data.File, data.size); err != nil {
			return nil, err
		}
		steps.total += parts(data.tasks)
		d := newDigest(p.data.File)
		err := run(ctx, p.data.File, data.tasks, m.Trim, steps.next(parts(data.tasks)), p.flush, d)
		hash, failed := d.name()
		if err = errors.Join(err, failed); err != nil {
			return nil, err
		}
		p.location = dataName(path, hash)
		p.data.Place(filepath.Join(filepath.Dir(path), p.location))
		enc.location = p.location
		if s, err = m.stream(enc); err != nil {
			return nil, err
		}
	}
	p.bytes = s.size
	return p, run(ctx, p.model.File, s.tasks, m.Trim, steps.next(parts(s.tasks)), p.flush, nil)
}

// create makes a file with the permissions of what it replaces, or else of what
// it is made from.
func (p *Pending) create() (*output.File, error) {
	o := output.Options{}
	if len(p.reads) > 0 {
		o.Like = p.reads[0].path
	}
	return output.Create(p.path, o)
}

// stream lists the pieces of the model file.
func (m *Model) stream(enc *encoder) (*stream, error) {
	out, err := enc.model(m)
	if err != nil {
		return nil, err
	}
	s := &stream{}
	for _, piece := range out.pieces {
		if piece.tensor == nil {
			s.bytes(piece.bytes, m.files)
		} else if err := s.tensor(piece.tensor); err != nil {
			return nil, err
		}
	}
	s.flush()
	return s, nil
}

// stages report the progress of several runs as that of one.
type stages struct {
	progress    func(done, total int)
	done, total int
}

func (s *stages) next(parts int) func(done, total int) {
	before := s.done
	s.done += parts
	if s.progress == nil {
		return nil
	}
	return func(done, _ int) { s.progress(before+done, s.total) }
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

// Load reads the written files back under the names they will get.
func (p *Pending) Load() (*Model, error) {
	main, err := mapFile(p.model.Source())
	if err != nil {
		return nil, err
	}
	files := &store{dir: filepath.Dir(p.path), main: main, ext: map[string]*mapped{}}
	m := &Model{files: files}
	if p.data != nil {
		data, err := mapFile(p.data.Source())
		if err != nil {
			m.Close()
			return nil, err
		}
		files.ext[p.location] = data
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
	if err := p.model.Link(path); err != nil {
		return "", err
	}
	if p.data != nil {
		err = p.data.Link(filepath.Join(dir, p.location))
	}
	return path, err
}

// External lists the external files that Commit will leave, by location.
func (p *Pending) External() []string {
	if p.data == nil {
		return nil
	}
	return []string{p.location}
}

// Sync writes the files to disk before they have their names: what Commit leaves
// to do takes no time, and hardly anything can go wrong with it.
func (p *Pending) Sync() error {
	if p.done {
		return nil
	}
	p.flush.stop()
	for _, f := range []*output.File{p.data, p.model} {
		if f == nil {
			continue
		}
		if err := f.Sync(); err != nil {
			return fmt.Errorf("writing %q: %w", p.path, reason(err))
		}
	}
	return nil
}

// Commit syncs the files to disk and gives them their names. The data has the name
// of its content, so the model that had this name until now keeps its own data:
// the step in which the new model takes the name switches both. Data that nobody
// needs any more is removed behind it.
func (p *Pending) Commit() error {
	if p.done {
		return nil
	}
	if err := p.Sync(); err != nil {
		return err
	}
	old := dataNamed(p.path)
	var held *os.File // the data, while nothing names it
	if p.data != nil {
		var err error
		if held, err = p.commitData(); err != nil {
			return err
		}
		defer p.data.Close()
	}
	if err := p.model.Commit(); err != nil {
		if p.data != nil && held == nil {
			os.Remove(p.data.Source())
		}
		return fmt.Errorf("writing %q: %w", p.path, err)
	}
	p.done = true
	if held != nil {
		held.Close()
	}
	p.model.Close()
	p.sweepData(old)
	return nil
}

// commitData gives the data its name. Where a file of that name is there already
// it must hold the same; it is then returned, and held.
func (p *Pending) commitData() (held *os.File, err error) {
	path := filepath.Join(filepath.Dir(p.path), p.location)
	for {
		err := p.data.CommitNew()
		if err == nil {
			return nil, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("writing %q: %w", path, err)
		}
		held, err := output.Hold(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it was removed just now
		}
		if err != nil {
			return nil, fmt.Errorf("writing %q: %w", path, err)
		}
		same, err := sameContent(p.data.File, held)
		if err == nil && same {
			return held, nil
		}
		held.Close()
		if err != nil {
			return nil, fmt.Errorf("reading %q: %w", path, reason(err))
		}
		return nil, &Hint{fmt.Errorf("%q is there already and holds something else than its name says", path), "it was damaged; remove it if nothing needs it"}
	}
}

// Discard removes the temporary files.
func (p *Pending) Discard() {
	if p.done {
		return
	}
	p.done = true
	p.flush.stop()
	for _, f := range []*output.File{p.model, p.data} {
		if f != nil {
			f.Close()
		}
	}
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
