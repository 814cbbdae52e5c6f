package main

import (
	"bytes"
	"cmp"
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// A Mutant is one file with one small change.
type Mutant struct {
	File     *File
	Operator string
	Func     string // the function or method that it is in, or ""
	Line     int
	Column   int
	start    int // src[start:end] becomes text
	end      int
	text     string
}

// Source is the file's text with the change.
func (m *Mutant) Source() []byte {
	return slices.Concat(m.File.Src[:m.start], []byte(m.text), m.File.Src[m.end:])
}

// Change is the lines that the mutant changes, before and after, each as one line
// of text.
func (m *Mutant) Change() (before, after string) {
	src := m.File.Src
	from := bytes.LastIndexByte(src[:m.start], '\n') + 1
	to := len(src)
	if i := bytes.IndexByte(src[m.end:], '\n'); i >= 0 {
		to = m.end + i
	}
	flat := func(parts ...string) string { return strings.Join(strings.Fields(strings.Join(parts, "")), " ") }
	return flat(string(src[from:to])), flat(string(src[from:m.start]), m.text, string(src[m.end:to]))
}

// Name says where it is: path of the package below the module, file, function.
func (m *Mutant) Name() string {
	name := below(m.File.pkg.Path) + "/" + m.File.Name
	if m.Func != "" {
		name += " " + m.Func
	}
	return name
}

// below is the path of a package below its module.
func below(pkg string) string {
	_, rest, _ := strings.Cut(pkg, "/")
	return rest
}

// An edit replaces the text of a file between two places.
type edit struct {
	from, to token.Pos
	text     string
}

// mutants lists all mutants of a file, those that do not compile among them, in
// the order of the text.
func (f *File) mutants() []*Mutant {
	if ast.IsGenerated(f.tree) {
		return nil
	}
	var out []*Mutant
	c := &cursor{file: f}
	ast.Inspect(f.tree, func(n ast.Node) bool {
		if n == nil {
			c.path = c.path[:len(c.path)-1]
			return true
		}
		if _, ok := n.(*ast.ImportSpec); ok || c.isPanic(n) {
			return false
		}
		for _, op := range operators {
			for _, e := range op.edits(c, n) {
				out = append(out, f.mutant(op.name, c.function(), e))
			}
		}
		c.path = append(c.path, n)
		return true
	})
	slices.SortStableFunc(out, func(a, b *Mutant) int { return cmp.Compare(a.start, b.start) })
	return out
}

func (f *File) mutant(operator, function string, e edit) *Mutant {
	at := f.pkg.fset.Position(e.from)
	return &Mutant{
		File: f, Operator: operator, Func: function, Line: at.Line, Column: at.Column,
		start: at.Offset, end: f.pkg.fset.Position(e.to).Offset, text: e.text,
	}
}

// A cursor is where the walk through a file is.
type cursor struct {
	file *File
	path []ast.Node // from the file to the node's parent
}

func (c *cursor) parent() ast.Node {
	if len(c.path) == 0 {
		return nil
	}
	return c.path[len(c.path)-1]
}

// text is the source of a node.
func (c *cursor) text(n ast.Node) string {
	fset := c.file.pkg.fset
	return string(c.file.Src[fset.Position(n.Pos()).Offset:fset.Position(n.End()).Offset])
}

// function is the name of the function around the cursor, with its receiver.
func (c *cursor) function() string {
	for _, n := range c.path {
		if d, ok := n.(*ast.FuncDecl); ok {
			if d.Recv == nil || len(d.Recv.List) == 0 {
				return d.Name.Name
			}
			return strings.TrimPrefix(c.text(d.Recv.List[0].Type), "*") + "." + d.Name.Name
		}
	}
	return ""
}

// results are the result types of the innermost function around the cursor.
func (c *cursor) results() []ast.Expr {
	for _, n := range slices.Backward(c.path) {
		var t *ast.FuncType
		switch n := n.(type) {
		case *ast.FuncDecl:
			t = n.Type
		case *ast.FuncLit:
			t = n.Type
		default:
			continue
		}
		var out []ast.Expr
		if t.Results != nil {
			for _, f := range t.Results.List {
				for range max(len(f.Names), 1) {
					out = append(out, f.Type)
				}
			}
		}
		return out
	}
	return nil
}

// isPanic reports whether n calls panic.
func (c *cursor) isPanic(n ast.Node) bool {
	if s, ok := n.(*ast.ExprStmt); ok {
		n = s.X
	}
	call, ok := n.(*ast.CallExpr)
	return ok && c.isBuiltin(call.Fun, "panic")
}

// inList reports whether statements that stand where n does stand in a list.
func (c *cursor) inList(n ast.Node) bool {
	switch p := c.parent().(type) {
	case *ast.BlockStmt, *ast.CaseClause:
		return true
	case *ast.CommClause:
		return p.Comm != n
	}
	return false
}
