package convert

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"repmlp/onnxio"
)

// threeMerges has three layers that each take a BatchNormalization.
const threeMerges = `x : N 4
a = Gemm(x, ?4x4, ?4)
b = BatchNormalization(a, !4, ?4, ?4, !4)
c = Relu(b)
d = Gemm(c, ?4x4, ?4)
e = BatchNormalization(d, !4, ?4, ?4, !4)
f = Relu(e)
g = Gemm(f, ?4x4, ?4)
h = BatchNormalization(g, !4, ?4, ?4, !4)
`

// A check that fails with some merges gets models that have these merges and no others, a
// file each, and finds the smallest set; nothing stays in the folder.
func TestBisect(t *testing.T) {
	path := drawn(t, threeMerges)
	has := func(list []string, want ...string) bool {
		return !slices.ContainsFunc(want, func(s string) bool { return !slices.Contains(list, s) })
	}
	for _, c := range []struct {
		name    string
		outcome func(merges []string) Outcome
		verdict string
		failing string
		open    bool
	}{
		{"one", func(m []string) Outcome { return bad(has(m, "r2")) }, CulpritFound, "r2", false},
		{"two", func(m []string) Outcome { return bad(has(m, "r1", "r3")) }, CulpritFound, "r1 r3", false},
		{"none", func([]string) Outcome { return CheckGood }, NothingFails, "", false},
		{"always", func([]string) Outcome { return CheckBad }, AlwaysFails, "", false},
		{"skipped", func([]string) Outcome { return CheckSkip }, NotTestable, "", false},
		{"open", func(m []string) Outcome {
			if len(m) == 1 || len(m) == 2 {
				return CheckSkip
			}
			return bad(has(m, "r1", "r2", "r3"))
		}, CulpritFound, "r1 r2 r3", true},
	} {
		dir := t.TempDir()
		files := map[string]bool{}
		var outcomes []string
		b, err := Bisect(t.Context(), path, dir, Options{}, func(_ context.Context, file string, run *BisectionRun) (Outcome, error) {
			m, err := onnxio.Load(file)
			if err != nil {
				return 0, err
			}
			defer m.Close()
			if norms := countOps(m)["BatchNormalization"]; norms != 3-len(run.Merges) || files[file] || run.Merges == nil {
				t.Errorf("%s: with %v there are %d norms in %q", c.name, run.Merges, norms, file)
			}
			files[file] = true
			run.Code = 7
			o := c.outcome(run.Merges)
			outcomes = append(outcomes, map[Outcome]string{CheckGood: "good", CheckBad: "bad", CheckSkip: "skipped"}[o])
			return o, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		var failing, told []string
		for _, r := range b.Failing {
			failing = append(failing, r.ID)
		}
		for _, r := range b.Runs {
			told = append(told, r.Outcome)
			if r.Code != 7 {
				t.Errorf("%s: a run without its exit code", c.name)
			}
		}
		if b.Schema != BisectSchema || b.Merges != 3 || b.Verdict != c.verdict || strings.Join(failing, " ") != c.failing || b.Open != c.open || !slices.Equal(told, outcomes) || b.Input.Nodes != 8 || b.Error != nil {
			t.Errorf("%s: %s, %v, open %t, outcomes %v of %v", c.name, b.Verdict, failing, b.Open, told, outcomes)
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("%s: left %v", c.name, left)
		}
	}
}

func bad(is bool) Outcome {
	if is {
		return CheckBad
	}
	return CheckGood
}

// What keeps a search from its end is its error, which the result names.
func TestBisectThatFails(t *testing.T) {
	stop := errors.New("no more")
	fine := func(context.Context, string, *BisectionRun) (Outcome, error) { return CheckGood, nil }
	good, dir := drawn(t, threeMerges), t.TempDir()
	for name, c := range map[string]struct {
		path, dir string
		opts      Options
		check     func(context.Context, string, *BisectionRun) (Outcome, error)
		want      string
	}{
		"the check":   {good, dir, Options{}, func(context.Context, string, *BisectionRun) (Outcome, error) { return 0, stop }, "no more"},
		"the options": {good, dir, Options{Samples: -1}, fine, "Samples -1"},
		"the file":    {filepath.Join(dir, "none"), dir, Options{}, fine, "none"},
		"a dimension": {good, dir, Options{Dims: map[string]int64{"M": 2}}, fine, `"M"`},
		"the folder":  {good, filepath.Join(dir, "none"), Options{}, fine, "making a temporary folder in"},
		"the plan":    {good, dir, Options{Only: []string{"r9"}}, fine, "r9"},
		"a merge":     {good, dir, Options{Dump: func(string, string) error { return stop }}, fine, "no more"},
	} {
		b, err := Bisect(t.Context(), c.path, c.dir, c.opts, c.check)
		if err == nil || !strings.Contains(err.Error(), c.want) || b.Error == nil || b.Error.Message != err.Error() || b.Verdict != "" || b.Failing != nil || len(b.Runs) > 0 {
			t.Errorf("%s: %v, %+v", name, err, b)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left %v", left)
	}
	for k := 1; k <= 2; k++ {
		ctx, cancel := context.WithCancel(t.Context())
		n := 0
		b, err := Bisect(ctx, good, dir, Options{}, func(context.Context, string, *BisectionRun) (Outcome, error) {
			if n++; n == k {
				cancel()
			}
			return CheckBad, nil
		})
		if k == 1 && (n != 1 || !errors.Is(err, context.Canceled) && b.Verdict != AlwaysFails) {
			t.Error(fmt.Sprint("ended: ", err, ", ", n, " runs, ", b.Verdict))
		}
		cancel()
	}
}
