package ops

import (
	"slices"
	"strings"
	"testing"

	"repmlp/onnxio"
)

// What the operators' pages of ONNX say, read by hand.
func TestLookup(t *testing.T) {
	for _, tc := range []struct {
		name          string
		opset, since  int64
		least, most   int
		outs, mostOut int
	}{
		{"Conv", 1, 1, 2, 3, 1, 1}, {"Conv", 13, 11, 2, 3, 1, 1}, {"Conv", 22, 22, 2, 3, 1, 1},
		{"Slice", 9, 1, 1, 1, 1, 1}, {"Slice", 13, 13, 3, 5, 1, 1},
		{"Split", 11, 11, 1, 1, 1, -1}, {"Split", 13, 13, 1, 2, 1, -1},
		{"Concat", 4, 4, 1, -1, 1, 1}, {"BatchNormalization", 9, 9, 5, 5, 1, 5}, {"BatchNormalization", 15, 15, 5, 5, 1, 3},
		{"Constant", 13, 13, 0, 0, 1, 1}, {"Loop", 13, 13, 0, -1, 1, -1}, {"Resize", 13, 13, 1, 4, 1, 1},
		{"LayerNormalization", 7, 17, 2, 3, 1, 3}, // younger than the file
		{"Add", 99, 14, 2, 2, 1, 1},
	} {
		o := Lookup(tc.name, tc.opset)
		if o == nil || o.Since != tc.since {
			t.Errorf("%s in opset %d is %+v, want the form of %d", tc.name, tc.opset, o, tc.since)
			continue
		}
		if least, most := o.Inputs(); least != tc.least || most != tc.most {
			t.Errorf("%s of opset %d takes %d to %d inputs, want %d to %d", tc.name, tc.opset, least, most, tc.least, tc.most)
		}
		if least, most := o.Outputs(); least != tc.outs || most != tc.mostOut {
			t.Errorf("%s of opset %d makes %d to %d outputs, want %d to %d", tc.name, tc.opset, least, most, tc.outs, tc.mostOut)
		}
	}
	if Lookup("Convolution", 13) != nil || Known("Convolution") || !Known("Upsample") || Forms("Convolution") != nil {
		t.Error("Convolution is no operator of ONNX")
	}
	if up := Forms("Upsample"); len(up) != 4 || !up[3].Deprecated || up[2].Deprecated {
		t.Errorf("Upsample has the forms %v, want 4, the last of them deprecated", up)
	}
}

// Every line of the table holds together.
func TestTable(t *testing.T) {
	names := Names()
	if len(names) != strings.Count("\n"+table, "\n")-repeats(table)-1 || !slices.IsSorted(names) || slices.Contains(names, "") {
		t.Errorf("%d names for %d lines", len(names), strings.Count(table, "\n"))
	}
	for _, name := range names {
		since := int64(0)
		for _, o := range Forms(name) {
			if o.Since <= since || o.Since > Newest {
				t.Errorf("%s has a form of opset %d after %d", name, o.Since, since)
			}
			since = o.Since
			for _, list := range [][]Param{o.In, o.Out} {
				for i, p := range list {
					if p.Types == 0 || p.Variadic && i+1 < len(list) || p.Free && !p.Variadic {
						t.Errorf("%s of opset %d has the parameter %+v", name, o.Since, p)
					}
				}
			}
			for i, a := range o.Attrs {
				if a.Type == 0 || a.Required && a.Default != nil || i > 0 && o.Attrs[i-1].Name >= a.Name {
					t.Errorf("%s of opset %d has the attribute %+v", name, o.Since, a)
				}
			}
		}
	}
	if int64(onnxio.NewestOpset) != Newest {
		t.Errorf("onnxio knows opset %d, the table opset %d", onnxio.NewestOpset, Newest)
	}
}

// repeats counts the lines that go on with the operator before them.
func repeats(table string) int {
	n, last := 0, ""
	for line := range strings.Lines(table) {
		name, _, _ := strings.Cut(line, "|")
		if name == last {
			n++
		}
		last = name
	}
	return n
}

func TestDefaults(t *testing.T) {
	for _, tc := range []struct {
		op    string
		opset int64
		attr  string
		want  Default
	}{
		{"Conv", 11, "group", Default{"1", 1, 0}}, {"Conv", 11, "auto_pad", Default{"NOTSET", 0, 0}},
		{"Softmax", 12, "axis", Default{"1", 1, 0}}, {"Softmax", 13, "axis", Default{"-1", -1, 0}},
		{"BatchNormalization", 15, "epsilon", Default{"9.99999975e-06", 0, 1e-5}},
		{"Selu", 6, "alpha", Default{"1.67326319", 1, 1.67326319217681884765625}},
		{"RNN", 14, "activations", Default{"Tanh,Tanh", 0, 0}},
	} {
		a := Lookup(tc.op, tc.opset).Attr(tc.attr)
		if a == nil || a.Default == nil || *a.Default != tc.want {
			t.Errorf("%s of %s (opset %d) is %+v, want %+v", tc.attr, tc.op, tc.opset, a, tc.want)
		}
	}
	norm := Lookup("BatchNormalization", 15)
	if norm.Attr("spatial") != nil || norm.AttrOfAny("spatial") == nil || norm.AttrOfAny("spatial").Default.I != 1 {
		t.Error("spatial of BatchNormalization went with opset 9")
	}
	if Lookup("Constant", 1).AttrOfAny("value_float") == nil || norm.AttrOfAny("axis") != nil {
		t.Error("a later attribute is not found, or one that is none")
	}
	if a := Lookup("Concat", 13).Attr("axis"); !a.Required || a.Default != nil {
		t.Errorf("the axis of Concat is %+v", a)
	}
}

func TestCheck(t *testing.T) {
	const f, h, l, i32 = onnxio.Float32, onnxio.Float16, onnxio.Int64, onnxio.Int32
	for _, tc := range []struct {
		op    string
		opset int64
		in    []onnxio.DType
		outs  int
		want  string // part of the error
	}{
		{"Add", 14, []onnxio.DType{f, f}, 1, ""},
		{"Add", 14, []onnxio.DType{f, l}, 1, "types float32 and int64"},
		{"Add", 14, []onnxio.DType{f}, 1, "lacks input 1"},
		{"Add", 14, []onnxio.DType{Absent, f}, 1, "lacks input 0"},
		{"Add", 14, []onnxio.DType{f, f, f}, 1, "at most 2"},
		{"Add", 14, []onnxio.DType{f, f}, 2, "at most 1"},
		{"Add", 14, []onnxio.DType{f, f, Absent}, 1, ""},
		{"Add", 14, []onnxio.DType{f, onnxio.Undefined}, 1, ""},
		{"Add", 14, []onnxio.DType{onnxio.Bool, onnxio.Bool}, 1, "type bool"},
		{"Add", 7, []onnxio.DType{onnxio.Int8, onnxio.Int8}, 1, ""}, // since opset 14
		{"Clip", 13, []onnxio.DType{f, Absent, f}, 1, ""},
		{"Clip", 13, []onnxio.DType{f, Absent, h}, 1, "inputs 0 and 2"},
		{"Gather", 13, []onnxio.DType{f, l}, 1, ""},
		{"Gather", 13, []onnxio.DType{f, f}, 1, "input 1 has type float32"},
		{"Reshape", 13, []onnxio.DType{f, i32}, 1, "input 1 has type int32"},
		{"Concat", 13, []onnxio.DType{f, f, onnxio.Undefined, f, h}, 1, "inputs 0 and 4"},
		{"Concat", 13, nil, 1, "lacks input 0"},
		{"Loop", 16, []onnxio.DType{l, onnxio.Bool, f, h, l}, 9, ""},
		{"Identity", 16, []onnxio.DType{onnxio.Undefined}, 1, ""},
	} {
		err := Lookup(tc.op, tc.opset).Check(tc.in, tc.outs)
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s of %v (opset %d): %v, want %q", tc.op, tc.in, tc.opset, err, tc.want)
		}
	}
	if n := Lookup("Slice", 13).LeastInputs(); n != 1 {
		t.Errorf("Slice never has fewer than %d inputs, want 1", n)
	}
}

func TestCheckAttrs(t *testing.T) {
	axis, none := onnxio.IntAttr("axis", 1), onnxio.FloatAttr("axis", 1)
	for _, tc := range []struct {
		op    string
		attrs []*onnxio.Attr
		want  string
	}{
		{"Concat", []*onnxio.Attr{axis}, ""}, {"Concat", nil, `no attribute "axis"`}, {"Concat", []*onnxio.Attr{none}, "type 1, want 2"},
		{"Relu", []*onnxio.Attr{none}, ""}, {"Concat", []*onnxio.Attr{onnxio.IntAttr("to", 1)}, `no attribute "axis"`},
		{"Concat", []*onnxio.Attr{onnxio.ReferenceAttr("axis", "axis", onnxio.AttrInt)}, ""},
	} {
		err := Lookup(tc.op, 13).CheckAttrs(tc.attrs)
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s with %v: %v, want %q", tc.op, tc.attrs, err, tc.want)
		}
	}
}

func TestTypes(t *testing.T) {
	if d, ok := Lookup("Shape", 13).Output(0).Types.Only(); !ok || d != onnxio.Int64 {
		t.Errorf("Shape makes %s", d)
	}
	if _, ok := Lookup("Add", 13).Output(0).Types.Only(); ok {
		t.Error("Add makes more than one type")
	}
	if s := typesOf("lfS").String(); s != "float32, int64, no tensor" {
		t.Errorf("a set reads %q", s)
	}
	if typesOf("f").Has(Absent) || typesOf("S").Has(31) {
		t.Error("a set has what is no type")
	}
	if Lookup("Add", 13).Input(2) != nil || Lookup("Sum", 13).Input(7) == nil {
		t.Error("a parameter beyond the last")
	}
}

// A table that is not one is a bug that shows at once.
func TestBrokenTables(t *testing.T) {
	for _, table := range []string{"Add|1", "Add|x||||", "Add|1|T||T=?|", "Add|1||||axis:q", "Add|1||||axis:i=x", "Add|1||||axis:f=x"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%q was taken for a table", table)
				}
			}()
			parse(table)
		}()
	}
}
