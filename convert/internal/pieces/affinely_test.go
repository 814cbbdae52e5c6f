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

// Every element of an input is a unit, where inputs and outputs are not too many together.
func TestEach(t *testing.T) {
	u := each([]int{2, 3}, []int{4})
	if u == nil || len(u.Each) != 6 || len(u.Slots) != 1 || u.Slots[0] != 0 || len(u.Groups) != 1 || u.Groups[0] != 0 || u.Random {
		t.Fatalf("%+v", u)
	}
	for i, one := range u.Each {
		if len(one) != 1 || one[0] != i {
			t.Errorf("unit %d is %d", i, one)
		}
	}
	for _, c := range []struct {
		in, out []int
		some    bool
	}{
		{[]int{1 << 12}, []int{1 << 12}, true},
		{[]int{1<<12 + 1}, []int{1 << 12}, false},
		{[]int{1 << 12}, []int{1<<12 + 1}, false},
		{nil, []int{1}, true},
		{[]int{2}, []int{1}, true},
		{[]int{3, 0}, []int{1}, false},
		{[]int{3}, []int{0, 2}, false},
	} {
		if have := each(c.in, c.out) != nil; have != c.some {
			t.Errorf("%d to %d: %v", c.in, c.out, have)
		}
	}
}
