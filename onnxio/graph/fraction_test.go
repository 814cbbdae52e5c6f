package graph

import "testing"

// A quotient in floating point is rounded when something asks for a whole number.
func TestFractions(t *testing.T) {
	n := Symbol("N")
	for _, tc := range []struct {
		d    Dim
		want string
	}{
		{fraction(Size(7), Size(2)), "3"}, {fraction(n, Size(2)), "((N)//(2))"}, {fraction(n.Times(Size(4)), Size(2)), "2*N"},
		{n, "N"}, {n.Plus(fraction(Size(7), Size(2))), "N+fraction 3"}, {fraction(n, Size(0)), "?"},
	} {
		if have := floored(tc.d).String(); have != tc.want {
			t.Errorf("%v rounds to %s, want %s", tc.d, have, tc.want)
		}
	}
	if fraction(Size(7), Size(2)).Equal(fraction(Size(13), Size(4))) {
		t.Error("3.5 and 3.25 are one number")
	}
	if _, ok := NewValuation([]string{"N"}).Formula(fraction(n, Size(2))); ok {
		t.Error("a fraction is a size")
	}
}
