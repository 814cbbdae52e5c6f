package ort

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func TestFindOrder(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the library's name is that of Linux")
	}
	dir := t.TempDir()
	file := func(parts ...string) string {
		path := filepath.Join(append([]string{dir}, parts...)...)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	given, named := file("given.so"), file("named.so")
	system := file("lib", "libonnxruntime.so.1.20.0")
	newer := file("lib", "libonnxruntime.so.1.21.0")
	python := file("venv", "lib", "python3.11", "site-packages", "onnxruntime", "capi", "libonnxruntime.so.1.32.0")
	env := map[string]string{EnvLibrary: named, "LD_LIBRARY_PATH": filepath.Join(dir, "lib"), "VIRTUAL_ENV": filepath.Join(dir, "venv")}
	get := func(k string) string { return env[k] }
	if got := Find(given, get); len(got) != 1 || got[0] != (Place{given, "--ort-lib"}) {
		t.Errorf("with a path by hand: %v", got)
	}
	got := Find("", get)
	want := []Place{{named, EnvLibrary}, {newer, "system folder"}, {system, "system folder"}}
	if len(got) < len(want)+1 {
		t.Fatalf("found %v", got)
	}
	for i, w := range want {
		if got[i] != w {
			t.Errorf("place %d is %v, want %v", i, got[i], w)
		}
	}
	found := false
	for _, p := range got {
		found = found || p == Place{python, "Python package"}
	}
	if !found {
		t.Errorf("the Python package is missing in %v", got)
	}
}

// One library under two names is listed once.
func TestFindLinks(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the library's name is that of Linux")
	}
	dir := t.TempDir()
	real := filepath.Join(dir, "libonnxruntime.so.1.32.0")
	if err := os.WriteFile(real, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(real, filepath.Join(dir, "libonnxruntime.so")); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, p := range Find("", func(k string) string { return map[string]string{"LD_LIBRARY_PATH": dir}[k] }) {
		if filepath.Dir(p.Path) == dir {
			n++
		}
	}
	if n != 1 {
		t.Errorf("the library is listed %d times", n)
	}
}

func TestOpenNamesWhatFailed(t *testing.T) {
	if _, err := Open([]Place{{filepath.Join(t.TempDir(), "missing.so"), "--ort-lib"}}); err == nil {
		t.Skip("a library is loaded already")
	}
	if _, err := Open(nil); err == nil {
		t.Skip("a library is loaded already")
	}
}

// A bare name is a file of the current folder first.
func TestBareName(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.WriteFile("here.so", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	none := func(string) string { return "" }
	if got := Find("here.so", none); len(got) != 1 || !filepath.IsAbs(got[0].Path) {
		t.Errorf("in the current folder: %v", got)
	}
	if got := Find("elsewhere.so", none); len(got) != 1 || got[0].Path != "elsewhere.so" {
		t.Errorf("left to the loader: %v", got)
	}
}

// A command that pip installed finds the ONNX Runtime of its own environment, which need not
// be the active one.
func TestFindBesideTheCommand(t *testing.T) {
	dir := t.TempDir()
	packages := filepath.Join(dir, "lib", "python3.12", "site-packages")
	if err := os.MkdirAll(packages, 0o755); err != nil {
		t.Fatal(err)
	}
	none := func(string) string { return "" }
	if got := pythonFolders(none, filepath.Join(dir, "bin", "repmlp")); len(got) == 0 || got[0] != packages {
		t.Errorf("looks into %v, want %q first", got, packages)
	}
	if got := pythonFolders(none, ""); len(got) > 0 && got[0] == packages {
		t.Error("found without a command beside it")
	}
}
