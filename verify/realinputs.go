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

// realInputs reads files: a .npy for a model with one input, a .npz with one
// array per input, a test_data_set folder, whose outputs are what both models are
// to give. A first axis that holds more samples than the model's batch is run in
// pieces.
func realInputs(m *onnxio.Model, paths []string) ([]sample, error) {
	ins := feedable(m)
	var out []sample
	for _, path := range paths {
		feed, err := readInputs(ins, path)
		if err == nil {
			err = complete(ins, feed)
		}
		if err != nil {
			return nil, fmt.Errorf("reading inputs %q: %w", path, err)
		}
		want, err := expected(m, path)
		if err != nil {
			return nil, fmt.Errorf("reading expected outputs %q: %w", path, err)
		}
		cut, err := pieces(ins, feed)
		if err != nil {
			return nil, fmt.Errorf("reading inputs %q: %w", path, err)
		}
		list, err := withOutputs(ins, feed, cut, want)
		if err != nil {
			return nil, fmt.Errorf("reading expected outputs %q: %w", path, err)
		}
		out = append(out, list...)
	}
	return out, nil
}

// complete checks that every input is there, of its type and shape, and that there
// is anything at all.
func complete(ins []*onnxio.ValueInfo, feed map[string]*Tensor) error {
	for _, in := range ins {
		t := feed[in.Name()]
		if t == nil {
			return fmt.Errorf("input %q is missing", in.Name())
		}
		if err := fits(in, t); err != nil {
			return err
		}
	}
	if len(ins) > 0 && !slices.ContainsFunc(ins, func(v *onnxio.ValueInfo) bool { return feed[v.Name()].Len() > 0 }) {
		return errors.New("it holds no samples")
	}
	return nil
}

// withOutputs gives every piece of a feed its part of the outputs that came with it.
func withOutputs(ins []*onnxio.ValueInfo, feed map[string]*Tensor, cut []map[string]*Tensor, want map[string]*Tensor) (out []sample, err error) {
	total := 0
	for _, t := range feed {
		if len(t.Shape) > 0 {
			total = t.Shape[0]
		}
	}
	from := 0
	for _, piece := range cut {
		s := sample{feed: piece, want: want}
		if len(cut) > 1 && len(want) > 0 {
			n := piece[firstName(ins)].Shape[0]
			if s.want, err = part(want, from, n, total); err != nil {
				return nil, err
			}
			from += n
		}
		out = append(out, s)
	}
	return out, nil
}

func firstName(ins []*onnxio.ValueInfo) string {
	if len(ins) == 0 {
		return ""
	}
	return ins[0].Name()
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

// part is the outputs of some of the samples.
func part(want map[string]*Tensor, from, n, total int) (map[string]*Tensor, error) {
	out := map[string]*Tensor{}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		t := want[name]
		if len(t.Shape) == 0 || t.Shape[0] != total {
			return nil, fmt.Errorf("output %q of shape %v cannot be cut as the inputs are, which hold %d samples", name, t.Shape, total)
		}
		out[name] = rowsOf(t, from, n)
	}
	return out, nil
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

func pieces(ins []*onnxio.ValueInfo, feed map[string]*Tensor) ([]map[string]*Tensor, error) {
	step, total := runBatch, -1
	for _, in := range ins {
		t := feed[in.Name()]
		if len(t.Shape) == 0 {
			return []map[string]*Tensor{feed}, nil
		}
		if in.Shape() && in.Dims()[0].Known {
			step = int(in.Dims()[0].Value)
		}
		if total >= 0 && total != t.Shape[0] {
			return []map[string]*Tensor{feed}, nil // inputs without a common batch
		}
		total = t.Shape[0]
	}
	if total < 0 || total == 0 || step == 0 {
		return []map[string]*Tensor{feed}, nil
	}
	fixed := slices.ContainsFunc(ins, func(v *onnxio.ValueInfo) bool { return v.Shape() && v.Dims()[0].Known })
	if fixed && total%step != 0 {
		return nil, fmt.Errorf("%d samples cannot be cut into the model's batches of %d", total, step)
	}
	var out []map[string]*Tensor
	for from := 0; from < total; from += step {
		n := min(step, total-from)
		part := map[string]*Tensor{}
		for name, t := range feed {
			part[name] = rowsOf(t, from, n)
		}
		out = append(out, part)
	}
	return out, nil
}

func readInputs(ins []*onnxio.ValueInfo, path string) (map[string]*Tensor, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	feed := map[string]*Tensor{}
	switch {
	case st.IsDir():
		ts, err := ReadDataSet(path, "input")
		if err != nil {
			return nil, err
		}
		if len(ts) > len(ins) {
			return nil, fmt.Errorf("it holds %d inputs, the model has %d", len(ts), len(ins))
		}
		for i, t := range ts {
			feed[ins[i].Name()] = t
		}
	case strings.EqualFold(filepath.Ext(path), ".npz"):
		return readNpz(ins, path)
	default:
		if len(ins) != 1 {
			return nil, fmt.Errorf("the model has %d inputs; use a .npz with one array for each", len(ins))
		}
		feed[ins[0].Name()], err = readNpyFile(path, func(t *Tensor) error { return fits(ins[0], t) })
		if err != nil {
			return nil, err
		}
	}
	return feed, nil
}

// readNpz reads one array for each input. A single array is that of a single
// input, whatever its name is.
func readNpz(ins []*onnxio.ValueInfo, path string) (map[string]*Tensor, error) {
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
	feed := map[string]*Tensor{}
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
		feed[names[i]], err = readNpy(r, int64(f.UncompressedSize64), func(t *Tensor) error { return fits(ins[i], t) })
		if err = errors.Join(err, r.Close()); err != nil {
			return nil, fmt.Errorf("array %q: %w", key, err)
		}
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
