package main

import (
	"fmt"
	"os"
	"strings"
)

// Excuses are mutants that cannot be told from the original, with the reason. A
// line of the file that holds them is
//
//	fuse/nest.go merged: BEFORE → AFTER — reason
//
// with the lines before and after as the driver prints them: they stay valid when
// the code above them changes.
type Excuses map[string]string

const (
	arrow = " → "
	dash  = " — "
)

func key(m *Mutant) string {
	before, after := m.Change()
	return m.Name() + ": " + before + arrow + after
}

func readExcuses(file string) (Excuses, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	out := Excuses{}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		i := strings.LastIndex(line, dash)
		if i < 0 || !strings.Contains(line[:i], arrow) {
			return nil, fmt.Errorf("reading %s: the line %q is not \"FILE FUNCTION: BEFORE → AFTER — reason\"", file, line)
		}
		out[line[:i]] = line[i+len(dash):]
	}
	return out, nil
}
