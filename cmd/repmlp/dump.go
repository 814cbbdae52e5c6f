package main

import (
	"fmt"
	"path/filepath"

	"repmlp/convert"
)

// A dump is what --dump writes: a text for each stage of a conversion. A nil one
// writes nothing.
type dump struct {
	dir   string
	texts map[string]string // by stage
}

// newDump is a dump into a folder, nil for "".
func newDump(dir string) *dump {
	if dir == "" {
		return nil
	}
	return &dump{dir, map[string]string{}}
}

// note is what a conversion is to call.
func (d *dump) note() func(stage, text string) error {
	if d == nil {
		return nil
	}
	return func(stage, text string) error {
		d.texts[stage] = text
		return nil
	}
}

// A dumpFile is the text of one stage and where it goes.
type dumpFile struct{ path, text string }

// files are those of the stages that were reached, or all that may be written.
func (d *dump) files(all bool) (list []dumpFile) {
	if d == nil {
		return nil
	}
	for i, stage := range convert.Stages() {
		text, reached := d.texts[stage.Name]
		if reached || all {
			list = append(list, dumpFile{filepath.Join(d.dir, fmt.Sprintf("%02d-%s.txt", i+1, stage.Name)), text})
		}
	}
	return list
}
