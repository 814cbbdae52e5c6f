package edit

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"repmlp/convert/internal/layer"
	"repmlp/convert/internal/plan"
	"repmlp/convert/internal/rules"
	"repmlp/internal/sketch"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
	"repmlp/verify"
)

// merged is a model, its plan and what the plan made of it.
type merged struct {
	before, after *onnxio.Model
	plan          *plan.Plan
	result        *Result
}

func merge(t *testing.T, text string, o plan.Options, e Options) merged {
	t.Helper()
	m := merged{before: sketch.Model(t, text)}
	g, err := graph.New(m.before, graph.Options{FreezeInputs: e.FreezeInputs})
	if err != nil {
		t.Fatal(err)
	}
	m.plan = plan.New(rules.Explain(g, nil, nil), o)
	if err := m.plan.Check(); err != nil {
		t.Error(err)
	}
	if m.result, err = Write(m.plan, e); err != nil {
		t.Fatal(err)
	}
	if m.after, err = m.before.Apply(m.result.Edit); err != nil {
		t.Fatal(err)
	}
	if err := m.after.Compute(context.Background()); err != nil {
		t.Fatal(err)
	}
	return m
}

const tolerance = 1e-9 // of chains of float64 sums

// same compares all outputs of both models.
func (m merged) same(t *testing.T) error {
	t.Helper()
	feeds := sketch.Feeds(t, m.before, 21)
	want, have := sketch.Run(t, m.before, feeds), sketch.Run(t, m.after, feeds)
	for _, name := range slices.Sorted(maps.Keys(want)) {
		w, h := want[name], have[name]
		if h == nil || !slices.Equal(h.Shape, w.Shape) {
			return fmt.Errorf("output %s is %v", name, h)
		}
		scale := 1.0
		for _, x := range w.F64 {
			scale = max(scale, math.Abs(x))
		}
		for i, x := range w.F64 {
			if !(math.Abs(h.F64[i]-x) <= tolerance*scale) {
				return fmt.Errorf("output %s, element %d is %g, want %g", name, i, h.F64[i], x)
			}
		}
	}
	return nil
}

// sound looks at the edit as a whole: nothing dead is left, nothing is lost that is
// read, and every claim can be asked of both models and holds.
func (m merged) sound(t *testing.T, prove bool) error {
	t.Helper()
	if err := m.same(t); err != nil {
		return err
	}
	alive, read := sketch.Needed(m.after)
	for _, n := range m.after.Graph().Nodes() {
		if !alive[n] {
			return fmt.Errorf("%q is dead and stays", n.Title())
		}
	}
	for _, init := range m.after.Graph().Inits() {
		if !read[init.Name()] {
			return fmt.Errorf("the weight %q is read by nobody", init.Name())
		}
	}
	prover := &verify.Prover{}
	for _, r := range m.plan.Regions {
		c := m.result.Claim(r)
		for _, name := range append(slices.Clone(c.Inputs), c.Output) {
			if r.Part == nil && name == c.Output && m.result.Value(r) != name {
				return fmt.Errorf("%s claims %q", r.ID, name)
			}
			for side, model := range map[string]*onnxio.Model{"before": m.before, "after": m.after} {
				if !has(model, name) {
					return fmt.Errorf("%s claims something of %q, which is not there %s", r.ID, name, side)
				}
			}
		}
		for _, name := range m.result.Into(r) {
			if !slices.ContainsFunc(m.after.Graph().Nodes(), func(n *onnxio.Node) bool { return n.Name() == name }) {
				return fmt.Errorf("%s became %q, which is not there", r.ID, name)
			}
		}
		if len(m.result.Into(r)) == 0 {
			return fmt.Errorf("%s became nothing", r.ID)
		}
		if !prove {
			continue
		}
		c.Before, c.After = m.before, m.after
		proof, err := prover.Prove(context.Background(), c)
		if err != nil {
			return fmt.Errorf("proving %s: %w", r.ID, err)
		}
		if !(proof.Bound < 1) || proof.Rows == 0 {
			return fmt.Errorf("%s: %+v", r.ID, proof)
		}
	}
	return nil
}

func has(m *onnxio.Model, name string) bool {
	for _, n := range m.Graph().Nodes() {
		if slices.Contains(n.Outputs(), name) {
			return true
		}
	}
	return slices.ContainsFunc(m.Graph().Inputs(), func(v *onnxio.ValueInfo) bool { return v.Name() == name })
}

// What is written for every graph of the planner's tests computes the same, and what
// it says does not change unnoticed.
func TestPlannedGraphs(t *testing.T) {
	var text strings.Builder
	for _, c := range sketch.Listed(t, "../plan/testdata/graphs.txt") {
		for _, o := range []plan.Options{{}, {AllowGrowth: true}, {Form: layer.Grouped}} {
			m := merge(t, c.Text, o, Options{})
			if err := m.sound(t, true); err != nil {
				t.Errorf("%s, %+v: %v", c.Name, o, err)
			}
			if o.AllowGrowth || o.Form != layer.Auto || len(m.plan.Regions) == 0 {
				continue
			}
			fmt.Fprintf(&text, "\n# %s\n%s", c.Name, sketch.Nodes(m.after))
			for _, r := range m.plan.Regions {
				claim := m.result.Claim(r)
				reach := strings.ReplaceAll(fmt.Sprint(claim.Reach), " 0}", "}") // maps that are not spread
				fmt.Fprintf(&text, "%s: %v -> %s, the same %v, reach %s, rows %v\n", r.ID, claim.Inputs, claim.Output, claim.Same, reach, claim.Rows != nil)
			}
		}
	}
	sketch.Golden(t, "written.txt", text.String())
}

// Random graphs.
func TestRandomGraphs(t *testing.T) {
	regions := 0
	for seed := range uint64(40) {
		m := merge(t, sketch.Random(seed, 14, 2), plan.Options{AllowGrowth: seed%3 == 0}, Options{})
		if err := m.sound(t, seed%4 == 0); err != nil {
			t.Errorf("seed %d: %v\n%v", seed, err, m.plan)
		}
		regions += len(m.plan.Regions)
	}
	if regions < 20 {
		t.Errorf("only %d merges", regions)
	}
}

// Twins of an input are the same value in a proof; part of a sum is proved as the sum,
// with the operands that stay as inputs.
func TestClaims(t *testing.T) {
	m := merge(t, "x : N 4\na = Relu(x)\nb = Relu(x)\nc = Gemm(a, ?4x4)\nd = Gemm(b, ?4x4)\ny = Add(c, d)", plan.Options{}, Options{})
	if len(m.plan.Regions) != 1 {
		t.Fatalf("%v", m.plan)
	}
	c := m.result.Claim(m.plan.Regions[0])
	if !slices.Equal(c.Inputs, []string{"a"}) || c.Output != "y" || !maps.Equal(c.Same, map[string]string{"b": "a"}) || c.Rows == nil {
		t.Errorf("%+v", c)
	}
	if err := m.sound(t, true); err != nil {
		t.Error(err)
	}
	// channels last: the operand that stays has the axes of the result
	m = merge(t, "x : N 19 32 4\nz : N 19 32 4\na = Transpose(x) perm=0,3,1,2\nb = Conv(a, ?4x4x3x3) pads=1,1,1,1\nc = Transpose(b) perm=0,2,3,1\nd = Conv(a, ?4x4x1x1)\ne = Transpose(d) perm=0,2,3,1\nf = Relu(z)\ny = Sum(c, f, e)", plan.Options{}, Options{})
	if len(m.plan.Regions) != 1 || m.plan.Regions[0].Part == nil || len(m.result.Claim(m.plan.Regions[0]).Reach) != 3 {
		t.Errorf("%v", m.plan)
	}
	if err := m.sound(t, true); err != nil {
		t.Errorf("%v\n%v", err, m.plan)
	}
}

// Names of the graphs around are left alone.
func TestReservedNames(t *testing.T) {
	text := "x : N 4\na = Gemm(x, ?4x4)\ny = Gemm(a, ?4x4)"
	o := Options{Reserved: []map[string]bool{{"y.weight": true}, {"y.weight.2": true}}}
	m := merge(t, text, plan.Options{}, o)
	for _, init := range m.after.Graph().Inits() {
		if init.Name() == "y.weight" || init.Name() == "y.weight.2" {
			t.Errorf("the name %q is taken", init.Name())
		}
	}
	if err := m.same(t); err != nil {
		t.Error(err)
	}
}

// Weights that forbid a merge name it.
func TestForbiddenMerge(t *testing.T) {
	g := sketch.Graph(t, "x : N 4\na = Mul(x, =NaN:4)\nb = Add(a, ?4)\ny = Mul(b, ?4)")
	p := plan.New(rules.Explain(g, nil, nil), plan.Options{})
	if _, err := Write(p, Options{}); err == nil || !strings.HasPrefix(err.Error(), `merging "y": `) {
		t.Errorf("%v", err)
	}
}
