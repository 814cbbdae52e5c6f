package layer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/rules"
	"repmlp/internal/sketch"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
	"repmlp/verify"
)

// segments are graphs from x to one output that is an affine function of it, of every
// rank and in the forms of old and new opsets.
var segments = []struct{ name, text string }{
	{"rows", "x : N 6\na = Gemm(x, ?6x5, ?5)\ny = BatchNormalization(a, ?5, ?5, ?5, !5)"},
	{"rows of fixed number", "x : 2 6\na = Gemm(x, ?6x5, ?5)\ny = Gemm(a, ?5x4, ?4)"},
	{"rows of rank 3", "x : N 3 6\na = MatMul(x, ?6x5)\nb = Add(a, ?5)\ny = MatMul(b, ?5x4)"},
	{"columns of rank 3", "x : N 6 3\na = MatMul(?5x6, x)\nb = Add(a, ?5x1)\ny = MatMul(?4x5, b)"},
	{"features in the middle", "x : 3 6 2\na = Transpose(x) perm=0,2,1\nb = MatMul(a, ?6x4)\ny = Transpose(b) perm=1,2,0"},
	{"groups of rank 3", "x : N 3 4\na = Unsqueeze(x, #2)\nb = MatMul(a, ?3x4x5)\nc = Squeeze(b, #2)\ny = Add(c, ?3x5)"},
	{"groups of rank 2", "x : N 12\na = Reshape(x, #-1_12_1_1)\nb = Conv(a, ?6x4x1x1, ?6) group=3\nc = Reshape(b, #-1_6)\ny = Mul(c, ?6)"},
	{"groups behind rows", "x : 3 N 4\ny = MatMul(x, ?3x4x5)"},
	{"rank 4, groups and rows", "x : N 3 2 4\na = MatMul(x, ?3x4x5)\nb = Transpose(a) perm=0,2,1,3\ny = Add(b, ?3x5)"},
	{"rank 5", "x : N 2 3 2 2\na = Transpose(x) perm=0,2,1,3,4\nb = Reshape(a, #-1_8)\nc = Gemm(b, ?8x8, ?8)\nd = Reshape(c, #-1_3_2_2_2)\ny = Transpose(d) perm=0,2,1,4,3"},
	{"tiles in share sets", "x : N 4 4 4\na = Reshape(x, #-1_4_2_2_2_2)\nb = Transpose(a) perm=0,2,4,1,3,5\nc = Reshape(b, #-1_8_1_1)\nd = Conv(c, ?8x4x1x1, ?8) group=2\ne = Reshape(d, #-1_2_2_4_2_2)\nf = Transpose(e) perm=0,3,1,4,2,5\ny = Reshape(f, #-1_4_4_4)"},
	{"rows of open number", "x : N P Q 8\ns = Shape(x)\np = Gather(s, #1) axis=0\nq = Gather(s, #2) axis=0\nr = Reshape(x, #-1_8)\na = Gemm(r, ?8x6, ?6)\nu = Concat(#-1, p, q, #2_3) axis=0\nb = Reshape(a, u)\ny = Transpose(b) perm=0,3,1,2,4"},
	{"rows of partly open number", "x : 3 P Q 8\ns = Shape(x)\nt = Slice(s, #0, #3)\nr = Reshape(x, #-1_8)\na = Gemm(r, ?8x6, ?6)\nu = Concat(t, #6) axis=0\ny = Reshape(a, u)"},
	{"rows of open number, all told", "x : N P Q 8\ns = Shape(x)\nt = Slice(s, #0, #3)\nr = Reshape(x, #-1_8)\na = Gemm(r, ?8x6, ?6)\nu = Concat(t, #6) axis=0\ny = Reshape(a, u)"},
	{"1×1 convs", "x : N 3 4 4\na = Conv(x, ?5x3x1x1, ?5)\ny = Conv(a, ?2x5x1x1, ?2)"},
	{"1×1 convs in groups", "x : N 4 3 3\na = Conv(x, ?4x2x1x1, ?4) group=2\ny = BatchNormalization(a, ?4, ?4, ?4, !4)"},
	{"1×1 convs, one axis", "x : N 3 5\na = Conv(x, ?5x3x1, ?5)\ny = Conv(a, ?2x5x1, ?2)"},
	{"an unrolled map", "x : 2 3 4 4\na = Reshape(x, #2_3_16)\nb = Conv(a, ?5x3x1, ?5)\nc = Conv(b, ?4x5x1)\ny = Reshape(c, #2_4_4_4)"},
	{"an unrolled open map", "x : N 3 L\na = Conv(x, ?5x3x1, ?5)\ny = Conv(a, ?4x5x1)"},
	{"one position", "x : N 6 1 1\na = Conv(x, ?4x6x1x1, ?4)\ny = BatchNormalization(a, ?4, ?4, ?4, !4)"},
	{"conv and norm", "x : N 4 5 4\na = Conv(x, ?6x2x3x3, ?6) group=2 pads=1,1,1,1 strides=2,1\ny = BatchNormalization(a, ?6, ?6, ?6, !6)"},
	{"norm, conv and norm", "x : N 4 5 4\nn = BatchNormalization(x, ?4, ?4, ?4, !4)\na = Conv(n, ?6x2x3x3, ?6) group=2\ny = BatchNormalization(a, ?6, ?6, ?6, !6)"},
	{"scale and pointwise conv", "x : N 4 3 3\nn = Mul(x, ?4x1x1)\nm = Add(n, ?4x1x1)\na = Conv(m, ?6x2x1x1, ?6) group=2\ny = Mul(a, ?6x1x1)"},
	{"conv of channels last", "x : N 5 4 3\na = Transpose(x) perm=0,3,1,2\nb = Conv(a, ?4x3x3x3, ?4) pads=1,1,1,1 dilations=1,1\nc = BatchNormalization(b, ?4, ?4, ?4, !4)\ny = Transpose(c) perm=0,2,3,1"},
	{"conv with axes turned", "x : N 3 5 4\na = Conv(x, ?4x3x3x1, ?4) strides=2,1\nb = BatchNormalization(a, ?4, ?4, ?4, !4)\ny = Transpose(b) perm=0,1,3,2"},
	{"rows of a batch turned", "x : 5 N 6 3\na = Transpose(x) perm=1,3,2,0\nb = Conv(a, ?2x3x3x2, ?2)\ny = Transpose(b) perm=2,0,1,3"},
	{"branches", "x : N 3 5 5\na = Conv(x, ?3x3x3x3) pads=1,1,1,1\nb = Conv(x, ?3x3x1x1, ?3)\nc = Add(a, b)\ny = Add(c, x)"},
	{"taps beside the map", "x : N 3 1 5\na = Conv(x, ?4x3x3x3, ?4) pads=1,1,1,1\ny = BatchNormalization(a, ?4, ?4, ?4, !4)"},
	{"transposed", "x : N 4 3 2\na = ConvTranspose(x, ?4x3x3x4, ?6) group=2 strides=2,3 pads=1,0,1,2 output_padding=1,2\ny = BatchNormalization(a, ?6, ?6, ?6, !6)"},
	{"transposed, one axis, depthwise", "x : N 4 5\na = ConvTranspose(x, ?4x1x4) group=4 strides=@2 dilations=@2 pads=@3,1\ny = Add(a, ?4x1)"},
	{"transposed, three axes", "x : N 2 2 3 2\na = Mul(x, ?2x1x1x1)\ny = ConvTranspose(a, ?2x3x2x1x3, ?3) strides=2,1,2 auto_pad=SAME_LOWER"},
	{"transposed, cut off far inside", "x : N 2 9\na = ConvTranspose(x, ?2x3x2) strides=@2 pads=5,6\ny = Mul(a, ?3x1)"},
	{"transposed, output_padding below the dilation", "x : N 3 4 3\na = ConvTranspose(x, ?3x2x2x1) strides=2,2 dilations=4,4 output_padding=3,2\ny = Mul(a, ?2x1x1)"},
	{"transposed, output_padding below the dilation along the other axis", "x : N 3 4 3\na = ConvTranspose(x, ?3x2x2x1) strides=2,2 dilations=4,4 output_padding=1,2\ny = Mul(a, ?2x1x1)"},
	{"transposed of channels last", "x : N 4 3 2\na = Transpose(x) perm=0,3,1,2\nb = ConvTranspose(a, ?2x3x3x2) strides=2,2\nc = Mul(b, ?3x1x1)\ny = Transpose(c) perm=0,2,3,1"},
	{"transposed branches", "x : N 3 3 4\na = ConvTranspose(x, ?3x2x4x4) strides=2,2 pads=1,1,1,1\nb = ConvTranspose(x, ?3x2x2x2, ?2) strides=2,2\ny = Add(a, b)"},
	{"transposed branches, no stride", "x : N 3 3 4\na = ConvTranspose(x, ?3x3x3x3) pads=1,1,1,1\nb = Add(a, x)\nc = Conv(x, ?3x3x1x1)\ny = Add(b, c)"},
	{"transposed, no stride, cut off", "x : N 3 5 6\na = ConvTranspose(x, ?3x2x1x3) pads=1,0,2,3\ny = Mul(a, ?2x1x1)"},
	{"transposed, taps beside the map", "x : N 3 1 2\na = ConvTranspose(x, ?3x2x4x4) strides=2,2 pads=1,1,1,1\ny = Mul(a, ?2x1x1)"},
	{"transposed, taps beside the end of the map", "x : N 3 2 1\na = ConvTranspose(x, ?3x2x4x4) strides=2,2 pads=1,1,1,1\ny = Mul(a, ?2x1x1)"},
	{"transposed, one position", "x : N 3 1 1\na = BatchNormalization(x, ?3, ?3, ?3, !3)\ny = ConvTranspose(a, ?3x2x2x2, ?2)"},
	{"norm before transposed tiles", "x : N 3 2 3\na = BatchNormalization(x, ?3, ?3, ?3, !3)\ny = ConvTranspose(a, ?3x2x2x2, ?2) strides=2,2"},
	{"1×1 beside transposed", "x : N 3 2 3\na = Conv(x, ?4x3x1x1)\nb = ConvTranspose(a, ?4x5x2x2, ?5) strides=2,2\ny = Conv(b, ?2x5x1x1, ?2)"},
	{"opset 1 transposed", "opset 1\nx : N 3 4 4\na = ConvTranspose(x, ?3x2x3x3) strides=2,2 output_shape=8,9\ny = Add(a, ?2) broadcast=1 axis=1"},
	{"opset 11 transposed", "opset 11\nx : N 3 4 4\na = ConvTranspose(x, ?3x2x3x3) strides=2,2\ny = Add(a, ?2x1x1)"},
	{"three axes", "x : N 2 3 4 3\na = Conv(x, ?4x2x1x3x1, ?4) pads=0,2,0,0,0,0\ny = Mul(a, ?4x1x1x1)"},
	{"dilated one axis", "x : N 2 9\na = Conv(x, ?4x2x3, ?4) pads=2,1 strides=@2 dilations=@2\ny = Mul(a, ?4x1)"},
	{"cut off further than taps reach", "x : N 2 200\na = Slice(x, #0, #4, #2)\nb = Conv(a, ?3x2x3)\ny = Mul(b, ?3x1)"},
	{"one channel becomes several, channels last", "x : N 1 3 4\na = Reshape(x, #-1_3_4_1)\nb = Mul(a, ?5)\ny = Transpose(b) perm=0,3,1,2"},
	{"an axis comes behind a conv", "x : N 3 5\na = Conv(x, ?4x3x3, ?4)\nb = Unsqueeze(a, #3)\ny = BatchNormalization(b, ?4, ?4, ?4, !4)"},
	{"an axis goes before a conv", "x : N 3 1 5\na = BatchNormalization(x, ?3, ?3, ?3, !3)\nb = Squeeze(a, #2)\ny = Conv(b, ?4x3x3, ?4)"},
	{"blocks", "x : N 2 4 4\na = SpaceToDepth(x) blocksize=2\ny = Conv(a, ?3x8x1x1, ?3)"},
	{"scales", "x : N 3 4 4\na = Mul(x, ?3x1x1)\nb = Add(a, ?3x1x1)\ny = Mul(b, ?3x1x1)"},
	{"scales of two axes", "x : N 3 4\na = Mul(x, ?3x4)\ny = Sub(?3x4, a)"},
	{"scales of axes apart", "x : N 3 4 2\na = Mul(x, ?3x1x2)\ny = Add(a, ?1x1x1)"},
	{"ones", "x : N 3 4\na = Mul(x, =2)\ny = Mul(a, =0.5)"},
	{"zeros", "x : N 3 4\na = Add(x, =2_3_4:3x1)\ny = Sub(a, =2_3_4:3x1)"},
	{"ones and a shift", "x : N 3 4\na = Mul(x, =2_4_8:3x1)\nb = Mul(a, =0.5_0.25_0.125:3x1)\ny = Add(b, ?3x1)"},
	{"a scale and zeros", "x : N 3 4\na = Add(x, =2_4_8:3x1)\nb = Sub(a, =2_4_8:3x1)\ny = Mul(b, ?3x1)"},
	{"negatives", "x : N 3 4\na = Neg(x)\ny = Neg(a)"},
	{"opset 4 rows", "opset 4\nx : N 6\na = Gemm(x, ?6x5, ?5) broadcast=1\ny = Gemm(a, ?5x4, ?4) broadcast=1"},
	{"opset 4 groups", "opset 4\nx : N 12\na = Reshape(x) shape=-1,12,1,1\nb = Conv(a, ?6x4x1x1, ?6) group=3\nc = Reshape(b) shape=-1,6\ny = Mul(c, ?6) broadcast=1 axis=1"},
	{"opset 4 scales", "opset 4\nx : N 3 4 4\na = Mul(x, ?3) broadcast=1 axis=1\ny = Add(a, ?3) broadcast=1 axis=1"},
	{"opset 4 conv", "opset 4\nx : N 3 5 4\na = Conv(x, ?4x3x3x3) pads=1,1,1,1\ny = Add(a, ?4) broadcast=1 axis=1"},
	{"opset 6 rows", "opset 6\nx : N 3 6\na = MatMul(x, ?6x5)\ny = MatMul(a, ?5x4)"},
	{"opset 6 scales", "opset 6\nx : N 3 4 4\na = Mul(x, ?3x4) broadcast=1 axis=1\ny = Add(a, =2) broadcast=1"},
	{"opset 6 groups", "opset 6\nx : N 12\na = Reshape(x, #-1_12_1_1)\nb = Conv(a, ?6x4x1x1, ?6) group=3\ny = Reshape(b, #-1_3_2)"},
	{"opset 7 groups", "opset 7\nx : N 12\na = Reshape(x, #-1_12_1_1)\nb = Conv(a, ?6x4x1x1, ?6) group=3\ny = Reshape(b, #-1_3_2)"},
	{"opset 13 groups", "opset 13\nx : N 12\na = Reshape(x, #-1_12_1_1)\nb = Conv(a, ?6x4x1x1, ?6) group=3\ny = Reshape(b, #-1_3_2)"},
	{"opset 21 groups", "opset 21\nx : N 12\na = Reshape(x, #-1_12_1_1)\nb = Conv(a, ?6x4x1x1, ?6) group=3\ny = Reshape(b, #-1_3_2)"},
}

// whole is a graph as one segment, and what is known of it.
type wholeGraph struct {
	model *onnxio.Model
	g     *graph.Graph
	s     *affine.Segment
	walk  *affine.Walk
}

func wholeOf(t *testing.T, text string) wholeGraph {
	t.Helper()
	m := sketch.Model(t, text)
	g, err := graph.New(m, graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	e := rules.Explain(g, nil, nil)
	x, y := g.Value("x"), g.Outputs[0]
	steps := affine.Between(e.Of, x, y)
	if len(steps) == 0 {
		t.Fatalf("%q is not one segment:\n%v", text, e)
	}
	s := affine.NewSegment(x, y, steps)
	return wholeGraph{m, g, s, s.Walk()}
}

// write replaces the whole graph by a layer.
func (w wholeGraph) write(l Layer) (*onnxio.Model, error) {
	out := NewWriter(w.g, nil)
	last := w.s.Last().Node().Node
	out.Before(last)
	if err := l.Write(out, w.s, "x", "y"); err != nil {
		return nil, err
	}
	for _, n := range w.s.Nodes() {
		out.Edit.DropNodes = append(out.Edit.DropNodes, n.Node)
	}
	made, err := w.model.Apply(out.Edit)
	if err != nil {
		return nil, err
	}
	return made, made.Compute(context.Background())
}

// layers are all ways to write the graph, by name.
func (w wholeGraph) layers(t *testing.T) (names []string, layers []Layer) {
	t.Helper()
	add := func(name string, l Layer) { names, layers = append(names, name), append(layers, l) }
	if m, why := w.walk.Map(w.s.To); why == nil {
		if l, ok := PlanConv(w.s, m, math.MaxInt, 17); ok {
			add("conv", l)
		}
		if l, ok := PlanConvTranspose(w.s, m, math.MaxInt, 17); ok && w.s.Count(affine.IsTransposed) > 0 {
			add("transposed conv", l)
		}
	}
	if l, ok := PlanScale(w.s, w.walk, w.g.Opset); ok {
		add("scale", l)
	}
	rows, why := w.walk.Rows(w.s.To)
	if why != nil {
		t.Fatalf("no rows: %v", why)
	}
	for _, c := range []Choice{Auto, Gemm, Grouped, Columns, Split} {
		if l, ok := PlanFC(w.s, rows, math.MaxInt, Options{Opset: w.g.Opset, Form: c}); ok {
			add(fmt.Sprintf("fc, choice %d", c), l)
		}
	}
	q := &question{opset: w.g.Opset, groups: rows.Count(rows.Group)}
	for _, f := range append(forms(), mapForm) {
		if strings.Contains(f.name, "Gemm") && f.name != splitForm.name && q.groups > 1 || q.opset < attributeless && strings.Contains(f.name, "MatMul") {
			continue // not for this graph
		}
		if l, ok := planForm(w.s, rows, f, Options{Opset: w.g.Opset}); ok {
			add("fc as "+f.name, l)
		}
	}
	return names, layers
}

const tolerance = 1e-11 // of sums of float64

func same(have, want *verify.Tensor) error {
	if !slices.Equal(have.Shape, want.Shape) {
		return fmt.Errorf("has shape %v, want %v", have.Shape, want.Shape)
	}
	for i, x := range want.F64 {
		if !(math.Abs(have.F64[i]-x) <= tolerance*max(1, math.Abs(x))) {
			return fmt.Errorf("element %d is %g, want %g", i, have.F64[i], x)
		}
	}
	return nil
}

// Every layer that can stand for a graph computes what the graph did, and is told of
// as it was written down; in each opset it has the nodes that stand there
// too, as scales have everywhere.
func TestLayersAreTheirSegments(t *testing.T) {
	var text strings.Builder
	for _, c := range segments {
		t.Run(c.name, func(t *testing.T) {
			w := wholeOf(t, c.text)
			feeds := sketch.Feeds(t, w.model, 11)
			want := sketch.Run(t, w.model, feeds)["y"]
			fmt.Fprintf(&text, "\n# %s\n", c.name)
			names, layers := w.layers(t)
			for i, l := range layers {
				if _, choice := strings.CutPrefix(names[i], "fc, choice"); choice {
					fmt.Fprintf(&text, "%s: %s\n", names[i], l.(*FC).form.name)
				} else {
					fmt.Fprintf(&text, "%s: %v\n  costs %v, %+v%s\n", names[i], l, l.Cost(), l.Shape(), claim(l, w.s))
				}
				made, err := w.write(l)
				if err != nil {
					t.Errorf("%s: %v", names[i], err)
					continue
				}
				if strings.HasPrefix(c.name, "opset") || l.Kind() == "scale" {
					text.WriteString(sketch.Nodes(made))
				}
				if err := same(sketch.Run(t, made, feeds)["y"], want); err != nil {
					t.Errorf("%s: the result %v", names[i], err)
				}
			}
		})
	}
	sketch.Golden(t, "layers.txt", text.String())
}

func claim(l Layer, s *affine.Segment) string {
	text := ""
	rows, reach := l.Claim(s, true)
	if rows != nil {
		text += ", rows"
	}
	for _, r := range reach {
		text += ", reach " + strings.Replace(fmt.Sprintf("%+v", r), " Up:0", "", 1)
	}
	if rows, reach := l.Claim(s, false); (rows != nil) != (l.Kind() == "fc") || reach != nil {
		text += ", reaches elsewhere"
	}
	return text
}

// What a convolution is said to reach is what it reads: a change of one input moves no
// output that is further away. The height of a map with its channels last was said to
// be the width of the result.
func TestReachIsWhatIsRead(t *testing.T) {
	for _, c := range segments {
		w := wholeOf(t, c.text)
		names, layers := w.layers(t)
		for i, l := range layers {
			if _, reach := l.Claim(w.s, true); reach != nil {
				if err := w.within(t, reach); err != nil {
					t.Errorf("%s: %s: %v", c.name, names[i], err)
				}
			}
		}
	}
}

// within changes one input at a time.
func (w wholeGraph) within(t *testing.T, reach []verify.Reach) error {
	feeds := sketch.Feeds(t, w.model, 12)
	x := feeds["x"]
	before := sketch.Run(t, w.model, feeds)["y"]
	for i := 0; i < len(x.F64); i += 1 + len(x.F64)/7 {
		old := x.F64[i]
		x.F64[i]++
		after := sketch.Run(t, w.model, feeds)["y"]
		x.F64[i] = old
		in := place(i, x.Shape)
		for o, y := range after.F64 {
			if y == before.F64[o] {
				continue
			}
			out := place(o, after.Shape)
			for _, r := range reach {
				// output position p reads from p·Stride - Span on, and no further than p·Stride + Span
				if d := in[r.Axis] - out[r.Out]*r.Stride/max(r.Up, 1); d >= r.Span || -d >= r.Span {
					return fmt.Errorf("input %v moves output %v, which %+v excludes", in, out, r)
				}
			}
		}
	}
	return nil
}

func place(i int, shape []int) []int {
	out := make([]int, len(shape))
	for k := len(shape) - 1; k >= 0; k-- {
		out[k], i = i%shape[k], i/shape[k]
	}
	return out
}

// Weights that do not fit their type, or are no numbers, are refused with the node.
func TestWeightsThatCannotBeStored(t *testing.T) {
	for name, c := range map[string]struct{ text, code string }{
		"too large for float16": {"x : float16 N 3\na = Mul(x, =60000:3)\ny = Mul(a, =2:3)", "fp16_overflow"},
		"too large in a conv":   {"x : float16 N 3 4 4\na = Conv(x, =300:3x3x1x1)\ny = Conv(a, =300:3x3x1x1)", "fp16_overflow"},
		"no number":             {"x : N 3\na = Mul(x, =NaN:3)\ny = Add(a, ?3)", "non_finite_weight"},
		"infinite in a gemm":    {"x : N 3\na = Gemm(x, =Inf:3x3)\ny = Mul(a, ?3)", "non_finite_weight"},
		"infinite first scale":  {"x : N 3 4 4\na = Conv(x, ?3x3x3x3)\ny = Mul(a, =Inf_1_1:3x1x1)", "non_finite_weight"},
		"infinite last scale":   {"x : N 3 4 4\na = Conv(x, ?3x3x3x3)\ny = Mul(a, =1_1_Inf:3x1x1)", "non_finite_weight"},
		"first shift no number": {"x : N 3 4\na = Mul(x, ?3x1)\ny = Add(a, =NaN_1_1:3x1)", "non_finite_weight"},
	} {
		w := wholeOf(t, c.text)
		_, layers := w.layers(t)
		for _, l := range layers {
			_, err := w.write(l)
			var bad *affine.ValueError
			if !errors.As(err, &bad) || string(bad.Code) != c.code || bad.Node == nil || !strings.Contains(err.Error(), bad.Node.Title()) {
				t.Errorf("%s: %v: %v", name, l, err)
			}
		}
	}
}

// What 16-bit weights were before they were rounded is kept.
func TestExactWeightsOfHalfTypes(t *testing.T) {
	for _, elem := range []string{"float16", "bfloat16", "float32"} {
		w := wholeOf(t, "x : "+elem+" N 6\na = Gemm(x, ?6x5, ?5)\ny = Mul(a, ?5)")
		rows, _ := w.walk.Rows(w.s.To)
		l, ok := PlanFC(w.s, rows, math.MaxInt, Options{Opset: w.g.Opset})
		if !ok {
			t.Fatal("no layer")
		}
		out := NewWriter(w.g, nil)
		if err := l.Write(out, w.s, "x", "y"); err != nil {
			t.Fatal(err)
		}
		if elem == "float32" {
			if len(out.Exact) != 0 {
				t.Errorf("float32 weights are kept twice")
			}
			continue
		}
		for _, init := range out.Edit.AddInits {
			v, err := out.Exact[init.Name()]()
			if err != nil {
				t.Fatal(err)
			}
			if int64(len(v)) != init.Len() || v[0] == 0 {
				t.Errorf("%s %s holds %v", elem, init.Name(), v)
			}
		}
		if len(out.Exact) != len(out.Edit.AddInits) {
			t.Errorf("%d of %d weights", len(out.Exact), len(out.Edit.AddInits))
		}
	}
}
