package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// A release is a folder that is filled.
type release struct {
	out     string // the folder
	version string // as Go programs write it, 1.2.3-dev
	root    string // of the source tree
	commit  string // that the tree is at, "" where it is no checkout
	work    string // binaries on their way
	made    []string
}

func newRelease(out, version string) (*release, error) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return nil, fmt.Errorf("finding the source tree: %w", err)
	}
	r := &release{out: out, version: version, root: strings.TrimSpace(string(dir))}
	if id, err := exec.Command("git", "-C", r.root, "rev-parse", "HEAD").Output(); err == nil {
		r.commit = strings.TrimSpace(string(id))
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return nil, err
	}
	r.work, err = os.MkdirTemp("", "repmlp-release-")
	return r, err
}

func (r *release) close() { os.RemoveAll(r.work) }

// target makes what was asked for of one system.
func (r *release) target(t target, kinds []string) error {
	if !slices.ContainsFunc(kinds, func(k string) bool { return k != "sdist" }) {
		return nil
	}
	program, err := r.build(t)
	if err != nil {
		return err
	}
	for _, k := range kinds {
		switch k {
		case "archives":
			err = errors.Join(err, r.archive(t, program))
		case "wheels":
			err = errors.Join(err, r.wheel(t, program))
		case "npm":
			err = errors.Join(err, r.npm(t, program))
		case "sbom":
			err = errors.Join(err, r.sbom(t, program))
		}
	}
	return err
}

// build compiles the command without cgo, so that it needs nothing of its system.
func (r *release) build(t target) (path string, err error) {
	path = filepath.Join(r.work, t.os+"_"+t.arch, t.program("repmlp"))
	return path, r.compile(t, path, "CGO_ENABLED=0")
}

func (r *release) compile(t target, path string, env ...string) error {
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -X main.version="+r.version+" -X main.commit="+r.commit, "-o", path, "./cmd/repmlp")
	cmd.Dir = r.root
	cmd.Env = append(append(os.Environ(), "GOOS="+t.os, "GOARCH="+t.arch, "GOFLAGS=", "GOAMD64=v1"), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

// companion compiles the command with cgo, which ONNX Runtime needs, where there is a C
// compiler for the system: $CC on this one, $CC_linux_arm64 and the like for others. nil
// where there is none; a wheel is complete without it, but for --engine ort.
func (r *release) companion(t target) ([]byte, error) {
	compiler := os.Getenv("CC_" + t.os + "_" + t.arch)
	if compiler == "" && t.os == runtime.GOOS && t.arch == runtime.GOARCH {
		if compiler = os.Getenv("CC"); compiler == "" {
			compiler = "cc"
		}
	}
	if compiler == "" {
		return nil, nil
	}
	if _, err := exec.LookPath(strings.Fields(compiler)[0]); err != nil {
		fmt.Printf("no C compiler %q: the wheel for %s has no ONNX Runtime\n", compiler, t.name())
		return nil, nil
	}
	path := filepath.Join(r.work, t.os+"_"+t.arch, t.program("repmlp-ort"))
	if err := r.compile(t, path, "CGO_ENABLED=1", "CC="+compiler); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// write makes one file of the release.
func (r *release) write(name string, data []byte) error {
	r.made = append(r.made, name)
	fmt.Printf("%s  %.1f MB\n", name, float64(len(data))/1e6)
	return os.WriteFile(filepath.Join(r.out, name), data, 0o644)
}

// checksums lists what this run made, as sha256sum does.
func (r *release) checksums() error {
	slices.Sort(r.made)
	var b strings.Builder
	for _, name := range r.made {
		data, err := os.ReadFile(filepath.Join(r.out, name))
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%x  %s\n", sha256.Sum256(data), name)
	}
	return os.WriteFile(filepath.Join(r.out, "SHA256SUMS"), []byte(b.String()), 0o644)
}

// read is a file of the source tree.
func (r *release) read(name string) ([]byte, error) {
	return os.ReadFile(filepath.Join(r.root, filepath.FromSlash(name)))
}
