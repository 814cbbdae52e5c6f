package graph_test

import (
	"errors"
	"fmt"
	"testing"

	"repmlp/internal/budget"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// 641 bytes of ConstantOfShape and arithmetic asked for gigabytes: a constant that
// is larger than a model of this size may have is none, and a chain of smaller
// ones drops what it no longer needs.
func TestConstantsAskTheBudget(t *testing.T) {
	fill := func(out string, n int64) []*onnxio.Node {
		return []*onnxio.Node{onnxio.NewNode("", "Constant", nil, []string{out + ".n"}, onnxio.TensorAttr("value", onnxio.NewInts("", []int64{1}, []int64{n}))),
			onnxio.NewNode("", "ConstantOfShape", []string{out + ".n"}, []string{out})}
	}
	g, err := graph.New(intModel(t, append(fill("a", 130_000_000), onnxio.NewNode("", "Exp", []string{"a"}, []string{"y"}))), graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if g.IsConst(g.Value("a")) || g.IsConst(g.Value("y")) {
		t.Error("a gigabyte of zeros counts as a constant")
	}

	chain := fill("v0", 3_000_000) // 24 MB each in float64
	for i := range 12 {
		chain = append(chain, onnxio.NewNode("", "Exp", []string{fmt.Sprintf("v%d", i)}, []string{fmt.Sprintf("v%d", i+1)}))
	}
	g, err = graph.New(intModel(t, append(chain, onnxio.NewNode("", "Identity", []string{"v12"}, []string{"y"}))), graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Const(g.Value("v1")); err != nil {
		t.Errorf("two constants of 24 MB: %v", err)
	}
	wide := fill("w0", 3_000_000)
	for i := range 3 { // all needed to the end
		wide = append(wide, onnxio.NewNode("", "Exp", []string{fmt.Sprintf("w%d", i)}, []string{fmt.Sprintf("w%d", i+1)}))
	}
	wide = append(wide, onnxio.NewNode("sum", "Max", []string{"w0", "w1", "w2", "w3"}, []string{"y"}))
	g, err = graph.New(intModel(t, wide), graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Const(g.Value("y")); err == nil {
		t.Error("four constants of 24 MB beside each other are within 64 MB")
	} else if _, ok := errors.AsType[*budget.Exceeded](err); !ok {
		t.Errorf("%v is no error of the budget", err)
	}
}
