package move

import "testing"

// Numbers of a part that no whole has as its part end a field, and those that the whole has
// do not; either may be the operands.
func TestSpreadWhereNothingGoes(t *testing.T) {
	for _, goes := range []bool{true, false} {
		for _, joins := range []bool{true, false} {
			through := func(list []*piece) ([]*piece, *stop) {
				if !goes {
					return nil, &stop{}
				}
				return list, nil
			}
			in, out := &spot{}, &spot{}
			x := &tie{pass: &passage{back: through, forth: through, law: law{joins: joins}}, in: []*spot{in}, out: []*spot{out}}
			part, whole := out, in
			if joins {
				part, whole = in, out
			}
			if more, ok := x.spread(); more || !ok {
				t.Errorf("joins %v: of no sizes %v, %v", joins, more, ok)
			}
			part.sizes = []int{1, 3}
			if more, ok := x.spread(); more != goes || ok != goes {
				t.Errorf("goes %v, joins %v: %v, %v", goes, joins, more, ok)
			}
			if goes && len(whole.sizes) != 2 {
				t.Errorf("joins %v: the whole has sizes %v", joins, whole.sizes)
			}
		}
	}
}
