package convert

import (
	"strings"
	"testing"
)

// Of the pieces that do not hold the linear one that is nearest is named.
func TestNearest(t *testing.T) {
	tried := func(value, why string, linear bool, bound float64) *verdict {
		return &verdict{ProvedPiece: ProvedPiece{Value: value, Linear: linear, Bound: Number(bound)}, why: why}
	}
	for _, c := range []struct {
		tried []*verdict
		want  string
	}{
		{nil, ""},
		{[]*verdict{tried("a", "", true, 2)}, ""},
		{[]*verdict{tried("a", "why", true, 2)}, `; of what was tried "a" came nearest: why`},
		{[]*verdict{tried("a", "why", true, 2), tried("b", "why", true, 3), tried("c", "why", true, 2)}, `"a"`},
		{[]*verdict{tried("a", "why", true, 4), tried("b", "why", true, 3)}, `"b"`},
		{[]*verdict{tried("a", "why", true, 4), tried("b", "why", false, 3)}, `"a"`},
		{[]*verdict{tried("a", "why", true, 4), tried("b", "why", true, 0)}, `"a"`},
		{[]*verdict{tried("a", "why", true, 4), tried("b", "", true, 3)}, `"a"`},
		{[]*verdict{tried("a", "", true, 1), tried("b", "why", false, 3)}, `"b"`},
	} {
		p := &proving{tried: c.tried}
		if have := p.nearest(); !strings.Contains(have, c.want) || (have == "") != (c.want == "") {
			t.Errorf("%q, want %q", have, c.want)
		}
	}
}
