package main

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestPEP440(t *testing.T) {
	for version, want := range map[string]string{"1.2.3": "1.2.3", "v1.2.3": "1.2.3", "0.1.0-dev": "0.1.0.dev0", "1.0.0-rc.2": "1.0.0rc2", "1.0.0-alpha": "1.0.0a0", "1.0.0-beta.1": "1.0.0b1"} {
		if have := pep440(version); have != want {
			t.Errorf("%s: %s, want %s", version, have, want)
		}
	}
}

func TestTargets(t *testing.T) {
	if _, err := choose("plan9/amd64"); err == nil {
		t.Error("a system without releases is taken")
	}
	all, err := choose("all")
	if err != nil || len(all) != 6 {
		t.Errorf("%d systems, %v; want 6", len(all), err)
	}
	for _, x := range all {
		if ext := filepath.Ext(x.program("repmlp")); (ext == ".exe") != (x.os == "windows") {
			t.Errorf("%s: the command is %s", x.name(), x.program("repmlp"))
		}
	}
}

// Archives have their members with their modes, and the same bytes every time.
func TestArchivesAreReproducible(t *testing.T) {
	members := []member{{"d/run", []byte("#!/bin/sh\n"), true}, {"d/text", bytes.Repeat([]byte("text "), 1000), false}}
	for name, pack := range map[string]func([]member) ([]byte, error){"zip": zipped, "tar": tarred} {
		a, err := pack(members)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := pack(members)
		if !bytes.Equal(a, b) {
			t.Errorf("%s: two archives of the same members differ", name)
		}
		if name != "zip" {
			continue
		}
		r, err := zip.NewReader(bytes.NewReader(a), int64(len(a)))
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range r.File {
			in, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			data, err := io.ReadAll(in)
			if err != nil || !bytes.Equal(data, members[i].data) || f.Name != members[i].name || (f.Mode()&0o111 != 0) != members[i].executable {
				t.Errorf("%s: %s, mode %v, %d bytes, %v", name, f.Name, f.Mode(), len(data), err)
			}
		}
	}
}

// RECORD has a line for each member, sha256 in base64 without padding; its own is without.
func TestRecord(t *testing.T) {
	have := string(record([]member{{"a.py", nil, false}}, "x.dist-info/RECORD"))
	want := "a.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\nx.dist-info/RECORD,,\n" // of no bytes, by sha256sum
	if have != want {
		t.Errorf("%q, want %q", have, want)
	}
}

// The metadata is what pyproject.toml says.
func TestMetadataIsTheProjects(t *testing.T) {
	r := &release{version: "1.2.3", root: filepath.Join("..", "..", "..")}
	about, err := r.metadata()
	if err != nil {
		t.Fatal(err)
	}
	project, err := r.read("pyproject.toml")
	if err != nil {
		t.Fatal(err)
	}
	for _, pair := range [][2]string{{"Summary: ", "description = "}, {"License-Expression: ", "license = "}, {"Requires-Python: ", "requires-python = "}} {
		have, want := line(string(about), pair[0]), strings.Trim(line(string(project), pair[1]), `"`)
		if have == "" || have != want {
			t.Errorf("%s%q, pyproject.toml has %q", pair[0], have, want)
		}
	}
}

func line(text, prefix string) string {
	for l := range strings.SplitSeq(text, "\n") {
		if rest, ok := strings.CutPrefix(l, prefix); ok {
			return rest
		}
	}
	return ""
}

// The module in python/ passes its own tests with the command of this tree, where Python has
// what they need.
func TestPythonModule(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the command")
	}
	if err := exec.Command("python3", "-c", "import sys; sys.exit(sys.version_info < (3, 9))").Run(); err != nil {
		t.Skip("no Python 3.9: ", err)
	}
	dir := t.TempDir()
	command := filepath.Join(dir, "repmlp")
	if out, err := exec.Command("go", "build", "-o", command, "../../../cmd/repmlp").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	cmd := exec.Command("python3", "-m", "unittest", "discover", "-s", filepath.Join("..", "..", "..", "python", "tests"))
	cmd.Env = append(os.Environ(), "REPMLP_BINARY="+command, "PYTHONDONTWRITEBYTECODE=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
