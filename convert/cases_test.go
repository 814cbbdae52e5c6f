package convert_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"repmlp/convert"
	"repmlp/onnxio"
	"repmlp/verify"
)

const casesDir = "../testdata/cases"

// A testCase is an entry of the manifest.
type testCase struct {
	Name   string         `json:"name"`
	Expect string         `json:"expect"`
	Reason string         `json:"reason"`
	MaxOps map[string]int `json:"max_ops"`
	RTol   float64        `json:"rtol"`
}

// fusedTolerance is the relative error of a converted model against the stored
// outputs by the narrowest type of its weights: a few roundoffs of that type
// through a handful of layers.
var fusedTolerance = map[onnxio.DType]float64{onnxio.Float32: 2e-5, onnxio.Float64: 2e-5, onnxio.Float16: 8e-3, onnxio.BFloat16: 6e-2}

func cases(t testing.TB) []testCase {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(casesDir, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var list []testCase
	if err := json.Unmarshal(b, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

// eachCase runs a test for every case that is a model, side by side.
func eachCase(t *testing.T, f func(t *testing.T, c testCase, m *onnxio.Model)) {
	for _, c := range cases(t) {
		if c.Expect == "error" {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			f(t, c, c.load(t))
		})
	}
}

func (c testCase) dir() string { return filepath.Join(casesDir, c.Name) }

func (c testCase) load(t testing.TB) *onnxio.Model {
	t.Helper()
	m, err := onnxio.Load(filepath.Join(casesDir, c.Name, "model.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func convertModel(t testing.TB, m *onnxio.Model) *convert.Result {
	t.Helper()
	res, err := convert.Convert(context.Background(), m, convert.Options{Prover: &verify.Prover{}})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// untidied is convertModel with nothing done but merges.
func untidied(t testing.TB, m *onnxio.Model) *convert.Result {
	t.Helper()
	res, err := convert.Convert(context.Background(), m, convert.Options{Prover: &verify.Prover{}, NoTidy: true})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestCases(t *testing.T) {
	for _, c := range cases(t) {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			if c.Expect == "error" {
				_, err := onnxio.Load(filepath.Join(casesDir, c.Name, "model.onnx"))
				if err == nil {
					t.Fatal("the file was accepted")
				}
				return
			}
			res := convertModel(t, c.load(t))
			if err := c.judge(res); err != nil {
				t.Error(err)
			}
			c.checkOutputs(t, res.Model)
		})
	}
}

// judge compares verdict, reason and operator counts with the manifest.
func (c testCase) judge(res *convert.Result) error {
	ops := countOps(res.Model)
	limits := c.MaxOps
	if limits == nil && c.Expect == "fused" {
		limits = map[string]int{"BatchNormalization": 0, "Conv>1": 0}
	}
	var over []string
	for op, n := range limits {
		if ops[op] > n {
			over = append(over, fmt.Sprintf("%s %d > %d", op, ops[op], n))
		}
	}
	slices.Sort(over)
	var codes []string
	for _, d := range res.Plan.Declined {
		codes = append(codes, d.Code)
	}
	hasReason := c.Reason == ""
	for want := range strings.SplitSeq(c.Reason, "|") {
		hasReason = hasReason || slices.Contains(codes, want)
	}
	some := res.Verdict == convert.Fused || res.Verdict == convert.Partial
	left := res.Verdict == convert.Declined || res.Verdict == convert.Partial
	bad := func(what string) error {
		return fmt.Errorf("verdict %s, want %s (%s); declined %v; too many %v", res.Verdict, c.Expect, what, codes, over)
	}
	switch c.Expect {
	case "fused":
		if !some || len(over) > 0 {
			return bad("something is left")
		}
	case "fused_or_partial":
		if !some || len(over) > 0 || res.Verdict == convert.Partial && !hasReason {
			return bad("something is left")
		}
	case "partial", "declined":
		if !left || !hasReason || len(over) > 0 {
			return bad("reason " + c.Reason)
		}
	case "unchanged":
		if some {
			return bad("nothing to merge")
		}
	default: // *_or_declined
		if res.Verdict == convert.Fused && len(over) > 0 || res.Verdict == convert.Declined && !hasReason {
			return bad("reason " + c.Reason)
		}
	}
	return nil
}

// countOps counts operators; Conv>1 counts convs with a kernel above 1×1.
func countOps(m *onnxio.Model) map[string]int {
	ops := convert.CountOps(m)
	dims := map[string][]int64{}
	for _, t := range m.Graph().Inits() {
		dims[t.Name()] = t.Dims()
	}
	for _, n := range m.Graph().Nodes() {
		if n.OpType() != "Conv" {
			continue
		}
		kernel := n.Ints("kernel_shape")
		if d := dims[n.Inputs()[1]]; kernel == nil && len(d) > 2 {
			kernel = d[2:]
		}
		if slices.ContainsFunc(kernel, func(k int64) bool { return k > 1 }) {
			ops["Conv>1"]++
		}
	}
	return ops
}

// checkOutputs runs the model on the stored inputs.
func (c testCase) checkOutputs(t *testing.T, m *onnxio.Model) {
	t.Helper()
	sets, _ := filepath.Glob(filepath.Join(casesDir, c.Name, "test_data_set_*"))
	for _, set := range sets {
		inputs, err := verify.ReadDataSet(set, "input")
		if err != nil {
			t.Fatal(err)
		}
		want, err := verify.ReadDataSet(set, "output")
		if err != nil {
			t.Fatal(err)
		}
		if err := c.sameOutputs(m, inputs, want); err != nil {
			t.Errorf("%s: %v", filepath.Base(set), err)
		}
	}
}

func (c testCase) sameOutputs(m *onnxio.Model, inputs, want []*verify.Tensor) error {
	e, err := verify.NewEngine(m, verify.EngineOptions{})
	if err != nil {
		return err
	}
	inits := map[string]bool{}
	tol := 2e-5
	for _, x := range m.Graph().Inits() {
		inits[x.Name()] = true
		tol = max(tol, fusedTolerance[x.DType()])
	}
	if c.RTol > 0 {
		tol = c.RTol
	}
	feeds := map[string]*verify.Tensor{}
	next := 0
	for _, v := range m.Graph().Inputs() {
		if !inits[v.Name()] && next < len(inputs) {
			feeds[v.Name()] = inputs[next]
			next++
		}
	}
	got, err := e.Run(context.Background(), feeds)
	if err != nil {
		return err
	}
	for i, w := range want {
		name := m.Graph().Outputs()[i].Name()
		g := got[name]
		if !slices.Equal(g.Shape, w.Shape) {
			return fmt.Errorf("output %q has shape %v, want %v", name, g.Shape, w.Shape)
		}
		scale := 1e-30
		for k := range w.Len() {
			if x := math.Abs(w.Float(k)); !math.IsInf(x, 0) && !math.IsNaN(x) {
				scale = max(scale, x)
			}
		}
		for k := range w.Len() {
			a, b := g.Float(k), w.Float(k)
			if finite(a) != finite(b) || finite(a) && math.Abs(a-b) > tol*scale {
				return fmt.Errorf("output %q: element %d is %g, want %g", name, k, a, b)
			}
		}
	}
	return nil
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
