package ops

import (
	"fmt"
	"strings"

	"repmlp/onnxio"
)

// Types is a set of element types.
type Types uint32

// NotTensor stands in a set for sequences, optionals and maps.
const NotTensor Types = 1 << 31

// Has reports whether the set has an element type.
func (t Types) Has(d onnxio.DType) bool { return d >= 0 && d < 31 && t>>d&1 != 0 }

// Only returns the element type of a set that has no other.
func (t Types) Only() (onnxio.DType, bool) {
	for d := range onnxio.DType(31) {
		if t == 1<<d {
			return d, true
		}
	}
	return onnxio.Undefined, false
}

func (t Types) String() string {
	var names []string
	for d := range onnxio.DType(31) {
		if t.Has(d) {
			names = append(names, d.String())
		}
	}
	if t&NotTensor != 0 {
		names = append(names, "no tensor")
	}
	return strings.Join(names, ", ")
}

// letters stand for the element types in the table, by their number in ONNX.
var letters = map[byte]onnxio.DType{
	'f': onnxio.Float32, 'd': onnxio.Float64, 'h': onnxio.Float16, 'g': onnxio.BFloat16, 'b': onnxio.Bool, 's': onnxio.String,
	'c': onnxio.Complex64, 'z': onnxio.Complex128, 'a': onnxio.Int8, 'k': onnxio.Int16, 'i': onnxio.Int32, 'l': onnxio.Int64,
	'A': onnxio.Uint8, 'K': onnxio.Uint16, 'I': onnxio.Uint32, 'L': onnxio.Uint64, 'n': onnxio.Int4, 'N': onnxio.Uint4,
	'm': onnxio.Int2, 'M': onnxio.Uint2, '1': 17, '2': 18, '3': 19, '4': 20, '5': onnxio.Float4E2M1, '6': 24,
}

func typesOf(text string) Types {
	var t Types
	for i := range len(text) {
		d, ok := letters[text[i]]
		switch {
		case ok:
			t |= 1 << d
		case text[i] == 'S':
			t |= NotTensor
		default:
			panic(fmt.Sprintf("ops: the table has the element type %q", text[i]))
		}
	}
	return t
}
