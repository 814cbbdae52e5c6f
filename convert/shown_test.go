package convert

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// A difference of structure is a warning where the whole models are compared as well, unless
// tests ask, and an error where nothing else looks at it. Any other error stays one.
func TestShown(t *testing.T) {
	other, differ := errors.New("reading"), fmt.Errorf("y differs: %w", ErrNotEquivalent)
	for _, c := range []struct {
		name   string
		opts   Options
		err    error
		want   error
		text   string
		warned int
	}{
		{"nothing", Options{}, nil, nil, "", 0},
		{"another error", Options{}, other, other, "reading", 0},
		{"a difference", Options{}, differ, nil, "", 1},
		{"a difference in a test", Options{checks: true}, differ, ErrNotEquivalent, "y differs: not equivalent", 0},
		{"another error without the check", Options{NoCheck: true}, other, other, "reading", 0},
		{"a difference without the check", Options{NoCheck: true}, differ, ErrNotEquivalent, "the comparison of the whole models, which could show it, is left out: not equivalent", 0},
	} {
		res := &result{Plan: &summary{}}
		err := c.opts.shown(res, c.err)
		if !errors.Is(err, c.want) || err != nil && !strings.HasSuffix(err.Error(), c.text) || len(res.Plan.Warnings) != c.warned {
			t.Errorf("%s: %v, %v", c.name, err, res.Plan.Warnings)
		}
		for _, w := range res.Plan.Warnings {
			if w.Code != "not_shown_identical" || !strings.HasPrefix(w.Message, "y differs; ") {
				t.Errorf("%s: %+v", c.name, w)
			}
		}
	}
}
