package differ

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math"
	"slices"

	"repmlp/internal/ops"
	"repmlp/onnxio"
)

// A TensorPair is an initializer of each model that is the same one.
type TensorPair struct {
	First, Second *Init
	Equal         bool
	// MaxAbs is the largest difference of numbers of one shape, NaN where that says
	// nothing: other shapes, or a number against none. Largest is the largest absolute
	// value in the first.
	MaxAbs, Largest float64
}

// compare compares two tensors.
func compare(x, y *Init) (TensorPair, error) {
	p := TensorPair{First: x, Second: y, MaxAbs: math.NaN()}
	t, u := x.Tensor, y.Tensor
	if t.DType() == onnxio.String || u.DType() == onnxio.String {
		p.Equal = t.DType() == u.DType() && slices.Equal(t.Dims(), u.Dims()) && equal(t, u)
		return p, nil
	}
	a, err := t.Bytes()
	if err != nil {
		return p, fmt.Errorf("reading initializer %q: %w", x.Name, err)
	}
	b, err := u.Bytes()
	if err != nil {
		return p, fmt.Errorf("reading initializer %q: %w", y.Name, err)
	}
	if !slices.Equal(t.Dims(), u.Dims()) {
		return p, nil
	}
	if t.DType() == u.DType() && bytes.Equal(a, b) {
		p.Equal, p.MaxAbs = true, 0
		return p, nil
	}
	p.MaxAbs, p.Largest = distance(t, u, a, b)
	return p, nil
}

// chunk is how many elements are compared at a time.
const chunk = 1 << 14

// distance is the largest difference of two tensors of one shape, and the largest absolute
// value of the first.
func distance(t, u *onnxio.Tensor, a, b []byte) (most, largest float64) {
	wide, other := t.DType().Bits()/8, u.DType().Bits()/8
	if wide == 0 || other == 0 {
		return math.NaN(), 0
	}
	x, y := make([]float64, chunk), make([]float64, chunk)
	for at, n := int64(0), t.Len(); at < n; at += chunk {
		k := min(chunk, n-at)
		if onnxio.DecodeFloat64(x[:k], a[at*int64(wide):(at+k)*int64(wide)], t.DType()) != nil ||
			onnxio.DecodeFloat64(y[:k], b[at*int64(other):(at+k)*int64(other)], u.DType()) != nil {
			return math.NaN(), 0
		}
		for i := range x[:k] {
			d := math.Abs(x[i] - y[i])
			switch {
			case x[i] == y[i] || math.IsNaN(x[i]) && math.IsNaN(y[i]):
				d = 0
			case math.IsNaN(d):
				return math.NaN(), 0
			}
			most, largest = max(most, d), max(largest, math.Abs(x[i]))
		}
	}
	return most, largest
}

// attributes lists the attributes that differ. One that is left out has its default.
func attributes(x, y *onnxio.Node, opset, other int64) (names []string) {
	if x.AttrKey() == y.AttrKey() {
		return nil
	}
	note := func(name string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, n := range []*onnxio.Node{x, y} {
		for _, a := range n.Attrs() {
			if Attribute(x, a.Name(), opset) != Attribute(y, a.Name(), other) {
				note(a.Name())
			}
		}
	}
	slices.Sort(names)
	return names
}

// Attribute is the value of an attribute as text, its default where the node leaves it
// out, "" where there is none.
func Attribute(n *onnxio.Node, name string, opset int64) string {
	a := n.Attr(name)
	if a == nil {
		if n.Domain() != "" {
			return ""
		}
		o := ops.Lookup(n.OpType(), opset)
		if o == nil {
			return ""
		}
		d := o.Attr(name)
		switch {
		case d == nil || d.Default == nil:
			return ""
		case d.Type == onnxio.AttrFloat:
			return fmt.Sprint(d.Default.F)
		case d.Type == onnxio.AttrInt:
			return fmt.Sprint(d.Default.I)
		}
		return d.Default.Text
	}
	switch a.Type() {
	case onnxio.AttrFloat:
		return fmt.Sprint(a.F())
	case onnxio.AttrInt:
		return fmt.Sprint(a.I())
	case onnxio.AttrString:
		return string(a.S())
	case onnxio.AttrFloats:
		return joined(a.Floats())
	case onnxio.AttrInts:
		return joined(a.Ints())
	case onnxio.AttrStrings:
		return joined(a.Strings())
	case onnxio.AttrTensor:
		return tensorText(a.T())
	}
	return digest(a.Encoded())
}

// shownNumbers is up to how many numbers of a tensor are shown.
const shownNumbers = 8

// tensorText is a tensor as text.
func tensorText(t *onnxio.Tensor) string {
	s := fmt.Sprint(t.DType(), t.Dims())
	b, err := t.Bytes()
	if err != nil || t.DType() == onnxio.String {
		return s
	}
	if t.Len() <= shownNumbers {
		v := make([]float64, t.Len())
		if onnxio.DecodeFloat64(v, b, t.DType()) == nil {
			return fmt.Sprint(s, " ", v)
		}
	}
	return s + " " + digest(b)
}

// digest is a few letters that are others for other bytes.
func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return fmt.Sprintf("%d bytes %x", len(b), sum[:4])
}

func joined[T any](list []T) string {
	s := ""
	for i, v := range list {
		if i > 0 {
			s += ","
		}
		if b, ok := any(v).([]byte); ok {
			s += string(b)
		} else {
			s += fmt.Sprint(v)
		}
	}
	return s
}
