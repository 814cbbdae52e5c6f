package reason

import (
	"strings"
	"testing"
)

// Of several refusals the first of the table counts; those without a code never do.
func TestFirstOfTheTable(t *testing.T) {
	all := Reasons()
	for i, a := range all {
		for j, b := range all {
			x, y := Refuse(a.Code, "a"), Refuse(b.Code, "b")
			want := x
			if j < i {
				want = y
			}
			if have := First([]*Refusal{nil, Refuse("", "nothing"), x, y}); have != want {
				t.Errorf("of %s and %s: %s", a.Code, b.Code, have.Code)
			}
		}
	}
	if First([]*Refusal{nil, Refuse("", "nothing")}) != nil || First(nil) != nil {
		t.Error("a refusal without a code is reported")
	}
	if r := Refuse(UnknownOp, "%q is %d", "x", 3); r.Message != `"x" is 3` || r.Code != UnknownOp {
		t.Errorf("%+v", r)
	}
}

// Codes are what people search for: small letters, each once, with a page that has all
// of them; those about size alone are marked.
func TestTableOfReasons(t *testing.T) {
	page := Page()
	seen := map[Code]bool{}
	for _, r := range Reasons() {
		if seen[r.Code] || r.When == "" || strings.Trim(string(r.Code), "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
			t.Errorf("%+v", r)
		}
		seen[r.Code] = true
		mark := ""
		if grows := strings.HasSuffix(string(r.Code), "would_grow"); grows != r.Growth || r.Code.Growth() != r.Growth {
			t.Errorf("%s is about size: %v", r.Code, r.Code.Growth())
		} else if grows {
			mark = " *"
		}
		if r.Code.Left() {
			mark = " °"
		}
		if !strings.Contains(page, "| `"+string(r.Code)+"`"+mark+" | "+r.When+" | "+r.Advice+" |\n") {
			t.Errorf("the page lacks %s", r.Code)
		}
	}
	if Code("no_such").Growth() {
		t.Error("a code that there is not is about size")
	}
}
