package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"repmlp/convert"
	"repmlp/internal/output"
	"repmlp/onnxio"
)

// wanted reports whether anybody reads more than the text.
func (s *settings) wanted() bool { return s.json || len(s.reports) > 0 }

// pictured reports whether anybody looks at drawings.
func (s *settings) pictured() bool {
	return slices.ContainsFunc(s.reports, func(path string) bool {
		f, err := formatOf(path)
		return err == nil && f.extension == htmlFormat.extension
	})
}

// checkReports refuses reports of an unknown format.
func (s *settings) checkReports() error {
	for _, p := range s.reports {
		if _, err := formatOf(p); err != nil {
			return err
		}
	}
	return nil
}

// A rendering writes one report in one format.
type rendering func(w io.Writer, f format) error

// reportOf is the rendering of a report.
func reportOf(r *convert.Report) rendering {
	return func(w io.Writer, f format) error { return f.report(w, r) }
}

// prepared are written reports that do not carry their names yet.
type prepared []*preparedReport

type preparedReport struct {
	path        string
	file        *output.File
	named, kept bool
}

// prepare writes the reports that were asked for, and the stages, to temporary
// files.
func (s *settings) prepare(write rendering, stages *dump) (ready prepared, err error) {
	defer func() {
		if err != nil {
			ready.discard()
		}
	}()
	add := func(what, path string, text []byte) error {
		file, err := output.Create(path, output.Options{})
		if err == nil {
			ready = append(ready, &preparedReport{path: path, file: file})
			_, err = file.Write(text)
		}
		if err != nil {
			return fmt.Errorf("writing %s %q: %w", what, path, err)
		}
		return nil
	}
	for _, path := range s.reports {
		f, err := formatOf(path)
		if err != nil {
			return ready, err
		}
		var b bytes.Buffer
		if err := write(&b, f); err != nil {
			return ready, fmt.Errorf("writing report %q: %w", path, err)
		}
		if err := add("report", path, b.Bytes()); err != nil {
			return ready, err
		}
	}
	for _, f := range stages.files(false) {
		if err := add("stage", f.path, []byte(lines(f.text))); err != nil {
			return ready, err
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

// publish writes the reports, prints, and gives the reports their names. A failure
// leaves none of them; one of printing or later is *reported.
func (s *settings) publish(write rendering, stages *dump, print func() error) error {
	ready, err := s.prepare(write, stages)
	if err != nil {
		return err
	}
	defer ready.discard()
	err = print()
	if err == nil {
		err = ready.commit()
	}
	if err != nil {
		return &reported{err}
	}
	ready.keep()
	return nil
}

// tell prints a finished report and writes the files that were asked for. With -q
// only a text of the least depth is printed, if any.
func (a *app) tell(s *settings, r *convert.Report, least depth) error {
	return a.tellStages(s, r, least, nil)
}

// tellStages is tell with what stages made.
func (a *app) tellStages(s *settings, r *convert.Report, least depth, stages *dump) error {
	return s.publish(reportOf(r), stages, func() error {
		switch d := a.depth(); {
		case s.json:
			return printJSON(a.out, r)
		case d >= least:
			return writeText(a.out, r, d, a.look)
		}
		return nil
	})
}

// failing is the report of a command that came to nothing.
func failing(command, input string) *convert.Report {
	return &convert.Report{Schema: convert.Schema, Tool: convert.Tool{Name: "repmlp", Version: version}, Command: command, Input: &convert.FileFacts{Path: input}}
}

// conclude reports a failure where reports were asked for: files where the
// models were judged, standard output always. It returns err.
func (a *app) conclude(ctx context.Context, s *settings, stages *dump, r *convert.Report, err error) error {
	if err == nil {
		return nil
	}
	err = a.reportable(err)
	code := exitCode(ctx, err)
	switch code {
	case exitFailed:
		r.Verdict = convert.Failed
	case exitNotEquivalent, exitStrict: // as it is
	default:
		return err
	}
	r.Error = &convert.Failure{Message: err.Error(), Hint: onnxio.Advice(err)}
	if code != exitFailed {
		if e := s.publish(reportOf(r), stages, func() error { return nil }); e != nil {
			a.warn(e.Error(), "")
		}
	}
	if _, said := errors.AsType[*reported](err); said {
		return err
	}
	switch { // a failing standard output is noticed at the end
	case s.json:
		printJSON(a.out, r)
	case a.verbose && code != exitFailed:
		writeText(a.out, r, everything, a.look)
	}
	return err
}

// A reported error came after the report was printed.
type reported struct{ error }

func (r *reported) Unwrap() error { return r.error }
