package main

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"repmlp/convert"
)

// textFormat is for people.
var textFormat = format{
	extension: "txt", media: "text/plain; charset=utf-8",
	report: func(w io.Writer, r *convert.Report) error { return writeText(w, r, everything, look{}) },
	bench:  writeBench,
}

// A depth says how much of a report is told.
type depth uint8

const (
	brief      depth = iota // the last line
	plain                   // what a reader wants to know
	everything              // all of it
)

// depth is what -q and -v ask for.
func (a *app) depth() depth {
	switch {
	case a.quiet:
		return brief
	case a.verbose:
		return everything
	}
	return plain
}

// writeText prints a report for people, as it looks best where it is read.
func writeText(w io.Writer, r *convert.Report, d depth, l look) error {
	t := &text{report: r, depth: d, look: l}
	if d > brief {
		t.body()
	}
	t.line("%s", l.paint(mood(r), outcome(r)))
	if d == everything {
		t.seconds()
	}
	_, err := io.WriteString(w, l.lines(t.String()))
	return err
}

// mood is the colour of the last line.
func mood(r *convert.Report) colour {
	switch r.Verdict {
	case convert.Failed, convert.NotEquivalent:
		return bad
	case convert.Partial, convert.Declined, convert.WouldBePartial, convert.Different, convert.Compared:
		return caution
	}
	if r.Error != nil {
		return bad
	}
	return good
}

// A text is a report as it is written.
type text struct {
	strings.Builder
	report *convert.Report
	depth  depth
	look   look
}

func (t *text) line(format string, args ...any) { fmt.Fprintf(t, format+"\n", args...) }

// table writes a grid, and behind some of its rows what stands below them.
func (t *text) table(indent string, g *grid, below map[int][]string) {
	for i, line := range g.lines(indent, t.look.width) {
		if i == 0 && g.titled() {
			line = indent + t.look.paint(faint, strings.TrimPrefix(line, indent))
		}
		t.line("%s", line)
		if g.titled() {
			i--
		}
		for _, more := range below[i] {
			t.line("%s", more)
		}
	}
}

// body is all that comes before the last line.
func (t *text) body() {
	r := t.report
	if r.Difference != nil {
		t.difference()
		t.notes("  ")
		return
	}
	switch {
	case r.Command == "prove":
		t.model("original ", r.Input)
		t.model("converted ", r.Output)
		t.proving()
	case r.Command != "verify":
		t.model("", r.Input)
		t.interfaces(r.Input)
	case t.depth == everything:
		t.model("reference ", r.Input)
		t.model("candidate ", r.Output)
	}
	t.blocks()
	t.regions()
	t.identical()
	t.declined()
	t.left()
	t.notes("  ")
	t.check()
	t.located()
	t.operators()
	t.totals()
}

// notes leaves out, unless everything is asked for, what does not concern the
// model and what was said on standard error.
func (t *text) notes(indent string) {
	for _, x := range t.report.Warnings {
		if t.depth == everything || x.Code != "second_reader" && x.Code != "training_mode" {
			t.line("%snote %s: %s", indent, x.Code, message(x.Message))
		}
	}
}

func (t *text) seconds() {
	if len(t.report.Seconds) == 0 {
		return
	}
	var parts []string
	for _, stage := range slices.Sorted(maps.Keys(t.report.Seconds)) {
		parts = append(parts, fmt.Sprintf("%s %.3f", stage, t.report.Seconds[stage]))
	}
	t.line("seconds: %s", strings.Join(parts, " "))
}

// noise says what the tolerance is made of.
func noise(c *convert.Check) string {
	by := ""
	if c.Engine != "go" {
		by = ", by " + c.Engine
	}
	if math.IsNaN(float64(c.NoiseFloor)) {
		return "noise of the original not measured" + by
	}
	own := 0.0
	for _, o := range c.Outputs {
		own = max(own, float64(o.OwnNoise))
	}
	if own > 0 {
		by = fmt.Sprintf(", of the candidate, which rounds more coarsely, %.2g%s", own, by)
	}
	return fmt.Sprintf("rounding noise of the original %.2g%s", float64(c.NoiseFloor), by)
}

func layer(g convert.RegionReport) string {
	switch g.Kind {
	case "scale":
		return "one scale and shift"
	case "norm":
		return "its normalisation"
	case "pool":
		return "one average"
	case "identity":
		return "nothing"
	case "conv":
		op := "Conv"
		if strings.HasSuffix(g.Derivation, " ConvTranspose") {
			op = "ConvTranspose"
		}
		return fmt.Sprintf("one %s %d -> %d%s", op, g.Inputs, g.Outputs, groups(g.Groups))
	}
	return fmt.Sprintf("one FC %d -> %d%s", g.Inputs, g.Outputs, groups(g.Groups))
}

func groups(n int) string {
	if n <= 1 {
		return ""
	}
	return fmt.Sprintf(" in %d groups", n)
}

func thousands(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
