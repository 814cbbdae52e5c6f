package verify

import (
	"archive/zip"
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"repmlp/internal/output"
	"repmlp/onnxio"
)

// saving writes the inputs or outputs of all runs into a .npz, those of many runs one
// behind the other on their first axis. A nil one writes nothing.
type saving struct {
	path   string
	dir    string // of the arrays until they are in the file
	arrays []*savedArray
	runs   int
}

type savedArray struct {
	name  string
	dtype onnxio.DType
	shape []int
	file  *os.File
	to    *bufio.Writer
}

// newSaving is a saving into a file, nil for "".
func newSaving(path string) (*saving, error) {
	if path == "" {
		return nil, nil
	}
	dir, err := os.MkdirTemp("", "repmlp-")
	if err != nil {
		return nil, fmt.Errorf("saving into %q: %w", path, err)
	}
	return &saving{path: path, dir: dir}, nil
}

// add takes the tensors of one run. What cannot be told apart again, because the runs
// share no first axis, is an error.
func (s *saving) add(names []string, run map[string]*Tensor, inputs bool) error {
	if s == nil {
		return nil
	}
	s.runs++
	for i, name := range names {
		t := run[name]
		if s.runs == 1 {
			f, err := os.Create(filepath.Join(s.dir, fmt.Sprint(i)))
			if err != nil {
				return fmt.Errorf("saving into %q: %w", s.path, err)
			}
			a := &savedArray{name: name, dtype: t.DType, shape: slices.Clone(t.Shape), file: f, to: bufio.NewWriter(f)}
			s.arrays = append(s.arrays, a)
			if err := a.write(t); err != nil {
				return fmt.Errorf("saving %q: %w", name, err)
			}
			continue
		}
		a := s.arrays[i]
		apart := len(t.Shape) == 0 || len(a.shape) != len(t.Shape) || !slices.Equal(a.shape[1:], t.Shape[1:])
		if inputs && !apart && i > 0 {
			apart = t.Shape[0] != run[names[0]].Shape[0]
		}
		if apart {
			return &onnxio.Hint{Err: fmt.Errorf("saving into %q: %q has shape %v in run %d and no axis along which it could stand behind the others", s.path, name, t.Shape, s.runs-1), Advice: "save the arrays of one run, as with --samples 1"}
		}
		a.shape[0] += t.Shape[0]
		if err := a.write(t); err != nil {
			return fmt.Errorf("saving %q: %w", name, err)
		}
	}
	return nil
}

// numpyName is the type of an array as numpy writes it.
func numpyName(d onnxio.DType) (string, error) {
	if d == onnxio.BFloat16 { // which numpy has not; float32 has its numbers
		d = onnxio.Float32
	}
	for name, have := range numpyTypes {
		if have != d {
			continue
		}
		if name[1] == '1' {
			return "|" + name, nil
		}
		return "<" + name, nil
	}
	return "", fmt.Errorf("numpy has no arrays of type %s", d)
}

func (a *savedArray) write(t *Tensor) error {
	if t.DType == onnxio.BFloat16 {
		t = &Tensor{DType: onnxio.Float32, Shape: t.Shape, F32: t.F32}
	}
	raw, err := t.Raw()
	if err == nil {
		_, err = a.to.Write(raw)
	}
	return err
}

// npyHeader is what stands before the numbers of an array in C order.
func npyHeader(d onnxio.DType, shape []int) ([]byte, error) {
	kind, err := numpyName(d)
	if err != nil {
		return nil, err
	}
	var dims []string
	for _, n := range shape {
		dims = append(dims, fmt.Sprint(n))
	}
	text := strings.Join(dims, ", ")
	if len(dims) == 1 {
		text += ","
	}
	head := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", kind, text)
	const start = 10
	head += strings.Repeat(" ", 63-(start+len(head))%64) + "\n" // numbers begin at a multiple of 64
	return append([]byte("\x93NUMPY\x01\x00"+string([]byte{byte(len(head)), byte(len(head) >> 8)})), head...), nil
}

// end writes the file under its name.
func (s *saving) end() error {
	if s == nil {
		return nil
	}
	err := s.write()
	if err != nil {
		return fmt.Errorf("saving into %q: %w", s.path, err)
	}
	return nil
}

func (s *saving) write() error {
	f, err := output.Create(s.path, output.Options{})
	if err != nil {
		return err
	}
	defer f.Close()
	z := zip.NewWriter(f)
	for _, a := range s.arrays {
		if err := a.to.Flush(); err != nil {
			return err
		}
		if _, err := a.file.Seek(0, io.SeekStart); err != nil {
			return err
		}
		head, err := npyHeader(a.dtype, a.shape)
		if err != nil {
			return fmt.Errorf("array %q: %w", a.name, err)
		}
		w, err := z.CreateHeader(&zip.FileHeader{Name: a.name + ".npy", Method: zip.Store})
		if err == nil {
			_, err = w.Write(head)
		}
		if err == nil {
			_, err = io.Copy(w, a.file)
		}
		if err != nil {
			return err
		}
	}
	return errors.Join(z.Close(), f.Commit())
}

// remove removes what was written on the way.
func (s *saving) remove() {
	if s == nil {
		return
	}
	for _, a := range s.arrays {
		a.file.Close()
	}
	os.RemoveAll(s.dir)
}

// savings are what is saved of a comparison.
type savings struct {
	inputs    []string // their names
	outputs   []string
	feeds     *saving
	ref, cand *saving
	folder    string // of the outputs, made where it is not there
}

// SavedOutputs are the files that SaveOutputs writes in a folder.
func SavedOutputs(dir string) []string {
	return []string{filepath.Join(dir, "reference.npz"), filepath.Join(dir, "candidate.npz")}
}

func (o *CompareOptions) savings(ref *onnxio.Model) (s *savings, err error) {
	s = &savings{folder: o.SaveOutputs}
	for _, v := range feedable(ref) {
		s.inputs = append(s.inputs, v.Name())
	}
	for _, v := range ref.Graph().Outputs() {
		s.outputs = append(s.outputs, v.Name())
	}
	var paths [3]string
	paths[0] = o.SaveInputs
	if o.SaveOutputs != "" {
		copy(paths[1:], SavedOutputs(o.SaveOutputs))
	}
	for i, to := range []**saving{&s.feeds, &s.ref, &s.cand} {
		if *to, err = newSaving(paths[i]); err != nil {
			s.remove()
			return nil, err
		}
	}
	return s, nil
}

func (s *savings) remove() {
	for _, x := range []*saving{s.feeds, s.ref, s.cand} {
		x.remove()
	}
}

func (s *savings) end() error {
	if s.folder != "" {
		if err := os.Mkdir(s.folder, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("saving outputs: %w", err)
		}
	}
	return errors.Join(s.feeds.end(), s.ref.end(), s.cand.end())
}
