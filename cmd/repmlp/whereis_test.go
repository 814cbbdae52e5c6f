package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The files that docs/development.md names as the places of answers declare what it says
// they do, and the tests are beside them.
func TestWhereIs(t *testing.T) {
	_, table, _ := strings.Cut(readDoc(t, "../../docs/development.md"), "## Where is\n")
	table, _, _ = strings.Cut(table, "\n## ")
	rows := 0
	for line := range strings.Lines(table) {
		names := regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(line, -1)
		if len(names) < 2 {
			continue
		}
		rows++
		file := filepath.Join("../..", names[0][1])
		declared := declarations(t, file)
		tests, err := filepath.Glob(filepath.Join(filepath.Dir(file), "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range names[1:] {
			here := declared[n[1]]
			for _, f := range tests {
				here = here || strings.HasPrefix(n[1], "Test") && declarations(t, f)[n[1]]
			}
			if !here {
				t.Errorf("%s does not declare %s", names[0][1], n[1])
			}
		}
	}
	if rows < 9 {
		t.Errorf("%d answers were found", rows)
	}
	if declarations(t, "whereis_test.go")["TestNowhere"] {
		t.Error("a name that is nowhere was found")
	}
}

// declarations are the names of functions, methods, types, fields, constants and
// variables of a file.
func declarations(t *testing.T, path string) map[string]bool {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			names[n.Name.Name] = true
		case *ast.TypeSpec:
			names[n.Name.Name] = true
		case *ast.ValueSpec:
			for _, id := range n.Names {
				names[id.Name] = true
			}
		case *ast.Field:
			for _, id := range n.Names {
				names[id.Name] = true
			}
		}
		return true
	})
	return names
}
