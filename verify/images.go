package verify

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/jpeg" // decoders of the formats that are read
	_ "image/png"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/image/draw"

	"repmlp/onnxio"
	"repmlp/verify/internal/tensor"
)

// ImageOptions say how images become an input. An image is cut to the form of the input
// around its middle, scaled bilinearly, and its channels become numbers from 0 to 1, of
// which Mean is subtracted before they are divided by Std; an input of uint8 takes 0 to
// 255 as they are. The zero value takes sizes and layout from what the model declares.
type ImageOptions struct {
	Mean, Std     []float64 // of each channel, or one for all; nil: 0 and 1
	Height, Width int
	Layout        string // "nchw" or "nhwc"; "": where the model declares one or three channels
}

// given reports whether anything was asked for.
func (o ImageOptions) given() bool {
	return o.Mean != nil || o.Std != nil || o.Height != 0 || o.Width != 0 || o.Layout != ""
}

// isImage reports whether a file has a name of an image that can be read.
func isImage(name string) bool {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".png", ".jpg", ".jpeg":
		return true
	}
	return false
}

// A frame is what an image becomes.
type frame struct {
	d                       onnxio.DType
	channels, height, width int
	last                    bool // channels stand last
	mean, std               []float64
	rank                    int
}

// frameOf is what images become for an input.
func (o ImageOptions) frameOf(in *onnxio.ValueInfo) (*frame, error) {
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("images for input %q: %s", in.Name(), fmt.Sprintf(format, args...))
	}
	f := &frame{d: in.Elem(), rank: len(in.Dims()), height: o.Height, width: o.Width}
	if !in.Shape() || f.rank != 3 && f.rank != 4 {
		return nil, wrong("its rank is not 3 or 4")
	}
	if !f.d.IsFloat() && f.d != onnxio.Uint8 {
		return nil, wrong("its type is %s, not float or uint8", f.d)
	}
	dims := in.Dims()[f.rank-3:]
	channels := func(d onnxio.Dim) bool { return d.Known && (d.Value == 1 || d.Value == 3) }
	switch strings.ToLower(o.Layout) {
	case "nchw":
	case "nhwc":
		f.last = true
	case "":
		if f.last = !channels(dims[0]) && channels(dims[2]); !f.last && !channels(dims[0]) {
			return nil, &onnxio.Hint{Err: wrong("it declares no axis of 1 or 3 channels"), Advice: "say where the channels stand: --layout nchw or nhwc"}
		}
	default:
		return nil, wrong("layout %q is not nchw or nhwc", o.Layout)
	}
	c, h, w := dims[0], dims[1], dims[2]
	if f.last {
		h, w, c = dims[0], dims[1], dims[2]
	}
	f.channels = 3
	if c.Known {
		f.channels = int(c.Value)
	}
	if f.channels != 1 && f.channels != 3 {
		return nil, wrong("it has %d channels, images have 1 or 3", f.channels)
	}
	for _, side := range []struct {
		n *int
		d onnxio.Dim
	}{{&f.height, h}, {&f.width, w}} {
		switch {
		case *side.n == 0 && side.d.Known:
			*side.n = int(side.d.Value)
		case *side.n == 0:
			return nil, &onnxio.Hint{Err: wrong("its size is not declared"), Advice: "give the size of the images: --size HEIGHTxWIDTH"}
		}
	}
	if f.height < 1 || f.width < 1 || tensor.TooLarge([]int{f.channels, f.height, f.width}) {
		return nil, wrong("%d×%d is no size of an image", f.height, f.width)
	}
	var err error
	if f.mean, err = perChannel("mean", o.Mean, f.channels, 0); err == nil {
		f.std, err = perChannel("std", o.Std, f.channels, 1)
	}
	switch {
	case err != nil:
		return nil, wrong("%v", err)
	case slices.Contains(f.std, 0):
		return nil, wrong("a standard deviation is zero")
	case f.d == onnxio.Uint8 && (o.Mean != nil || o.Std != nil):
		return nil, wrong("it takes bytes, so mean and standard deviation mean nothing")
	}
	return f, nil
}

func perChannel(what string, v []float64, channels int, none float64) ([]float64, error) {
	switch len(v) {
	case 0:
		return slices.Repeat([]float64{none}, channels), nil
	case 1:
		return slices.Repeat(v, channels), nil
	case channels:
		return v, nil
	}
	return nil, fmt.Errorf("%d numbers are given as %s of %d channels", len(v), what, channels)
}

// shape is that of n images.
func (f *frame) shape(n int) []int {
	one := []int{f.channels, f.height, f.width}
	if f.last {
		one = []int{f.height, f.width, f.channels}
	}
	if f.rank == 3 {
		return one
	}
	return append([]int{n}, one...)
}

// imageSources are the images of a folder in the order of their names: one source of
// many rows, or where the input takes one image without a batch, a source for each.
func imageSources(in *onnxio.ValueInfo, dir string, names []string, o ImageOptions) ([]*source, error) {
	f, err := o.frameOf(in)
	if err != nil {
		return nil, err
	}
	read := func(from, n int) (*Tensor, error) {
		t := &Tensor{DType: f.d, Shape: f.shape(n)}
		if tensor.TooLarge(t.Shape) {
			return nil, fmt.Errorf("%d images of %d×%d are too large for one run", n, f.height, f.width)
		}
		var numbers []float64
		for _, name := range names[from : from+n] {
			if numbers, err = f.read(filepath.Join(dir, name), numbers); err != nil {
				return nil, err
			}
		}
		f.store(t, numbers)
		return t, nil
	}
	if f.rank == 3 {
		var list []*source
		for i, name := range names {
			t, err := read(i, 1)
			if err != nil {
				return nil, err
			}
			s := held(t)
			s.named = func(int) string { return name }
			list = append(list, s)
		}
		return list, nil
	}
	return []*source{{Tensor: &Tensor{DType: f.d, Shape: f.shape(len(names))}, rows: read, named: func(i int) string { return names[i] }}}, nil
}

// read appends the numbers of an image.
func (f *frame) read(path string, out []float64) ([]float64, error) {
	file, _, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	src, _, err := image.Decode(file)
	if err != nil {
		return nil, fmt.Errorf("reading image %q: %w", path, err)
	}
	if src.Bounds().Empty() {
		return nil, fmt.Errorf("reading image %q: %w", path, errors.New("it is empty"))
	}
	scaled := f.fit(src)
	at := func(c, y, x int) float64 {
		p := scaled.RGBA64At(x, y)
		v := [...]uint16{p.R, p.G, p.B}[c]
		if f.channels == 1 {
			v = color.Gray16Model.Convert(p).(color.Gray16).Y
		}
		if f.d == onnxio.Uint8 {
			return float64(v >> 8)
		}
		return (float64(v)/65535 - f.mean[c]) / f.std[c]
	}
	if f.last {
		for y := range f.height {
			for x := range f.width {
				for c := range f.channels {
					out = append(out, at(c, y, x))
				}
			}
		}
		return out, nil
	}
	for c := range f.channels {
		for y := range f.height {
			for x := range f.width {
				out = append(out, at(c, y, x))
			}
		}
	}
	return out, nil
}

// fit cuts an image to the form of the frame around its middle and scales it.
func (f *frame) fit(src image.Image) *image.RGBA64 {
	b := src.Bounds()
	w, h := b.Dx(), b.Dy()
	cut := b
	if w*f.height > h*f.width { // too wide
		keep := max(1, h*f.width/f.height)
		cut.Min.X += (w - keep) / 2
		cut.Max.X = cut.Min.X + keep
	} else {
		keep := max(1, w*f.height/f.width)
		cut.Min.Y += (h - keep) / 2
		cut.Max.Y = cut.Min.Y + keep
	}
	dst := image.NewRGBA64(image.Rect(0, 0, f.width, f.height))
	if cut.Dx() == f.width && cut.Dy() == f.height {
		draw.Draw(dst, dst.Bounds(), src, cut.Min, draw.Src)
		return dst
	}
	draw.BiLinear.Scale(dst, dst.Bounds(), src, cut, draw.Src, nil)
	return dst
}

// store rounds numbers to the type of a tensor.
func (f *frame) store(t *Tensor, v []float64) {
	switch {
	case t.DType == onnxio.Float64:
		t.F64 = v
	case t.DType.IsFloat():
		t.F32 = make([]float32, len(v))
		tensor.Narrow(t.F32, v)
		tensor.Round(t)
	default:
		t.I = make([]int64, len(v))
		for i, x := range v {
			t.I[i] = int64(x)
		}
	}
}
