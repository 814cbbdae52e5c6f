package convert

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"repmlp/onnxio"
	"repmlp/verify"
)

// A dump shows the numbers of small integer tensors, and of others type and shape.
func TestTensorText(t *testing.T) {
	ints := func(n int) *onnxio.Tensor {
		v := make([]int64, n)
		for i := range v {
			v[i] = int64(i)
		}
		return onnxio.NewInts("x", []int64{int64(n)}, v)
	}
	raw, err := onnxio.EncodeFloat64([]float64{1, 2}, onnxio.Float32)
	if err != nil {
		t.Fatal(err)
	}
	floats, err := onnxio.NewTensor("x", onnxio.Float32, []int64{2}, raw)
	if err != nil {
		t.Fatal(err)
	}
	small, err := onnxio.NewTensor("x", onnxio.Int32, []int64{1}, []byte{5, 0, 0, 0})
	if err != nil {
		t.Fatal(err)
	}
	for want, x := range map[string]*onnxio.Tensor{
		"int64[2] = [0 1]": ints(2), "int64[16] = [0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15]": ints(16), "int64[17]": ints(17), "int64[0]": ints(0),
		"float32[2]": floats, "int32[1]": small,
	} {
		if have := tensorText(x); have != want {
			t.Errorf("%q, want %q", have, want)
		}
	}
	for want, a := range map[string]*onnxio.Attr{
		"@of": onnxio.ReferenceAttr("a", "of", onnxio.AttrInt), "0.5": onnxio.FloatAttr("a", 0.5), "-2": onnxio.IntAttr("a", -2), `"VALID"`: onnxio.StringAttr("a", "VALID"),
		"[0.5 2]": onnxio.FloatsAttr("a", []float32{0.5, 2}), "[3 4]": onnxio.IntsAttr("a", []int64{3, 4}), "int64[2] = [0 1]": onnxio.TensorAttr("a", ints(2)),
	} {
		if have := attrText(a); have != want {
			t.Errorf("%q, want %q", have, want)
		}
	}
	for want, v := range map[string]*onnxio.ValueInfo{
		`"x" float32`: onnxio.Untyped("x", onnxio.Float32), `"x" float32[3 "N" ?]`: onnxio.NewValue("x", onnxio.Float32, onnxio.Known(3), onnxio.Named("N"), onnxio.Dim{}),
		`"x" int64[]`: onnxio.NewValue("x", onnxio.Int64),
	} {
		if have := declaredText(v); have != want {
			t.Errorf("%q, want %q", have, want)
		}
	}
}

// The bytes of a model are those of all its files, before and after.
func TestTotalsOfExternalData(t *testing.T) {
	in := "../testdata/cases/dyn_v1_dynN_ext/model.onnx"
	size := func(files []string) (n int64) {
		for _, f := range files {
			st, err := os.Stat(f)
			if err != nil {
				t.Fatal(err)
			}
			n += st.Size()
		}
		return n
	}
	dir := t.TempDir()
	r, err := File(t.Context(), in, filepath.Join(dir, "o.onnx"), Options{Hashes: true})
	if err != nil {
		t.Fatal(err)
	}
	before, after := loadedModel(t, in), loadedModel(t, filepath.Join(dir, "o.onnx"))
	if len(before.Files()) < 2 {
		t.Fatal("the model has no external data")
	}
	const names = 100 // the name of the file with the data stands in the model, and is not known to totals
	if b := r.Totals.Bytes; b.Before != size(before.Files()) || b.After > size(after.Files()) || b.After < size(after.Files())-names {
		t.Errorf("%+v, the files have %d and %d", b, size(before.Files()), size(after.Files()))
	}
	if r.Input.Bytes+r.Input.ExternalBytes != r.Totals.Bytes.Before || r.Input.ExternalBytes != size(before.Files()[1:]) || r.Output.Bytes != size(after.Files()[:1]) {
		t.Errorf("%+v, %+v", r.Input, r.Output)
	}
	if r.Output.Identical || len(r.Output.SHA256) != 64 || r.Output.SHA256 == r.Input.SHA256 || !slices.Equal(r.Output.External, after.ExternalFiles()) {
		t.Errorf("%+v", r.Output)
	}
}

// Sizes that nobody chose are told once for each name, and for each axis that has none.
func TestChosenSizes(t *testing.T) {
	in := onnxio.NewValue("x", onnxio.Float32, onnxio.Named("N"), onnxio.Known(3), onnxio.Named("H"), onnxio.Named("H"), onnxio.Dim{}, onnxio.Dim{}, onnxio.Named("W"))
	have := chosen(in, []int64{1, 3, 8, 8, 5, 5, 9}, map[string]int64{"W": 9, "": 7}, []ChosenSize{{"N", 1}})
	if want := []ChosenSize{{"H", 8}, {"", 5}, {"", 5}}; !slices.Equal(have, want) {
		t.Errorf("%v, want %v", have, want)
	}
}

// Tolerances are finite and not negative, numbers of runs are not negative; what is left out
// has its value.
func TestOptionsThatAreRefused(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, o := range []Options{
		{Samples: -1}, {StopAfter: -1}, {MaxMemory: -1}, {Tolerance: &Tolerance{Absolute: -1}}, {Tolerance: &Tolerance{Relative: nan}}, {Tolerance: &Tolerance{Absolute: inf}},
		{Tolerances: map[string]Tolerance{"y": {Relative: -1}}}, {Only: []string{""}}, {Skip: []string{"[a"}},
	} {
		if _, err := o.complete(); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
	o, err := Options{Seed: 3, Dims: map[string]int64{"N": 2}, Tolerance: &Tolerance{}, Tolerances: map[string]Tolerance{"y": {Absolute: 1, Relative: 2}}}.complete()
	if err != nil || o.Version != Version || o.selection != nil {
		t.Fatalf("%+v, %v", o, err)
	}
	if p, ok := o.Prover.(*verify.Prover); !ok || p.Seed != 3 || p.Dims["N"] != 2 {
		t.Errorf("the prover is %+v", o.Prover)
	}
	c := o.comparison()
	if !c.Fixed || c.ATol != 0 || c.RTol != 0 || c.Tolerances["y"] != (verify.Tolerance{ATol: 1, RTol: 2}) || c.Seed != 3 || c.Progress != nil {
		t.Errorf("%+v", c)
	}
	if o, err = (Options{Unproved: true, Prover: &verify.Prover{}, Version: "2"}).complete(); err != nil || o.Prover != nil || o.Version != "2" || o.comparison().Fixed || o.comparison().Tolerances != nil {
		t.Errorf("%+v, %v", o, err)
	}
}

// What a run reads beside its models is named: labels, files, and what folders hold.
func TestReads(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.npy", "test_data_set_0/input_0.pb"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	have := Options{Labels: "l.npy", Inputs: []string{"x=i.npy", dir}}.Reads()
	want := []string{"l.npy", "i.npy", dir, filepath.Join(dir, "a.npy"), filepath.Join(dir, "test_data_set_0"), filepath.Join(dir, "test_data_set_0", "input_0.pb")}
	if !slices.Equal(have, want) {
		t.Errorf("%q, want %q", have, want)
	}
	if have := (Options{}).Reads(); have != nil {
		t.Errorf("%q", have)
	}
}
