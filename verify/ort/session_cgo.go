//go:build cgo

package ort

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"

	ortgo "github.com/yalue/onnxruntime_go"

	"repmlp/onnxio"
	"repmlp/verify"
)

// Available reports whether this build can use the library.
const Available = true

// A Library is a loaded ONNX Runtime. A process can load one.
type Library struct{ Path, Version string }

// Open loads the first of the places that works. Later calls return what is
// loaded.
func Open(places []Place) (*Library, error) {
	if len(places) == 0 {
		return nil, errNotFound
	}
	var failures []error
	for _, p := range places {
		if !ortgo.IsInitialized() {
			if _, err := os.Stat(p.Path); err != nil && filepath.Base(p.Path) != p.Path { // a bare name is the loader's to find
				failures = append(failures, fmt.Errorf("loading ONNX Runtime (%s): %w", p.From, err))
				continue
			}
			ortgo.SetSharedLibraryPath(p.Path)
			if err := ortgo.InitializeEnvironment(ortgo.WithLogLevelError()); err != nil {
				failures = append(failures, fmt.Errorf("loading ONNX Runtime from %q: %w", p.Path, err))
				continue
			}
		}
		return &Library{p.Path, ortgo.GetVersion()}, nil
	}
	return nil, &onnxio.Hint{Err: errors.Join(failures...), Advice: advice}
}

// A Session is a model that is ready to run.
type Session struct {
	s        *ortgo.DynamicAdvancedSession
	model    *onnxio.Model
	in, out  []string
	elements map[string]onnxio.DType // of the outputs
}

// Session prepares the model in the file at path, which m is.
func (l *Library) Session(path string, m *onnxio.Model, o Options) (_ *Session, err error) {
	s := &Session{model: m, elements: map[string]onnxio.DType{}}
	inits := map[string]bool{}
	for _, t := range m.Graph().Inits() {
		inits[t.Name()] = true
	}
	for _, v := range m.Graph().Inputs() {
		if !inits[v.Name()] {
			s.in = append(s.in, v.Name())
		}
	}
	for _, v := range m.Graph().Outputs() {
		s.out = append(s.out, v.Name())
		s.elements[v.Name()] = v.Elem()
	}
	opts, err := ortgo.NewSessionOptions()
	if err != nil {
		return nil, fmt.Errorf("preparing ONNX Runtime: %w", err)
	}
	defer opts.Destroy()
	set := func(f func() error) {
		if err == nil {
			err = f()
		}
	}
	set(func() error { return opts.SetLogSeverityLevel(ortgo.LoggingLevelError) })
	if o.Threads > 0 {
		set(func() error { return opts.SetIntraOpNumThreads(o.Threads) })
	}
	if o.Plain {
		set(func() error { return opts.SetGraphOptimizationLevel(ortgo.GraphOptimizationLevelDisableAll) })
	}
	if o.Profile != "" {
		set(func() error { return opts.EnableProfiling(o.Profile) })
	}
	if o.Calm {
		set(func() error { return opts.AddSessionConfigEntry("session.force_spinning_stop", "1") })
	}
	if err != nil {
		return nil, fmt.Errorf("preparing ONNX Runtime: %w", err)
	}
	if s.s, err = ortgo.NewDynamicAdvancedSession(path, s.in, s.out, opts); err != nil {
		return nil, fmt.Errorf("loading %q into ONNX Runtime: %w", path, err)
	}
	return s, nil
}

// Run executes the model and returns its outputs by name.
func (s *Session) Run(ctx context.Context, feeds map[string]*verify.Tensor) (map[string]*verify.Tensor, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	in, release, err := s.inputs(feeds)
	if err != nil {
		return nil, err
	}
	defer release()
	out, err := s.outputs(feeds)
	if err != nil {
		return nil, err
	}
	defer func() { destroy(out) }()
	if err := s.s.Run(in, out); err != nil {
		return nil, fmt.Errorf("running ONNX Runtime: %w", err)
	}
	got := map[string]*verify.Tensor{}
	for i, v := range out {
		if got[s.out[i]], err = fromValue(v, s.elements[s.out[i]]); err != nil {
			return nil, fmt.Errorf("reading output %q: %w", s.out[i], err)
		}
	}
	return got, nil
}

// Prepare makes the inputs ready, so that run costs nothing but the run. done
// releases them.
func (s *Session) Prepare(feeds map[string]*verify.Tensor) (run func() error, done func(), err error) {
	in, release, err := s.inputs(feeds)
	if err != nil {
		return nil, nil, err
	}
	out, err := s.outputs(feeds)
	if err != nil {
		release()
		return nil, nil, err
	}
	return func() error { return s.s.Run(in, out) }, func() { release(); destroy(out) }, nil
}

// Close releases the session.
func (s *Session) Close() error { return s.s.Destroy() }

// outputs makes room for outputs of 16-bit floats, which the binding cannot
// allocate; it allocates the others.
func (s *Session) outputs(feeds map[string]*verify.Tensor) ([]ortgo.Value, error) {
	out := make([]ortgo.Value, len(s.out))
	for i, name := range s.out {
		d := s.elements[name]
		if d != onnxio.Float16 && d != onnxio.BFloat16 {
			continue
		}
		shape, ok := verify.OutputShape(s.model, feeds, name)
		if !ok {
			destroy(out)
			return nil, fmt.Errorf("running ONNX Runtime: the shape of the %s output %q does not follow from the inputs", d, name)
		}
		size := 2
		dims := make(ortgo.Shape, len(shape))
		for k, n := range shape {
			dims[k] = int64(n)
			size *= n
		}
		v, err := ortgo.NewCustomDataTensor(dims, make([]byte, size), ortgo.TensorElementDataType(d))
		if err != nil {
			destroy(out)
			return nil, fmt.Errorf("making room for output %q: %w", name, err)
		}
		out[i] = v
	}
	return out, nil
}

func destroy(vs []ortgo.Value) {
	for _, v := range vs {
		if v != nil && !reflect.ValueOf(v).IsNil() { // a failed run leaves pointers to nothing
			v.Destroy()
		}
	}
}

func (s *Session) inputs(feeds map[string]*verify.Tensor) (in []ortgo.Value, release func(), err error) {
	release = func() { destroy(in) }
	for _, name := range s.in {
		t := feeds[name]
		if t == nil {
			release()
			return nil, nil, fmt.Errorf("running ONNX Runtime: input %q is not fed", name)
		}
		raw, err := t.Raw()
		if err != nil {
			release()
			return nil, nil, fmt.Errorf("feeding input %q: %w", name, err)
		}
		shape := make(ortgo.Shape, len(t.Shape))
		for i, d := range t.Shape {
			shape[i] = int64(d)
		}
		// ONNX and ONNX Runtime number element types alike.
		v, err := ortgo.NewCustomDataTensor(shape, raw, ortgo.TensorElementDataType(t.DType))
		if err != nil {
			release()
			return nil, nil, fmt.Errorf("feeding input %q: %w", name, err)
		}
		in = append(in, v)
	}
	return in, release, nil
}

func ints[T int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64](v []T) []int64 {
	out := make([]int64, len(v))
	for i, x := range v {
		out[i] = int64(x)
	}
	return out
}

// fromValue copies an output.
func fromValue(v ortgo.Value, d onnxio.DType) (*verify.Tensor, error) {
	t := &verify.Tensor{DType: d, Shape: []int{}}
	for _, n := range v.GetShape() {
		t.Shape = append(t.Shape, int(n))
	}
	switch v := v.(type) {
	case *ortgo.Tensor[float32]:
		t.DType, t.F32 = onnxio.Float32, append([]float32{}, v.GetData()...)
	case *ortgo.Tensor[float64]:
		t.DType, t.F64 = onnxio.Float64, append([]float64{}, v.GetData()...)
	case *ortgo.Tensor[int8]:
		t.I = ints(v.GetData())
	case *ortgo.Tensor[int16]:
		t.I = ints(v.GetData())
	case *ortgo.Tensor[int32]:
		t.I = ints(v.GetData())
	case *ortgo.Tensor[int64]:
		t.I = ints(v.GetData())
	case *ortgo.Tensor[uint8]:
		t.I = ints(v.GetData())
	case *ortgo.Tensor[uint16]:
		t.I = ints(v.GetData())
	case *ortgo.Tensor[uint32]:
		t.I = ints(v.GetData())
	case *ortgo.Tensor[uint64]:
		t.I = ints(v.GetData())
	case *ortgo.Tensor[bool]:
		t.I = make([]int64, len(v.GetData()))
		for i, x := range v.GetData() {
			if x {
				t.I[i] = 1
			}
		}
	case *ortgo.CustomDataTensor:
		return verify.FromRaw(d, t.Shape, v.GetData())
	default:
		return nil, fmt.Errorf("a value of type %T is no tensor of numbers", v)
	}
	return t, nil
}
