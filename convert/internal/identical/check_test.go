package identical

import (
	"strings"
	"testing"

	"repmlp/internal/sketch"
)

// What is the same in another model is counted: nodes that outputs depend on, with all their
// outputs, and the initializers that they read, with their bytes.
func TestCount(t *testing.T) {
	const first = "x : float32 N 4\na = Mul(x, =1_2_3_4:4)\nb = Add(a, =5_6_7:3x1x1)\ny = Relu(b)"
	for _, c := range []struct {
		second string
		want   Count
	}{
		{first, Count{3, 2, 28}},
		{strings.Replace(first, "5_6", "5_7", 1), Count{1, 1, 16}},
		{strings.Replace(first, "1_2", "1_1", 1), Count{0, 1, 12}},
		{first + "\nz = Exp(y)\n> y", Count{3, 2, 28}},             // nobody reads it
		{first + "\nz = Mul(x, =1_2_3_4:4)\n> y", Count{3, 2, 28}}, // nor a constant of it
		{first + "\nz = Exp(y)", Count{3, 2, 28}},
		{strings.Replace(first, "a = Mul", "z = Exp(x)\na = Mul", 1), Count{3, 2, 28}}, // it stands before the others
		{"x : float32 N 4\na = Exp(x)\ny = Mul(x, =1_2_3_4:4)\n> y", Count{1, 1, 16}},
		{"x : float32 N 4\na, b = Split(x, #2_2) axis=1\ny = Concat(a, b) axis=1", Count{}},
	} {
		a, b := numbered(t, sketch.Model(t, first), sketch.Model(t, c.second))
		if have := b.Count(a); have != c.want {
			t.Errorf("%s: %+v, want %+v", c.second, have, c.want)
		}
	}
	a, b := numbered(t, sketch.Model(t, "x : float32 N 4\na, b = Split(x, #2_2) axis=1\ny = Add(a, b)"), sketch.Model(t, "x : float32 N 4\n-, b = Split(x, #2_2) axis=1\ny = Neg(b)"))
	if have := b.Count(a); have != (Count{1, 1, 16}) {
		t.Errorf("one output of two: %+v", have)
	}
}

// The first node on the way to an output that computes something new is named, and in what it
// differs from the one that made a value of this name.
func TestWhyOutputsDiffer(t *testing.T) {
	const first = "x : float32 N 4\nz : float32 N 4\na = LeakyRelu(x) alpha=0.5\nb = Add(a, z)\nc = Neg(b)\ny = Exp(c)"
	for _, c := range []struct{ old, new, want string }{
		{"alpha=0.5", "alpha=0.25", `LeakyRelu "LeakyRelu_a" differs in attribute alpha`},
		{" alpha=0.5", "", `LeakyRelu "LeakyRelu_a" differs in attribute alpha`},
		{"Neg(b)", "Abs(b)", `Abs "Abs_c" was Neg "Neg_c"`},
		{"Add(a, z)", "Add(z, a)", `Add "Add_b" differs in input 0, input 1`},
		{"Add(a, z)", "Add(a, x)", `Add "Add_b" differs in input 1`},
		{"b = Add(a, z)", "b = Sum(a, z, z)", `Sum "Sum_b" was Add "Add_b"`},
		{"c = Neg(b)", "d = Sin(b)\nc = Neg(d)", `Sin "Sin_d" computes what no node did`},
		{"y = Exp(c)", "y = Exp(b)", `Exp "Exp_y" differs in input 0`},
		{"y = Exp(c)", "y = Identity(c)", `it is what "c" was`},
		{"y = Exp(c)", "y = Add(c, =1)", `"k1" is another constant or input`},
	} {
		a, b := numbered(t, sketch.Model(t, first), sketch.Model(t, strings.Replace(first, c.old, c.new, 1)))
		have := b.Differences(a)
		if want := `output "y" is not what it was: ` + c.want; len(have) != 1 || have[0] != want {
			t.Errorf("%s: %q, want %q", c.new, have, want)
		}
	}
	for _, c := range []struct{ first, second, want string }{
		{"x : N 4\ny = Sum(x, x)", "x : N 4\ny = Sum(x, x, x)", `Sum "Sum_y" differs in input 2`},
		{"x : N 4\ny = Sum(x, x, x)", "x : N 4\ny = Sum(x, x)", `Sum "Sum_y" differs in input 2`},
		{"x : N 4\ny = Concat(x, x) axis=0", "x : N 4\ny = Concat(x, x) axis=1", `Concat "Concat_y" differs in attribute axis`},
		{"x : N 4\na = Hardmax(x) axis=1\ny = Relu(a)", "opset 12\nx : N 4\na = Hardmax(x) axis=1\ny = Relu(a)", `Hardmax "Hardmax_a" is written for another version of the operator`},
		{"x : N 4\ny = Gather(x, #1) axis=1", "x : N 4\ny = Gather(x, #2) axis=1", `"k1" is another constant or input`},
	} {
		a, b := numbered(t, sketch.Model(t, c.first), sketch.Model(t, c.second))
		have := b.Differences(a)
		if want := `output "y" is not what it was: ` + c.want; len(have) != 1 || have[0] != want {
			t.Errorf("%s: %q, want %q", c.second, have, want)
		}
	}
}
