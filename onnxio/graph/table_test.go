package graph

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"repmlp/internal/ops"
	"repmlp/onnxio"
)

// Every rule is about an operator of ONNX, and the operator's entry on constants has a
// letter for inputs that it has.
func TestRulesNameOperators(t *testing.T) {
	known := func(table string, names []string) {
		for _, name := range names {
			if !ops.Known(name) {
				t.Errorf("%s has a line for %q, which is no operator", table, name)
			}
		}
		if len(names) == 0 {
			t.Errorf("%s is empty", table)
		}
	}
	known("shapeRules", slices.Collect(maps.Keys(shapeRules)))
	known("intRules", slices.Collect(maps.Keys(intRules)))
	known("constOps", slices.Collect(maps.Keys(constOps)))
	known("contradictions", slices.Collect(maps.Keys(contradictions)))
	for name, op := range constOps {
		if err := lettersFit(ops.Lookup(name, ops.Newest), op); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, bad := range []constOp{{types: "nnn"}, {types: "n"}, {types: "nb"}, {types: "nw"}} {
		if lettersFit(ops.Lookup("Add", ops.Newest), bad) == nil {
			t.Errorf("Add takes %q", bad.types)
		}
	}
}

// lettersFit says where the letters of an operator on constants and what ONNX allows differ.
func lettersFit(o *ops.Operator, c constOp) error {
	least, most := o.Inputs()
	if n := len(c.types); most >= 0 && n > most || n < least {
		return fmt.Errorf("%d letters for %d to %d inputs", n, least, most)
	}
	all := []onnxio.DType{onnxio.Float32, onnxio.Float64, onnxio.Int32, onnxio.Int64, onnxio.Uint8, onnxio.Bool}
	for i := range c.types {
		letter := c.letter(i)
		if letter == 'x' {
			continue
		}
		if !strings.ContainsRune("fnailzqbp", rune(letter)) {
			return fmt.Errorf("the letter %q", letter)
		}
		if !slices.ContainsFunc(all, func(d onnxio.DType) bool { return fitsLetter(letter, d) && o.Takes(i).Has(d) }) {
			return fmt.Errorf("input %d takes no type of %q", i, letter)
		}
	}
	return nil
}

// No rule fails on nodes that ONNX allows, whatever shapes their inputs have, and none
// asks its operator for an attribute that it never had.
func TestRulesStandAnyShape(t *testing.T) {
	nodes := 0
	for _, name := range slices.Sorted(maps.Keys(shapeRules)) {
		for _, form := range ops.Forms(name) {
			for seed := range uint64(8) {
				rng := rand.New(rand.NewPCG(seed, 17))
				m, err := onnxio.NewModel(randomNode(rng, form))
				if err != nil {
					t.Fatal(err)
				}
				g, err := New(m, Options{})
				if err != nil {
					continue // a contradiction, which is said
				}
				nodes++
				if len(g.Notes) > 0 {
					t.Errorf("%s of opset %d: %v", name, form.Since, g.Notes)
				}
				for _, o := range g.Outputs {
					g.IsConst(o)
				}
			}
		}
	}
	if nodes < 1000 {
		t.Errorf("only %d nodes were looked at", nodes)
	}
}

// randomNode is a model of one node of a form, with inputs of random ranks and attributes
// where they are required.
func randomNode(rng *rand.Rand, form *ops.Operator) onnxio.Parts {
	p := onnxio.Parts{Opset: form.Since}
	least, most := form.Inputs()
	if most < 0 {
		most = max(least, 3)
	}
	var in []string
	for i := range least + rng.IntN(most-least+1) {
		elem := onnxio.Float32
		if types := form.Input(i).Types; !types.Has(elem) {
			for elem = range onnxio.DType(31) {
				if types.Has(elem) {
					break
				}
			}
		}
		var dims []onnxio.Dim
		for range rng.IntN(6) {
			dims = append(dims, []onnxio.Dim{onnxio.Known(1), onnxio.Known(4), onnxio.Known(8), onnxio.Named("N")}[rng.IntN(4)])
		}
		in = append(in, "x"+strconv.Itoa(i))
		p.Inputs = append(p.Inputs, onnxio.NewValue(in[i], elem, dims...))
	}
	var attrs []*onnxio.Attr
	for _, a := range form.Attrs {
		if !a.Required && rng.IntN(2) == 0 {
			continue
		}
		switch a.Type {
		case onnxio.AttrInt:
			attrs = append(attrs, onnxio.IntAttr(a.Name, int64(rng.IntN(4))))
		case onnxio.AttrInts:
			attrs = append(attrs, onnxio.IntsAttr(a.Name, []int64{1, 2, 0, 3}[:1+rng.IntN(4)]))
		case onnxio.AttrTensor:
			attrs = append(attrs, onnxio.TensorAttr(a.Name, onnxio.NewInts("", []int64{1}, []int64{2})))
		case onnxio.AttrFloat:
			attrs = append(attrs, onnxio.FloatAttr(a.Name, 1))
		case onnxio.AttrString:
			attrs = append(attrs, onnxio.StringAttr(a.Name, "ab,bc->ac"))
		}
	}
	if form.Name == "Upsample" && form.Attr("scales") != nil {
		p.Opset = 9 // lists of floats cannot be made here
		in = append(in[:1], "s")
		p.Inputs = append(p.Inputs[:1], onnxio.NewValue("s", onnxio.Float32, onnxio.Known(4)))
	}
	p.Nodes = []*onnxio.Node{onnxio.NewNode("n", form.Name, in, []string{"y"}, attrs...)}
	p.Outputs = []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Undefined)}
	return p
}

// Attributes that this package and the engine read are attributes of ONNX, and defaults
// are the table's: a literal default stands only where ONNX has none.
func TestAttributesAreInTheTable(t *testing.T) {
	attrs := map[string]*ops.Attr{} // of any operator, with a default where one has it
	for _, name := range ops.Names() {
		for _, form := range ops.Forms(name) {
			for _, a := range form.Attrs {
				if old := attrs[a.Name]; old == nil || old.Default == nil {
					attrs[a.Name] = &a
				}
			}
		}
	}
	read := 0
	for _, dir := range []string{".", "../../verify/internal/operator", "../../verify/internal/engine"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%d files in %s, %v", len(files), dir, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, bad := range attributeReads(f, attrs, &read) {
				t.Errorf("%s: %s", file, bad)
			}
		}
	}
	if read < 100 {
		t.Errorf("only %d readings of attributes were found", read)
	}

	const source = `package p; func f() { n.AttrInt("axle"); n.Int("group", 1); n.Int("end", r); n.Ints("pads") }`
	f, err := parser.ParseFile(token.NewFileSet(), "p.go", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	if bad := attributeReads(f, attrs, &read); len(bad) != 2 {
		t.Errorf("found in a wrong file: %q", bad)
	}
}

// attributeReads says what is wrong with the attributes that a file reads.
func attributeReads(f *ast.File, attrs map[string]*ops.Attr, read *int) (bad []string) {
	ast.Inspect(f, func(x ast.Node) bool {
		call, ok := x.(*ast.CallExpr)
		if !ok || len(call.Args) == 0 {
			return true
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		lit, ok2 := call.Args[0].(*ast.BasicLit)
		if !ok || !ok2 || lit.Kind != token.STRING {
			return true
		}
		name, _ := strconv.Unquote(lit.Value)
		switch sel.Sel.Name {
		case "Int", "Float", "Str":
			if a := attrs[name]; len(call.Args) == 2 && a != nil && a.Default != nil && name != "axis" && name != "dtype" {
				bad = append(bad, fmt.Sprintf("attribute %q has a default of its own", name))
			}
		case "AttrInt", "AttrFloat", "AttrString", "Attr", "Ints":
		default:
			return true
		}
		if *read++; attrs[name] == nil {
			bad = append(bad, fmt.Sprintf("no operator has an attribute %q", name))
		}
		return true
	})
	return bad
}
