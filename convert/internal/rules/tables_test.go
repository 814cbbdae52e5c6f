package rules

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"testing"

	"repmlp/internal/ops"
)

// Every rule has a name of its own, says what it does, and is asked about operators that
// there are; no file of rules is forgotten.
func TestTableOfRules(t *testing.T) {
	names, asked := map[string]bool{}, map[string]map[string]bool{}
	for _, r := range all() {
		if names[r.Name] || r.Name == "" {
			t.Errorf("two rules have the name %q", r.Name)
		}
		names[r.Name] = true
		if r.Title == "" || r.Formula == "" || r.When == "" || r.Example == "" || r.explain == nil || len(r.ops) == 0 {
			t.Errorf("rule %q lacks something", r.Name)
		}
		asked[r.Name] = map[string]bool{}
		for _, op := range r.ops {
			if !ops.Known(op) || asked[r.Name][op] {
				t.Errorf("rule %q is asked about %q, which is no operator, or twice", r.Name, op)
			}
			asked[r.Name][op] = true
		}
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	declared := 0
	for _, f := range files {
		declared += ruleValues(t, f)
	}
	if declared != len(all()) {
		t.Errorf("%d rules are declared, %d are asked", declared, len(all()))
	}
}

// ruleValues counts the variables of a file that are rules.
func ruleValues(t *testing.T, file string) int {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.VAR {
			continue
		}
		for _, s := range g.Specs {
			for _, v := range s.(*ast.ValueSpec).Values {
				if lit, ok := v.(*ast.CompositeLit); ok {
					if id, ok := lit.Type.(*ast.Ident); ok && id.Name == "rule" {
						n++
					}
				}
			}
		}
	}
	return n
}
