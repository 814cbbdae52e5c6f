// Command release builds what is published: the static command for six platforms,
// archives of it, wheels for PyPI and packages for npm with it inside, a source distribution, a list of
// what is in it (SBOM), and checksums. The same source gives the same bytes.
//
//	go run ./internal/cmd/release -out dist
//	go run ./internal/cmd/release -out dist -targets linux/amd64 -only wheels
package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"

	"repmlp/convert"
)

// kinds are what -only chooses from.
var kinds = []string{"archives", "wheels", "npm", "sdist", "sbom"}

func main() {
	out := flag.String("out", "dist", "folder that is made; what a run makes there is written anew")
	only := flag.String("only", strings.Join(kinds, ","), "what to make, with commas")
	names := flag.String("targets", "all", "systems, with commas, as in linux/amd64; host is this machine's")
	version := flag.String("version", convert.Version, "of the release")
	list := flag.Bool("list", false, "list the systems, make nothing")
	flag.Parse()
	if flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if *list {
		for _, t := range targets {
			fmt.Println(t.name())
		}
		return
	}
	if err := run(*out, *only, *names, *version); err != nil {
		fmt.Fprintln(os.Stderr, "release: error:", err)
		os.Exit(1)
	}
}

func run(out, only, names, version string) error {
	make := strings.Split(only, ",")
	for _, k := range make {
		if !slices.Contains(kinds, k) {
			return fmt.Errorf("-only %q: choose from %s", k, strings.Join(kinds, ", "))
		}
	}
	chosen, err := choose(names)
	if err != nil {
		return err
	}
	r, err := newRelease(out, version)
	if err != nil {
		return err
	}
	defer r.close()
	for _, t := range chosen {
		if err := r.target(t, make); err != nil {
			return fmt.Errorf("making the release for %s: %w", t.name(), err)
		}
	}
	if slices.Contains(make, "npm") {
		if err := r.npmCommand(); err != nil {
			return fmt.Errorf("making the npm package: %w", err)
		}
	}
	if slices.Contains(make, "sdist") {
		if err := r.sdist(); err != nil {
			return fmt.Errorf("making the source distribution: %w", err)
		}
	}
	return r.checksums()
}
