package layer

import (
	"slices"
	"testing"
)

// Weights in place have an axis of groups where there are several.
func TestDimsInPlace(t *testing.T) {
	for _, c := range []struct {
		of           func(g, q, k int64) (weight, bias []int64)
		groups       int64
		weight, bias []int64
	}{
		{leftInPlaceDims, 1, []int64{3, 2}, []int64{3, 1}},
		{leftInPlaceDims, 4, []int64{4, 3, 2}, []int64{4, 3, 1}},
		{inPlaceDims, 1, []int64{2, 3}, []int64{3}},
		{inPlaceDims, 4, []int64{4, 2, 3}, []int64{4, 1, 3}},
	} {
		if weight, bias := c.of(c.groups, 3, 2); !slices.Equal(weight, c.weight) || !slices.Equal(bias, c.bias) {
			t.Errorf("%d groups: %v and %v, want %v and %v", c.groups, weight, bias, c.weight, c.bias)
		}
	}
}
