package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"repmlp/convert"
)

// A format is one way to write reports into files.
type format struct {
	extension string // of the files, without its dot
	media     string // the media type
	report    func(io.Writer, *convert.Report) error
	bench     func(io.Writer, *benchReport) error
}

// formats are the ways to write a report, a line for each.
func formats() []format {
	return []format{
		jsonFormat,
		htmlFormat,
		textFormat,
		markdownFormat,
		junitFormat,
	}
}

// formatOf is the format of a report by its extension, in any case.
func formatOf(path string) (format, error) {
	for _, f := range formats() {
		if strings.EqualFold(filepath.Ext(path), "."+f.extension) {
			return f, nil
		}
	}
	return format{}, coded(exitUsage, fmt.Errorf("--report %q: the extension must be %s", path, reportExtensions()))
}

// reportKinds are the extensions without their dots.
func reportKinds() []string {
	var kinds []string
	for _, f := range formats() {
		kinds = append(kinds, f.extension)
	}
	return kinds
}

// reportExtensions are the extensions in words.
func reportExtensions() string {
	var list []string
	for _, k := range reportKinds() {
		list = append(list, "."+k)
	}
	last := len(list) - 1
	return strings.Join(list[:last], ", ") + " or " + list[last]
}
