package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"repmlp/convert"
	"repmlp/internal/nudge"
	"repmlp/onnxio"
	"repmlp/verify"
)

// bisectCheck is the check of these tests, which the test's own program runs. It says bad
// of a model
//
//	has FILE VALUE...             with the merged weights of all values
//	nudged REFERENCE FILE VALUE   whose outputs differ once the merged weight of the value,
//	                              if it has one, is moved
//	code FILE N LOG               never: it ends with a code and notes in LOG that it ran
func bisectCheck(args []string) int {
	find := func(m *onnxio.Model, value string) *onnxio.Tensor {
		for _, t := range m.Graph().Inits() {
			if t.Name() == value+".weight" {
				return t
			}
		}
		return nil
	}
	load := func(path string) *onnxio.Model {
		m, err := onnxio.Load(path)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(200)
		}
		return m
	}
	switch args[0] {
	case "has":
		m := load(args[1])
		for _, value := range args[2:] {
			if find(m, value) == nil {
				return 0
			}
		}
		return 1
	case "nudged":
		ref, m := load(args[1]), load(args[2])
		if w := find(m, args[3]); w != nil {
			var err error
			if m, err = nudge.Weight(m, w, 0, 1000); err != nil {
				return 201
			}
		}
		c, err := verify.Compare(context.Background(), ref, m, verify.CompareOptions{})
		if err != nil {
			return 202
		}
		if !c.Passed {
			return 3
		}
		return 0
	case "code":
		f, err := os.OpenFile(args[3], os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			return 203
		}
		fmt.Fprintln(f, args[1])
		f.Close()
		if args[2] == "sleep" {
			time.Sleep(time.Minute)
		}
		code := 0
		fmt.Sscan(args[2], &code)
		return code
	}
	return 204
}

// ladder writes a model of n merges: convs with norms, an activation behind each. It
// returns the values that the merges make.
func ladder(t *testing.T, n int, path string) (values []string) {
	t.Helper()
	rng := rand.New(rand.NewPCG(11, 12))
	p := onnxio.Parts{Inputs: []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, onnxio.Known(2), onnxio.Known(4), onnxio.Known(3), onnxio.Known(3))}}
	numbers := func(name string, low float64, dims ...int64) string {
		count := int64(1)
		for _, d := range dims {
			count *= d
		}
		v := make([]float64, count)
		for i := range v {
			v[i] = low + rng.Float64()
		}
		b, err := onnxio.EncodeFloat64(v, onnxio.Float32)
		if err != nil {
			t.Fatal(err)
		}
		x, err := onnxio.NewTensor(name, onnxio.Float32, dims, b)
		if err != nil {
			t.Fatal(err)
		}
		p.Inits = append(p.Inits, x)
		return name
	}
	x := "x"
	for i := range n {
		name := func(s string) string { return fmt.Sprintf("/%d/%s", i, s) }
		p.Nodes = append(p.Nodes, onnxio.NewNode(name("conv"), "Conv", []string{x, numbers(name("w"), -0.5, 4, 4, 1, 1)}, []string{name("c")}),
			onnxio.NewNode(name("bn"), "BatchNormalization", []string{name("c"), numbers(name("g"), 0.5, 4), numbers(name("b"), -0.5, 4), numbers(name("m"), -0.5, 4), numbers(name("v"), 0.5, 4)}, []string{name("y")}),
			onnxio.NewNode(name("act"), "LeakyRelu", []string{name("y")}, []string{name("a")}, onnxio.FloatAttr("alpha", 0.9)))
		x = name("a")
		values = append(values, name("y"))
	}
	p.Outputs = []*onnxio.ValueInfo{onnxio.NewValue(x, onnxio.Float32, onnxio.Known(2), onnxio.Known(4), onnxio.Known(3), onnxio.Known(3))}
	m, err := onnxio.NewModel(p)
	if err == nil {
		err = m.Save(path)
	}
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// bisection runs bisect with the check of these tests.
func bisection(t *testing.T, model string, args ...string) (*convert.Bisection, int, string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	check := "'" + self + "' bisect-check " + args[0]
	code, out, errw := repmlp(append([]string{"bisect", model, "--json", "-q", "--check", check}, args[1:]...)...)
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("%v: left %v", args, left)
	}
	b := &convert.Bisection{}
	if code == exitDone || out != "" {
		if err := json.Unmarshal([]byte(out), b); err != nil || b.Schema != convert.BisectSchema {
			t.Errorf("%v: %v: %s", args, err, out)
		}
		s, err := compiledBisection()
		if err != nil {
			t.Fatal(err)
		}
		if err := conforms(s, out); err != nil {
			t.Errorf("%v: %v", args, err)
		}
	}
	return b, code, errw
}

func culprits(b *convert.Bisection) (values []string) {
	for _, g := range b.Failing {
		values = append(values, g.Value)
	}
	return values
}

// Each of ten merges that a check takes for wrong is found in log2(n) + 3 runs, and so is
// one whose weight is moved in the written file; two that fail only together are found
// together.
func TestBisectFindsPlantedMerges(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long; nothing in it runs side by side that other tests do not")
	}
	const n = 21
	model := filepath.Join(t.TempDir(), "model.onnx")
	values := ladder(t, n, model)
	most := math.Log2(n) + 3
	rng := rand.New(rand.NewPCG(5, 6))
	for i, k := range rng.Perm(n)[:10] {
		b, code, errw := bisection(t, model, "has {} "+values[k])
		if code != exitDone || b.Merges != n || !slices.Equal(culprits(b), values[k:k+1]) || float64(len(b.Runs)) > most {
			t.Errorf("merge %d: exit %d, %v of %d in %d runs: %s", k, code, culprits(b), b.Merges, len(b.Runs), errw)
		}
		if i >= 3 {
			continue
		}
		b, code, errw = bisection(t, model, "nudged '"+model+"' {} "+values[k])
		if code != exitDone || !slices.Equal(culprits(b), values[k:k+1]) || float64(len(b.Runs)) > most {
			t.Errorf("nudged merge %d: exit %d, %v in %d runs: %s", k, code, culprits(b), len(b.Runs), errw)
		}
	}
	b, code, errw := bisection(t, model, "has {} "+values[17]+" "+values[4])
	if code != exitDone || !slices.Equal(culprits(b), []string{values[4], values[17]}) || b.Open {
		t.Errorf("two together: exit %d, %v in %d runs: %s", code, culprits(b), len(b.Runs), errw)
	}
	b, code, _ = bisection(t, model, "has {} "+values[17], "--skip", "/17/**", "--allow-growth")
	if code != exitDone || b.Verdict != convert.NothingFails || b.Merges != n-1 {
		t.Errorf("without it: exit %d, %+v", code, b)
	}
}

// What exit codes of the check mean, and what is refused before any work.
func TestBisectExitCodes(t *testing.T) {
	dir := t.TempDir()
	model := filepath.Join(dir, "model.onnx")
	ladder(t, 3, model)
	for i, c := range []struct {
		check string
		args  []string
		code  int
		want  string
		runs  int
	}{
		{"code {} 0", nil, exitDone, "", 3}, {"code {} 1", nil, exitFailed, "without any merge (exit 1)", 1}, {"code {} 127", nil, exitFailed, "without any merge (exit 127)", 1},
		{"code {} 125", nil, exitFailed, "says nothing (exit 125)", 1}, {"code {} 128", nil, exitFailed, "ended the search: exit status 128", 1},
		{"code {} sleep", []string{"--timeout", "1s"}, exitFailed, "without any merge (exit 124)", 1},
	} {
		log := filepath.Join(dir, fmt.Sprint(i))
		_, code, errw := bisection(t, model, append([]string{c.check + " '" + log + "'"}, c.args...)...)
		ran, _ := os.ReadFile(log)
		if code != c.code || !strings.Contains(errw, c.want) || strings.Count(string(ran), "\n") != c.runs {
			t.Errorf("%s: exit %d after %q: %s", c.check, code, ran, errw)
		}
	}
	for _, args := range [][]string{{}, {"--check", ""}, {"--check", "true"}, {"--check", "true '{}"}, {"--check", "no-such-program-here {}"}, {"--check", "true {} | cat"}, {"--check", "true {}", "--timeout", "-1s"}, {"--check", "true {}", "--timeout", "soon"}, {"--check", "true {}", "--skip", "[a"}} {
		if code, _, errw := repmlp(append([]string{"bisect", model}, args...)...); code != exitUsage {
			t.Errorf("%q: exit %d: %s", args, code, errw)
		}
	}
}

// The text names the merge and the command that avoids it, and says each run.
func TestBisectTells(t *testing.T) {
	model := filepath.Join(t.TempDir(), "model.onnx")
	values := ladder(t, 4, model)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	code, out, errw := repmlp("bisect", model, "--fc", "conv", "--check", "'"+self+"' bisect-check has {} "+values[2])
	for _, want := range []string{"r3: 2 nodes into one Conv 4 -> 4: " + values[2], "1 merge of 4 fails the check alone", "without: repmlp convert " + model + " --fc conv --skip r3"} {
		if code != exitDone || !strings.Contains(out, want) {
			t.Errorf("exit %d, %q is missing in\n%s", code, want, out)
		}
	}
	if !strings.Contains(errw, "run 1: no merge: good") || !strings.Contains(errw, ": bad (exit 1") {
		t.Errorf("runs: %s", errw)
	}
	if code, _, errw := repmlp("convert", model, "-o", filepath.Join(t.TempDir(), "o.onnx"), "--skip", "r3"); code != exitDone {
		t.Errorf("exit %d: %s", code, errw)
	}
}

// A model without a merge is searched no further.
func TestBisectOfNothing(t *testing.T) {
	model := filepath.Join(t.TempDir(), "model.onnx")
	ladder(t, 0, model)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	code, out, errw := repmlp("bisect", model, "--check", "'"+self+"' bisect-check has {} x", "-q")
	if code != exitDone || out != "nothing to search: no merge is there to make; the check passes (1 run)\n" {
		t.Errorf("exit %d: %s%s", code, out, errw)
	}
}

// A search that is interrupted ends its check and leaves nothing.
func TestBisectIsInterrupted(t *testing.T) {
	dir, log := t.TempDir(), filepath.Join(t.TempDir(), "log")
	model := filepath.Join(t.TempDir(), "model.onnx")
	ladder(t, 2, model)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", dir)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		for ctx.Err() == nil {
			if _, err := os.Stat(log); err == nil {
				cancel()
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	var out, errw bytes.Buffer
	start := time.Now()
	code := run(ctx, []string{"bisect", model, "--check", "'" + self + "' bisect-check code {} sleep '" + log + "'"}, &out, &errw)
	if left, _ := os.ReadDir(dir); code != exitInterrupted || len(left) > 0 || time.Since(start) > 30*time.Second {
		t.Errorf("exit %d after %v, left %v: %s", code, time.Since(start), left, errw.String())
	}
}
