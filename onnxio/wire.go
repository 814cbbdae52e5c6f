package onnxio

import (
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// A field is one protobuf field as it stands in the file.
type field struct {
	num protowire.Number
	typ protowire.Type
	raw []byte // tag and payload
	ref any    // the parsed message, where there is one
}

// body is the payload of a length-delimited field, nil for others.
func (f field) body() []byte {
	if f.typ != protowire.BytesType || f.raw == nil {
		return nil
	}
	body, _ := protowire.ConsumeBytes(f.payload())
	return body
}

// val is the payload of a varint or fixed field, 0 for others.
func (f field) val() (v uint64) {
	switch f.typ {
	case protowire.VarintType:
		v, _ = protowire.ConsumeVarint(f.payload())
	case protowire.Fixed32Type:
		low, _ := protowire.ConsumeFixed32(f.payload())
		v = uint64(low)
	case protowire.Fixed64Type:
		v, _ = protowire.ConsumeFixed64(f.payload())
	}
	return v
}

// payload is what stands behind the tag.
func (f field) payload() []byte {
	_, n := protowire.ConsumeVarint(f.raw)
	return f.raw[n:]
}

var errTruncated = errors.New("the data ends in the middle of a field")

// splitFields cuts a message into its fields without interpreting them.
func splitFields(b []byte) ([]field, error) { return split(b, func(field) {}) }

// split is splitFields that reports each field as it is passed.
func split(b []byte, passed func(field)) ([]field, error) {
	var few [16]field // most messages have no more; what is kept has no room to spare
	fields := few[:0]
	for at := 0; at < len(b); {
		f, n, err := nextField(b[at:])
		if err != nil {
			return nil, fmt.Errorf("at byte %d of %d: %w", at, len(b), err)
		}
		fields = append(fields, f)
		passed(f)
		at += n
	}
	return slices.Clone(fields), nil
}

func nextField(b []byte) (field, int, error) {
	num, typ, n := protowire.ConsumeTag(b)
	if n < 0 {
		return field{}, 0, wireError(n)
	}
	m := protowire.ConsumeFieldValue(num, typ, b[n:])
	if m < 0 {
		return field{}, 0, wireError(m)
	}
	return field{num: num, typ: typ, raw: b[: n+m : n+m]}, n + m, nil
}

func wireError(n int) error {
	err := protowire.ParseError(n)
	if err.Error() == protowire.ParseError(-1).Error() { // unexpected EOF
		return errTruncated
	}
	return fmt.Errorf("not protobuf: %w", err)
}

// want reports an error when f does not have wire type typ.
func (f field) want(typ protowire.Type, what string) error {
	if f.typ != typ {
		return fmt.Errorf("%s has wire type %d, want %d", what, f.typ, typ)
	}
	return nil
}

// appendInts adds the values of a repeated integer field, packed or not.
func (f field) appendInts(to []int64) ([]int64, error) {
	switch f.typ {
	case protowire.VarintType:
		return append(to, int64(f.val())), nil
	case protowire.BytesType:
		for b := f.body(); len(b) > 0; {
			v, n := protowire.ConsumeVarint(b)
			if n < 0 {
				return nil, wireError(n)
			}
			to, b = append(to, int64(v)), b[n:]
		}
		return to, nil
	}
	return nil, fmt.Errorf("integer list has wire type %d", f.typ)
}

// appendFixed32 adds the bit patterns of a repeated float field, packed or not.
func (f field) appendFixed32(to []uint32) ([]uint32, error) {
	switch f.typ {
	case protowire.Fixed32Type:
		return append(to, uint32(f.val())), nil
	case protowire.BytesType:
		if len(f.body())%4 != 0 {
			return nil, errors.New("packed float list has a length that is no multiple of 4")
		}
		for b := f.body(); len(b) > 0; b = b[4:] {
			v, _ := protowire.ConsumeFixed32(b)
			to = append(to, v)
		}
		return to, nil
	}
	return nil, fmt.Errorf("float list has wire type %d", f.typ)
}

// count returns how many values a repeated scalar field holds without reading
// them; size is the width of a fixed value, 0 for varints.
func (f field) count(size int) (int, error) {
	if f.typ != protowire.BytesType {
		return 1, nil
	}
	if size > 0 {
		if len(f.body())%size != 0 {
			return 0, fmt.Errorf("packed list has a length that is no multiple of %d", size)
		}
		return len(f.body()) / size, nil
	}
	n := 0
	for _, c := range f.body() {
		if c < 0x80 {
			n++
		}
	}
	return n, nil
}

// message writes a length-delimited field.
func message(b []byte, num protowire.Number, body []byte) []byte {
	b = protowire.AppendTag(b, num, protowire.BytesType)
	return protowire.AppendBytes(b, body)
}

func text(b []byte, num protowire.Number, s string) []byte {
	b = protowire.AppendTag(b, num, protowire.BytesType)
	return protowire.AppendString(b, s)
}

func varint(b []byte, num protowire.Number, v uint64) []byte {
	b = protowire.AppendTag(b, num, protowire.VarintType)
	return protowire.AppendVarint(b, v)
}

// head returns the tag and length that stand in front of n payload bytes.
func head(num protowire.Number, n int) []byte {
	b := protowire.AppendTag(nil, num, protowire.BytesType)
	return protowire.AppendVarint(b, uint64(n))
}
