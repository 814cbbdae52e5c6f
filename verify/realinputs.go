package verify

import (
	"archive/zip"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"repmlp/internal/output"
	"repmlp/onnxio"
	"repmlp/verify/internal/tensor"
)

// An inputSet is what one path, or several that name inputs, give for all inputs.
type inputSet struct {
	path    string
	sources map[string]*source
	want    map[string]*Tensor // the outputs that came with them
}

// InputFile splits a real input into the input that it names and the file: NAME=FILE,
// unless that is itself the name of a file.
func InputFile(path string) (name, file string) {
	if _, err := os.Stat(path); err == nil {
		return "", path
	}
	for i := range len(path) {
		if path[i] != '=' || i == 0 {
			continue
		}
		if _, err := os.Stat(path[i+1:]); err == nil {
			return path[:i], path[i+1:]
		}
	}
	if name, file, ok := strings.Cut(path, "="); ok && name != "" {
		return name, file
	}
	return "", path
}

// readSets reads what paths give, in their order. unread are files in folders that
// nothing was taken from.
func readSets(m *onnxio.Model, paths []string, images ImageOptions) (sets []*inputSet, unread []string, err error) {
	r := &setReader{m: m, ins: feedable(m), images: images}
	for _, path := range paths {
		name, file := InputFile(path)
		if err := r.add(name, file); err != nil {
			return nil, nil, fmt.Errorf("reading inputs %q: %w", path, err)
		}
	}
	r.endNamed()
	if images.given() && !r.pictures {
		return nil, nil, errors.New("reading inputs: how images become inputs is said, and no folder of images is given")
	}
	for _, s := range r.sets {
		if err := s.complete(r.ins); err != nil {
			return nil, nil, fmt.Errorf("reading inputs %q: %w", s.path, err)
		}
	}
	return r.sets, r.unread, nil
}

// A setReader reads real inputs.
type setReader struct {
	m        *onnxio.Model
	ins      []*onnxio.ValueInfo
	images   ImageOptions
	sets     []*inputSet
	named    *inputSet // of paths that name inputs, until all are there
	unread   []string
	pictures bool // there was a folder of images
}

// endNamed ends a set of named inputs.
func (r *setReader) endNamed() {
	if r.named != nil {
		r.sets = append(r.sets, r.named)
		r.named = nil
	}
}

func (r *setReader) names() (names []string) {
	for _, in := range r.ins {
		names = append(names, in.Name())
	}
	return names
}

// add reads a path; input is the name that goes with it, "" for none.
func (r *setReader) add(input, path string) error {
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	if input != "" {
		return r.addNamed(input, path, st.IsDir())
	}
	r.endNamed()
	ext := strings.ToLower(filepath.Ext(path))
	switch {
	case st.IsDir():
		return r.addFolder(path)
	case ext == ".npz":
		sources, err := readNpz(r.ins, path)
		if err != nil {
			return err
		}
		r.sets = append(r.sets, &inputSet{path: path, sources: sources})
		return nil
	}
	if len(r.ins) != 1 {
		return fmt.Errorf("the model has %d inputs, %q; use a .npz with one array for each, or NAME=FILE for each", len(r.ins), r.names())
	}
	s, err := r.file(r.ins[0], path)
	if err != nil {
		return err
	}
	r.sets = append(r.sets, &inputSet{path: path, sources: map[string]*source{r.ins[0].Name(): s}})
	return nil
}

// addNamed reads one input of a set. A name that is there already begins another set.
func (r *setReader) addNamed(input, path string, folder bool) error {
	i := slices.IndexFunc(r.ins, func(v *onnxio.ValueInfo) bool { return v.Name() == input })
	if i < 0 {
		return fmt.Errorf("%q is no input of the model, whose inputs are %q", input, r.names())
	}
	if r.named != nil && r.named.sources[input] != nil {
		r.endNamed()
	}
	if r.named == nil {
		r.named = &inputSet{sources: map[string]*source{}}
	}
	r.named.path = strings.TrimPrefix(r.named.path+" "+input+"="+path, " ")
	if folder {
		list, err := r.pictureSources(r.ins[i], path)
		if err != nil {
			return err
		}
		if len(list) != 1 {
			return fmt.Errorf("input %q takes one image at a time, so a folder of them cannot go beside other inputs", input)
		}
		r.named.sources[input] = list[0]
		return nil
	}
	s, err := r.file(r.ins[i], path)
	r.named.sources[input] = s
	return err
}

// file reads a file for one input.
func (r *setReader) file(in *onnxio.ValueInfo, path string) (*source, error) {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".npz":
		sources, err := readNpz([]*onnxio.ValueInfo{in}, path)
		return sources[in.Name()], err
	case ".pb":
		t, err := readTensorFile(path)
		if err != nil {
			return nil, err
		}
		return held(t), nil
	case ".png", ".jpg", ".jpeg":
		r.pictures = true
		list, err := imageSources(in, filepath.Dir(path), []string{filepath.Base(path)}, r.images)
		if err != nil {
			return nil, err
		}
		return list[0], nil
	}
	return npySource(path)
}

// addFolder reads a test_data_set folder, a folder of these, or one of images.
func (r *setReader) addFolder(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var sets, pictures, tensors []string
	for _, e := range entries {
		switch name := e.Name(); {
		case e.IsDir() && strings.HasPrefix(name, "test_data_set"):
			sets = append(sets, name)
		case e.IsDir():
		case isImage(name):
			pictures = append(pictures, name)
		case strings.HasSuffix(name, ".pb"):
			tensors = append(tensors, name)
		}
	}
	switch {
	case len(tensors) > 0:
		s, err := r.dataSet(dir)
		if err != nil {
			return err
		}
		r.sets = append(r.sets, s)
		r.leave(dir, entries, func(name string) bool { return dataSetFile(name) })
	case len(pictures) > 0:
		if len(r.ins) != 1 {
			return fmt.Errorf("the model has %d inputs, %q; say which takes the images: NAME=FOLDER", len(r.ins), r.names())
		}
		list, err := r.pictureSources(r.ins[0], dir)
		if err != nil {
			return err
		}
		for _, s := range list {
			r.sets = append(r.sets, &inputSet{path: dir, sources: map[string]*source{r.ins[0].Name(): s}})
		}
	case len(sets) > 0:
		slices.SortFunc(sets, byNumber)
		for _, name := range sets {
			if err := r.addFolder(filepath.Join(dir, name)); err != nil {
				return fmt.Errorf("%q: %w", name, err)
			}
		}
		r.leave(dir, entries, func(name string) bool { return slices.Contains(sets, name) || strings.HasSuffix(name, ".onnx") })
	case len(r.ins) == 0 && len(entries) == 0:
		r.sets = append(r.sets, &inputSet{path: dir})
	default:
		return errors.New("the folder holds no input_0.pb, no test_data_set folder and no .png or .jpg image")
	}
	return nil
}

// byNumber orders names by length before anything else, so that 10 follows 9.
func byNumber(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

// pictureSources are the images of a folder.
func (r *setReader) pictureSources(in *onnxio.ValueInfo, dir string) ([]*source, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() && isImage(e.Name()) {
			names = append(names, e.Name())
		}
	}
	if len(names) == 0 {
		return nil, errors.New("the folder holds no .png or .jpg image")
	}
	r.pictures = true
	r.leave(dir, entries, isImage)
	return imageSources(in, dir, names, r.images)
}

// leave notes what a folder has that nothing is taken from.
func (r *setReader) leave(dir string, entries []os.DirEntry, taken func(name string) bool) {
	for _, e := range entries {
		if !taken(e.Name()) {
			r.unread = append(r.unread, filepath.Join(dir, e.Name()))
		}
	}
}

// dataSetFile reports whether ReadDataSet reads a file.
func dataSetFile(name string) bool {
	return strings.HasSuffix(name, ".pb") && (strings.HasPrefix(name, "input_") || strings.HasPrefix(name, "output_"))
}

// dataSet reads a test_data_set folder.
func (r *setReader) dataSet(dir string) (*inputSet, error) {
	ts, err := ReadDataSet(dir, "input")
	if err != nil {
		return nil, err
	}
	if len(ts) > len(r.ins) {
		return nil, fmt.Errorf("it holds %d inputs, the model has %d", len(ts), len(r.ins))
	}
	s := &inputSet{path: dir, sources: map[string]*source{}}
	for i, t := range ts {
		if t != nil {
			s.sources[r.ins[i].Name()] = held(t)
		}
	}
	if s.want, err = expected(r.m, dir); err != nil {
		return nil, fmt.Errorf("reading expected outputs: %w", err)
	}
	return s, nil
}

// complete checks that every input is there, of its type and shape, and that there
// is anything at all.
func (s *inputSet) complete(ins []*onnxio.ValueInfo) error {
	any := len(ins) == 0
	for _, in := range ins {
		t := s.sources[in.Name()]
		if t == nil {
			return fmt.Errorf("input %q is missing", in.Name())
		}
		t = t.taken(in)
		s.sources[in.Name()] = t
		if err := fits(in, t.Tensor); err != nil {
			return err
		}
		any = any || tensor.Count(t.Shape) > 0
	}
	if !any {
		return errors.New("it holds no samples")
	}
	return nil
}

// sizeOf is the size that is bound to an axis of an input.
func sizeOf(in *onnxio.ValueInfo, axis int, dims map[string]int64) (int, bool) {
	if axis >= len(in.Dims()) || in.Dims()[axis].Param == "" {
		return 0, false
	}
	n, bound := dims[in.Dims()[axis].Param]
	return int(n), bound
}

// bound refuses real inputs of another size than the one that is bound to an axis behind
// the first.
func (s *inputSet) bound(ins []*onnxio.ValueInfo, dims map[string]int64) error {
	for _, in := range ins {
		for axis, n := range s.sources[in.Name()].Shape {
			if want, ok := sizeOf(in, axis, dims); ok && axis > 0 && want != n {
				name := in.Dims()[axis].Param
				return fmt.Errorf("axis %d of input %q has %d elements, and %s=%d is asked for", axis, in.Name(), n, name, want)
			}
		}
	}
	return nil
}

// A span is the rows of one run; of inputs without a common first axis it is all.
type span struct {
	from, n int
	all     bool
}

// spans cuts a set into runs: a first axis that holds more samples than the model's
// batch, or the size that is bound to it, is run in pieces.
func (s *inputSet) spans(ins []*onnxio.ValueInfo, dims map[string]int64) ([]span, error) {
	all := []span{{all: true}}
	step, total, fixed := runBatch, -1, false
	for _, in := range ins {
		t := s.sources[in.Name()]
		if len(t.Shape) == 0 {
			return all, nil
		}
		if in.Shape() && in.Dims()[0].Known {
			step, fixed = int(in.Dims()[0].Value), true
		} else if n, bound := sizeOf(in, 0, dims); bound && !fixed {
			step = n
		}
		if total >= 0 && total != t.Shape[0] {
			return all, nil // inputs without a common batch
		}
		total = t.Shape[0]
	}
	if total <= 0 || step == 0 {
		return all, nil
	}
	if fixed && total%step != 0 {
		return nil, fmt.Errorf("%d samples cannot be cut into the model's batches of %d", total, step)
	}
	var out []span
	for from := 0; from < total; from += step {
		out = append(out, span{from: from, n: min(step, total-from)})
	}
	if len(out) > 1 {
		for _, name := range slices.Sorted(maps.Keys(s.want)) {
			if t := s.want[name]; len(t.Shape) == 0 || t.Shape[0] != total {
				return nil, fmt.Errorf("reading expected outputs: output %q of shape %v cannot be cut as the inputs are, which hold %d samples", name, t.Shape, total)
			}
		}
	}
	return out, nil
}

// read is the inputs of one run and its part of the outputs that came with them.
func (s *inputSet) read(p span, cut bool) (sample, error) {
	one := sample{feed: map[string]*Tensor{}, want: s.want}
	for name, src := range s.sources {
		var err error
		if p.all {
			one.feed[name], err = src.whole()
		} else {
			one.feed[name], err = src.rows(p.from, p.n)
		}
		if err != nil {
			return one, fmt.Errorf("reading inputs %q: %w", s.path, err)
		}
	}
	if cut && len(s.want) > 0 {
		one.want = map[string]*Tensor{}
		for name, t := range s.want {
			one.want[name] = rowsOf(t, p.from, p.n)
		}
	}
	return one, nil
}

// realInputs is the runs of real inputs, read when they are asked for.
func realInputs(m *onnxio.Model, paths []string, images ImageOptions, dims map[string]int64) (*series, error) {
	sets, unread, err := readSets(m, paths, images)
	if err != nil {
		return nil, err
	}
	type run struct {
		set *inputSet
		span
		cut bool
	}
	var runs []run
	out := &series{unread: unread}
	ins := feedable(m)
	for _, s := range sets {
		err := s.bound(ins, dims)
		var list []span
		if err == nil {
			list, err = s.spans(ins, dims)
		}
		if err != nil {
			return nil, fmt.Errorf("reading inputs %q: %w", s.path, err)
		}
		for _, p := range list {
			runs = append(runs, run{s, p, len(list) > 1})
		}
		out.samples += s.samples(ins, len(list))
	}
	out.count = len(runs)
	out.at = func(k int) (sample, error) { return runs[k].set.read(runs[k].span, runs[k].cut) }
	out.named = func(k, row int) string {
		r := runs[k]
		for _, in := range ins {
			if s := r.set.sources[in.Name()]; s.named != nil && row < max(r.n, 1) {
				return s.named(r.from + row)
			}
		}
		return ""
	}
	return out, nil
}

// rowsOf is n samples of t, which shares their elements.
func rowsOf(t *Tensor, from, n int) *Tensor {
	shape := slices.Clone(t.Shape)
	shape[0] = n
	per := tensor.Count(shape[1:])
	part := &Tensor{DType: t.DType, Shape: shape}
	switch {
	case t.F32 != nil:
		part.F32 = t.F32[from*per:][:n*per]
	case t.F64 != nil:
		part.F64 = t.F64[from*per:][:n*per]
	default:
		part.I = t.I[from*per:][:n*per]
	}
	return part
}

// fits says why a tensor is no value of an input. The first axis may hold more
// samples than a run takes.
func fits(in *onnxio.ValueInfo, t *Tensor) error {
	if t.DType != in.Elem() {
		return fmt.Errorf("input %q is %s, the model wants %s", in.Name(), t.DType, in.Elem())
	}
	if in.Shape() && len(in.Dims()) != len(t.Shape) {
		return fmt.Errorf("input %q has shape %v, the model wants rank %d", in.Name(), t.Shape, len(in.Dims()))
	}
	for i, d := range in.Dims() {
		if i > 0 && d.Known && d.Value != int64(t.Shape[i]) {
			return fmt.Errorf("axis %d of input %q has %d elements, the model wants %d", i, in.Name(), t.Shape[i], d.Value)
		}
	}
	return nil
}

// runBatch is how many samples of a free batch run at a time.
const runBatch = 64

// readNpz reads one array for each input. A single array is that of a single
// input, whatever its name is.
func readNpz(ins []*onnxio.ValueInfo, path string) (map[string]*source, error) {
	if err := output.Regular(path); err != nil {
		return nil, err
	}
	z, err := zip.OpenReader(path)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	var names []string
	for _, in := range ins {
		names = append(names, in.Name())
	}
	feed := map[string]*source{}
	for _, f := range z.File {
		key := strings.TrimSuffix(f.Name, ".npy")
		i := slices.Index(names, key)
		if i < 0 && len(ins) == 1 && len(z.File) == 1 {
			i = 0
		}
		if i < 0 {
			return nil, fmt.Errorf("array %q is no input of the model, whose inputs are %q", key, names)
		}
		if feed[names[i]] != nil {
			return nil, fmt.Errorf("array %q is there twice", key)
		}
		if f.UncompressedSize64 > 8*tensor.MaxElements+maxNpyHeader {
			return nil, fmt.Errorf("array %q has %d bytes, which is too large", key, f.UncompressedSize64)
		}
		r, err := f.Open()
		if err != nil {
			return nil, err
		}
		t, err := readNpy(r, int64(f.UncompressedSize64), nil)
		if err = errors.Join(err, r.Close()); err != nil {
			return nil, fmt.Errorf("array %q: %w", key, err)
		}
		feed[names[i]] = held(t)
	}
	return feed, nil
}

// expected reads the outputs that came with a folder of inputs.
func expected(m *onnxio.Model, path string) (map[string]*Tensor, error) {
	if st, err := os.Stat(path); err != nil || !st.IsDir() {
		return nil, err
	}
	ts, err := ReadDataSet(path, "output")
	if err != nil {
		return nil, err
	}
	outs := m.Graph().Outputs()
	if len(ts) > len(outs) {
		return nil, fmt.Errorf("it holds %d outputs, the model has %d", len(ts), len(outs))
	}
	want := map[string]*Tensor{}
	for i, t := range ts {
		if t == nil {
			continue
		}
		if t.DType != outs[i].Elem() {
			return nil, fmt.Errorf("output %q is %s, the model gives %s", outs[i].Name(), t.DType, outs[i].Elem())
		}
		want[outs[i].Name()] = t
	}
	return want, nil
}
