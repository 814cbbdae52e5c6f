package operator

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"

	"repmlp/internal/ops"
)

// Every operator of the engine is one of ONNX, and what it may leave in its file are
// inputs that it has.
func TestTableNamesOperators(t *testing.T) {
	table := Table()
	for name, op := range table {
		if !ops.Known(name) {
			t.Errorf("the engine runs %q, which is no operator", name)
			continue
		}
		if op.Kernel == nil {
			t.Errorf("the engine has no kernel for %s", name)
		}
		for _, i := range op.Stored {
			if ops.Lookup(name, ops.Newest).Input(i) == nil {
				t.Errorf("input %d of %s is stored, and there is none", i, name)
			}
		}
	}
	if len(table) < 100 {
		t.Errorf("the engine runs %d operators", len(table))
	}
}

// An entry of the table stands under the file that has its kernel.
func TestTableNamesFiles(t *testing.T) {
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]*ast.File{}
	at := map[string]string{} // file of a function
	for _, name := range paths {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = f
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil {
				at[fn.Name.Name] = name
			}
		}
	}
	entries := 0
	ast.Inspect(files["table.go"], func(n ast.Node) bool {
		e, ok := n.(*ast.KeyValueExpr)
		if !ok {
			return true
		}
		if _, ok := e.Key.(*ast.BasicLit); !ok {
			return false
		}
		entries++
		under := ""
		for _, c := range files["table.go"].Comments {
			if c.Pos() < e.Pos() {
				under = c.Text()
			}
		}
		here, elsewhere := false, ""
		ast.Inspect(e.Value, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && at[id.Name] != "" && at[id.Name] != "alike.go" {
				if strings.Contains(under, at[id.Name]) {
					here = true
				} else if at[id.Name] != "pointwise.go" { // which wraps functions of numbers
					elsewhere = id.Name
				}
			}
			return true
		})
		if !here && elsewhere != "" {
			t.Errorf("%s stands under %q and is made by %s of %s", e.Key.(*ast.BasicLit).Value, under, elsewhere, at[elsewhere])
		}
		return false
	})
	if entries != len(Table()) {
		t.Errorf("%d entries were looked at, the table has %d", entries, len(Table()))
	}
}
