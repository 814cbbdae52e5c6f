package api

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite testdata")

// What importers can use is written down; a change of it is a change of these
// files.
func TestExported(t *testing.T) {
	for _, pkg := range []string{"convert", "verify", "verify/ort", "verify/secondreader", "fuse", "onnxio", "onnxio/graph"} {
		have, err := Text(filepath.Join("../..", pkg))
		if err != nil {
			t.Fatal(err)
		}
		golden := filepath.Join("testdata", strings.ReplaceAll(pkg, "/", "_")+".txt")
		if *update {
			if err := os.WriteFile(golden, []byte(have), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(golden)
		if err != nil || have != string(want) {
			t.Errorf("%s exports something else than %s says; if that is meant, run with -update (%v)%s", pkg, golden, err, first(have, string(want)))
		}
	}
}

// first is the first line in which two texts differ.
func first(have, want string) string {
	a, b := strings.Split(have, "\n"), strings.Split(want, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return "\nhave " + a[i] + "\nwant " + b[i]
		}
	}
	return ""
}

// Every kind of change shows: names, types, fields, methods, constants; what is not
// exported, comments and bodies do not.
func TestText(t *testing.T) {
	write := func(source string) string {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "p.go"), []byte(source), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "p_test.go"), []byte("package p\n\nfunc Tested() {}\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		text, err := Text(dir)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	const source = `package p

// A T is a type.
type T struct {
	A int // a field

	b int
}

// M does it.
func (t *T) M(x int) error { return nil }

func (t *T) hidden() {}

const C = 1

func F() T { return T{} }
`
	base := write(source)
	const want = `package p
const C = 1
type T struct {
	A	int
}
func F() T
func (t *T) M(x int) error
`
	if strings.Join(strings.Fields(base), " ") != strings.Join(strings.Fields(want), " ") {
		t.Errorf("%s\nwant\n%s", base, want)
	}
	for from, to := range map[string]string{"A int": "A int8", "M(x int)": "M(x, y int)", "C = 1": "C = 2", "func F() T": "func G() T", "type T struct {": "type T struct {\n\tZ int\n"} {
		if write(strings.Replace(source, from, to, 1)) == base {
			t.Errorf("%q instead of %q does not show", to, from)
		}
	}
	for from, to := range map[string]string{"a field": "another", "b int": "c int8", "hidden() {}": "hid() {}", "return nil": "panic(x)"} {
		if write(strings.Replace(source, from, to, 1)) != base {
			t.Errorf("%q instead of %q shows", to, from)
		}
	}
	if _, err := Text(t.TempDir()); err == nil {
		t.Error("a folder without a package has an API")
	}
}
