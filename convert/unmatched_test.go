package convert

import (
	"strings"
	"testing"
)

// A pattern that no merge matched is an error, but for an ID where not all IDs are known.
func TestUnmatched(t *testing.T) {
	for _, c := range []struct {
		pattern string
		ids     bool
		found   bool // by a merge
		node    string
		want    string
	}{
		{"r9", true, false, "", `--skip "r9": no merge has this ID`},
		{"r9", false, false, "", ""},
		{"b1.r9", false, false, "", ""},
		{"r9", true, true, "", ""},
		{"conv", false, false, "", `--skip "conv": no merge has this ID, and no node this name`},
		{"conv", false, true, "conv", ""},
		{"conv", false, false, "conv_1", `--skip "conv": it is for "conv_1", which is part of no merge`},
		{"xr9", false, false, "", "no merge has this ID"},
		{"r9.x", false, false, "", "no merge has this ID"},
	} {
		s, err := newSelection(nil, []string{c.pattern})
		if err != nil {
			t.Fatal(err)
		}
		s.skip[0].merge, s.skip[0].node = c.found, c.node
		err = s.unmatched(c.ids)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
