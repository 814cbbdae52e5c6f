package onnxio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
)

// A Tensor is a constant: an initializer or the value of an attribute. Its
// values stay in the file until one of the reading methods is called.
type Tensor struct {
	name  string
	dtype DType
	dims  []int64

	external *externalData // non-nil where the values lie in another file

	raw      []byte  // the whole message, nil for a new tensor
	data     []byte  // raw_data, or the payload of a new tensor
	hasRaw   bool    // raw_data is present
	typed    []field // float_data, int32_data, ...
	computed *computed
	fields   []field
	files    *store
}

// Name is the tensor's name, "" for most values of attributes.
func (t *Tensor) Name() string { return t.name }

// DType is the type of the elements.
func (t *Tensor) DType() DType { return t.dtype }

// Dims is the shape. It is not to be changed.
func (t *Tensor) Dims() []int64 { return slices.Clip(t.dims) }

// externalData says where the values of a tensor lie.
type externalData struct {
	location string
	offset   int64
	length   int64 // 0 with hasLen false: as long as the type and shape ask
	hasLen   bool
	checksum string // of the whole file, "" for none
}

func (p *parser) tensor(b []byte) (*Tensor, error) {
	fields, err := splitFields(b)
	if err != nil {
		return nil, err
	}
	t := &Tensor{raw: b, fields: fields, files: p.files}
	p.passed(len(b))
	var ext externalData
	location := int64(0)
	for _, f := range fields {
		var e error
		switch f.num {
		case 1:
			t.dims, e = f.appendInts(t.dims)
		case 2:
			t.dtype = DType(f.val())
		case 3:
			e = &Unsupported{errors.New("tensor segments are not supported")}
		case 4, 5, 6, 7, 10, 11:
			t.typed = append(t.typed, f)
		case 8:
			t.name, e = p.str(f, "tensor name")
		case 9:
			if e = f.want(protowire.BytesType, "raw_data"); e == nil {
				t.data, t.hasRaw = f.body(), true
			}
		case 13:
			var kv Property
			if kv, e = p.property(f); e == nil {
				e = ext.set(kv)
			}
		case 14:
			location = int64(f.val())
		}
		if e != nil {
			return nil, fmt.Errorf("tensor %q: %w", t.name, e)
		}
	}
	if location == 1 {
		t.external = &ext
	}
	return t, nil
}

func (e *externalData) set(kv Property) (err error) {
	switch kv.Key {
	case "location":
		e.location = kv.Value
	case "offset":
		e.offset, err = strconv.ParseInt(kv.Value, 10, 64)
	case "length":
		e.length, err = strconv.ParseInt(kv.Value, 10, 64)
		e.hasLen = true
	case "checksum":
		e.checksum = kv.Value
	}
	if err != nil {
		return fmt.Errorf("external data entry %q = %q is no number of bytes", kv.Key, kv.Value)
	}
	return nil
}

// maxElements bounds the elements of one tensor: beyond it sizes in bytes
// would not fit an int64 whatever the type.
const maxElements = math.MaxInt64 / 16

// Len is the number of elements.
func (t *Tensor) Len() int64 {
	n := int64(1)
	for _, d := range t.dims {
		n *= d
	}
	return n
}

// check is what Load promises: dims, and storage of the right length, here or in
// a file of external data.
func (t *Tensor) check() error {
	if err := t.consistent(); err != nil {
		return &Invalid{err}
	}
	if t.external == nil {
		return nil
	}
	if t.files == nil {
		return fmt.Errorf("tensor %q has external data but the model came without a folder", t.name)
	}
	_, err := t.files.read(t)
	return err
}

// consistent checks what the message of the tensor says.
func (t *Tensor) consistent() error {
	if !t.dtype.Known() {
		return fmt.Errorf("tensor %q has the unknown element type %d", t.name, int32(t.dtype))
	}
	n := int64(1)
	for _, d := range t.dims {
		if d < 0 {
			return fmt.Errorf("tensor %q has the negative dimension %d", t.name, d)
		}
	}
	for _, d := range t.dims {
		if d == 0 {
			n = 0
			break
		}
		if n > maxElements/d {
			return fmt.Errorf("the dimensions %v of tensor %q overflow", t.dims, t.name)
		}
		n *= d
	}
	if t.external != nil {
		return t.consistentExternal(n)
	}
	if t.hasRaw {
		if len(t.typed) > 0 {
			return fmt.Errorf("tensor %q holds both raw_data and typed values", t.name)
		}
		if t.dtype == String {
			return fmt.Errorf("string tensor %q holds raw_data", t.name)
		}
		if int64(len(t.data)) != t.dtype.rawSize(n) {
			return fmt.Errorf("tensor %q (%s %v) needs %d bytes of raw_data, has %d", t.name, t.dtype, t.dims, t.dtype.rawSize(n), len(t.data))
		}
		return nil
	}
	if t.raw == nil {
		return nil // new tensors are made whole
	}
	have := int64(0)
	want := n
	num, width := typedField(t.dtype)
	switch t.dtype {
	case Complex64, Complex128:
		want = 2 * n
	case Uint4, Int4, Float4E2M1:
		want = (n + 1) / 2
	case Uint2, Int2:
		want = (n + 3) / 4
	}
	for _, f := range t.typed {
		if f.num != num {
			return fmt.Errorf("tensor %q of type %s holds values in field %d, want field %d", t.name, t.dtype, f.num, num)
		}
		c := 1
		if t.dtype != String {
			var err error
			if c, err = f.count(width); err != nil {
				return fmt.Errorf("tensor %q: %w", t.name, err)
			}
		}
		have += int64(c)
	}
	// Some writers keep one byte per sub-byte element.
	if have != want && !(t.dtype.Bits() < 8 && have == n) {
		return fmt.Errorf("tensor %q (%s %v) needs %d values, has %d", t.name, t.dtype, t.dims, want, have)
	}
	return nil
}

// typedField returns the field that holds values of type d and the width of
// one value there, 0 for varints.
func typedField(d DType) (protowire.Number, int) {
	switch d {
	case Float32, Complex64:
		return 4, 4
	case Float64, Complex128:
		return 10, 8
	case Int64:
		return 7, 0
	case Uint32, Uint64:
		return 11, 0
	case String:
		return 6, 0
	}
	return 5, 0
}

// Bytes returns the values in raw storage: little endian, no padding. Raw and
// external values are returned without a copy and must not be changed.
func (t *Tensor) Bytes() ([]byte, error) {
	if t.computed != nil {
		return t.computed.bytes(t.name, t.stored())
	}
	if t.external != nil {
		return t.files.read(t)
	}
	if t.hasRaw || t.raw == nil {
		return t.data, nil
	}
	return t.typedBytes()
}

func (t *Tensor) typedBytes() ([]byte, error) {
	width := t.dtype.Bits() / 8
	if width == 0 {
		return nil, &Unsupported{fmt.Errorf("reading tensor %q: %s values cannot be read as numbers", t.name, t.dtype)}
	}
	out := make([]byte, 0, t.dtype.rawSize(t.Len()))
	for _, f := range t.typed {
		switch f.num {
		case 4, 10: // already little endian
			if f.typ == protowire.BytesType {
				out = append(out, f.body()...)
			} else if f.num == 4 {
				out = binary.LittleEndian.AppendUint32(out, uint32(f.val()))
			} else {
				out = binary.LittleEndian.AppendUint64(out, f.val())
			}
		default:
			ints, err := f.appendInts(nil)
			if err != nil {
				return nil, fmt.Errorf("reading tensor %q: %w", t.name, err)
			}
			for _, v := range ints {
				var b [8]byte
				binary.LittleEndian.PutUint64(b[:], uint64(v))
				out = append(out, b[:width]...)
			}
		}
	}
	return out, nil
}

// Float64s returns the values converted to float64. It is exact for every
// type up to float64 and for integers below 2^53.
func (t *Tensor) Float64s() ([]float64, error) { return decoded(t, DecodeFloat64) }

// Int64s returns the values of an integer or bool tensor.
func (t *Tensor) Int64s() ([]int64, error) { return decoded(t, DecodeInt64) }

func decoded[N any](t *Tensor, decode func(dst []N, b []byte, d DType) error) ([]N, error) {
	r, err := t.Reader()
	if err != nil {
		return nil, err
	}
	out := make([]N, t.Len())
	r.With(0, len(r.Mapped()), func(b []byte) { err = decode(out, b, t.dtype) })
	if err != nil {
		return nil, fmt.Errorf("reading tensor %q: %w", t.name, err)
	}
	return out, nil
}

// NewTensor makes a tensor from raw storage, which it keeps. Edits place it
// inline or in an external file when the model is saved.
func NewTensor(name string, d DType, dims []int64, data []byte) (*Tensor, error) {
	t := &Tensor{name: name, dtype: d, dims: slices.Clone(dims), data: data, hasRaw: true}
	if err := t.check(); err != nil {
		return nil, fmt.Errorf("making tensor %q: %w", name, err)
	}
	return t, nil
}

// NewInts makes an int64 tensor, the type of shapes and axes.
func NewInts(name string, dims []int64, v []int64) *Tensor {
	b := make([]byte, 0, 8*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint64(b, uint64(x))
	}
	return &Tensor{name: name, dtype: Int64, dims: slices.Clone(dims), data: b, hasRaw: true}
}

// stored is the length of the values as they lie in this file's messages.
func (t *Tensor) stored() int64 { return t.dtype.rawSize(t.Len()) }
