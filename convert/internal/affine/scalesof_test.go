package affine_test

import (
	"testing"

	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/rules"
	"repmlp/internal/sketch"
)

// As many steps back as are asked for, where there are as many, each value with the steps
// from it on.
func TestScalesOf(t *testing.T) {
	g := sketch.Graph(t, "x : N 4\na = Relu(x)\nb = Mul(a, ?4)\nc = Identity(b)\nd = Mul(c, ?4)\ny = Add(d, ?4)")
	e := rules.Explain(g, nil, nil)
	for most, want := range map[int]string{0: "y", 1: "yd", 2: "ydc", 3: "ydcb", 4: "ydcba", 9: "ydcba"} {
		values, by := affine.ScalesOf(e.Of, g.Value("y"), most)
		have := ""
		for i, v := range values {
			have += v.Name
			if len(by[i]) != i || i > 0 && (by[i][0].Args[0] != v || by[i][i-1].Out != values[0]) {
				t.Errorf("%d: from %s on there are %v", most, v.Name, by[i])
			}
		}
		if have != want {
			t.Errorf("%d: values %s, want %s", most, have, want)
		}
	}
}
