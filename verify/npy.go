package verify

import (
	"bytes"
	le "encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/sbinet/npyio"

	"repmlp/internal/budget"
	"repmlp/internal/output"
	"repmlp/onnxio"
	"repmlp/verify/internal/tensor"
)

// maxNpyHeader bounds the header of a numpy array: what numpy writes is below a
// kilobyte, and numpy itself does not read more than ten.
const maxNpyHeader = 10 << 10

// numpyTypes are the types of arrays that are read, without their byte order.
var numpyTypes = map[string]onnxio.DType{
	"b1": onnxio.Bool, "i1": onnxio.Int8, "u1": onnxio.Uint8, "i2": onnxio.Int16, "u2": onnxio.Uint16, "i4": onnxio.Int32, "u4": onnxio.Uint32,
	"i8": onnxio.Int64, "u8": onnxio.Uint64, "f2": onnxio.Float16, "f4": onnxio.Float32, "f8": onnxio.Float64,
}

// ReadNumpy reads a .npy file.
func ReadNumpy(path string) (*Tensor, error) {
	t, err := readNpyFile(path, nil)
	if err != nil {
		return nil, fmt.Errorf("reading numpy array %q: %w", path, err)
	}
	return t, nil
}

func readNpyFile(path string, fits func(*Tensor) error) (*Tensor, error) {
	f, size, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readNpy(f, size, fits)
}

// openRegular opens a regular file and says how many bytes it has.
func openRegular(path string) (f *os.File, size int64, err error) {
	if err := output.Regular(path); err != nil {
		return nil, 0, err
	}
	if f, err = os.Open(path); err != nil {
		return nil, 0, err
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, st.Size(), nil
}

// npyBytes is how many bytes the elements of an array take; an error where another number
// of them is there, or where its shape is refused.
func npyBytes(t *Tensor, there int64, refused bool) (need int64, err error) {
	if need = budget.Bytes(int64(t.DType.Bits()/8), t.Shape...); need < 0 || refused || need != there {
		return 0, fmt.Errorf("the array has %d bytes, its shape %v and its type %s say %d", there, t.Shape, t.DType, need)
	}
	return need, nil
}

// readNpy reads one numpy array in C order from a file of so many bytes. fits
// sees its type and shape before its elements are read.
func readNpy(r io.Reader, size int64, fits func(*Tensor) error) (*Tensor, error) {
	t, big, header, err := readNpyHeader(r)
	if err != nil {
		return nil, err
	}
	if fits != nil {
		if err := fits(t); err != nil {
			return nil, err
		}
	}
	need, err := npyBytes(t, size-header, tensor.TooLarge(t.Shape))
	if err != nil {
		return nil, err
	}
	raw := make([]byte, need)
	if _, err := io.ReadFull(r, raw); err != nil {
		return nil, err
	}
	if big {
		swap(raw, t.DType.Bits()/8)
	}
	return FromRaw(t.DType, t.Shape, raw)
}

// readNpyHeader reads what stands before the elements.
func readNpyHeader(r io.Reader) (t *Tensor, big bool, length int64, err error) {
	defer func() { // the reader of headers takes what it finds for well-formed
		if p := recover(); p != nil {
			err = errors.New("not a numpy array: its header is not well-formed")
		}
	}()
	start := make([]byte, 10, 12)
	if _, err := io.ReadFull(r, start); err != nil || !bytes.HasPrefix(start, []byte("\x93NUMPY")) {
		return nil, false, 0, errors.New("not a numpy array")
	}
	n := int64(le.LittleEndian.Uint16(start[8:]))
	if start[6] > 1 {
		start = start[:12]
		if _, err := io.ReadFull(r, start[10:]); err != nil {
			return nil, false, 0, fmt.Errorf("not a numpy array: %w", err)
		}
		n = int64(le.LittleEndian.Uint32(start[8:]))
		start[6] = min(start[6], 2) // version 3 differs in the names of fields alone
	}
	if n > maxNpyHeader {
		return nil, false, 0, fmt.Errorf("not a numpy array: its header has %d bytes", n)
	}
	head := append(start, make([]byte, n)...)
	if _, err := io.ReadFull(r, head[len(start):]); err != nil {
		return nil, false, 0, fmt.Errorf("not a numpy array: %w", err)
	}
	h, err := npyio.NewReader(bytes.NewReader(head))
	if err != nil {
		return nil, false, 0, fmt.Errorf("not a numpy array: %w", err)
	}
	d := h.Header.Descr
	if d.Fortran && len(d.Shape) > 1 {
		return nil, false, 0, errors.New("the array is in Fortran order; save it with numpy.ascontiguousarray")
	}
	order := byte('|')
	kind := d.Type
	if len(kind) == 3 {
		order, kind = kind[0], kind[1:]
	}
	dtype, ok := numpyTypes[kind]
	if !ok {
		return nil, false, 0, fmt.Errorf("arrays of type %q are not read; floats of 16 to 64 bits, integers and booleans are", d.Type)
	}
	shape := slices.Clone(d.Shape)
	if shape == nil {
		shape = []int{}
	}
	return &Tensor{DType: dtype, Shape: shape}, order == '>', int64(len(head)), nil
}
