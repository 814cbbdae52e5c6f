package convert_test

import (
	"testing"

	"repmlp/convert"
	"repmlp/internal/sketch"
	"repmlp/verify"
)

// What asks a value for its shape or type keeps no merge from taking the value away.
func TestAskingForAShape(t *testing.T) {
	for _, c := range []struct {
		name, text string
		ops        map[string]int
		verdict    string
	}{
		{"a conv's result before its norm", "x : float32 N 3 8 8\nc = Conv(x, ?4x3x3x3)\ns = Shape(c)\nm = Slice(s, #0, #1, #0)\nb = BatchNormalization(c, ?4, ?4, ?4, !4)\nr = Relu(b)\nt = Concat(m, #-1) axis=0\ny = Reshape(r, t)\nopset 17",
			map[string]int{"Conv": 1, "BatchNormalization": 0}, convert.Fused},
		{"open height and width", "x : float32 N 3 H W\nc = Conv(x, ?4x3x3x3)\ns = Shape(c)\nb = BatchNormalization(c, ?4, ?4, ?4, !4)\nr = Relu(b)\nt = Slice(s, #2, #4, #0)\ny = Tile(r, #1_1_1_1)\nz = Cast(t) to=1\n> y z\nopset 17",
			map[string]int{"Conv": 1, "BatchNormalization": 0}, convert.Fused},
		{"a norm's result before a conv", "x : float32 N 3 8 8\na = Relu(x)\nb = BatchNormalization(a, ?3, ?3, ?3, !3)\ns = Shape(b)\nm = Slice(s, #0, #1, #0)\nc = Conv(b, ?4x3x3x3)\nr = Relu(c)\nt = Concat(m, #-1) axis=0\ny = Reshape(r, t)\nopset 17",
			map[string]int{"Conv": 1, "BatchNormalization": 0}, convert.Fused},
		{"in the middle of a frozen norm", "x : float32 N 3 8 8\nc = Conv(x, ?4x3x3x3)\nd = Mul(c, ?1x4x1x1)\ns = Size(d)\nb = Add(d, ?1x4x1x1)\nr = Relu(b)\nf = Cast(s) to=1\ny = Div(r, f)\nopset 17",
			map[string]int{"Conv": 1, "Mul": 0, "Add": 0}, convert.Fused},
		{"the type of a conv's result", "x : float32 N 3 8 8\nc = Conv(x, ?4x3x3x3)\nk = CastLike(=0.5, c)\nb = BatchNormalization(c, ?4, ?4, ?4, !4)\nr = Relu(b)\ny = Mul(r, k)\nopset 17",
			map[string]int{"Conv": 1, "BatchNormalization": 0}, convert.Fused},
		{"a scale that depends on the shape", "x : float32 N 3 8 8\nc = Conv(x, ?4x3x3x3)\ns = Size(c)\nf = Cast(s) to=1\nd = Div(c, f)\ny = Relu(d)\nopset 17",
			map[string]int{"Conv": 1, "Div": 1}, ""},
		{"another reader", "x : float32 N 3 8 8\nc = Conv(x, ?4x3x3x3)\ns = Shape(c)\nb = BatchNormalization(c, ?4, ?4, ?4, !4)\nu = Sigmoid(c)\nv = Relu(b)\nw = Add(u, v)\ny = Reshape(w, s)\nopset 17",
			map[string]int{"Conv": 1, "BatchNormalization": 1}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := sketch.Model(t, c.text)
			res, err := convert.Convert(t.Context(), m, convert.Options{Prover: &verify.Prover{}})
			if err != nil {
				t.Fatal(err)
			}
			have := convert.CountOps(res.Model)
			for op, n := range c.ops {
				if have[op] != n {
					t.Errorf("%d %s are left, want %d: %v", have[op], op, n, res.Plan.Declined)
				}
			}
			if c.verdict != "" && res.Verdict != c.verdict {
				t.Errorf("%s, want %s: %v", res.Verdict, c.verdict, res.Plan.Declined)
			}
			if res.Verdict == convert.Unchanged && res.Model != m {
				t.Error("an unchanged model is another one")
			}
			compareRuns(t, m, res.Model)
		})
	}
}
