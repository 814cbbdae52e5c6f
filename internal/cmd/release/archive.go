package main

import (
	"fmt"
	"os"
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
