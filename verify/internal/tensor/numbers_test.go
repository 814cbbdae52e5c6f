package tensor

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"repmlp/onnxio"
)

// Numbers of every type go to raw storage and come back, as doubles too.
func TestRawAndBack(t *testing.T) {
	for _, c := range []struct {
		d    onnxio.DType
		want []float64
	}{
		{onnxio.Float32, []float64{1, -2.5, 0x1p-140, math.Inf(1)}},
		{onnxio.Float64, []float64{0.1, -1e300, 0, 4}},
		{onnxio.Float16, []float64{1, -0.5, 65504, 0x1p-24}},
		{onnxio.BFloat16, []float64{1, -3.140625, 0x1p100, 0}},
		{onnxio.Int8, []float64{-128, 127, 0, 1}},
		{onnxio.Uint64, []float64{0, 1, 0x1p63, 7}},
		{onnxio.Int64, []float64{-0x1p62, 5, 0, 1}},
	} {
		in := &Tensor{DType: c.d, Shape: []int{2, 2}}
		if c.d.IsFloat() {
			in.F64 = c.want
		} else {
			for _, v := range c.want {
				if c.d == onnxio.Uint64 {
					in.I = append(in.I, int64(uint64(v)))
				} else {
					in.I = append(in.I, int64(v))
				}
			}
		}
		raw, err := in.Raw()
		if err != nil {
			t.Fatal(err)
		}
		out, err := FromRaw(c.d, in.Shape, raw)
		if err != nil || out.DType != c.d || !slices.Equal(out.Shape, in.Shape) || !slices.Equal(out.Floats(), c.want) || out.Len() != 4 {
			t.Errorf("%v: %+v, %v", c.d, out, err)
		}
		double, err := FromRaw(c.d, in.Shape, raw)
		if err != nil {
			t.Fatal(err)
		}
		part := make([]float64, 3)
		if ReadDouble(Convert(double, true), part, 1); !slices.Equal(part, c.want[1:]) {
			t.Errorf("%v: from the second on there are %v", c.d, part)
		}
		if ReadDouble(out, part, 1); !slices.Equal(part, c.want[1:]) {
			t.Errorf("%v: read where it lies %v", c.d, part)
		}
		if back := Convert(Convert(out, true), false); !slices.Equal(back.Floats(), c.want) {
			t.Errorf("%v: there and back it is %v", c.d, back.Floats())
		}
		if _, err := FromRaw(c.d, []int{3, 2}, raw); err == nil {
			t.Errorf("%v: %d bytes are 6 elements", c.d, len(raw))
		}
	}
}

// Numbers of narrow types are rounded, and integers wrap around, as their types have it.
func TestNarrowTypes(t *testing.T) {
	for d, want := range map[onnxio.DType][]float32{
		onnxio.Float16:  {1.0009765625, 2048, float32(math.Inf(1))},
		onnxio.BFloat16: {1, 2048, 70144},
		onnxio.Float32:  {1.001, 2049, 70000},
	} {
		x := &Tensor{DType: d, Shape: []int{3}, F32: []float32{1.001, 2049, 70000}}
		if Round(x); !slices.Equal(x.F32, want) || Half(x) != (d != onnxio.Float32) {
			t.Errorf("%v: %v, want %v", d, x.F32, want)
		}
	}
	for d, want := range map[onnxio.DType][]int64{
		onnxio.Int8: {-56, 1, -1}, onnxio.Uint8: {200, 1, 255}, onnxio.Int16: {200, 1, -1}, onnxio.Uint16: {200, 1, 65535},
		onnxio.Int32: {200, 1, -1}, onnxio.Uint32: {200, 1, 1<<32 - 1}, onnxio.Int64: {200, 1, -1},
	} {
		x := &Tensor{DType: d, Shape: []int{3}, I: []int64{200, 1, -1}}
		if Wrap(x); !slices.Equal(x.I, want) {
			t.Errorf("%v: %v, want %v", d, x.I, want)
		}
	}
}

// Stored numbers are read where they lie or widened, and storage is told apart.
func TestStoredNumbers(t *testing.T) {
	raw := binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, math.Float32bits(1.5)), math.Float32bits(-2))
	x, err := onnxio.NewTensor("x", onnxio.Float32, []int64{2}, raw)
	if err != nil {
		t.Fatal(err)
	}
	if at, err := InPlace(x); err != nil || at != nil && !slices.Equal(at.F32, []float32{1.5, -2}) {
		t.Errorf("%+v, %v", at, err)
	}
	half, err := onnxio.NewTensor("h", onnxio.Float16, []int64{2}, []byte{0, 0x3e, 0, 0xc0})
	if err != nil {
		t.Fatal(err)
	}
	r, err := Widened(half)
	if err != nil {
		t.Fatal(err)
	}
	if r.With(0, 8, func(b []byte) {
		have := make([]float32, 2)
		if decode32(have, b); !slices.Equal(have, []float32{1.5, -2}) {
			t.Errorf("widened it is %v", have)
		}
	}); len(r.Mapped()) != 8 {
		t.Errorf("widened it has %d bytes", len(r.Mapped()))
	}
	a, b := &Tensor{F32: []float32{1}}, &Tensor{F64: []float64{1}}
	if Key(a) == nil || Key(a) != Key(&Tensor{F32: a.F32}) || Key(a) == Key(&Tensor{F32: []float32{1}}) || Key(b) == nil || Key(&Tensor{I: []int64{1}}) != nil {
		t.Error("keys do not tell storage apart")
	}
}
