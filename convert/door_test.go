package convert_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"repmlp/convert"
	"repmlp/onnxio"
	"repmlp/verify"
)

// trained is a small classifier with a RepMLP block.
const trained = "../testdata/digits/digits_dynamo.onnx"

// names lists what a folder holds.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	list := []string{}
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func loaded(t *testing.T, path string) *onnxio.Model {
	t.Helper()
	m, err := onnxio.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// Commit is called once, when everything but the name is done.
func TestCommitComesBeforeTheName(t *testing.T) {
	out := filepath.Join(t.TempDir(), "o.onnx")
	calls := 0
	r, err := convert.File(t.Context(), trained, out, convert.Options{Hashes: true, Commit: func(r *convert.Report) error {
		calls++
		if _, err := os.Stat(out); err == nil {
			t.Error("the model has its name already")
		}
		if r.Verdict != convert.Fused || r.Output == nil || len(r.Output.SHA256) != 64 || len(r.Input.SHA256) != 64 || r.Check == nil || !r.Check.Passed || len(r.Seconds) != 6 {
			t.Errorf("the report is not complete: %+v", r)
		}
		return nil
	}})
	if err != nil || calls != 1 || r.Error != nil {
		t.Errorf("%v after %d calls", err, calls)
	}
	if st, err := os.Stat(out); err != nil || st.Size() != r.Output.Bytes {
		t.Errorf("the written file: %v", err)
	}
}

// An error of Commit, or of another hook, ends the run and leaves nothing.
func TestHooksEndTheRun(t *testing.T) {
	stop := errors.New("enough")
	for name, opts := range map[string]convert.Options{
		"Commit": {Commit: func(*convert.Report) error { return stop }},
		"Opened": {Opened: func(*onnxio.Model, *convert.Report) error { return stop }},
		"Dump":   {Dump: func(stage, _ string) error { return stop }},
	} {
		dir := t.TempDir()
		r, err := convert.File(t.Context(), trained, filepath.Join(dir, "o.onnx"), opts)
		if !errors.Is(err, stop) || r.Verdict != convert.Failed || r.Output != nil || r.Error == nil || !strings.Contains(r.Error.Message, "enough") {
			t.Errorf("%s: %v, %+v", name, err, r)
		}
		if left := names(t, dir); len(left) > 0 {
			t.Errorf("%s: left %q", name, left)
		}
	}
}

// A context that ends, at whichever step, is the error, and nothing is left.
func TestContextsEndTheRun(t *testing.T) {
	late, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	if r, err := convert.File(late, trained, filepath.Join(t.TempDir(), "o.onnx"), convert.Options{}); !errors.Is(err, context.DeadlineExceeded) || r.Verdict != convert.Failed {
		t.Errorf("a deadline that has passed: %v", err)
	}
	steps := []string{"planning", "merging", "proving", "checking", "saving"}
	for _, at := range append([]string{"opened", "progress", "dump"}, steps...) {
		dir := t.TempDir()
		ctx, cancel := context.WithCancel(t.Context())
		var seen []string
		opts := convert.Options{
			Opened: func(*onnxio.Model, *convert.Report) error {
				if at == "opened" {
					cancel()
				}
				return nil
			},
			Began: func(step string) {
				if seen = append(seen, step); at == step {
					cancel()
				}
			},
			Progress: func(string, int, int) {
				if at == "progress" {
					cancel()
				}
			},
			Dump: func(stage, _ string) error {
				if at == "dump" && stage == "facts" {
					cancel()
				}
				return nil
			},
			Commit: func(*convert.Report) error {
				t.Errorf("%s: Commit was called", at)
				return nil
			},
		}
		r, err := convert.File(ctx, trained, filepath.Join(dir, "o.onnx"), opts)
		cancel()
		if !errors.Is(err, context.Canceled) || r.Verdict != convert.Failed || r.Output != nil {
			t.Errorf("%s: %v, %+v", at, err, r)
		}
		if left := names(t, dir); len(left) > 0 {
			t.Errorf("%s: left %q", at, left)
		}
		if i := slices.Index(steps, at); i >= 0 && !slices.Equal(seen, steps[:i+1]) {
			t.Errorf("%s: the steps %q began", at, seen)
		}
	}
	done, stop := context.WithCancel(t.Context())
	stop()
	m := loaded(t, trained)
	if _, _, err := convert.Model(done, m, convert.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Model: %v", err)
	}
	if _, err := convert.Inspect(done, m, convert.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Inspect: %v", err)
	}
	if _, err := convert.CompareFiles(done, trained, trained, convert.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("CompareFiles: %v", err)
	}
}

// A brief context ends when it was asked so many times.
type brief struct {
	context.Context
	left atomic.Int64
}

func (b *brief) Err() error {
	if b.left.Add(-1) < 0 {
		return context.Canceled
	}
	return nil
}

// Wherever a context is looked at it may end: planning and loading look at it too.
func TestContextsEndAnywhere(t *testing.T) {
	for name, c := range map[string]struct {
		do    func(ctx context.Context) error
		least int64 // times that it is looked at
	}{
		"InspectFile": {func(ctx context.Context) error {
			_, err := convert.InspectFile(ctx, trained, convert.Options{})
			return err
		}, 100},
		"File": {func(ctx context.Context) error {
			dir := t.TempDir()
			_, err := convert.File(ctx, trained, filepath.Join(dir, "o.onnx"), convert.Options{NoCheck: true})
			if left := names(t, dir); err != nil && len(left) > 0 {
				t.Errorf("left %q", left)
			}
			return err
		}, 200},
	} {
		n, step := int64(0), int64(1)
		for ; ; n += step {
			ctx := &brief{Context: context.Background()}
			ctx.left.Store(n)
			err := c.do(ctx)
			if err == nil {
				break
			}
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("%s: ended after %d looks: %v", name, n, err)
			}
			step = 1 + n/20
		}
		if n < c.least {
			t.Errorf("%s looks at its context %d times, want %d or more", name, n, c.least)
		}
	}
}

// A failing prover finds a difference in every merge.
type failing struct{ verify.Prover }

func (*failing) Prove(context.Context, verify.Claim) (verify.Proof, error) {
	return verify.Proof{Rows: 1, MaxAbs: 1, Bound: 2}, nil
}

// Programs tell the kinds of errors apart, whatever they say.
func TestErrorsHaveKinds(t *testing.T) {
	dir := t.TempDir()
	put := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	kinds := map[string]error{"not ONNX": convert.ErrNotONNX, "unsupported": convert.ErrUnsupported, "budget": convert.ErrBudget, "not equivalent": convert.ErrNotEquivalent, "strict": convert.ErrStrict}
	foreign := "../testdata/cases/fw_ktf_gconv_unknown_op/model.onnx"
	for name, c := range map[string]struct {
		in   string
		opts convert.Options
		kind string
	}{
		"a text":         {put("a.onnx", "some text"), convert.Options{}, "not ONNX"},
		"an empty file":  {put("b.onnx", ""), convert.Options{}, "not ONNX"},
		"no file":        {filepath.Join(dir, "c.onnx"), convert.Options{}, ""},
		"an unknown op":  {foreign, convert.Options{}, "unsupported"},
		"little memory":  {trained, convert.Options{MaxMemory: 100}, "budget"},
		"a wrong merge":  {trained, convert.Options{Prover: &failing{}}, "not equivalent"},
		"no tolerance":   {trained, convert.Options{Tolerance: &convert.Tolerance{}}, "not equivalent"},
		"a decline":      {"../testdata/training.onnx", convert.Options{Strict: true}, "strict"},
		"a dimension":    {trained, convert.Options{Dims: map[string]int64{"nowhere": 3}}, ""},
		"wrong options":  {trained, convert.Options{Samples: -1}, ""},
		"wrong options ": {trained, convert.Options{Tolerance: &convert.Tolerance{Relative: -1}}, ""},
	} {
		out := filepath.Join(t.TempDir(), "o.onnx")
		r, err := convert.File(t.Context(), c.in, out, c.opts)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		for kind, is := range kinds {
			if errors.Is(err, is) != (kind == c.kind) {
				t.Errorf("%s: %v is %q: %v, want %q", name, err, kind, errors.Is(err, is), c.kind)
			}
		}
		want := map[string]string{"not equivalent": convert.NotEquivalent, "strict": convert.Declined}[c.kind]
		if want == "" {
			want = convert.Failed
		}
		if r.Verdict != want || r.Error == nil || r.Error.Message != err.Error() || r.Input.Path != c.in || r.Output != nil {
			t.Errorf("%s: the report is %+v", name, r)
		}
		if left := names(t, filepath.Dir(out)); len(left) > 0 {
			t.Errorf("%s: left %q", name, left)
		}
	}
	_, err := convert.File(t.Context(), "../testdata/training.onnx", filepath.Join(dir, "o.onnx"), convert.Options{Strict: true})
	if e, ok := errors.AsType[*convert.StrictError](err); !ok || e.Verdict != convert.Declined || e.First == nil || e.First.Code == "" {
		t.Errorf("%#v", err)
	}
	several := "../testdata/cases/dyn_v1_init_inputs/model.onnx" // the first of its declines is the one that is told
	r, err := convert.File(t.Context(), several, filepath.Join(dir, "o.onnx"), convert.Options{Strict: true})
	if e, ok := errors.AsType[*convert.StrictError](err); !ok || len(r.Declined) < 2 || e.First != &r.Declined[0] {
		t.Errorf("%#v, of %d", err, len(r.Declined))
	}
	_, err = convert.File(t.Context(), trained, filepath.Join(dir, "o.onnx"), convert.Options{MaxMemory: 100})
	if e, ok := errors.AsType[*onnxio.Exceeded](err); !ok || e.Limit != 100 {
		t.Errorf("%#v", err)
	}
}

// Zero samples are one, no tolerance is the noise floor, a tolerance of zero is
// zero, proofs are on.
func TestZeroOptions(t *testing.T) {
	m := loaded(t, trained)
	made, r, err := convert.Model(t.Context(), m, convert.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Check == nil || r.Check.Runs != 1 || r.Check.Engine != "go" || float64(r.Check.RTol) <= 0 || r.Tool.Version != convert.Version {
		t.Errorf("%+v", r.Check)
	}
	for _, g := range r.Regions {
		if g.Proof == nil {
			t.Errorf("region %s has no proof", g.ID)
		}
	}
	if !slices.ContainsFunc(r.Warnings, func(w convert.Warning) bool {
		return w.Code == "second_reader" && strings.HasPrefix(w.Message, "not run")
	}) {
		t.Errorf("nothing says that no second reader ran: %v", r.Warnings)
	}
	out := filepath.Join(t.TempDir(), "o.onnx")
	if _, err := convert.File(t.Context(), trained, out, convert.Options{}); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if have, err := made.Encode(); err != nil || !slices.Equal(have, b) {
		t.Errorf("Model and File make other bytes: %v", err)
	}
	again, _, err := convert.Model(t.Context(), made, convert.Options{})
	if err != nil || again != made {
		t.Errorf("nothing to merge: another model, %v", err)
	}
	_, r, err = convert.Model(t.Context(), m, convert.Options{Unproved: true, NoCheck: true})
	if err != nil || r.Check != nil || r.Regions[0].Proof != nil {
		t.Errorf("without proofs and check: %v, %+v", err, r)
	}
}

// A second reader that disagrees, and one that does not.
func TestSecondReaderIsAsked(t *testing.T) {
	m := loaded(t, trained)
	for _, disagrees := range []error{nil, errors.New("I read something else")} {
		reader := &reader{err: disagrees}
		r, err := convert.File(t.Context(), trained, filepath.Join(t.TempDir(), "o.onnx"), convert.Options{SecondReader: reader, NoCheck: true})
		if !errors.Is(err, disagrees) || reader.bytes == 0 || disagrees == nil && !slices.ContainsFunc(r.Warnings, func(w convert.Warning) bool { return strings.Contains(w.Message, "not covered: poems") }) {
			t.Errorf("File: %v, %d bytes, %v", err, reader.bytes, r.Warnings)
		}
		reader.bytes = 0
		if _, _, err := convert.Model(t.Context(), m, convert.Options{SecondReader: reader, NoCheck: true}); !errors.Is(err, disagrees) || reader.bytes == 0 {
			t.Errorf("Model: %v, %d bytes", err, reader.bytes)
		}
	}
}

type reader struct {
	err   error
	bytes int
}

func (r *reader) Read(written []byte, meant *onnxio.Model) ([]string, error) {
	r.bytes = len(written)
	return []string{"poems"}, r.err
}

// An engine that reads files finds both models in them, and the files are gone
// afterwards.
func TestEnginesFindFiles(t *testing.T) {
	training := "../testdata/cases/leg_v1_training_13/model.onnx"
	for _, c := range []struct {
		in   string
		opts convert.Options
		own  bool // the reference has a file of its own
	}{{trained, convert.Options{}, false}, {training, convert.Options{BatchStatistics: true}, true}} {
		m := loaded(t, c.in)
		c.opts.Unproved = true
		for name, do := range map[string]func(opts convert.Options) error{
			"File": func(o convert.Options) error {
				_, err := convert.File(t.Context(), c.in, filepath.Join(t.TempDir(), "o.onnx"), o)
				return err
			},
			"Model": func(o convert.Options) error { _, _, err := convert.Model(t.Context(), m, o); return err },
		} {
			e := &fileEngine{}
			c.opts.Engine = e
			if err := do(c.opts); err != nil {
				t.Errorf("%s of %s: %v", name, c.in, err)
			}
			if len(e.paths) != 2 || e.paths[0] == e.paths[1] || (e.paths[0] != c.in) != c.own {
				t.Fatalf("%s of %s: files %q", name, c.in, e.paths)
			}
			if _, err := os.Stat(e.paths[1]); err == nil {
				t.Errorf("%s: %s is still there", name, e.paths[1])
			}
		}
	}
}

type fileEngine struct{ paths []string }

func (e *fileEngine) Compare(ctx context.Context, ref, cand convert.Side, o verify.CompareOptions) (*verify.Comparison, string, error) {
	var models []*onnxio.Model
	for _, s := range []convert.Side{ref, cand} {
		path, err := s.File()
		if err != nil {
			return nil, "", err
		}
		if again, err := s.File(); err != nil || again != path { // as for timing what was compared
			return nil, "", fmt.Errorf("the file is %q, then %q: %w", path, again, err)
		}
		m, err := onnxio.Load(path)
		if err != nil {
			return nil, "", err
		}
		defer m.Close()
		e.paths, models = append(e.paths, path), append(models, m)
	}
	c, err := verify.Compare(ctx, models[0], models[1], o)
	return c, "files", err
}

// StopAfter makes the first merges, in the order of the graph and the same ones
// whatever comes after.
func TestStopAfter(t *testing.T) {
	m := loaded(t, trained)
	_, all, err := convert.Model(t.Context(), m, convert.Options{NoCheck: true})
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= len(all.Regions)+1; n++ {
		made, r, err := convert.Model(t.Context(), m, convert.Options{StopAfter: n})
		if err != nil {
			t.Fatalf("after %d: %v", n, err)
		}
		want := min(n, len(all.Regions))
		if len(r.Regions) != want || made == m {
			t.Errorf("after %d: %d merges", n, len(r.Regions))
		}
		for i, g := range r.Regions {
			if g.Value != all.Regions[i].Value || !slices.Equal(g.Merged, all.Regions[i].Merged) {
				t.Errorf("after %d: merge %d is that of %q, want %q", n, i, g.Value, all.Regions[i].Value)
			}
		}
		stopped := slices.ContainsFunc(r.Warnings, func(w convert.Warning) bool { return w.Code == "stopped_early" })
		if less := n < len(all.Regions); stopped != less || (r.Verdict == convert.Partial) != less {
			t.Errorf("after %d: verdict %s, warned %v", n, r.Verdict, stopped)
		}
	}
}

// A dump shows all stages in order, the same text in every run.
func TestDump(t *testing.T) {
	run := func() (order []string, texts map[string]string) {
		texts = map[string]string{}
		_, err := convert.File(t.Context(), trained, filepath.Join(t.TempDir(), "o.onnx"), convert.Options{NoCheck: true, Dump: func(stage, text string) error {
			order = append(order, stage)
			texts[stage] = text
			return nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		return order, texts
	}
	order, first := run()
	var want []string
	for _, s := range convert.Stages() {
		want = append(want, s.Name)
	}
	if !slices.Equal(order, want) {
		t.Errorf("stages %q, want %q", order, want)
	}
	_, second := run()
	for stage, text := range first {
		if text != second[stage] || len(text) < 10 {
			t.Errorf("stage %s: %d bytes, then %d", stage, len(text), len(second[stage]))
		}
	}
}

// undoable is a conv with a bias, a constant that takes the bias away, and a conv
// that pads with zeros: whether these are the image of zero is a matter of digits.
func undoable(t *testing.T) string {
	t.Helper()
	m := near(t, onnxio.Float32, func(b *graphBuilder) string {
		bias := []float64{0.5, -1, 2, 3}
		i, j := 0, 0
		y := b.op("Conv", []string{"x", b.normal(4, 4, 1, 1), b.weight(func() float64 { i++; return bias[i-1] }, 4)})
		y = b.op("Sub", []string{b.weight(func() float64 { j++; return bias[j-1] }, 4, 1, 1), y})
		return b.conv(y, 4, 4, 3, 1)
	})
	path := filepath.Join(t.TempDir(), "m.onnx")
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	return path
}

// A once prover refuses the first merge.
type once struct {
	verify.Prover
	asked bool
}

func (o *once) Prove(ctx context.Context, c verify.Claim) (verify.Proof, error) {
	if o.asked {
		return o.Prover.Prove(ctx, c)
	}
	o.asked = true
	return verify.Proof{Rows: 1, MaxAbs: 1, Bound: 2}, nil
}

// Where a proof refuses a merge because of its numbers, the plan is made anew; what
// was written for the first one does not stay open.
func TestRefusedMergeIsNotKept(t *testing.T) {
	in, dir := undoable(t), t.TempDir()
	for refused, opts := range map[bool]convert.Options{false: {}, true: {Prover: &once{}}} {
		r, err := convert.File(t.Context(), in, filepath.Join(dir, "o.onnx"), opts)
		if err != nil {
			t.Fatal(err)
		}
		if want := map[bool]int{false: 3, true: 2}[refused]; len(r.Regions) != 1 || len(r.Regions[0].Merged) != want {
			t.Errorf("refused %v: merged %v", refused, r.Regions)
		}
		fds, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			continue // another system
		}
		for _, fd := range fds {
			if to, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil && strings.HasPrefix(to, dir) {
				t.Errorf("refused %v: %s is open", refused, to)
			}
		}
	}
}

// With values a plan asks for the proofs that decide whether a merge stays, of one merge
// too.
func TestPlanValuesAsksForOpenProofs(t *testing.T) {
	m := loaded(t, undoable(t))
	for refused, prover := range map[bool]convert.Prover{false: &verify.Prover{}, true: &once{}} {
		p, err := convert.PlanValues(t.Context(), m, convert.Options{Prover: prover})
		if err != nil {
			t.Fatal(err)
		}
		if want := map[bool]int{false: 3, true: 2}[refused]; len(p.Regions) != 1 || len(p.Regions[0].Merged) != want {
			t.Errorf("refused %v: merged %v", refused, p.Regions)
		}
	}
}
