package differ

import (
	"math"
	"slices"
	"testing"

	"repmlp/onnxio"
)

func floats(t *testing.T, name string, d onnxio.DType, dims []int64, v ...float64) *onnxio.Tensor {
	t.Helper()
	b, err := onnxio.EncodeFloat64(v, d)
	if err != nil {
		t.Fatal(err)
	}
	x, err := onnxio.NewTensor(name, d, dims, b)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// Tensors are equal to the bit or differ by so much; where that is no number it says so.
func TestCompare(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	f := func(v ...float64) *onnxio.Tensor { return floats(t, "x", onnxio.Float64, []int64{int64(len(v))}, v...) }
	long, other := make([]float64, 2*chunk+3), make([]float64, 2*chunk+3)
	for i := range long {
		long[i], other[i] = float64(i), float64(i)
	}
	other[2*chunk+2] -= 7
	for _, c := range []struct {
		what          string
		a, b          *onnxio.Tensor
		equal         bool
		most, largest float64
	}{
		{"the same", f(1, 2), f(1, 2), true, 0, 0},
		{"another number", f(1, -3), f(1.5, -3), false, 0.5, 3},
		{"signs of zero", f(0), f(math.Copysign(0, -1)), false, 0, 0},
		{"another shape", f(1, 2), floats(t, "x", onnxio.Float64, []int64{2, 1}, 1, 2), false, nan, 0},
		{"another type", f(1, 2), floats(t, "x", onnxio.Float32, []int64{2}, 1, 2), false, 0, 2},
		{"NaN in both", f(nan, 1), f(math.Float64frombits(math.Float64bits(nan)^1), 2), false, 1, nan},
		{"NaN in one", f(nan, 1), f(0, 1), false, nan, 0},
		{"infinite in both", f(inf, 1), f(inf, 3), false, 2, inf},
		{"infinite in one", f(inf, 1), f(1, 1), false, inf, inf},
		{"opposite infinities", f(inf), f(-inf), false, inf, inf},
		{"long", f(long...), f(other...), false, 7, 2*chunk + 2},
		{"long, of two types", floats(t, "x", onnxio.Float32, []int64{2*chunk + 3}, long...), f(other...), false, 7, 2*chunk + 2},
		{"integers", onnxio.NewInts("x", []int64{2}, []int64{1, 9}), onnxio.NewInts("x", []int64{2}, []int64{4, 9}), false, 3, 9},
	} {
		p, err := compare(&Init{"x", c.a}, &Init{"y", c.b})
		if err != nil {
			t.Fatal(err)
		}
		same := func(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }
		if p.Equal != c.equal || !same(p.MaxAbs, c.most) || !same(p.Largest, c.largest) && c.what != "NaN in both" {
			t.Errorf("%s: equal %t, %g of %g, want %t, %g of %g", c.what, p.Equal, p.MaxAbs, p.Largest, c.equal, c.most, c.largest)
		}
	}
}

// The value of an attribute as text, whatever its type; the default of the opset where a
// node leaves it out.
func TestAttributes(t *testing.T) {
	many := floats(t, "v", onnxio.Float32, []int64{9}, 1, 2, 3, 4, 5, 6, 7, 8, 9)
	eight := floats(t, "v", onnxio.Float32, []int64{2, 4}, 1, 2, 3, 4, 5, 6, 7, 8)
	n := onnxio.NewNode("n", "Conv", []string{"x"}, []string{"y"}, onnxio.FloatAttr("f", 0.5), onnxio.IntAttr("i", -3), onnxio.StringAttr("s", "VALID"),
		onnxio.FloatsAttr("fs", []float32{0.5, 2}), onnxio.IntsAttr("is", []int64{1, 2, 3}), onnxio.IntsAttr("none", nil), onnxio.TensorAttr("t", eight), onnxio.TensorAttr("long", many))
	for name, want := range map[string]string{"f": "0.5", "i": "-3", "s": "VALID", "fs": "0.5,2", "is": "1,2,3", "none": "", "t": "float32 [2 4] [1 2 3 4 5 6 7 8]",
		"group": "1", "auto_pad": "NOTSET", "kernel_shape": "", "nothing": ""} {
		if have := Attribute(n, name, 17); have != want {
			t.Errorf("%s: %q, want %q", name, have, want)
		}
	}
	long := Attribute(n, "long", 17)
	if len(long) != len("float32 [9] 36 bytes 01234567") || long[:21] != "float32 [9] 36 bytes " {
		t.Errorf("a long tensor: %q", long)
	}
	other := floats(t, "v", onnxio.Float32, []int64{9}, 1, 2, 3, 4, 5, 6, 7, 8, 10)
	if long == tensorText(other) {
		t.Error("other numbers have the same text")
	}
	if have := Attribute(onnxio.NewNode("n", "LeakyRelu", []string{"x"}, []string{"y"}), "alpha", 16); have != "0.01" {
		t.Errorf("the default of a number: %q", have)
	}
	if have := Attribute(onnxio.NewNode("n", "NoOperator", []string{"x"}, []string{"y"}), "alpha", 16); have != "" {
		t.Errorf("an operator that is none: %q", have)
	}
	if have := joined([][]byte{[]byte("a"), []byte("b")}); have != "a,b" {
		t.Errorf("texts: %q", have)
	}
}

// Attributes differ by their values, those that are left out by their defaults, which may be
// others in another opset.
func TestAttributesThatDiffer(t *testing.T) {
	node := func(attrs ...*onnxio.Attr) *onnxio.Node {
		return onnxio.NewNode("n", "Softmax", []string{"x"}, []string{"y"}, attrs...)
	}
	axis, extra := onnxio.IntAttr("axis", 1), onnxio.IntAttr("a_first", 7)
	for _, c := range []struct {
		x, y         *onnxio.Node
		opset, other int64
		want         []string
	}{
		{node(axis), node(axis), 13, 13, nil},
		{node(axis), node(), 11, 11, nil}, // the default was 1
		{node(axis), node(), 13, 13, []string{"axis"}},
		{node(), node(axis), 13, 13, []string{"axis"}},
		{node(), node(axis), 11, 13, nil},
		{node(axis), node(axis), 11, 13, nil},
		{node(axis, extra), node(), 13, 13, []string{"a_first", "axis"}},
		{node(axis), node(onnxio.IntAttr("axis", 2)), 13, 13, []string{"axis"}},
	} {
		if have := attributes(c.x, c.y, c.opset, c.other); !slices.Equal(have, c.want) {
			t.Errorf("%v beside %v in %d and %d: %q, want %q", c.x.AttrKey(), c.y.AttrKey(), c.opset, c.other, have, c.want)
		}
	}
}
