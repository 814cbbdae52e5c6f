package onnxio

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// Integers of every type are stored and read back as they are, those of less than a
// byte packed with the first in the low bits.
func TestIntegersOfEveryType(t *testing.T) {
	for d, v := range map[DType][]int64{
		Int64: {math.MinInt64, -1, 0, math.MaxInt64}, Uint64: {0, 5, math.MaxInt64}, Int32: {math.MinInt32, -1, math.MaxInt32}, Uint32: {0, math.MaxUint32},
		Int16: {-1 << 15, -1, 1<<15 - 1}, Uint16: {0, 1<<16 - 1}, Int8: {-128, -1, 127}, Uint8: {0, 255}, Bool: {0, 1, 1},
	} {
		b, err := EncodeInt64(v, d)
		if err != nil {
			t.Errorf("%s: %v", d, err)
			continue
		}
		x, err := NewTensor("x", d, []int64{int64(len(v))}, b)
		if err != nil {
			t.Errorf("%s: %v", d, err)
			continue
		}
		if got, err := x.Int64s(); err != nil || !slices.Equal(got, v) {
			t.Errorf("%s: %v are read as %v, %v", d, v, got, err)
		}
		f, err := x.Float64s()
		for i := range v {
			if err != nil || f[i] != float64(v[i]) {
				t.Errorf("%s: %d is read as %g, %v", d, v[i], f[i], err)
			}
		}
	}
	for d, want := range map[DType][]int64{Uint4: {1, 15, 8}, Int4: {1, -1, -8}} {
		x, err := NewTensor("x", d, []int64{3}, []byte{0xF1, 0x08})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := x.Int64s(); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: read as %v, %v, want %v", d, got, err, want)
		}
	}
	for _, d := range []DType{Float32, Int4, String, Complex64} {
		if b, err := EncodeInt64([]int64{1}, d); err == nil {
			t.Errorf("integers are stored as %s: %v", d, b)
		}
	}
}

// Floats are rounded once; what has no finite value in the type is told.
func TestFloatsOfEveryType(t *testing.T) {
	for d, c := range map[DType]struct {
		bits []uint64
		bad  float64
	}{
		Float64:  {[]uint64{0x3FF8000000000000, 0xC000000000000000}, math.Inf(1)},
		Float32:  {[]uint64{0x3FC00000, 0xC0000000}, 1e39},
		Float16:  {[]uint64{0x3E00, 0xC000}, 65520},
		BFloat16: {[]uint64{0x3FC0, 0xC000}, 1e39},
	} {
		v := []float64{1.5, -2}
		b, err := EncodeFloat64(v, d)
		if err != nil {
			t.Fatal(err)
		}
		width := d.Bits() / 8
		for i, want := range c.bits {
			var bits [8]byte
			copy(bits[:], b[i*width:][:width])
			if got := binary.LittleEndian.Uint64(bits[:]); got != want {
				t.Errorf("%s: %g is stored as %x, want %x", d, v[i], got, want)
			}
		}
		x, err := NewTensor("x", d, []int64{2}, b)
		if err != nil {
			t.Fatal(err)
		}
		f, err := x.Floats()
		if err != nil {
			t.Fatal(err)
		}
		sum := []float64{1}
		f.AddScaled(sum, 3, 1)
		if got, err := x.Float64s(); err != nil || !slices.Equal(got, v) || sum[0] != -5 || f.Len() != 2 {
			t.Errorf("%s: read as %v, %v; 1 - 3·2 is %g", d, got, err, sum[0])
		}
		if ok, err := PutFloat64(make([]byte, width), []float64{c.bad}, d); ok || err != nil {
			t.Errorf("%s: %g is said to be finite, %v", d, c.bad, err)
		}
		if bad, found := Unstorable([]float64{1, c.bad, 2}, d); !found || bad != c.bad {
			t.Errorf("%s: the number without a value is %g, %v", d, bad, found)
		}
	}
	ints, err := NewTensor("the.ints", Int32, []int64{1}, make([]byte, 4))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ints.Floats(); err == nil {
		t.Error("integers are floats")
	}
	big := make([]float64, 1)
	if err := DecodeFloat64(big, binary.LittleEndian.AppendUint64(nil, math.MaxUint64), Uint64); err != nil || big[0] != 0x1p64 {
		t.Errorf("the largest uint64 is %g, %v", big[0], err)
	}
}

// Values in the typed fields of a tensor are those of its raw form, packed or not.
func TestTypedValues(t *testing.T) {
	ints := func(num protowire.Number, packed bool, v ...int64) (b []byte) {
		var list []byte
		for _, x := range v {
			if packed {
				list = protowire.AppendVarint(list, uint64(x))
			} else {
				b = varint(b, num, uint64(x))
			}
		}
		if packed {
			b = message(b, num, list)
		}
		return b
	}
	fixed := func(num protowire.Number, packed bool, v ...float64) (b []byte) {
		var list []byte
		for _, x := range v {
			switch {
			case packed && num == 4:
				list = protowire.AppendFixed32(list, math.Float32bits(float32(x)))
			case packed:
				list = protowire.AppendFixed64(list, math.Float64bits(x))
			case num == 4:
				b = protowire.AppendFixed32(protowire.AppendTag(b, 4, protowire.Fixed32Type), math.Float32bits(float32(x)))
			default:
				b = protowire.AppendFixed64(protowire.AppendTag(b, num, protowire.Fixed64Type), math.Float64bits(x))
			}
		}
		if packed {
			b = message(b, num, list)
		}
		return b
	}
	for _, packed := range []bool{true, false} {
		for d, c := range map[DType]struct {
			values []byte
			want   []float64
		}{
			Float32: {fixed(4, packed, 1.5, -2), []float64{1.5, -2}},
			Float64: {fixed(10, packed, 0.1, -3), []float64{0.1, -3}},
			Int64:   {ints(7, packed, -7, 1<<40), []float64{-7, 1 << 40}},
			Uint64:  {ints(11, packed, 7, 1<<40), []float64{7, 1 << 40}},
			Uint32:  {ints(11, packed, 7, 1<<31), []float64{7, 1 << 31}},
			Int32:   {ints(5, packed, -7, 9), []float64{-7, 9}},
			Int8:    {ints(5, packed, -7, 9), []float64{-7, 9}},
			Uint16:  {ints(5, packed, 65535, 9), []float64{65535, 9}},
			Bool:    {ints(5, packed, 1, 0), []float64{1, 0}},
			Float16: {ints(5, packed, 0x3E00, 0xC000), []float64{1.5, -2}},
		} {
			x, err := ParseTensor(append(varint(varint(nil, 1, 2), 2, uint64(d)), c.values...))
			if err != nil {
				t.Errorf("%s: %v", d, err)
				continue
			}
			if got, err := x.Float64s(); err != nil || !slices.Equal(got, c.want) {
				t.Errorf("%s, packed %v: %v, %v, want %v", d, packed, got, err, c.want)
			}
		}
	}
	for name, c := range map[string]struct {
		d      DType
		values []byte
	}{
		"a field of another type":  {Int64, fixed(4, true, 1, 2)},
		"one value too few":        {Int64, ints(7, true, 1)},
		"half a float":             {Float32, message(nil, 4, make([]byte, 6))},
		"integers as fixed values": {Int32, fixed(5, false, 1, 2)},
		"a cut number":             {Int64, message(nil, 7, []byte{1, 1, 0x80})},
	} {
		x, err := ParseTensor(append(varint(varint(nil, 1, 2), 2, uint64(c.d)), c.values...))
		if err == nil {
			_, err = x.Bytes()
		}
		if err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	for d, n := range map[DType]int64{Complex64: 2, String: 0, Uint2: 0} {
		b := varint(varint(nil, 1, 2), 2, uint64(d))
		switch d {
		case Complex64:
			b = append(b, fixed(4, true, 1, 2, 3, 4)...)
		case String:
			b = message(message(b, 6, []byte("a")), 6, []byte("b"))
		case Uint2:
			b = append(b, ints(5, true, 9)...)
		}
		x, err := ParseTensor(b)
		if err != nil {
			t.Errorf("%s: %v", d, err)
			continue
		}
		if _, err := x.Float64s(); err == nil {
			t.Errorf("%s values are numbers", d)
		} else if _, ok := errors.AsType[*Unsupported](err); !ok {
			t.Errorf("%s: %v has no type", d, err)
		}
		if raw, err := x.Bytes(); n > 0 && (err != nil || int64(len(raw)) != 8*n) {
			t.Errorf("%s: %d bytes, %v", d, len(raw), err)
		}
	}
}
