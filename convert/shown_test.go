package convert

import (
	"errors"
	"fmt"
	"testing"
)

// A difference of structure alone is a warning, where no test asks; any other error stays one.
func TestShown(t *testing.T) {
	other := errors.New("reading")
	for _, c := range []struct {
		checks bool
		err    error
		want   error
		warned int
	}{{false, nil, nil, 0}, {false, other, other, 0}, {false, fmt.Errorf("y differs: %w", ErrNotEquivalent), nil, 1}, {true, ErrNotEquivalent, ErrNotEquivalent, 0}} {
		res := &result{Plan: &summary{}}
		if err := (Options{checks: c.checks}).shown(res, c.err); err != c.want || len(res.Plan.Warnings) != c.warned {
			t.Errorf("%+v: %v, %v", c, err, res.Plan.Warnings)
		}
	}
}
