package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"repmlp/convert"
)

// markdownFormat is for pages of build servers and for release notes.
var markdownFormat = format{
	extension: "md", media: "text/markdown; charset=utf-8",
	report: writeMarkdown,
	bench:  writeBenchMarkdown,
}

// markdownRows is how many rows of a table are written: pages of build servers are
// bounded. JSON has all of them.
const markdownRows = 100

// A markdown is a report as it is written. What comes from a file goes through
// mdCode or mdText.
type markdown struct{ strings.Builder }

func (m *markdown) line(format string, args ...any) { fmt.Fprintf(m, format+"\n", args...) }

// head begins a part. Build servers take ## in what they print for a command, so a line
// underlines it.
func (m *markdown) head(text string) { m.line("\n%s\n%s", text, strings.Repeat("-", len(text))) }

// table writes a table, and how many rows it left out. A head that ends in ":" is a
// column of numbers.
func (m *markdown) table(heads []string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	m.line("")
	var rule []string
	titles := slices.Clone(heads)
	for i, h := range heads {
		title, right := strings.CutSuffix(h, ":")
		titles[i] = title
		if right {
			rule = append(rule, "---:")
		} else {
			rule = append(rule, "---")
		}
	}
	m.row(titles)
	m.row(rule)
	for i, r := range rows {
		if i == markdownRows && len(rows) > markdownRows+1 {
			more := make([]string, len(heads))
			more[0] = fmt.Sprintf("and %d more", len(rows)-i)
			m.row(more)
			break
		}
		m.row(r)
	}
}

func (m *markdown) row(cells []string) { m.line("| %s |", strings.Join(cells, " | ")) }

func writeMarkdown(w io.Writer, r *convert.Report) error {
	m := &markdown{}
	m.line("# repmlp %s: %s", r.Command, said(r.Verdict))
	m.line("")
	m.line("%s", mdText(outcome(r)))
	if r.Error != nil && r.Error.Hint != "" {
		m.line("")
		m.line("Hint: %s", mdText(r.Error.Hint))
	}
	if r.Difference != nil {
		m.head("What differs")
		m.line("")
		m.line("%s", fenced(differenceText(r)))
	}
	m.glance(r)
	m.merges(r)
	m.stays(r)
	m.check(r)
	if where := whereOf(r); len(where) > 0 {
		m.head("Where it breaks")
		m.line("")
		for _, line := range where {
			m.line("- %s", mdText(line))
		}
	}
	if r.Timings != nil {
		m.head("Latency")
		m.line("\n%s, %s after %d for warming up.", mdText(r.Timings.Engine), plural(r.Timings.Runs, "run"), r.Timings.Warmup)
		m.timings(r.Timings)
	}
	if len(r.Warnings) > 0 {
		m.head("Notes")
		m.line("")
		for _, x := range r.Warnings {
			m.line("- %s: %s", mdText(x.Code), mdText(x.Message))
		}
	}
	m.files(r)
	_, err := io.WriteString(w, lines(m.String()))
	return err
}

// fenced is text that is shown as it is: no line of it ends the fence.
func fenced(s string) string {
	fence := "```"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	return fence + "text\n" + strings.TrimSuffix(s, "\n") + "\n" + fence
}

// said is a verdict in words.
func said(verdict string) string { return strings.ReplaceAll(verdict, "_", " ") }

// glance is what a model holds, before and after.
func (m *markdown) glance(r *convert.Report) {
	if r.Input == nil || r.Input.Opset == nil {
		return
	}
	before, after := "before", "after"
	if r.Command == "verify" {
		before, after = "reference", "candidate"
	}
	number := func(what string, of func(*convert.FileFacts) int64) []string {
		row := []string{what, thousands(of(r.Input))}
		if r.Output != nil && r.Output.Opset != nil {
			row = append(row, thousands(of(r.Output)))
		}
		return row
	}
	heads := []string{"", before + ":"}
	rows := [][]string{
		number("nodes", func(f *convert.FileFacts) int64 { return int64(f.Nodes) }),
		number("parameters", func(f *convert.FileFacts) int64 { return f.Parameters }),
		number("bytes", func(f *convert.FileFacts) int64 { return f.Bytes }),
	}
	if len(rows[0]) > 2 {
		heads = append(heads, after+":")
		if r.Ops != nil {
			both := maps.Clone(r.Ops.Before)
			maps.Copy(both, r.Ops.After)
			for _, op := range slices.Sorted(maps.Keys(both)) {
				if a, b := r.Ops.Before[op], r.Ops.After[op]; a != b {
					rows = append(rows, []string{mdCode(op), fmt.Sprint(a), fmt.Sprint(b)})
				}
			}
		}
	}
	m.table(heads, rows)
}

func (m *markdown) merges(r *convert.Report) {
	var rows [][]string
	for _, b := range r.Blocks {
		rows = append(rows, []string{mdText(b.Kind), mdCode(b.Name), mdText(b.Detail), mdText(b.Becomes)})
	}
	if len(rows) > 0 {
		m.head("Blocks")
		m.table([]string{"block", "node", "structure", "becomes"}, rows)
	}
	if len(r.Regions) == 0 {
		return
	}
	m.head("Merges")
	rows = nil
	for _, g := range r.Regions {
		proof, by := "", ""
		if g.Proof != nil {
			by = proofOf(g.Proof)
			proof = ofBound(float64(g.Proof.Bound))
		}
		rows = append(rows, []string{mdText(g.ID), mdCode(g.Value), fmt.Sprint(len(g.Merged)), mdText(layer(g)), fmt.Sprintf("%d → %d", g.Before, g.After), by, proof})
	}
	m.table([]string{"", "value", "nodes:", "layer", "parameters:", "proved for", "difference / bound:"}, rows)
}

// stays is what was left, and why.
func (m *markdown) stays(r *convert.Report) {
	if len(r.Declined) > 0 {
		m.head("Left as it is")
		var rows [][]string
		for _, d := range r.Declined {
			rows = append(rows, []string{mdText(d.Code), mdCode(d.Node), mdText(d.Message)})
		}
		m.table([]string{"code", "node", "why"}, rows)
	}
	if len(r.Left) > 0 {
		m.head("Nothing could take it")
		var rows [][]string
		for _, x := range r.Left {
			rows = append(rows, []string{mdText(x.Code), mdCode(x.Node), mdText(x.Message)})
		}
		m.table([]string{"code", "node", "why"}, rows)
	}
}

func (m *markdown) check(r *convert.Report) {
	c := r.Check
	if c == nil {
		return
	}
	m.head("Whole model")
	m.line("")
	m.line("The outputs %s: %s, seed %d, allowed %s, %s.", mdText(agreement(c)), runs(c), c.Seed, mdText(c.Allowance()), mdText(noise(c)))
	m.outputs("output", c.Outputs)
	m.outputs("against the expected outputs", c.Expected)
	list := linesOf(r, func(t *text) {
		for _, o := range slices.Concat(c.Outputs, c.Expected) {
			if !o.Passed {
				t.worst(o, false)
			}
		}
		for _, s := range c.Scores {
			t.scores(s)
		}
		t.stress(c.Stress)
	})
	if len(list) > 0 {
		m.line("")
	}
	for _, line := range list {
		m.line("- %s", mdText(line))
	}
}

// outputs are the statistics as a table.
func (m *markdown) outputs(what string, list []convert.CheckOutput) {
	if len(list) == 0 {
		return
	}
	var rows [][]string
	for _, o := range list {
		called := mdCode(o.Name)
		if o.Of != "" {
			called += " of the " + o.Of
		}
		rows = append(rows, []string{called, sizes(o.Shape), mdText(closeness(o)), fmt.Sprintf("%.3g", float64(o.MaxAbs)), figure("%.3g", o.Mean), figure("%.3g", o.P99), fmt.Sprintf("%.3g", float64(o.MaxRel)), mdText(share(o))})
	}
	m.table([]string{what, "shape", "", "largest difference:", "mean:", "p99:", "of the largest value:", "of the limit:"}, rows)
}

// timings are the latencies of models.
func (m *markdown) timings(t *convert.Timings) {
	var rows [][]string
	for _, x := range t.Results {
		ratio := ""
		if x.Ratio != nil {
			ratio = fmt.Sprintf("%.2f (%.2f to %.2f)", x.Ratio.Value, x.Ratio.Low, x.Ratio.High)
		}
		rows = append(rows, []string{mdCode(x.Path), fmt.Sprint(x.Batch), fmt.Sprintf("%.2f", x.MedianMS), fmt.Sprintf("%.2f", x.P10MS), fmt.Sprintf("%.2f", x.P90MS), fmt.Sprintf("%.1f", x.PerSecond), ratio})
	}
	m.table([]string{"model", "batch:", "median, ms:", "p10:", "p90:", "per second:", "times as fast as the first:"}, rows)
}

// sizes is a shape as people write it.
func sizes(shape []int) string {
	var parts []string
	for _, n := range shape {
		parts = append(parts, fmt.Sprint(n))
	}
	return strings.Join(parts, "×")
}

// files are the models and the tool, for whoever wants to do it again.
func (m *markdown) files(r *convert.Report) {
	m.head("Files")
	m.line("")
	for _, f := range []*convert.FileFacts{r.Input, r.Output} {
		if f == nil {
			continue
		}
		hash := ""
		if f.SHA256 != "" {
			hash = ", SHA-256 " + mdCode(f.SHA256)
		}
		m.line("- %s%s", mdCode(f.Path), hash)
	}
	m.line("- %s %s", mdText(r.Tool.Name), mdText(r.Tool.Version))
}

func writeBenchMarkdown(w io.Writer, r *benchReport) error {
	m := &markdown{}
	m.line("# repmlp bench")
	m.line("")
	m.line("Engine %s, %s after %d for warming up.", mdText(r.Engine), plural(r.Runs, "run"), r.Warmup)
	m.timings(&r.Timings)
	var rows [][]string
	for _, x := range r.Models {
		peak := ""
		if x.Peak > 0 {
			peak = thousands(x.Peak)
		}
		rows = append(rows, []string{mdCode(x.Path), fmt.Sprintf("%.2f", x.Session), peak})
	}
	m.table([]string{"model", "session, s:", "peak memory, bytes:"}, rows)
	_, err := io.WriteString(w, lines(m.String()))
	return err
}
