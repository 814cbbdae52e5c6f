package convert

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"repmlp/internal/output"
	"repmlp/internal/parallel"
	"repmlp/onnxio"
)

// A job is one call of a front door: what it was asked for, what it reports, the
// models that it reads.
type job struct {
	opts    Options
	invalid error // of the options
	report  *Report
	models  []*onnxio.Model // that must not change meanwhile
	opened  []*onnxio.Model // of these, those that the job closes
	waits   []func() error  // for what goes on beside the work
}

func newJob(command string, opts Options) *job {
	opts, err := opts.complete()
	return &job{opts: opts, invalid: err, report: &Report{Schema: Schema, Tool: Tool{Name: "repmlp", Version: opts.Version}, Command: command, Arguments: opts.Arguments}}
}

// guarded does the work. A panic on whichever goroutine becomes an error; and if a
// file that is read is not what it was when it was opened, that is the reason,
// whatever else seems to be.
func (j *job) guarded(work func() error) error {
	defer func() {
		for _, m := range j.opened {
			m.Close()
		}
	}()
	err := parallel.Guard(work)
	for _, wait := range j.waits {
		wait()
	}
	if err != nil {
		if changed := j.unchanged(); changed != nil {
			return changed
		}
	}
	return err
}

// end completes the report of a job that ended with err.
func (j *job) end(err error) (*Report, error) {
	err = classified(err)
	r := j.report
	if err == nil {
		return r, nil
	}
	switch {
	case errors.Is(err, ErrNotEquivalent):
		r.Verdict = NotEquivalent
	case !errors.Is(err, ErrStrict):
		r.Verdict = Failed
	}
	if r.Command == "convert" {
		r.Output = nil
	}
	r.Error = &Failure{Message: err.Error(), Hint: onnxio.Advice(err)}
	return r, err
}

// unchanged is an error if a file of the models is not what it was when it was
// opened.
func (j *job) unchanged() error {
	for _, m := range j.models {
		if err := m.Changed(); err != nil {
			return err
		}
	}
	return nil
}

// open reads a model, describes it in the report and shows it to the caller.
func (j *job) open(ctx context.Context, path string, facts **FileFacts) (*onnxio.Model, error) {
	m, err := loadModel(ctx, path)
	if err != nil {
		return nil, err
	}
	j.models, j.opened = append(j.models, m), append(j.opened, m)
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	f := factsOf(m)
	f.Path, f.Bytes = path, st.Size()
	for _, data := range m.Files()[1:] {
		if st, err := os.Stat(data); err == nil {
			f.ExternalBytes += st.Size()
		}
	}
	*facts = f
	if j.opts.Opened != nil {
		if err := j.opts.Opened(m, j.report); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// loadModel is onnxio.Load until ctx ends. What is read by then is closed behind it.
func loadModel(ctx context.Context, path string) (*onnxio.Model, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var m *onnxio.Model
	done := make(chan error, 1)
	go func() {
		done <- parallel.Guard(func() (err error) {
			m, err = onnxio.Load(path)
			return err
		})
	}()
	select {
	case err := <-done:
		return m, err
	case <-ctx.Done():
		go func() {
			if <-done == nil {
				m.Close()
			}
		}()
		return nil, ctx.Err()
	}
}

// loadedFacts describes a model that the caller has loaded or made.
func loadedFacts(m *onnxio.Model) *FileFacts {
	f := factsOf(m)
	if files := m.Files(); len(files) > 0 {
		f.Path, f.Bytes = files[0], int64(len(m.FileBytes()))
	}
	return f
}

// later starts f beside other work; the result waits for its end, and so does the
// job.
func (j *job) later(f func() error) func() error {
	done := make(chan error, 1)
	go func() { done <- parallel.Guard(f) }()
	wait := sync.OnceValue(func() error { return <-done })
	j.waits = append(j.waits, wait)
	return wait
}

// hash starts hashing a file; the result waits for the end, when sum has it.
func (j *job) hash(ctx context.Context, path string, sum *string) func() error {
	return j.later(func() (err error) {
		*sum, err = hashOf(ctx, path)
		return err
	})
}

// hashOf is the SHA-256 of a file.
func hashOf(ctx context.Context, path string) (string, error) {
	f, err := output.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, untilDone{ctx, f}); err != nil {
		return "", fmt.Errorf("hashing %q: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// untilDone reads until the context ends.
type untilDone struct {
	ctx context.Context
	io.Reader
}

func (r untilDone) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(b)
}

func hashBytes(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// readAgain has the second reader read what was written, and notes what it did not
// cover, or why it did not run.
func (j *job) readAgain(written []byte, meant *onnxio.Model) error {
	note := func(text string) {
		j.report.Warnings = append(j.report.Warnings, Warning{Code: "second_reader", Message: text})
	}
	switch {
	case j.opts.SecondReader == nil:
		note("not run: no second reader was given")
		return nil
	case written == nil:
		note("not run: the model is in memory and has external data")
		return nil
	}
	missing, err := j.opts.SecondReader.Read(written, meant)
	if err != nil {
		return err
	}
	note("the written file was read back by an independent decoder; not covered: " + strings.Join(missing, ", "))
	return nil
}

// A lazyFolder is a temporary folder for engines that read files; it is made when
// it is asked for.
type lazyFolder struct {
	in     string // "": where the system has its temporary files
	folder *output.Folder
}

func (f *lazyFolder) path() (string, error) {
	if f.folder == nil {
		if f.in == "" {
			f.in = os.TempDir()
		}
		var err error
		if f.folder, err = output.CreateFolder(f.in); err != nil {
			return "", err
		}
	}
	return f.folder.Path, nil
}

// file is what puts a file into the folder when it is asked for first; engines may ask twice.
func (f *lazyFolder) file(put func(dir string) (path string, err error)) func() (string, error) {
	return sync.OnceValues(func() (string, error) {
		dir, err := f.path()
		if err != nil {
			return "", err
		}
		return put(dir)
	})
}

// saved writes a model into the folder.
func (f *lazyFolder) saved(m *onnxio.Model, name string) func() (string, error) {
	return f.file(func(dir string) (string, error) {
		path := filepath.Join(dir, name)
		return path, m.Save(path)
	})
}

func (f *lazyFolder) remove() { f.folder.Remove() }
