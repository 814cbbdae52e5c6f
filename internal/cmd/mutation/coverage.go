package main

import (
	"bufio"
	"bytes"
	"fmt"
	"strings"
)

// A Coverage says which blocks of the mutated packages the tests of one package run.
type Coverage map[string][]block // by the file's path below the module

type block struct {
	fromLine, fromColumn int
	toLine, toColumn     int
	run                  bool
}

// parseCoverage reads a profile of `go test -coverprofile`.
func parseCoverage(profile []byte) (Coverage, error) {
	out := Coverage{}
	for lines := bufio.NewScanner(bytes.NewReader(profile)); lines.Scan(); {
		line := lines.Text()
		if strings.HasPrefix(line, "mode: ") {
			continue
		}
		file, rest, ok := strings.Cut(line, ":")
		var b block
		var statements, count int
		_, err := fmt.Sscanf(rest, "%d.%d,%d.%d %d %d", &b.fromLine, &b.fromColumn, &b.toLine, &b.toColumn, &statements, &count)
		if !ok || err != nil {
			return nil, fmt.Errorf("reading the line %q of a coverage profile: %w", line, err)
		}
		b.run = count > 0
		out[file] = append(out[file], b)
	}
	return out, nil
}

// runs reports whether the tests run the mutant's place. What lies in no block, as
// variables of the package, counts as run.
func (c Coverage) runs(m *Mutant) bool {
	known := false
	for _, b := range c[m.File.pkg.Path+"/"+m.File.Name] {
		after := m.Line > b.fromLine || m.Line == b.fromLine && m.Column >= b.fromColumn
		before := m.Line < b.toLine || m.Line == b.toLine && m.Column <= b.toColumn
		if after && before {
			if b.run {
				return true
			}
			known = true
		}
	}
	return !known
}
