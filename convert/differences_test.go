package convert

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"repmlp/convert/internal/differ"
	"repmlp/internal/sketch"
	"repmlp/onnxio"
)

// drawn writes a model that is given as text.
func drawn(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "m.onnx")
	if err := sketch.Model(t, text).Save(path); err != nil {
		t.Fatal(err)
	}
	return path
}

// told is a value as a reader of JSON has it, with ' for ".
func told(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(b), `"`, "'")
}

const differing = `x : N 4 8 8
a = Conv(x, =0.5:4x4x3x3, =1:4) pads=1,1,1,1
y = LeakyRelu(a) alpha=0.25
`

// What two files do not have in common is told, and nothing else.
func TestDifferences(t *testing.T) {
	const rest = "'initializers':{'equal':2,'renamed':0}}"
	for _, c := range []struct{ old, new, want string }{
		{"", "", "{'nodes':{'equal':2}," + rest},
		{"x : N 4 8 8", "x : N 4 8 8\nz : 3", "{'inputs':[{'second':{'name':'z','type':'float64','shape':[3]}}],'nodes':{'equal':2}," + rest},
		{"x : N 4 8 8", "x : N 4 H 8", "{'inputs':[{'first':{'name':'x','type':'float64','shape':['N',4,8,8]},'second':{'name':'x','type':'float64','shape':['N',4,'H',8]}}],'nodes':{'equal':2}," + rest},
		{"x : N 4 8 8", "x : ?", "{'inputs':[{'first':{'name':'x','type':'float64','shape':['N',4,8,8]},'second':{'name':'x','type':'float64'}}],'nodes':{'equal':2}," + rest},
		{"alpha=0.25\n", "alpha=0.25\n> a y", "{'outputs':[{'second':{'name':'a','type':'float64'}}],'nodes':{'equal':2}," + rest},
		{"alpha=0.25\n", "alpha=0.25\n> a", "{'outputs':[{'first':{'name':'y','type':'float64'},'second':{'name':'a','type':'float64'}}],'nodes':{'equal':2}," + rest},
		{"alpha=0.25\n", "alpha=0.5\n", "{'nodes':{'equal':1,'changed':[{'first':{'operator':'LeakyRelu','name':'LeakyRelu_y'},'second':{'operator':'LeakyRelu','name':'LeakyRelu_y'},'attributes':[{'name':'alpha','first':'0.25','second':'0.5'}]}]}," + rest},
		{"alpha=0.25\n", "\n", "{'nodes':{'equal':1,'changed':[{'first':{'operator':'LeakyRelu','name':'LeakyRelu_y'},'second':{'operator':'LeakyRelu','name':'LeakyRelu_y'},'attributes':[{'name':'alpha','first':'0.25','second':'0.01'}]}]}," + rest},
		{", =1:4)", ")", "{'nodes':{'equal':1,'changed':[{'first':{'operator':'Conv','name':'Conv_a'},'second':{'operator':'Conv','name':'Conv_a'},'inputs':[{'index':2,'first':'k2','second':''}]}]},'initializers':{'equal':1,'renamed':0,'only_in_first':[{'name':'k2','type':'float64','shape':[4],'bytes':32}]}}"},
		{"LeakyRelu(a) alpha=0.25", "Relu(a)", "{'nodes':{'equal':1,'only_in_first':[{'operator':'LeakyRelu','name':'LeakyRelu_y'}],'only_in_second':[{'operator':'Relu','name':'Relu_y'}]}," + rest},
		{"=0.5:4x4x3x3", "=0.75:4x4x3x3", "{'nodes':{'equal':2},'initializers':{'equal':1,'renamed':0,'changed':[{'first':{'name':'k1','type':'float64','shape':[4,4,3,3],'bytes':1152},'second':{'name':'k1','type':'float64','shape':[4,4,3,3],'bytes':1152},'max_abs':0.25,'largest':0.5}]}}"},
		{"=0.5:4x4x3x3", "=NaN:4x4x3x3", "{'nodes':{'equal':2},'initializers':{'equal':1,'renamed':0,'changed':[{'first':{'name':'k1','type':'float64','shape':[4,4,3,3],'bytes':1152},'second':{'name':'k1','type':'float64','shape':[4,4,3,3],'bytes':1152}}]}}"},
		{"x : N 4 8 8", "x : N 4 8 8\nq = Add(=0.5:4x4x3x3, =0.5:3)", "{'nodes':{'equal':2,'only_in_second':[{'operator':'Add','name':'Add_q'}]},'initializers':{'equal':2,'renamed':2,'only_in_second':[{'name':'k2','type':'float64','shape':[3],'bytes':24}]}}"},
	} {
		text := strings.Replace(differing, c.old, c.new, 1)
		r, err := DifferFiles(t.Context(), drawn(t, differing), drawn(t, text), Options{})
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		have := told(t, r.Difference)
		if have != c.want {
			t.Errorf("%s\ndiffers by\n%s, want\n%s", text, have, c.want)
		}
		if same := c.new == ""; (r.Verdict == Same) != same || r.Difference.Same() != same || r.Command != "inspect" {
			t.Errorf("%s: %s", text, r.Verdict)
		}
		if r.Ops.Before["Conv"] != 1 || r.Ops.Before["LeakyRelu"] != 1 || r.Ops.After["Conv"] != 1 || r.Ops.After["LeakyRelu"] != strings.Count(text, "LeakyRelu(") {
			t.Errorf("%s: %v", text, r.Ops)
		}
	}
	r, err := DifferFiles(t.Context(), drawn(t, differing), drawn(t, "opset 16\n"+differing), Options{Hashes: true})
	if err != nil || r.Verdict != Different || !r.Difference.Same() || len(r.Input.SHA256) != 64 || len(r.Output.SHA256) != 64 {
		t.Errorf("another opset: %v, %s, %s", err, r.Verdict, told(t, r.Difference))
	}
}

// Where no name is the same, values of equal number belong together by their place; any one
// common name, or another number, makes names count.
func TestDeclaredValuesByPlace(t *testing.T) {
	value := func(name string, sizes ...int64) ValueFacts {
		v := ValueFacts{Name: name, Type: "float32"}
		for _, n := range sizes {
			v.Shape = append(v.Shape, Size{Value: n, Known: true})
		}
		return v
	}
	for _, c := range []struct {
		a, b []ValueFacts
		want string
	}{
		{[]ValueFacts{value("a", 1), value("b", 2)}, []ValueFacts{value("b", 2), value("a", 1)}, ""},
		{[]ValueFacts{value("a", 1), value("b", 2)}, []ValueFacts{value("c", 1), value("d", 2)}, "a/c b/d"},
		{[]ValueFacts{value("a", 1), value("b", 2)}, []ValueFacts{value("c", 1), value("a", 1)}, "b/- -/c"},
		{[]ValueFacts{value("a", 1)}, []ValueFacts{value("c", 1), value("d", 1)}, "a/- -/c -/d"},
		{[]ValueFacts{value("a", 1)}, []ValueFacts{value("a")}, "a/a"},
		{[]ValueFacts{value("a", 1)}, []ValueFacts{{Name: "a", Type: "float16", Shape: []Size{{Value: 1, Known: true}}}}, "a/a"},
	} {
		var list []string
		name := func(v *ValueFacts) string {
			if v == nil {
				return "-"
			}
			return v.Name
		}
		for _, d := range valueDifference(c.a, c.b) {
			list = append(list, name(d.First)+"/"+name(d.Second))
		}
		if have := strings.Join(list, " "); have != c.want {
			t.Errorf("%v beside %v: %s, want %s", c.a, c.b, have, c.want)
		}
	}
}

// Initializers that are equal under two names count as renamed, and bytes are those that a
// type takes, halves of a byte rounded up.
func TestInitializersThatAreToldOf(t *testing.T) {
	tensor := func(name string, d onnxio.DType, n int) *differ.Init {
		x, err := onnxio.NewTensor(name, d, []int64{int64(n)}, make([]byte, (n*d.Bits()+7)/8))
		if err != nil {
			t.Fatal(err)
		}
		return &differ.Init{Name: name, Tensor: x}
	}
	a, b, c := tensor("a", onnxio.Float16, 3), tensor("b", onnxio.Float16, 3), tensor("c", onnxio.Int4, 3)
	d := initDifference(&differ.Result{
		Tensors:    []differ.TensorPair{{First: a, Second: a, Equal: true}, {First: a, Second: b, Equal: true}, {First: a, Second: c, MaxAbs: math.NaN()}, {First: a, Second: b, MaxAbs: 2, Largest: 4}},
		FirstInits: []*differ.Init{c}, SecondInits: []*differ.Init{b, a},
	})
	one := map[string]string{"a": "{'name':'a','type':'float16','shape':[3],'bytes':6}", "b": "{'name':'b','type':'float16','shape':[3],'bytes':6}", "c": "{'name':'c','type':'int4','shape':[3],'bytes':2}"}
	want := "{'equal':2,'renamed':1,'changed':[{'first':" + one["a"] + ",'second':" + one["c"] + "},{'first':" + one["a"] + ",'second':" + one["b"] + ",'max_abs':2,'largest':4}],'only_in_first':[" + one["c"] + "],'only_in_second':[" + one["b"] + "," + one["a"] + "]}"
	if have := told(t, d); have != want {
		t.Errorf("%s, want %s", have, want)
	}
}

// A comparison of files that cannot be read, or that somebody ends, is an error.
func TestDifferencesThatFail(t *testing.T) {
	good, none := drawn(t, differing), filepath.Join(t.TempDir(), "none.onnx")
	for _, pair := range [][2]string{{none, good}, {good, none}} {
		if r, err := DifferFiles(t.Context(), pair[0], pair[1], Options{}); err == nil || r.Verdict != Failed || r.Difference != nil {
			t.Errorf("%q: %v, %+v", pair, err, r)
		}
	}
	if r, err := DifferFiles(t.Context(), good, good, Options{Samples: -1}); err == nil || r.Verdict != Failed || r.Input.Opset != nil {
		t.Errorf("options that are none: %v, %+v", err, r)
	}
	ctx, cancel := context.WithCancel(t.Context())
	opened := 0
	_, err := DifferFiles(ctx, good, good, Options{Opened: func(*onnxio.Model, *Report) error {
		if opened++; opened == 2 {
			cancel()
		}
		return nil
	}})
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), fmt.Sprintf("comparing %q with %q", good, good)) {
		t.Errorf("ended: %v", err)
	}
}
