package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
)

// An npmPackage is what package.json says. Fields are in the order of npm's documentation.
type npmPackage struct {
	Name        string            `json:"name"`
	Version     string            `json:"version"`
	Description string            `json:"description"`
	Keywords    []string          `json:"keywords,omitempty"`
	Licence     string            `json:"license"`
	Bin         map[string]string `json:"bin,omitempty"`
	Optional    map[string]string `json:"optionalDependencies,omitempty"`
	Engines     map[string]string `json:"engines,omitempty"`
	OS          []string          `json:"os,omitempty"`
	CPU         []string          `json:"cpu,omitempty"`
}

// npmSystem is what Node.js calls a system.
func (t target) npmSystem() (platform, arch string) {
	platform, arch = t.os, t.arch
	if platform == "windows" {
		platform = "win32"
	}
	if arch == "amd64" {
		arch = "x64"
	}
	return platform, arch
}

func (t target) npmName() string {
	platform, arch := t.npmSystem()
	return "repmlp-" + platform + "-" + arch
}

func (r *release) npmVersion() string { return strings.TrimPrefix(r.version, "v") }

// npm packs the command of one system, which npm installs on that system alone.
func (r *release) npm(t target, program string) error {
	binary, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	platform, arch := t.npmSystem()
	return r.npmPack(npmPackage{
		Name: t.npmName(), Description: "The command of the package repmlp for " + platform + " on " + arch,
		OS: []string{platform}, CPU: []string{arch},
	}, member{"package/bin/" + t.program("repmlp"), binary, true})
}

// npmCommand packs what users install: it needs the package of their system and runs its
// command.
func (r *release) npmCommand() error {
	script, err := r.read("npm/repmlp.js")
	if err != nil {
		return err
	}
	page, err := r.read("npm/README.md")
	if err != nil {
		return err
	}
	p := npmPackage{
		Name: "repmlp", Description: "Merges everything linear in an ONNX model exactly, proves each merge, and writes the model to deploy",
		Keywords: []string{"onnx", "repmlp", "repvgg", "inference"}, Bin: map[string]string{"repmlp": "repmlp.js"},
		Optional: map[string]string{}, Engines: map[string]string{"node": ">=18"},
	}
	for _, t := range targets {
		p.Optional[t.npmName()] = r.npmVersion()
	}
	return r.npmPack(p, member{"package/repmlp.js", script, true}, member{"package/README.md", page, false})
}

func (r *release) npmPack(p npmPackage, members ...member) error {
	p.Version, p.Licence = r.npmVersion(), "Apache-2.0"
	licence, err := r.read("LICENSE")
	if err != nil {
		return err
	}
	var about bytes.Buffer
	w := json.NewEncoder(&about)
	w.SetEscapeHTML(false)
	w.SetIndent("", "  ")
	if err := w.Encode(p); err != nil {
		return err
	}
	data, err := tarred(append([]member{{"package/package.json", about.Bytes(), false}, {"package/LICENSE", licence, false}}, members...))
	if err != nil {
		return err
	}
	return r.write("npm-"+p.Name+"-"+p.Version+".tgz", data)
}
