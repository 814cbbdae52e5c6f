package layer

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/reason"
	"repmlp/convert/internal/rules"
	"repmlp/internal/sketch"
)

// A run of scales that leaves its type is cut at each step at which what came since the
// last cut does so.
func TestCutsOfARun(t *testing.T) {
	for text, want := range map[string][]string{
		"a = Mul(x, =1e30)\ny = Mul(a, =1e30)":                                                                  {"Mul_y"},
		"a = Mul(x, =1e30)\nb = Mul(a, =1e-30)\ny = Mul(b, =1e30)":                                              nil,
		"a = Mul(x, =1e30)\nb = Mul(a, =1e30)\nc = Mul(b, =1e30)\nd = Mul(c, =1e30)\ny = Mul(d, =1e8)":          {"Mul_b", "Mul_d"},
		"a = Mul(x, =1_1e30_1:3x1x1)\nb = Add(a, =1:3x1x1)\nc = Mul(b, =1_-1e30_1:3x1x1)\ny = Add(c, =1:3x1x1)": {"Mul_c"},
		"y = Mul(x, =1e30)": nil,
		"a = Mul(x, =1e30)\nb = Transpose(a) perm=0,1,3,2\ny = Mul(b, =1e30)": nil,
	} {
		g := sketch.Graph(t, "x : float32 N 3 4 4\n"+text)
		x, y := g.Value("x"), g.Value("y")
		e := rules.Explain(g, nil, nil)
		s := affine.NewSegment(x, y, affine.Between(e.Of, x, y))
		err := fmt.Errorf("writing it: %w", affine.Refusing(g.Nodes[0], reason.FP16Overflow, "too large"))
		have := overflows(s, err)
		var cuts []string
		for _, why := range affine.ValueErrors(have) {
			cuts = append(cuts, why.Node.Title())
		}
		if want == nil && have != err || want != nil && !slices.Equal(cuts, want) {
			t.Errorf("%s: cut at %q, want %q", text, cuts, want)
		}
		if other := errors.New("something else"); overflows(s, other) != other {
			t.Errorf("%s: another error is cut", text)
		}
	}
}
