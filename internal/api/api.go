// Package api writes what a package exports as text, so that a test notices when
// it changes.
package api

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/build"
	"go/doc"
	"go/parser"
	"go/printer"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
)

// Text lists the exported constants, variables, functions, types, fields and
// methods of the package in a folder, without comments, in the order of their
// names, as it is built for Linux with cgo, whatever this machine is. Tests do not
// count.
func Text(dir string) (string, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return "", err
	}
	if len(paths) == 0 {
		return "", fmt.Errorf("there is no package in %q", dir)
	}
	system := build.Default
	system.GOOS, system.GOARCH, system.CgoEnabled = "linux", "amd64", true
	fset := token.NewFileSet()
	var files []*ast.File
	for _, p := range paths {
		if strings.HasSuffix(p, "_test.go") {
			continue
		}
		if built, err := system.MatchFile(dir, filepath.Base(p)); err != nil {
			return "", fmt.Errorf("reading %q: %w", p, err)
		} else if !built {
			continue
		}
		f, err := parser.ParseFile(fset, p, nil, parser.SkipObjectResolution)
		if err != nil {
			return "", fmt.Errorf("reading %q: %w", p, err)
		}
		files = append(files, f)
	}
	pkg, err := doc.NewFromFiles(fset, files, dir)
	if err != nil {
		return "", fmt.Errorf("reading the package in %q: %w", dir, err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "package %s\n", pkg.Name)
	w := &writer{&b, fset}
	w.values(pkg.Consts, pkg.Vars)
	w.funcs(pkg.Funcs)
	for _, t := range pkg.Types {
		w.decl(t.Decl)
		w.values(t.Consts, t.Vars)
		w.funcs(t.Funcs)
		w.funcs(t.Methods)
	}
	return b.String(), nil
}

type writer struct {
	*strings.Builder
	fset *token.FileSet
}

// decl writes a declaration without its comments.
func (w *writer) decl(n ast.Node) {
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GenDecl:
			n.Doc = nil
		case *ast.FuncDecl:
			n.Doc, n.Body = nil, nil
		case *ast.TypeSpec:
			n.Doc, n.Comment = nil, nil
		case *ast.ValueSpec:
			n.Doc, n.Comment = nil, nil
		case *ast.Field:
			n.Doc, n.Comment = nil, nil
		}
		return true
	})
	var b bytes.Buffer
	if err := printer.Fprint(&b, w.fset, n); err != nil {
		panic(err) // it was parsed
	}
	for line := range strings.Lines(b.String()) {
		text := strings.Join(strings.Fields(line), " ") // columns follow other lines
		if text == "" || strings.HasPrefix(text, "//") {
			continue
		}
		if strings.HasPrefix(line, "\t") {
			text = "\t" + text
		}
		w.WriteString(text + "\n")
	}
}

func (w *writer) values(lists ...[]*doc.Value) {
	for _, v := range slices.Concat(lists...) {
		w.decl(v.Decl)
	}
}

func (w *writer) funcs(list []*doc.Func) {
	for _, f := range list {
		w.decl(f.Decl)
	}
}
