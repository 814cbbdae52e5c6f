package verify

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sbinet/npyio"

	"repmlp/onnxio"
	"repmlp/output"
)

// samples lists the inputs of every run: the real ones where any are given,
// random ones otherwise.
func samples(m *onnxio.Model, o CompareOptions) ([]map[string]*Tensor, error) {
	if len(o.Inputs) > 0 {
		return realInputs(m, o.Inputs)
	}
	sizes, err := ChooseSizes(m, o.Dims, 2)
	if err != nil {
		return nil, err
	}
	var out []map[string]*Tensor
	for k := range max(o.Samples, 1) {
		feed, err := randomInputs(m, sizes, o.Seed, k)
		if err != nil {
			return nil, err
		}
		out = append(out, feed)
	}
	return out, nil
}

// RandomInputs makes standard normal inputs, see ChooseSizes for their shapes.
func RandomInputs(m *onnxio.Model, dims map[string]int64, batch int64, seed uint64) (map[string]*Tensor, error) {
	sizes, err := ChooseSizes(m, dims, batch)
	if err != nil {
		return nil, err
	}
	return randomInputs(m, sizes, seed, 0)
}

func randomInputs(m *onnxio.Model, sizes map[string][]int64, seed uint64, sample int) (map[string]*Tensor, error) {
	feed := map[string]*Tensor{}
	for _, in := range feedable(m) {
		shape, ok := sizes[in.Name]
		if !ok {
			return nil, &onnxio.Hint{Err: fmt.Errorf("making random inputs: the rank of input %q is not declared", in.Name), Advice: "give real inputs with --inputs"}
		}
		var err error
		if feed[in.Name], err = randomTensor(seed, fmt.Sprintf("%s/%d", in.Name, sample), in, shape); err != nil {
			return nil, err
		}
	}
	return feed, nil
}

func randomTensor(seed uint64, key string, in *onnxio.ValueInfo, shape []int64) (*Tensor, error) {
	t := &Tensor{DType: in.Elem, Shape: toInts(shape)}
	if tooLarge(shape) {
		return nil, fmt.Errorf("making random inputs: input %q of shape %v is too large", in.Name, shape)
	}
	rng := stream(seed, key)
	switch {
	case in.Elem == onnxio.Float64:
		t.F64 = make([]float64, t.Len())
		for i := range t.F64 {
			t.F64[i] = rng.NormFloat64()
		}
	case in.Elem.IsFloat():
		t.F32 = make([]float32, t.Len())
		for i := range t.F32 {
			t.F32[i] = float32(rng.NormFloat64())
		}
		t.round()
	case in.Elem.IsInt() || in.Elem == onnxio.Bool:
		t.I = make([]int64, t.Len())
		for i := range t.I {
			t.I[i] = rng.Int64N(2)
		}
	default:
		return nil, &onnxio.Hint{Err: fmt.Errorf("making random inputs: input %q has type %s", in.Name, in.Elem), Advice: "give real inputs with --inputs"}
	}
	return t, nil
}

// realInputs reads files: a .npy for a model with one input, a .npz with one
// array per input, a test_data_set folder. A first axis that holds more
// samples than the model's batch is run in pieces.
func realInputs(m *onnxio.Model, paths []string) ([]map[string]*Tensor, error) {
	ins := feedable(m)
	var out []map[string]*Tensor
	for _, path := range paths {
		feed, err := readInputs(ins, path)
		if err != nil {
			return nil, fmt.Errorf("reading inputs %q: %w", path, err)
		}
		for _, in := range ins {
			t := feed[in.Name]
			if t == nil {
				return nil, fmt.Errorf("reading inputs %q: input %q is missing", path, in.Name)
			}
			if t.DType != in.Elem {
				return nil, fmt.Errorf("reading inputs %q: input %q is %s, the model wants %s", path, in.Name, t.DType, in.Elem)
			}
			if in.Shape && len(in.Dims) != len(t.Shape) {
				return nil, fmt.Errorf("reading inputs %q: input %q has shape %v, the model wants rank %d", path, in.Name, t.Shape, len(in.Dims))
			}
			for i, d := range in.Dims {
				if i > 0 && d.Known && d.Value != int64(t.Shape[i]) {
					return nil, fmt.Errorf("reading inputs %q: axis %d of input %q has %d elements, the model wants %d", path, i, in.Name, t.Shape[i], d.Value)
				}
			}
		}
		cut, err := pieces(ins, feed)
		if err != nil {
			return nil, fmt.Errorf("reading inputs %q: %w", path, err)
		}
		out = append(out, cut...)
	}
	return out, nil
}

// runBatch is how many samples of a free batch run at a time.
const runBatch = 64

func pieces(ins []*onnxio.ValueInfo, feed map[string]*Tensor) ([]map[string]*Tensor, error) {
	step, total := runBatch, -1
	for _, in := range ins {
		t := feed[in.Name]
		if len(t.Shape) == 0 {
			return []map[string]*Tensor{feed}, nil
		}
		if in.Shape && in.Dims[0].Known {
			step = int(in.Dims[0].Value)
		}
		if total >= 0 && total != t.Shape[0] {
			return []map[string]*Tensor{feed}, nil // inputs without a common batch
		}
		total = t.Shape[0]
	}
	if total < 0 || total == 0 || step == 0 {
		return []map[string]*Tensor{feed}, nil
	}
	fixed := slices.ContainsFunc(ins, func(v *onnxio.ValueInfo) bool { return v.Shape && v.Dims[0].Known })
	if fixed && total%step != 0 {
		return nil, fmt.Errorf("%d samples cannot be cut into the model's batches of %d", total, step)
	}
	var out []map[string]*Tensor
	for from := 0; from < total; from += step {
		n := min(step, total-from)
		part := map[string]*Tensor{}
		for name, t := range feed {
			shape := slices.Clone(t.Shape)
			shape[0] = n
			part[name] = pick(t, shape, strides(t.Shape), from*strides(t.Shape)[0])
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
	if !st.IsDir() {
		if err := output.Regular(path); err != nil {
			return nil, err
		}
	}
	switch {
	case st.IsDir():
		ts, err := ReadDataSet(path, "input")
		if err != nil {
			return nil, err
		}
		for i, t := range ts {
			if i < len(ins) {
				feed[ins[i].Name] = t
			}
		}
	case strings.EqualFold(filepath.Ext(path), ".npz"):
		z, err := zip.OpenReader(path)
		if err != nil {
			return nil, err
		}
		defer z.Close()
		for _, f := range z.File {
			r, err := f.Open()
			if err != nil {
				return nil, err
			}
			b, err := io.ReadAll(r)
			r.Close()
			if err != nil {
				return nil, err
			}
			t, err := readNpy(b)
			if err != nil {
				return nil, fmt.Errorf("array %q: %w", f.Name, err)
			}
			feed[strings.TrimSuffix(f.Name, ".npy")] = t
		}
		if len(ins) == 1 && len(feed) == 1 {
			for _, t := range feed {
				return map[string]*Tensor{ins[0].Name: t}, nil
			}
		}
	default:
		if len(ins) != 1 {
			return nil, fmt.Errorf("the model has %d inputs; use a .npz with one array for each", len(ins))
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		t, err := readNpy(b)
		if err != nil {
			return nil, err
		}
		feed[ins[0].Name] = t
	}
	return feed, nil
}

// ReadNumpy reads a .npy file.
func ReadNumpy(path string) (*Tensor, error) {
	if err := output.Regular(path); err != nil {
		return nil, fmt.Errorf("reading numpy array: %w", err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading numpy array: %w", err)
	}
	t, err := readNpy(b)
	if err != nil {
		return nil, fmt.Errorf("reading numpy array %q: %w", path, err)
	}
	return t, nil
}

// readNpy reads one numpy array in C order.
func readNpy(b []byte) (*Tensor, error) {
	r, err := npyio.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("not a numpy array: %w", err)
	}
	if r.Header.Descr.Fortran {
		return nil, errors.New("the array is in Fortran order; save it with numpy.ascontiguousarray")
	}
	t := &Tensor{Shape: slices.Clone(r.Header.Descr.Shape)}
	if t.Shape == nil {
		t.Shape = []int{}
	}
	switch r.Header.Descr.Type {
	case "<f4":
		t.DType = onnxio.Float32
		err = r.Read(&t.F32)
	case "<f8":
		t.DType = onnxio.Float64
		err = r.Read(&t.F64)
	case "<i8":
		t.DType = onnxio.Int64
		err = r.Read(&t.I)
	case "<i4":
		t.DType = onnxio.Int32
		var v []int32
		err = r.Read(&v)
		for _, x := range v {
			t.I = append(t.I, int64(x))
		}
	case "|u1":
		t.DType = onnxio.Uint8
		var v []uint8
		err = r.Read(&v)
		for _, x := range v {
			t.I = append(t.I, int64(x))
		}
	default:
		return nil, fmt.Errorf("arrays of type %q are not read; float32, float64, int32, int64 and uint8 are", r.Header.Descr.Type)
	}
	if err != nil {
		return nil, err
	}
	if n := len(t.F32) + len(t.F64) + len(t.I); n != t.Len() {
		return nil, fmt.Errorf("the array has %d elements, its shape %v says %d", n, t.Shape, t.Len())
	}
	return t, nil
}
