package graph

import (
	"fmt"
	"strings"
	"testing"

	"repmlp/onnxio"
)

// The geometry of a ConvTranspose follows from its attributes and, for output_shape, from
// the size of its input.
func TestConvTransposeSpread(t *testing.T) {
	is, s := onnxio.IntsAttr, onnxio.StringAttr
	const usual = "kernel [3 4], stride [1 1], dilation [1 1], pads [0 0] [0 0], more [0 0]: [8 6+W]"
	big := []int64{1, 0, 2, 1}
	for _, c := range []struct {
		attrs []*onnxio.Attr
		want  string
	}{
		{nil, strings.Replace(usual, "6+W", "3+W", 1)},
		{[]*onnxio.Attr{is("kernel_shape", []int64{3, 4})}, strings.Replace(usual, "6+W", "3+W", 1)},
		{[]*onnxio.Attr{is("strides", []int64{2, 3}), is("dilations", []int64{2, 1}), is("pads", big), is("output_padding", []int64{1, 2})},
			"kernel [3 4], stride [2 3], dilation [2 1], pads [1 0] [2 1], more [1 2]: [13 2+3*W]"},
		{[]*onnxio.Attr{s("auto_pad", "NOTSET"), is("pads", big)}, "kernel [3 4], stride [1 1], dilation [1 1], pads [1 0] [2 1], more [0 0]: [5 2+W]"},
		{[]*onnxio.Attr{s("auto_pad", "VALID"), is("pads", []int64{0, 0, 0, 0})}, strings.Replace(usual, "6+W", "3+W", 1)},
		{[]*onnxio.Attr{s("auto_pad", "SAME_UPPER"), is("strides", []int64{2, 1})}, "kernel [3 4], stride [2 1], dilation [1 1], pads [0 1] [1 2], more [0 0]: [12 W]"},
		{[]*onnxio.Attr{s("auto_pad", "SAME_LOWER"), is("strides", []int64{2, 1})}, "kernel [3 4], stride [2 1], dilation [1 1], pads [1 2] [0 1], more [0 0]: [12 W]"},
		{[]*onnxio.Attr{s("auto_pad", "SAME_LOWER"), is("strides", []int64{3, 3}), is("output_padding", []int64{0, 1})}, "kernel [3 4], stride [3 3], dilation [1 1], pads [0 1] [0 1], more [0 1]: [18 3*W]"},
		{[]*onnxio.Attr{s("auto_pad", "SAME_UPPER"), is("strides", []int64{4, 4})}, "kernel [3 4], stride [4 4], dilation [1 1], pads [0 0] [0 0], more [1 0]: [24 4*W], short"},
		{[]*onnxio.Attr{is("output_shape", []int64{5, 9})}, "kernel [3 4], stride [1 1], dilation [1 1], pads [2 0] [1 0], more [0 0]: [5 3+W], dynamic"},
		{[]*onnxio.Attr{is("strides", []int64{1, 2})}, "kernel [3 4], stride [1 2], dilation [1 1], pads [0 0] [0 0], more [0 0]: [8 2+2*W]"},
		{[]*onnxio.Attr{is("kernel_shape", []int64{3, 3})}, `node "n" says kernel_shape [3 3], its weight has [3 4]`},
		{[]*onnxio.Attr{is("strides", []int64{2})}, `attribute strides of node "n" has 1 values, want 2`},
		{[]*onnxio.Attr{is("pads", []int64{2, 2})}, `attribute pads of node "n" has 2 values, want 4`},
		{[]*onnxio.Attr{is("dilations", []int64{1, 0})}, `node "n" has kernel [3 4], strides [1 1], dilations [1 0], output_padding [0 0]: sizes must be positive`},
		{[]*onnxio.Attr{is("strides", []int64{0, 1})}, `node "n" has kernel [3 4], strides [0 1], dilations [1 1], output_padding [0 0]: sizes must be positive`},
		{[]*onnxio.Attr{is("output_padding", []int64{0, -1})}, `node "n" has kernel [3 4], strides [1 1], dilations [1 1], output_padding [0 -1]: sizes must be positive`},
		{[]*onnxio.Attr{s("auto_pad", "NEVER")}, `node "n" has the unknown auto_pad "NEVER"`},
		{[]*onnxio.Attr{s("auto_pad", "VALID"), is("pads", big)}, `node "n" has both pads [1 0 2 1] and auto_pad VALID`},
		{[]*onnxio.Attr{is("output_shape", []int64{5})}, `output_shape of node "n" has 1 values, want 2`},
	} {
		n := spreadNode(t, c.attrs)
		have := ""
		w, err := ConvTransposeSpread(n, []Dim{Size(2), Size(3), Size(6), Symbol("W")}, []int64{3, 4})
		if err != nil {
			have = err.Error()
		} else {
			have = spreadText(w, Size(6), Symbol("W"))
		}
		if have != c.want {
			t.Errorf("%v: %s, want %s", c.attrs, have, c.want)
		}
	}
	for _, kernel := range [][]int64{nil, {3}, {3, 3, 3}} {
		if _, err := ConvTransposeSpread(spreadNode(t, nil), []Dim{Size(2), Size(3), Size(6), Size(5)}, kernel); err == nil {
			t.Errorf("a kernel of %d axes on a map of two", len(kernel))
		}
	}
	if _, err := ConvTransposeSpread(spreadNode(t, nil), []Dim{Size(2), Size(3), Size(6), Size(5)}, []int64{3, 0}); err == nil {
		t.Error("a kernel without taps")
	}
}

// A wanted size is cut off at both ends, one more at the begin but for SAME_UPPER, or made
// longer; batch and channels before it do not count.
func TestOutputShape(t *testing.T) {
	for _, c := range []struct {
		auto string
		want []int64
		text string
	}{
		{"", []int64{8, 9}, "pads [2 2] [1 1], more [0 0]: [8 9]"},
		{"", []int64{2, 4, 8, 9}, "pads [2 2] [1 1], more [0 0]: [8 9]"},
		{"SAME_UPPER", []int64{8, 9}, "pads [1 1] [2 2], more [0 0]: [8 9]"},
		{"SAME_LOWER", []int64{8, 9}, "pads [2 2] [1 1], more [0 0]: [8 9]"},
		{"VALID", []int64{11, 12}, "pads [0 0] [0 0], more [0 0]: [11 12]"},
		{"", []int64{12, 14}, "pads [0 0] [0 0], more [1 2]: [12 14]"},
	} {
		attrs := []*onnxio.Attr{onnxio.IntsAttr("strides", []int64{2, 2}), onnxio.IntsAttr("output_shape", c.want)}
		if c.auto != "" {
			attrs = append(attrs, onnxio.StringAttr("auto_pad", c.auto))
		}
		w, err := ConvTransposeSpread(spreadNode(t, attrs), []Dim{Size(2), Size(3), Size(5), Size(5)}, []int64{3, 4})
		if have := spreadText(w, Size(5), Size(5)); err != nil || !strings.HasSuffix(have, c.text) {
			t.Errorf("%v %s: %s, %v, want %s", c.want, c.auto, have, err, c.text)
		}
	}
}

func TestPointwiseSpread(t *testing.T) {
	same := func() Spread {
		one, zero := func() []int64 { return []int64{1, 1} }, func() []int64 { return []int64{0, 0} }
		return Spread{Kernel: one(), Stride: one(), Dilation: []int64{1, 3}, Begin: zero(), End: zero(), Extra: zero()}
	}
	for i := range 2 {
		if s := same(); !s.Pointwise(i) {
			t.Errorf("%+v changes axis %d", s, i)
		}
		for k, change := range []func(s *Spread){func(s *Spread) { s.Kernel[i] = 2 }, func(s *Spread) { s.Stride[i] = 2 }, func(s *Spread) { s.Begin[i] = 1 },
			func(s *Spread) { s.End[i] = 1 }, func(s *Spread) { s.Extra[i] = 1 }} {
			s := same()
			if change(&s); s.Pointwise(i) || !s.Pointwise(1-i) {
				t.Errorf("change %d: %+v", k, s)
			}
		}
	}
}

func spreadNode(t *testing.T, attrs []*onnxio.Attr) *Node {
	t.Helper()
	m, err := onnxio.NewModel(onnxio.Parts{Opset: 17, Inputs: []*onnxio.ValueInfo{onnxio.Untyped("x", onnxio.Float32), onnxio.Untyped("w", onnxio.Float32)},
		Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Float32)}, Nodes: []*onnxio.Node{onnxio.NewNode("n", "ConvTranspose", []string{"x", "w"}, []string{"y"}, attrs...)}})
	if err != nil {
		t.Fatal(err)
	}
	g, err := New(m, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return g.Nodes[0]
}

func spreadText(s Spread, in ...Dim) string {
	text := fmt.Sprintf("kernel %v, stride %v, dilation %v, pads %v %v, more %v: [%v %v]", s.Kernel, s.Stride, s.Dilation, s.Begin, s.End, s.Extra, s.Out(0, in[0]), s.Out(1, in[1]))
	if s.Dynamic {
		text += ", dynamic"
	}
	if s.Short {
		text += ", short"
	}
	return text
}
