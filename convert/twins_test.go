package convert_test

import (
	"testing"

	"repmlp/convert"
	"repmlp/internal/sketch"
)

// Two equal nodes make what a merge and others read: one value stands for both. What looks at
// single nodes once everything else is planned follows that.
func TestEqualNodesBesideSingleMerges(t *testing.T) {
	const constants, norms = "k = Identity(?2)\nl = Identity(?2)\n", "n = InstanceNormalization(x, k, l)\nm = InstanceNormalization(x, k, l)\n"
	for what, c := range map[string]struct {
		text  string
		nodes map[string]int // how many of an operator are left
	}{
		"zeros around the second": {`x : float32 N 2 2 4
a = Tanh(x)
n = Tanh(a)
b = Tanh(x)
p = Pad(b, #0_0_1_1_0_0_1_1)
c = Conv(p, ?2x1x3x3) group=2
y = Sum(n, c)`, map[string]int{"Pad": 0}},
		"zeros around both": {`x : float32 N 2 2 4
a = Tanh(x)
b = Tanh(x)
p = Pad(a, #0_0_1_1_0_0_1_1)
c = Conv(p, ?2x1x3x3) group=2
q = Pad(b, #0_0_1_1_0_0_1_1)
d = AveragePool(q) kernel_shape=3,3
y = Sigmoid(c)
z = Sigmoid(d)
> y z`, map[string]int{"Pad": 0}},
		"activations that do nothing": {`x : float32 N 2 2 4
a = Tanh(x)
b = LeakyRelu(a) alpha=1.0
c = Dropout(b)
d = LeakyRelu(a) alpha=1.0
e = Clip(d)
y = Sigmoid(c)
z = Tanh(e)
> y z`, map[string]int{"LeakyRelu": 0, "Dropout": 0, "Clip": 0}},
		"such an activation of the second": {`x : float32 N 2 2 4
a = Tanh(x)
n = Tanh(a)
b = Tanh(x)
c = LeakyRelu(b) alpha=1.0
y = Add(n, c)`, map[string]int{"LeakyRelu": 0}},
		"a scale of each of two norms": {"x : float32 N 2 2 4\n" + constants + norms + `a = Mul(n, ?2x1x1)
b = Mul(m, ?2x1x1)
y = Sigmoid(a)
z = Sigmoid(b)
> y z`, map[string]int{"Mul": 0, "InstanceNormalization": 2}},
		"a scale of one norm, two of the other": {"x : float32 N 2 2 4\n" + constants + norms + `a = Mul(n, ?2x1x1)
b = Mul(m, ?2x1x1)
c = Mul(b, ?2x1x1)
y = Sigmoid(a)
z = Sigmoid(c)
> y z`, map[string]int{"Mul": 2, "InstanceNormalization": 1}},
	} {
		t.Run(what, func(t *testing.T) {
			m := sketch.Model(t, c.text)
			res, err := convert.Convert(t.Context(), m, convert.Options{})
			if err != nil {
				t.Fatal(err)
			}
			have := countOps(res.Model)
			for op, want := range c.nodes {
				if have[op] != want {
					t.Errorf("%d %s left, want %d: %v", have[op], op, want, res.Plan.Regions)
				}
			}
			again, err := convert.Convert(t.Context(), res.Model, convert.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if again.Verdict != convert.Unchanged {
				t.Errorf("converted again it is %s: %v", again.Verdict, again.Plan.Regions)
			}
		})
	}
}
