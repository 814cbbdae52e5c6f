package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"repmlp/convert"
	"repmlp/internal/output"
	"repmlp/onnxio"
)

// reportFlags say where the report of a command goes.
type reportFlags struct {
	files []string
	json  bool
}

func (f *reportFlags) add(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringArrayVar(&f.files, "report", nil, "also write a report to `FILE`, by extension "+reportExtensions+"; repeatable")
	fl.BoolVar(&f.json, "json", false, "print the JSON report instead of text")
	complete(cmd, "report", extensions("json", "html", "txt"))
}

// wanted reports whether anybody reads more than the text.
func (f *reportFlags) wanted() bool { return f.json || len(f.files) > 0 }

const reportExtensions = ".json, .html or .txt"

// reportKind is a report's extension in lower case.
func reportKind(path string) string { return strings.ToLower(filepath.Ext(path)) }

// check refuses reports of an unknown kind.
func (f *reportFlags) check() error {
	for _, p := range f.files {
		switch reportKind(p) {
		case ".json", ".txt", ".html":
		default:
			return coded(exitUsage, fmt.Errorf("--report %q: the extension must be %s", p, reportExtensions))
		}
	}
	return nil
}

// A rendering writes one report in one kind.
type rendering func(w io.Writer, kind string) error

// render is the rendering of a report.
func render(r *convert.Report) rendering {
	return func(w io.Writer, kind string) error {
		switch kind {
		case ".json":
			return printJSON(w, r)
		case ".html":
			return writeHTML(w, r)
		}
		return writeText(w, r, everything)
	}
}

// prepared are written reports that do not carry their names yet.
type prepared []*preparedReport

type preparedReport struct {
	path        string
	file        *output.File
	named, kept bool
}

// prepare writes the reports that were asked for to temporary files.
func (f *reportFlags) prepare(write rendering) (ready prepared, err error) {
	defer func() {
		if err != nil {
			ready.discard()
		}
	}()
	for _, path := range f.files {
		var b bytes.Buffer
		err := write(&b, reportKind(path))
		var file *output.File
		if err == nil {
			file, err = output.Create(path, output.Options{})
		}
		if err == nil {
			ready = append(ready, &preparedReport{path: path, file: file})
			_, err = file.Write(b.Bytes())
		}
		if err != nil {
			return ready, fmt.Errorf("writing report %q: %w", path, err)
		}
	}
	return ready, nil
}

// commit gives the reports their names. After an error discard takes them back.
func (p prepared) commit() error {
	for _, f := range p {
		if err := f.file.Commit(); err != nil {
			return fmt.Errorf("writing report %q: %w", f.path, err)
		}
		f.named = true
	}
	return nil
}

// keep makes discard leave the reports alone.
func (p prepared) keep() {
	for _, f := range p {
		f.kept = true
	}
}

// discard removes the reports, those that carry their names too.
func (p prepared) discard() {
	for _, f := range p {
		if f.named && !f.kept {
			os.Remove(f.path)
		}
		f.file.Close()
	}
}

// write prepares the reports and gives them their names.
func (f *reportFlags) write(write rendering) error {
	ready, err := f.prepare(write)
	if err != nil {
		return err
	}
	defer ready.discard()
	if err := ready.commit(); err != nil {
		return err
	}
	ready.keep()
	return nil
}

// tell prints a finished report and writes the files that were asked for. With -q
// only a text of the least depth is printed, if any.
func (a *app) tell(f *reportFlags, r *convert.Report, least depth) error {
	ready, err := f.prepare(render(r))
	if err != nil {
		return err
	}
	defer ready.discard()
	switch d := a.depth(); {
	case f.json:
		err = printJSON(a.out, r)
	case d >= least:
		err = writeText(a.out, r, d)
	}
	if err == nil {
		err = ready.commit()
	}
	if err != nil {
		return &reported{err}
	}
	ready.keep()
	return nil
}

func newReport(command string) *convert.Report {
	return &convert.Report{Schema: convert.Schema, Tool: convert.Tool{Name: "repmlp", Version: version}, Command: command}
}

// conclude reports a failure where reports were asked for: files where the
// models were judged, standard output always. It returns err.
func (a *app) conclude(ctx context.Context, f *reportFlags, r *convert.Report, err error) error {
	if err == nil {
		return nil
	}
	code := exitCode(ctx, err)
	switch code {
	case exitFailed:
		r.Verdict = convert.Failed
	case exitNotEquivalent:
		r.Verdict = convert.NotEquivalent
	case exitStrict:
	default:
		return err
	}
	if r.Command == "convert" {
		r.Output = nil
	}
	r.Error = &convert.Failure{Message: err.Error(), Hint: onnxio.Advice(err)}
	if code != exitFailed {
		if e := f.write(render(r)); e != nil {
			a.warn(e.Error(), "")
		}
	}
	if _, said := errors.AsType[*reported](err); said {
		return err
	}
	switch { // a failing standard output is noticed at the end
	case f.json:
		printJSON(a.out, r)
	case a.verbose && code != exitFailed:
		writeText(a.out, r, everything)
	}
	return err
}

// A reported error came after the report was printed.
type reported struct{ error }

func (r *reported) Unwrap() error { return r.error }
