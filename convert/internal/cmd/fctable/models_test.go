package main

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"repmlp/convert/internal/layer"
	"repmlp/onnxio"
	"repmlp/verify"
)

// operators lists the operators of a model, the first of a run alone.
func operators(m *onnxio.Model) string {
	var list []string
	for _, n := range m.Graph().Nodes() {
		if len(list) == 0 || list[len(list)-1] != n.OpType() {
			list = append(list, n.OpType())
		}
	}
	return strings.Join(list, " ")
}

// What is measured is the layer alone, or a chain of layers with the nodes around them.
func TestModels(t *testing.T) {
	want := map[string]string{
		"timesRows": "MatMul Add [3 5 4]", "timesColumns": "MatMul Add [3 4 5]", "timesSplit": "Split Gemm Concat [5 12]", "timesConv": "Conv [5 12 1 1]",
	}
	for _, column := range layer.Measured(false) {
		m, shape, err := alone(column, 3, 4)
		if err != nil {
			t.Fatal(err)
		}
		if have := fmt.Sprint(operators(m), " ", shape(5)); have != want[column] {
			t.Errorf("%s: %s, want %s", column, have, want[column])
		}
		delete(want, column)
	}
	if len(want) > 0 {
		t.Errorf("no form has the columns %v", want)
	}
	one := map[string]string{"besideRows": "Reshape Gemm Reshape Relu", "besideColumns": "Reshape Gemm Transpose Reshape Relu", "besideSplit": "", "": "Conv Relu"}
	several := map[string]string{
		"besideRows": "Reshape Transpose MatMul Add Transpose Reshape Relu", "besideColumns": "Transpose Reshape MatMul Add Transpose Reshape Relu",
		"besideSplit": "Reshape Split Gemm Concat Reshape Relu", "": "Conv Relu",
	}
	for _, column := range append(layer.Measured(true), "") {
		for groups, want := range map[int]map[string]string{1: one, 3: several} {
			m, ok, err := chain(column, groups, 4)
			if err != nil {
				t.Fatal(err)
			}
			if ok != (want[column] != "") {
				t.Errorf("%q in %d groups: %t", column, groups, ok)
			}
			if ok && operators(m) != strings.TrimSpace(strings.Repeat(want[column]+" ", 8)) {
				t.Errorf("%q in %d groups: %s, want %s", column, groups, operators(m), want[column])
			}
		}
	}
	if _, ok, err := chain("besideSplit", 17, 4); ok || err != nil {
		t.Errorf("17 groups are split: %t, %v", ok, err)
	}
	if _, _, err := alone("timesNothing", 3, 4); err == nil {
		t.Error("a column that there is not was written")
	}
}

// What is measured computes the same: every form, with the nodes around it, gives what the
// grouped Conv gives that it is made of.
func TestFormsAreOneFunction(t *testing.T) {
	for _, column := range layer.Measured(false) {
		m, s, err := square(3, 4)
		if err != nil {
			t.Fatal(err)
		}
		e, ok := layer.NewExample(column, false, s, opset)
		if !ok {
			t.Fatalf("no form has the column %q", column)
		}
		dims := []onnxio.Dim{onnxio.Named("rows"), onnxio.Known(12), onnxio.Known(1), onnxio.Known(1)}
		form, err := written(dims, func(w *layer.Writer) (string, error) { return "y", e.Write(w, "x", "y") })
		if err != nil {
			t.Fatal(err)
		}
		c, err := verify.Compare(context.Background(), m, form, verify.CompareOptions{Dims: map[string]int64{"rows": 5}})
		if err != nil || !c.Passed {
			t.Errorf("%s: %v, %+v", column, err, c)
		}
	}
}

// A chain has as many layers as keep it below a bound of weights, one at least and eight at
// most; a grouped FC has as many groups as keep about a million, 4 to 64.
func TestSizesOfModels(t *testing.T) {
	for _, c := range []struct{ g, k, want int }{{1, 4, 8}, {2, 512, 4}, {1, 1024, 2}, {2, 1024, 1}, {4, 1024, 1}} {
		m, ok, err := chain("", c.g, c.k)
		if err != nil || !ok || strings.Count(operators(m), "Conv") != c.want {
			t.Errorf("%+v: %t, %v, %s", c, ok, err, operators(m))
		}
	}
	for k, want := range map[int]int{16: 64, 128: 64, 256: 16, 512: 4, 2048: 4} {
		if have := groupsOf(k); have != want {
			t.Errorf("%d features: %d groups, want %d", k, have, want)
		}
	}
}
