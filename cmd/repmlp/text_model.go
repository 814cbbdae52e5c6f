package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"repmlp/convert"
)

// model says what a file holds, where it could be read.
func (t *text) model(role string, f *convert.FileFacts) {
	if f == nil || f.Opset == nil {
		return
	}
	s := fmt.Sprintf("%s, %s, %sopset %d", plural(f.Nodes, "node"), counted(f.Parameters, "parameter"), weight(f), f.Opset[""])
	for _, domain := range slices.Sorted(maps.Keys(f.Opset)) {
		if domain != "" {
			s += fmt.Sprintf(", %s %d", name(domain), f.Opset[domain])
		}
	}
	if f.IRVersion > 0 {
		s += fmt.Sprintf(", IR version %d", f.IRVersion)
	}
	if f.Producer != "" {
		s += ", by " + name(f.Producer)
	}
	t.line("%s%s: %s", role, name(f.Path), s)
	if p := f.Provenance; p != nil {
		from := ""
		if p.Source != "" {
			from = " from the file with SHA-256 " + name(p.Source)
		}
		t.line("  converted by repmlp %s%s", name(p.Version), from)
	}
}

// weight is how large a file is, and what lies outside of it.
func weight(f *convert.FileFacts) string {
	switch {
	case f.Bytes == 0:
		return ""
	case f.ExternalBytes > 0:
		return fmt.Sprintf("%s and %s of external data, ", bytesOf(f.Bytes), bytesOf(f.ExternalBytes))
	}
	return bytesOf(f.Bytes) + ", "
}

// interfaces lists what a model takes and what it gives.
func (t *text) interfaces(f *convert.FileFacts) {
	if f == nil {
		return
	}
	g := &grid{columns: []column{{}, {cuts: true}, {}, {}}}
	below := map[int][]string{}
	for _, side := range []struct {
		what string
		list []convert.ValueFacts
	}{{"input", f.Inputs}, {"output", f.Outputs}} {
		for _, s := range t.folded(len(side.list), func(i int) string { return side.list[i].Type + shapeOf(side.list[i].Shape) }) {
			if s.more > 0 {
				below[len(g.rows)-1] = append(below[len(g.rows)-1], t.look.paint(faint, fmt.Sprintf("      ... %d more%s (-v shows all)", s.more, s.what)))
				continue
			}
			v := side.list[s.at]
			g.add(side.what, name(v.Name), name(v.Type), shapeOf(v.Shape))
		}
	}
	t.table("  ", g, below)
}

// shapeOf is a declared shape, as N×3×224×224.
func shapeOf(shape []convert.Size) string {
	switch {
	case shape == nil:
		return "of any rank"
	case len(shape) == 0:
		return "one number"
	}
	parts := make([]string, len(shape))
	for i, d := range shape {
		parts[i] = name(d.String())
	}
	return strings.Join(parts, "×")
}

// operators compares how many nodes of each operator there are; what stays as it is
// has one line.
func (t *text) operators() {
	o := t.report.Ops
	if o == nil || t.report.Error != nil {
		return
	}
	both := maps.Clone(o.Before)
	maps.Copy(both, o.After)
	list := slices.Sorted(maps.Keys(both))
	slices.SortStableFunc(list, func(a, b string) int { return cmp.Compare(o.After[a]-o.Before[a], o.After[b]-o.Before[b]) })
	g := &grid{columns: []column{{title: "operators", cuts: true}, {title: "before", right: true}, {title: "after", right: true}}}
	var same []string
	for _, op := range list {
		if o.Before[op] != o.After[op] {
			g.add(name(op), fmt.Sprint(o.Before[op]), fmt.Sprint(o.After[op]))
		}
	}
	for _, op := range slices.Sorted(maps.Keys(both)) {
		if o.Before[op] == o.After[op] {
			same = append(same, fmt.Sprintf("%s %d", op, o.After[op]))
		}
	}
	t.table("  ", g, nil)
	if len(same) > 0 {
		as := "operators: "
		if len(g.rows) > 0 {
			as = "as before: "
		}
		t.line("  %s%s", as, names(same))
	}
}

// totals compares the whole model before and after.
func (t *text) totals() {
	n := t.report.Totals
	if n == nil {
		return
	}
	if len(t.report.Regions) == 0 {
		if m := n.MultiplyAdds; m != nil {
			t.line("  multiply-adds %s%s", thousands(m.Before), sizesOf(m))
		}
		return
	}
	g := &grid{columns: []column{{}, {title: "before", right: true}, {title: "after", right: true}, {right: true}, {}}}
	row := func(what string, c convert.Change, more string) {
		g.add(what, thousands(c.Before), thousands(c.After), percent(c), more)
	}
	row("nodes", n.Nodes, "")
	row("parameters", n.Parameters, "")
	row("bytes", n.Bytes, "")
	if m := n.MultiplyAdds; m != nil {
		row("multiply-adds", convert.Change{Before: m.Before, After: m.After}, strings.TrimPrefix(sizesOf(m), " "))
	}
	t.table("  ", g, nil)
}

// sizesOf says for which sizes multiply-adds were counted, and what was not.
func sizesOf(m *convert.MultiplyAdds) string {
	var parts, chosen []string
	for _, in := range m.Inputs {
		shape := make([]convert.Size, len(in.Shape))
		for i, n := range in.Shape {
			shape[i] = convert.Size{Value: n, Known: true}
		}
		parts = append(parts, name(in.Name)+" "+shapeOf(shape))
	}
	for _, c := range m.Chosen {
		if c.Name == "" {
			c.Name = "?"
		}
		chosen = append(chosen, fmt.Sprintf("%s=%d", c.Name, c.Size))
	}
	s := ""
	if len(parts) > 0 {
		s = " for " + some(parts)
	}
	if len(chosen) > 0 {
		s += " (" + some(chosen) + " chosen)"
	}
	var unknown []string
	for _, op := range slices.Sorted(maps.Keys(m.NotCounted)) {
		unknown = append(unknown, fmt.Sprintf("%s %d", op, m.NotCounted[op]))
	}
	if len(unknown) > 0 {
		s += ", without " + some(unknown)
	}
	return s
}

// arrow is a number before and after, once where it stays.
func arrow(before, after int64) string {
	if before == after {
		return thousands(after)
	}
	return thousands(before) + " -> " + thousands(after)
}

// changed is arrow with the difference in percent.
func changed(c convert.Change) string {
	if p := percent(c); p != "" {
		return arrow(c.Before, c.After) + " (" + p + ")"
	}
	return arrow(c.Before, c.After)
}

// percent is how much more or less there is, nothing where that says nothing.
func percent(c convert.Change) string {
	if c.Before <= 0 || c.Before == c.After {
		return ""
	}
	p := 100 * float64(c.After-c.Before) / float64(c.Before)
	if p > -1 && p < 1 {
		return fmt.Sprintf("%+.2g %%", p)
	}
	return fmt.Sprintf("%+.0f %%", p)
}

// bytesOf is a size in words.
func bytesOf(n int64) string {
	v, unit := float64(n), "bytes"
	for _, u := range []string{"kB", "MB", "GB", "TB"} {
		if v < 999.5 {
			break
		}
		v, unit = v/1000, u
	}
	if unit == "bytes" || v >= 100 {
		return fmt.Sprintf("%.0f %s", v, unit)
	}
	return fmt.Sprintf("%.1f %s", v, unit)
}
