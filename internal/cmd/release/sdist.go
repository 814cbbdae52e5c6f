package main

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
)

// sdist packs the source tree, as git has it, so that pip can build it where Go is.
func (r *release) sdist() error {
	cmd := exec.Command("git", "ls-files", "-z")
	cmd.Dir = r.root
	list, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("listing the files of the source tree: %w", err)
	}
	names := strings.Split(strings.TrimSuffix(string(list), "\x00"), "\x00")
	slices.Sort(names)
	folder := "repmlp-" + pep440(r.version)
	about, err := r.metadata()
	if err != nil {
		return err
	}
	members := []member{{folder + "/PKG-INFO", about, false}, {folder + "/python/VERSION", []byte(r.version + "\n"), false}}
	for _, name := range names {
		if !built(name) {
			continue
		}
		data, err := r.read(name)
		if err != nil {
			return err
		}
		members = append(members, member{folder + "/" + name, data, strings.HasPrefix(name, ".ci/")})
	}
	data, err := tarred(members)
	if err != nil {
		return err
	}
	return r.write(folder+".tar.gz", data)
}

// built reports whether a build or a reader of the source needs a file: all but what
// tests and measurements read.
func built(name string) bool {
	for _, folder := range []string{"testdata/", "bench/", ".ci/", "docs/benchmarks/", "docs/images/"} {
		if strings.HasPrefix(name, folder) {
			return false
		}
	}
	return !strings.Contains(name, "/testdata/") && !strings.HasSuffix(name, "_test.go")
}
