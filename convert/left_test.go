package convert_test

import (
	"fmt"
	"testing"

	"repmlp/convert"
	"repmlp/internal/sketch"
	"repmlp/onnxio"
	"repmlp/verify"
)

// unnamed lists the BatchNormalizations of a result that are not named exactly once: by
// declines, or by one entry of what is left; and the entries that name no node of it.
func unnamed(res *convert.Result) []string {
	var bad []string
	declined, left, nodes := map[string]bool{}, map[string]int{}, map[string]bool{}
	for _, d := range res.Plan.Declined {
		for _, n := range d.Nodes {
			declined[n] = true
		}
	}
	for _, x := range res.Plan.Left {
		left[x.Node]++
	}
	for _, n := range res.Model.Graph().Nodes() {
		title := n.Title()
		nodes[title] = true
		if n.OpType() == "BatchNormalization" && declined[title] == (left[title] > 0) {
			bad = append(bad, fmt.Sprintf("%s: declined %v, left %d times", title, declined[title], left[title]))
		}
	}
	for _, x := range res.Plan.Left {
		if left[x.Node] != 1 || !nodes[x.Node] || declined[x.Node] || x.Message == "" {
			bad = append(bad, fmt.Sprintf("%+v", x))
		}
	}
	return bad
}

// Whatever BatchNormalization a result still has is named once.
func TestNothingIsLeftWithoutAWord(t *testing.T) {
	eachCase(t, func(t *testing.T, c testCase, m *onnxio.Model) {
		res, err := convert.Convert(t.Context(), m, convert.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if bad := unnamed(res); len(bad) > 0 {
			t.Errorf("%v", bad)
		}
	})
}

// What is left counts neither for the verdict nor for --strict; an inspection says
// the same of it.
func TestLeftDoesNotCount(t *testing.T) {
	m := near(t, onnxio.Float32, func(b *graphBuilder) string {
		return b.norm(b.op("Sigmoid", []string{b.norm(b.conv("x", 4, 4, 3, 1), 4)}), 4)
	})
	res, err := convert.Convert(t.Context(), m, convert.Options{Strict: true, Prover: &verify.Prover{}})
	if err != nil || res.Verdict != convert.Fused || len(res.Plan.Left) != 1 || res.Plan.Left[0].Code != "no_linear_neighbour" {
		t.Fatalf("%v: %+v", err, res)
	}
	r, err := convert.Inspect(t.Context(), m, convert.Options{})
	if err != nil || r.Verdict != convert.WouldFuse || len(r.Left) != 1 || r.Left[0] != res.Plan.Left[0] {
		t.Errorf("%v: inspection says %+v, conversion %+v", err, r.Left, res.Plan.Left)
	}
}

// A BatchNormalization that makes a constant no layer reads as its weight is named too, and
// is no node in training mode.
func TestConstantNormIsNamed(t *testing.T) {
	m := sketch.Model(t, "x : float32 N 4 5 5\ns, m, v = BatchNormalization(?1x4x1x1, ?4, ?4, ?4, !4) training_mode=1\na = Max(x, s)\ny = Relu(a)\nopset 17")
	for _, o := range []convert.Options{{}, {BatchStatistics: true}} {
		res, err := convert.Convert(t.Context(), m, o)
		if err != nil || res.Verdict != convert.Unchanged || len(res.Plan.Left) != 1 || res.Plan.Left[0].Code != "no_linear_neighbour" || len(res.Plan.Warnings) > 0 {
			t.Errorf("%v: %+v", err, res)
		}
	}
}

// Nodes of one name are named once.
func TestLeftOfOneNameIsNamedOnce(t *testing.T) {
	m := sketch.Model(t, "x : float32 N 4 5 5\na = Sigmoid(x)\nb = Mul(a, ?4x1x1)\nc = Sigmoid(b)\nd = Mul(c, ?4x1x1)\ny = Sigmoid(d)")
	edit := onnxio.Edit{}
	for _, n := range m.Graph().Nodes() {
		if n.OpType() == "Mul" {
			edit.DropNodes = append(edit.DropNodes, n)
			edit.AddNodes = append(edit.AddNodes, onnxio.Placed{Node: onnxio.NewNode("scale", "Mul", n.Inputs(), n.Outputs()), Before: n})
		}
	}
	m, err := m.Apply(edit)
	if err != nil {
		t.Fatal(err)
	}
	r, err := convert.Inspect(t.Context(), m, convert.Options{})
	if err != nil || len(r.Left) != 1 || r.Left[0].Node != "scale" {
		t.Errorf("%v: %+v", err, r.Left)
	}
}
