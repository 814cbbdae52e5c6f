package layer

import (
	"testing"

	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/rules"
	"repmlp/internal/sketch"
)

// A run of nodes that give what they take reads nothing and costs nothing.
func TestIdentity(t *testing.T) {
	e := rules.Explain(sketch.Graph(t, "x : float32 2 4\na = Add(x, =0)\nb = Mul(a, =1)\ny = MatMul(b, ?4x4)"), nil, nil)
	of := func(from, to string) *affine.Segment {
		u, v := e.Graph.Value(from), e.Graph.Value(to)
		return affine.NewSegment(u, v, affine.Between(e.Of, u, v))
	}
	l, ok := PlanIdentity(of("x", "b"))
	if !ok {
		t.Fatal("no identity")
	}
	if s := l.Shape(); s != (Shape{Groups: 1, In: 1, Out: 1}) || l.Kind() != "identity" || l.Cost() != (affine.Cost{}) || l.String() != "Identity of [2 4]" {
		t.Errorf("%+v, %s, %v, %v", s, l.Kind(), l.Cost(), l)
	}
	if rows, reach := l.Claim(nil, true); rows != nil || len(reach) == 0 {
		t.Errorf("%v", reach)
	}
	if rows, reach := l.Claim(nil, false); rows != nil || reach != nil {
		t.Errorf("of a part: %v", reach)
	}
	if u := l.Units(of("x", "b"), []int{2, 4}, []int{2, 4}); u == nil {
		t.Error("nothing shows its coefficients")
	}
}
