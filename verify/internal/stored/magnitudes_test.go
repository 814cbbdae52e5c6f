package stored

import "testing"

// Sums are remembered for the same weights, read the same way, and the same numbers
// alone.
func TestMagnitudes(t *testing.T) {
	weights := make([]byte, 8)
	here, there := block{&weights[0], false}, block{&weights[4], false}
	ask := func(x, y float64) sum { return sum{x: [][]float64{{x, y}}, y: [][]float64{make([]float64, 1)}} }
	absolute := func(x, y float64) sum {
		s := ask(x, y)
		s.absolute = true
		return s
	}
	m := NewMagnitudes()
	todo := m.plan(here, ask(3, -4))
	if len(todo) != 2 || todo[0].absolute || !todo[1].absolute || todo[1].x[0][1] != 4 {
		t.Fatalf("beside the sum of 3 and -4 stands %+v", todo)
	}
	todo[1].y[0][0] = 7
	again := absolute(3, 4)
	if todo := m.plan(here, again); len(todo) != 0 || again.y[0][0] != 7 {
		t.Errorf("the magnitude is not remembered: %+v, %v", todo, again.y)
	}
	for what, todo := range map[string][]sum{
		"other numbers": m.plan(here, absolute(3, 5)),
		"other weights": m.plan(there, absolute(3, 4)),
		"other order":   m.plan(block{here.first, true}, absolute(3, 4)),
	} {
		if len(todo) != 1 {
			t.Errorf("%s are taken for known", what)
		}
	}
	if m.Forget(); len(m.plan(here, absolute(3, 4))) != 1 {
		t.Error("a forgotten magnitude is known")
	}
	var none *Magnitudes
	if len(none.plan(here, ask(1, 2))) != 1 || len(none.plan(here, sum{})) != 0 {
		t.Error("without memory there is something else to do than the sum")
	}
}
