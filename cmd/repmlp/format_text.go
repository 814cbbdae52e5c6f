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
	report: func(w io.Writer, r *convert.Report) error { return writeText(w, r, everything) },
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

// writeText prints a report for people.
func writeText(w io.Writer, r *convert.Report, d depth) error {
	t := &text{report: r, depth: d}
	if d > brief {
		t.body()
	}
	t.line("%s", outcome(r))
	if d == everything {
		t.seconds()
	}
	_, err := io.WriteString(w, lines(t.String()))
	return err
}

// A text is a report as it is written.
type text struct {
	strings.Builder
	report *convert.Report
	depth  depth
}

func (t *text) line(format string, args ...any) { fmt.Fprintf(t, format+"\n", args...) }

// body is all that comes before the last line.
func (t *text) body() {
	r := t.report
	if r.Command != "verify" {
		t.model("", r.Input)
	} else if t.depth == everything {
		t.model("reference ", r.Input)
		t.model("candidate ", r.Output)
	}
	t.blocks()
	t.regions()
	for _, d := range r.Declined {
		t.line("  left %s: %s", d.Code, message(d.Message))
	}
	t.left()
	t.notes("  ")
	t.check()
	if r.Ops != nil && r.Output != nil && len(r.Regions) > 0 {
		t.line("operators: %s", opChanges(r.Ops))
	}
}

// model says what a file holds, where it could be read.
func (t *text) model(role string, f *convert.FileFacts) {
	if f == nil || f.Opset == nil {
		return
	}
	s := fmt.Sprintf("%d nodes, %s parameters, opset %d", f.Nodes, thousands(f.Parameters), f.Opset[""])
	if f.Producer != "" {
		s += ", by " + name(f.Producer)
	}
	t.line("%s%s: %s", role, name(f.Path), s)
}

func (t *text) blocks() {
	for _, b := range t.report.Blocks {
		t.line("  block %s: %s", name(b.Kind), name(b.Name))
		if b.Detail != "" {
			t.line("      %s", message(b.Detail))
		}
		if b.Becomes != "" {
			t.line("      becomes %s", message(b.Becomes))
		}
	}
}

// Of many merges the first ones are listed.
const (
	listedRegions = 12
	fewRegions    = listedRegions + 2 // from here on it is worth it
)

func (t *text) regions() {
	shown := t.report.Regions
	for i, g := range shown {
		if t.depth < everything && i == listedRegions && len(shown) > fewRegions {
			t.line("  ... and %d more (-v lists all)", len(shown)-i)
			break
		}
		verb := "merged"
		if t.report.Command == "inspect" {
			verb = "would merge"
		}
		proved := ""
		if g.Proof != nil {
			proved = fmt.Sprintf("   proved (%.2g of the bound)", g.Proof.Bound)
			if !(g.Proof.Bound < 1) {
				proved = fmt.Sprintf("   NOT PROVED (%.3g times the bound)", g.Proof.Bound)
			}
		}
		t.line("  %s %s %d nodes into %s: %s%s", g.ID, verb, len(g.Merged), layer(g), name(g.Value), proved)
		if t.depth == everything {
			t.line("      %s; parameters %d -> %d", message(g.Derivation), g.Before, g.After)
			t.line("      nodes: %s", names(g.Merged))
			if len(g.Into) > 0 {
				t.line("      become: %s", names(g.Into))
			}
		}
	}
}

// left says what stays because nothing beside it could take it: how many nodes for
// each reason, in the order in which they are met, or, where everything is asked for,
// each with its sentence.
func (t *text) left() {
	var codes []string
	nodes := map[string][]string{}
	for _, x := range t.report.Left {
		if t.depth == everything {
			t.line("  stays %s: %s", x.Code, message(x.Message))
			continue
		}
		if nodes[x.Code] == nil {
			codes = append(codes, x.Code)
		}
		nodes[x.Code] = append(nodes[x.Code], x.Node)
	}
	for _, code := range codes {
		list, more := nodes[code], ""
		if n := len(list); n > namedLeft {
			list, more = list[:namedLeft], fmt.Sprintf(" and %d more (-v says why)", n-namedLeft)
		}
		t.line("  stays %s: %s%s", code, names(list), more)
	}
}

// namedLeft is how many nodes that stay are named for one reason.
const namedLeft = 3

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

func opChanges(o *convert.OpCounts) string {
	both := maps.Clone(o.Before)
	maps.Copy(both, o.After)
	var parts []string
	for _, op := range slices.Sorted(maps.Keys(both)) {
		if o.Before[op] != o.After[op] {
			parts = append(parts, fmt.Sprintf("%s %d -> %d", name(op), o.Before[op], o.After[op]))
		}
	}
	return strings.Join(parts, ", ")
}
