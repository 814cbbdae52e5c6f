package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// archive packs the command with its licence and what it is.
func (r *release) archive(t target, program string) error {
	binary, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	folder := fmt.Sprintf("repmlp-%s-%s-%s", r.version, t.os, t.arch)
	members := []member{{folder + "/" + t.program("repmlp"), binary, true}}
	for _, name := range []string{"LICENSE", "README.md", "CHANGELOG.md"} {
		data, err := r.read(name)
		if err != nil {
			return err
		}
		members = append(members, member{folder + "/" + name, data, false})
	}
	pages, err := filepath.Glob(filepath.Join(r.root, "docs", "man", "*.1"))
	if err != nil {
		return err
	}
	for _, path := range pages {
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		members = append(members, member{folder + "/man/" + filepath.Base(path), data, false})
	}
	pack, ending := tarred, ".tar.gz"
	if t.os == "windows" {
		pack, ending = zipped, ".zip"
	}
	data, err := pack(members)
	if err != nil {
		return err
	}
	return r.write(folder+ending, data)
}
