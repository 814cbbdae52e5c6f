package main

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// wheel packs the Python module with the command, which pip puts beside python. See the
// specification of binary distributions of the Python Packaging Authority.
func (r *release) wheel(t target, program string) error {
	version := pep440(r.version)
	name := fmt.Sprintf("repmlp-%s-py3-none-%s.whl", version, t.wheel)
	info := fmt.Sprintf("repmlp-%s.dist-info/", version)
	members, err := r.module()
	if err != nil {
		return err
	}
	binary, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	members = append(members, member{fmt.Sprintf("repmlp-%s.data/scripts/%s", version, t.program("repmlp")), binary, true})
	if dynamic, err := r.companion(t); err != nil {
		return err
	} else if dynamic != nil {
		members = append(members, member{fmt.Sprintf("repmlp-%s.data/scripts/%s", version, t.program("repmlp-ort")), dynamic, true})
	}
	about, err := r.metadata()
	if err != nil {
		return err
	}
	licence, err := r.read("LICENSE")
	if err != nil {
		return err
	}
	var tags strings.Builder
	for platform := range strings.SplitSeq(t.wheel, ".") {
		fmt.Fprintf(&tags, "Tag: py3-none-%s\n", platform)
	}
	members = append(members,
		member{info + "METADATA", about, false},
		member{info + "WHEEL", []byte("Wheel-Version: 1.0\nGenerator: repmlp-release\nRoot-Is-Purelib: false\n" + tags.String()), false},
		member{info + "licenses/LICENSE", licence, false})
	members = append(members, member{info + "RECORD", record(members, info+"RECORD"), false})
	data, err := zipped(members)
	if err != nil {
		return err
	}
	return r.write(name, data)
}

// record lists the members of a wheel with their hashes.
func record(members []member, self string) []byte {
	var b strings.Builder
	for _, m := range members {
		sum := sha256.Sum256(m.data)
		fmt.Fprintf(&b, "%s,sha256=%s,%d\n", m.name, base64.RawURLEncoding.EncodeToString(sum[:]), len(m.data))
	}
	fmt.Fprintf(&b, "%s,,\n", self)
	return []byte(b.String())
}

// module is the Python module.
func (r *release) module() ([]member, error) {
	var out []member
	root := filepath.Join(r.root, "python")
	err := filepath.WalkDir(filepath.Join(root, "repmlp"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if ext := filepath.Ext(path); ext != ".py" && ext != ".typed" {
			return nil
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		out = append(out, member{filepath.ToSlash(name), data, false})
		return err
	})
	return out, err
}

// metadata says what the package is, with the page that PyPI shows.
func (r *release) metadata() ([]byte, error) {
	page, err := r.read("python/README.md")
	if err != nil {
		return nil, err
	}
	return []byte(`Metadata-Version: 2.4
Name: repmlp
Version: ` + pep440(r.version) + `
Summary: Merges everything linear in an ONNX model exactly, proves each merge, and writes the model to deploy
License-Expression: Apache-2.0
License-File: LICENSE
Requires-Python: >=3.9
Keywords: onnx,repmlp,repvgg,structural re-parameterization,inference
Classifier: Development Status :: 4 - Beta
Classifier: Intended Audience :: Developers
Classifier: Topic :: Scientific/Engineering :: Artificial Intelligence
Classifier: Typing :: Typed
Provides-Extra: arrays
Requires-Dist: numpy; extra == "arrays"
Provides-Extra: torch
Requires-Dist: torch; extra == "torch"
Requires-Dist: onnx; extra == "torch"
Requires-Dist: numpy; extra == "torch"
Description-Content-Type: text/markdown

` + string(page)), nil
}

// pep440 is a version as Python packages write it: 1.2.3-dev is 1.2.3.dev0, 1.2.3-rc.1
// is 1.2.3rc1.
func pep440(version string) string {
	number, pre, ok := strings.Cut(strings.TrimPrefix(version, "v"), "-")
	if !ok {
		return number
	}
	name, n, _ := strings.Cut(pre, ".")
	if n == "" {
		n = "0"
	}
	switch name {
	case "alpha":
		return number + "a" + n
	case "beta":
		return number + "b" + n
	case "rc":
		return number + "rc" + n
	}
	return number + ".dev" + n
}
