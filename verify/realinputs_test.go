package verify

import (
	"encoding/binary"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"repmlp/onnxio"
)

// twoInputs adds its inputs, one of them of integers that are cast.
func twoInputs(t *testing.T) *onnxio.Model {
	t.Helper()
	m, err := onnxio.NewModel(onnxio.Parts{
		Inputs:  []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, onnxio.Named("N"), onnxio.Known(2)), onnxio.NewValue("ids", onnxio.Int64, onnxio.Named("N"), onnxio.Known(2))},
		Outputs: []*onnxio.ValueInfo{onnxio.NewValue("y", onnxio.Float32, onnxio.Named("N"), onnxio.Known(2))},
		Nodes:   []*onnxio.Node{onnxio.NewNode("c", "Cast", []string{"ids"}, []string{"f"}, onnxio.IntAttr("to", int64(onnxio.Float32))), onnxio.NewNode("a", "Add", []string{"x", "f"}, []string{"y"})},
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func floats32(v ...float32) (raw []byte) {
	for _, x := range v {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
	}
	return raw
}

func ints64(v ...int64) (raw []byte) {
	for _, x := range v {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(x))
	}
	return raw
}

// A size that is bound to the first axis is how many samples run at a time; on another axis
// real inputs have to have it.
func TestBoundSizesOfRealInputs(t *testing.T) {
	m, dir := twoInputs(t), t.TempDir()
	x, i := filepath.Join(dir, "x.npy"), filepath.Join(dir, "i.npy")
	writeFile(t, x, npy("<f4", "(3, 2)", floats32(1, 2, 3, 4, 5, 6)))
	writeFile(t, i, npy("<i8", "(3, 2)", ints64(10, 20, 30, 40, 50, 60)))
	o := CompareOptions{Inputs: []string{"x=" + x, "ids=" + i}}
	for n, runs := range map[int64]int{0: 1, 1: 3, 2: 2, 3: 1, 9: 1} {
		if o.Dims = map[string]int64{"N": n}; n == 0 {
			o.Dims = nil
		}
		c, err := Compare(t.Context(), m, m, o)
		if err != nil || c.Runs != runs || c.Samples != 3 {
			t.Errorf("N=%d: %+v, %v", n, c, err)
		}
	}
	wide, err := onnxio.NewModel(onnxio.Parts{
		Inputs:  []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, onnxio.Named("N"), onnxio.Named("L"))},
		Outputs: []*onnxio.ValueInfo{onnxio.NewValue("y", onnxio.Float32, onnxio.Named("N"), onnxio.Named("L"))},
		Nodes:   []*onnxio.Node{onnxio.NewNode("a", "Relu", []string{"x"}, []string{"y"})},
	})
	if err != nil {
		t.Fatal(err)
	}
	for l, want := range map[int64]string{2: "", 3: `axis 1 of input "x" has 2 elements, and L=3 is asked for`} {
		_, err := Compare(t.Context(), wide, wide, CompareOptions{Inputs: []string{x}, Dims: map[string]int64{"L": l}})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("L=%d: %v", l, err)
		}
	}
}

// Inputs are named one by one; a name that comes again begins another set, and whatever
// does not fit is an error that names it.
func TestNamedInputs(t *testing.T) {
	m, dir := twoInputs(t), t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	writeFile(t, at("x.npy"), npy("<f4", "(3, 2)", floats32(1, 2, 3, 4, 5, 6)))
	writeFile(t, at("i.npy"), npy("<i8", "(3, 2)", ints64(10, 20, 30, 40, 50, 60)))
	writeFile(t, at("j=k.npy"), npy("<i8", "(3, 2)", ints64(0, 0, 0, 0, 0, 0)))
	feeds, err := Inputs(m, []string{"x=" + at("x.npy"), "ids=" + at("i.npy"), "ids=" + at("j=k.npy"), "x=" + at("x.npy")})
	if err != nil || len(feeds) != 2 {
		t.Fatalf("%d runs, %v", len(feeds), err)
	}
	if got := feeds[0]["ids"].I; !slices.Equal(got, []int64{10, 20, 30, 40, 50, 60}) {
		t.Errorf("the first set has %v", got)
	}
	if got := feeds[1]["ids"].I; got[5] != 0 {
		t.Errorf("the second set has %v", got)
	}
	for says, paths := range map[string][]string{
		`input "ids" is missing`:          {"x=" + at("x.npy")},
		`"z" is no input`:                 {"z=" + at("x.npy")},
		`is int64, the model wants float`: {"x=" + at("i.npy"), "ids=" + at("i.npy")},
		"use a .npz":                      {at("x.npy")},
		"no such file":                    {"x=" + at("nosuch.npy")},
	} {
		if _, err := Inputs(m, paths); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", paths, err)
		}
	}
}

// Many samples are read in pieces, whatever their byte order.
func TestRowsOfLargeFiles(t *testing.T) {
	m := linear(t, 1, 2, 3, 4)
	path := filepath.Join(t.TempDir(), "x.npy")
	const n = runBatch*2 + 5
	var raw []byte
	for i := range 2 * n {
		raw = binary.BigEndian.AppendUint32(raw, math.Float32bits(float32(i)))
	}
	writeFile(t, path, npy(">f4", "(133, 2)", raw))
	feeds, err := Inputs(m, []string{path})
	if err != nil || len(feeds) != 3 {
		t.Fatalf("%d runs, %v", len(feeds), err)
	}
	at := 0
	for _, feed := range feeds {
		for _, v := range feed["x"].F32 {
			if v != float32(at) {
				t.Fatalf("number %d is %g", at, v)
			}
			at++
		}
	}
	if at != 2*n {
		t.Errorf("%d numbers", at)
	}
}

func picture(t *testing.T, path string, w, h int, at func(x, y int) color.Color) {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.Set(x, y, at(x, y))
		}
	}
	f, err := os.Create(path)
	if err == nil {
		err = png.Encode(f, img)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func imageModel(t *testing.T, d onnxio.DType, dims ...onnxio.Dim) *onnxio.Model {
	t.Helper()
	m, err := onnxio.NewModel(onnxio.Parts{
		Inputs:  []*onnxio.ValueInfo{onnxio.NewValue("image", d, dims...)},
		Outputs: []*onnxio.ValueInfo{onnxio.NewValue("y", d, dims...)},
		Nodes:   []*onnxio.Node{onnxio.NewNode("a", "Identity", []string{"image"}, []string{"y"})},
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Images of a folder go in by name, cut around their middle, with channels where the
// model has them; what is no image is named.
func TestImages(t *testing.T) {
	dir := t.TempDir()
	colours := func(x, y int) color.Color { return color.NRGBA{uint8(10 * x), uint8(20 * y), 200, 255} }
	picture(t, filepath.Join(dir, "b.png"), 4, 2, colours) // too wide: the columns 1 and 2 stay
	picture(t, filepath.Join(dir, "a.png"), 2, 2, func(x, y int) color.Color { return color.Gray{uint8(100*x + 50*y)} })
	writeFile(t, filepath.Join(dir, "readme.txt"), []byte("?"))
	n, three, two := onnxio.Named("N"), onnxio.Known(3), onnxio.Known(2)
	run := func(m *onnxio.Model, o ImageOptions) (*series, []float64) {
		t.Helper()
		s, err := samples(m, CompareOptions{Inputs: []string{dir}, Images: o})
		if err != nil {
			t.Fatal(err)
		}
		one, err := s.at(0)
		if err != nil {
			t.Fatal(err)
		}
		var v []float64
		for i := range one.feed["image"].Len() {
			v = append(v, one.feed["image"].Float(i))
		}
		return s, v
	}
	s, v := run(imageModel(t, onnxio.Float32, n, three, two, two), ImageOptions{Mean: []float64{0.5, 0, 0}, Std: []float64{0.25}})
	if s.count != 1 || s.samples != 2 || s.named(0, 1) != "b.png" || len(s.unread) != 1 || !strings.HasSuffix(s.unread[0], "readme.txt") {
		t.Errorf("%d runs, %d samples, second %q, unread %q", s.count, s.samples, s.named(0, 1), s.unread)
	}
	want := func(v, mean float64) float64 { return float64(float32((v/255 - mean) / 0.25)) }
	for i, w := range map[int]float64{0: want(0, 0.5), 1: want(100, 0.5), 3: want(150, 0.5), 5: want(100, 0), 12: want(10, 0.5), 13: want(20, 0.5), 16: want(0, 0), 18: want(20, 0), 20: want(200, 0)} {
		if v[i] != w {
			t.Errorf("number %d is %g, want %g", i, v[i], w)
		}
	}
	if _, v = run(imageModel(t, onnxio.Uint8, n, two, two, three), ImageOptions{}); v[12] != 10 || v[13] != 0 || v[14] != 200 || v[15] != 20 {
		t.Errorf("bytes, channels last: %v", v[12:])
	}
	if _, v = run(imageModel(t, onnxio.Float32, n, onnxio.Known(1), two, two), ImageOptions{}); v[3] != float64(float32(150.0/255)) {
		t.Errorf("grey: %v", v)
	}
	if s, _ = run(imageModel(t, onnxio.Float32, three, two, two), ImageOptions{}); s.count != 2 {
		t.Errorf("without a batch: %d runs", s.count)
	}
	if _, v = run(imageModel(t, onnxio.Float32, n, three, n, n), ImageOptions{Height: 1, Width: 1}); len(v) != 6 || math.Abs(v[0]-75.0/255) > 1e-3 {
		t.Errorf("scaled to one pixel: %v", v)
	}
	for says, tc := range map[string]struct {
		m *onnxio.Model
		o ImageOptions
	}{
		"size is not declared": {imageModel(t, onnxio.Float32, n, three, n, n), ImageOptions{}},
		"no axis of 1 or 3":    {imageModel(t, onnxio.Float32, n, two, two, two), ImageOptions{}},
		"not nchw":             {imageModel(t, onnxio.Float32, n, three, two, two), ImageOptions{Layout: "chw"}},
		"mean nothing":         {imageModel(t, onnxio.Uint8, n, three, two, two), ImageOptions{Mean: []float64{1}}},
		"2 numbers":            {imageModel(t, onnxio.Float32, n, three, two, two), ImageOptions{Mean: []float64{1, 2}}},
		"axis 2":               {imageModel(t, onnxio.Float32, n, three, two, two), ImageOptions{Height: 3, Width: 3}},
		"deviation is zero":    {imageModel(t, onnxio.Float32, n, three, two, two), ImageOptions{Std: []float64{0}}},
	} {
		if _, err := samples(tc.m, CompareOptions{Inputs: []string{dir}, Images: tc.o}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
	path := filepath.Join(dir, "x.npy")
	writeFile(t, path, npy("<f4", "(1, 2)", floats32(1, 2)))
	if _, err := samples(linear(t, 1, 2, 3, 4), CompareOptions{Inputs: []string{path}, Images: ImageOptions{Std: []float64{1}}}); err == nil {
		t.Error("what is said of images is ignored")
	}
}
