package main

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// An spdxDocument lists what a program was built from, as SPDX 2.3 writes it.
type spdxDocument struct {
	Version       string         `json:"spdxVersion"`
	Licence       string         `json:"dataLicense"`
	ID            string         `json:"SPDXID"`
	Name          string         `json:"name"`
	Namespace     string         `json:"documentNamespace"`
	Creation      spdxCreation   `json:"creationInfo"`
	Packages      []spdxPackage  `json:"packages"`
	Relationships []spdxRelation `json:"relationships"`
}

type spdxCreation struct {
	Created  string   `json:"created"`
	Creators []string `json:"creators"`
}

type spdxPackage struct {
	ID        string    `json:"SPDXID"`
	Name      string    `json:"name"`
	Version   string    `json:"versionInfo"`
	Location  string    `json:"downloadLocation"`
	Declared  string    `json:"licenseDeclared"`
	Concluded string    `json:"licenseConcluded"`
	Copyright string    `json:"copyrightText"`
	Analysed  bool      `json:"filesAnalyzed"`
	Refs      []spdxRef `json:"externalRefs,omitempty"`
	Sums      []spdxSum `json:"checksums,omitempty"`
}

type spdxRef struct {
	Category string `json:"referenceCategory"`
	Type     string `json:"referenceType"`
	Locator  string `json:"referenceLocator"`
}

type spdxSum struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"checksumValue"`
}

type spdxRelation struct {
	From string `json:"spdxElementId"`
	Is   string `json:"relationshipType"`
	To   string `json:"relatedSpdxElement"`
}

// sbom lists the modules of a program, as the linker noted them in it.
func (r *release) sbom(t target, program string) error {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return fmt.Errorf("reading what %q was built from: %w", program, err)
	}
	binary, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	sum := fmt.Sprintf("%x", sha256.Sum256(binary))
	name := fmt.Sprintf("repmlp-%s-%s-%s", r.version, t.os, t.arch)
	d := spdxDocument{Version: "SPDX-2.3", Licence: "CC0-1.0", ID: "SPDXRef-DOCUMENT", Name: name,
		Namespace: "https://spdx.org/spdxdocs/" + name + "-" + sum, // unique, as it has to be: nothing is there
		Creation:  spdxCreation{packed.Format("2006-01-02T15:04:05Z"), []string{"Tool: repmlp-release"}}}
	add := func(id, name, version, purl, licence string, sums ...spdxSum) {
		d.Packages = append(d.Packages, spdxPackage{ID: id, Name: name, Version: version, Location: "NOASSERTION", Declared: licence, Concluded: "NOASSERTION",
			Copyright: "NOASSERTION", Refs: []spdxRef{{"PACKAGE-MANAGER", "purl", purl}}, Sums: sums})
	}
	add("SPDXRef-repmlp", "repmlp", r.version, "pkg:generic/repmlp@"+r.version, "Apache-2.0", spdxSum{"SHA256", sum})
	d.Relationships = append(d.Relationships, spdxRelation{d.ID, "DESCRIBES", "SPDXRef-repmlp"})
	contains := func(id, name, version string) {
		add(id, name, version, "pkg:golang/"+name+"@"+version, "NOASSERTION")
		d.Relationships = append(d.Relationships, spdxRelation{"SPDXRef-repmlp", "CONTAINS", id})
	}
	contains("SPDXRef-std", "stdlib", strings.TrimPrefix(info.GoVersion, "go"))
	for i, m := range info.Deps {
		contains(fmt.Sprintf("SPDXRef-module-%d", i+1), m.Path, m.Version)
	}
	var b bytes.Buffer
	w := json.NewEncoder(&b)
	w.SetIndent("", "  ")
	if err := w.Encode(d); err != nil {
		return err
	}
	return r.write(name+".spdx.json", b.Bytes())
}
