package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// A Package is a package whose files are mutated.
type Package struct {
	Path, Dir string
	Files     []*File

	fset     *token.FileSet
	imports  types.Importer
	baseline []*ast.File
}

// A File is one of its files, without tests.
type File struct {
	Name string // its base name
	Src  []byte
	tree *ast.File
	info *types.Info
	pkg  *Package
}

// listed is what `go list -json` says of a package.
type listed struct {
	ImportPath, Dir           string
	Export, BuildID           string
	GoFiles                   []string
	TestGoFiles, XTestGoFiles []string
	Deps                      []string
	TestImports, XTestImports []string
	DepOnly, Standard         bool
}

func goList(args ...string) ([]listed, error) {
	cmd := exec.Command("go", append([]string{"list", "-json"}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("listing %q: %w\n%s", args, err, stderr.Bytes())
	}
	var all []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var l listed
		if err := dec.Decode(&l); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("reading the list of packages: %w", err)
		}
		all = append(all, l)
	}
}

// load parses and checks the packages that the patterns name.
func load(patterns []string) ([]*Package, error) {
	all, err := goList(append([]string{"-export", "-deps", "--"}, patterns...)...)
	if err != nil {
		return nil, err
	}
	export := map[string]string{}
	for _, l := range all {
		export[l.ImportPath] = l.Export
	}
	var out []*Package
	for _, l := range all {
		if l.DepOnly {
			continue
		}
		p, err := parse(l, export)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b *Package) int { return strings.Compare(a.Path, b.Path) })
	return out, nil
}

func parse(l listed, export map[string]string) (*Package, error) {
	p := &Package{Path: l.ImportPath, Dir: l.Dir, fset: token.NewFileSet()}
	p.imports = importer.ForCompiler(p.fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(export[path]) })
	for _, name := range l.GoFiles {
		src, err := os.ReadFile(filepath.Join(l.Dir, name))
		if err != nil {
			return nil, err
		}
		tree, err := parser.ParseFile(p.fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		p.baseline = append(p.baseline, tree)
		p.Files = append(p.Files, &File{Name: name, Src: src, tree: tree, pkg: p})
	}
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}}
	conf := types.Config{Importer: p.imports}
	if _, err := conf.Check(p.Path, p.fset, p.baseline, info); err != nil {
		return nil, fmt.Errorf("checking %s: %w", p.Path, err)
	}
	for _, f := range p.Files {
		f.info = info
	}
	return p, nil
}

// compiles reports whether the package still does with another text of a file.
func (f *File) compiles(src []byte) bool {
	tree, err := parser.ParseFile(f.pkg.fset, f.Name, src, parser.SkipObjectResolution)
	if err != nil {
		return false
	}
	files := slices.Clone(f.pkg.baseline)
	files[slices.Index(files, f.tree)] = tree
	conf := types.Config{Importer: f.pkg.imports}
	_, err = conf.Check(f.pkg.Path, f.pkg.fset, files, nil)
	return err == nil
}
