package pieces

import (
	"testing"

	"repmlp/internal/sketch"
)

// A product of two values is no affine function, one with a constant is.
func TestAffinely(t *testing.T) {
	for text, want := range map[string]bool{
		"x : N 4\ny = Mul(x, =2)":                  true,
		"x : N 4\ny = Mul(=2, x)":                  true,
		"x : N 4\ny = Mul(x, x)":                   false,
		"x : N 4\nw : N 4\ny = Mul(x, w)":          false,
		"x : 4 4\nw : 4 4\ny = MatMul(x, w)":       false,
		"x : 4 4\ny = MatMul(x, ?4x4)":             true,
		"x : N 4\ny = Div(x, =2)":                  true,
		"x : N 4\ny = Div(=2, x)":                  false,
		"x : N 4\ny = Relu(x)":                     false,
		"x : N 4\ny = Transpose(x)":                true,
		"x : N 4 5 5\nw : 3 4 1 1\ny = Conv(x, w)": false,
		"x : N 4 5 5\ny = Conv(x, ?3x4x1x1)":       true,
	} {
		g := sketch.Graph(t, text)
		if have := affinely(g, g.Nodes[0]); have != want {
			t.Errorf("%s: %v", text, have)
		}
	}
}
