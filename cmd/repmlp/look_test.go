package main

import (
	"strings"
	"testing"

	"repmlp/convert"
)

// Colours are for terminals: everywhere else somebody must ask for them.
func TestAppearance(t *testing.T) {
	none := func(string) string { return "" }
	all := func(string) string { return "1" }
	for _, c := range []struct {
		flag string
		env  func(string) string
		want bool
	}{{"", none, false}, {"auto", none, false}, {"always", none, true}, {"always", all, true}, {"never", none, false}} {
		l, err := appearance(&strings.Builder{}, c.flag, c.env)
		if err != nil || l.colours != c.want || l.width != 0 {
			t.Errorf("--color %q: %+v, %v", c.flag, l, err)
		}
	}
	if _, err := appearance(&strings.Builder{}, "red", none); err == nil {
		t.Error("red is no choice")
	}
}

// Colours change nothing but the colour, and whatever a file's author chose is escaped
// with them as without.
func TestColoursSayNothingElse(t *testing.T) {
	r := exemplary()
	r.Command, r.Regions[0].Value = "inspect", "y\x1b[31mred"
	r.Declined[0].Message = "\x1b[2J\x1b[1mgone"
	var plainText, coloured strings.Builder
	if err := writeText(&plainText, r, everything, look{}); err != nil {
		t.Fatal(err)
	}
	if err := writeText(&coloured, r, everything, look{colours: true}); err != nil {
		t.Fatal(err)
	}
	text := coloured.String()
	for _, c := range []colour{good, bad, caution, faint, strong, noColour} {
		text = strings.ReplaceAll(text, string(c), "")
	}
	if text != plainText.String() || coloured.String() == text {
		t.Errorf("in colours\n%s\nwithout\n%s", coloured.String(), plainText.String())
	}
	if strings.Contains(text, "\x1b") || !strings.Contains(text, `\x1b[31mred`) {
		t.Errorf("not escaped:\n%s", text)
	}
	if strings.Contains((look{colours: true}).lines("forgotten \x1b[2J"), "\x1b") {
		t.Error("an escape sequence that is no colour got through")
	}
}

// Columns stand one below the other, numbers to the right; where the terminal is narrow
// the columns that can be cut lose the middle of what is long.
func TestGrid(t *testing.T) {
	g := &grid{columns: []column{{title: "name", cuts: true}, {title: "n", right: true}, {title: "empty"}, {}}}
	g.add("a", "1", "", "x")
	g.add("abcdefghijklmnopqrstuvwxyz", "1000")
	g.add("日本", "20", "", "y")
	for width, want := range map[int]string{
		0:  "  name                           n\n  a                              1  x\n  abcdefghijklmnopqrstuvwxyz  1000\n  日本                          20  y",
		28: "  name                 n\n  a                    1  x\n  abcdefgh…tuvwxyz  1000\n  日本                20  y",
		5:  "  name                 n\n  a                    1  x\n  abcdefgh…tuvwxyz  1000\n  日本                20  y",
	} {
		if got := strings.Join(g.lines("  ", width), "\n"); got != want {
			t.Errorf("width %d:\n%s\nwant\n%s", width, got, want)
		}
	}
	if lines := (&grid{columns: g.columns}).lines("", 0); lines != nil {
		t.Errorf("an empty grid has lines: %q", lines)
	}
}

// Of many merges of a kind the first are shown and the others counted, and all with -v.
func TestManyAreFolded(t *testing.T) {
	r := &convert.Report{Command: "inspect", Verdict: convert.WouldFuse}
	for i := range 40 {
		g := convert.RegionReport{ID: "r" + strings.Repeat("i", i+1), Kind: "conv", Derivation: "Conv, BatchNormalization -> one conv", Merged: []string{"a"}}
		if i >= 10 {
			g.Derivation = "other " + strings.Repeat("x", i)
		}
		r.Regions = append(r.Regions, g)
	}
	count := func(d depth) (rows int, folds []string) {
		var b strings.Builder
		if err := writeText(&b, r, d, look{}); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			switch {
			case strings.HasPrefix(line, "  ri"):
				rows++
			case strings.Contains(line, "..."):
				folds = append(folds, strings.TrimSpace(line))
			}
		}
		return rows, folds
	}
	rows, folds := count(plain)
	if rows != mostRows || strings.Join(folds, "; ") != "... 7 more of the same kind (-v shows all); ... 9 more (-v shows all)" {
		t.Errorf("%d rows, %q", rows, folds)
	}
	if rows, folds = count(everything); rows != 40 || len(folds) > 0 {
		t.Errorf("with -v %d rows, %q", rows, folds)
	}
}

func TestNumbersInWords(t *testing.T) {
	for n, want := range map[int64]string{0: "0 bytes", 999: "999 bytes", 1000: "1.0 kB", 114425: "114 kB", 1500000: "1.5 MB", 999999: "1.0 MB", 3 << 40: "3.3 TB"} {
		if got := bytesOf(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
	for c, want := range map[convert.Change]string{{Before: 10, After: 5}: "10 -> 5 (-50 %)", {Before: 0, After: 5}: "0 -> 5", {Before: 7, After: 7}: "7", {Before: 1000, After: 999}: "1,000 -> 999 (-0.1 %)", {Before: 2, After: 3}: "2 -> 3 (+50 %)"} {
		if got := changed(c); got != want {
			t.Errorf("%+v is %q, want %q", c, got, want)
		}
	}
}
