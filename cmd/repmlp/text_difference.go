package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"repmlp/convert"
)

// difference tells how two models differ.
func (t *text) difference() {
	r := t.report
	d := r.Difference
	if d == nil {
		return
	}
	t.model("first  ", r.Input)
	t.model("second ", r.Output)
	t.formats()
	t.values("input", d.Inputs)
	t.values("output", d.Outputs)
	t.byOperator(d.Nodes)
	t.pairedNodes(d.Nodes)
	if t.depth == everything {
		t.alone("first", d.Nodes.First)
		t.alone("second", d.Nodes.Second)
	}
	t.pairedInits(d.Initializers)
	t.aloneInits("first", d.Initializers.First)
	t.aloneInits("second", d.Initializers.Second)
}

// byOperator counts nodes by operator: those that are equal, changed, and in one model
// alone. Constants that hold a tensor are told with the initializers.
func (t *text) byOperator(d convert.NodeDifference) {
	o := t.report.Ops
	changed, first, second, such := map[string]int{}, map[string]int{}, map[string]int{}, map[string]string{}
	for _, c := range d.Changed {
		changed[c.First.Operator]++
	}
	for _, side := range []struct {
		list  []convert.OneNode
		count map[string]int
	}{{d.First, first}, {d.Second, second}} {
		for _, n := range side.list {
			if side.count[n.Operator]++; such[n.Operator] == "" {
				such[n.Operator] = n.Name
			}
		}
	}
	both := maps.Clone(o.Before)
	maps.Copy(both, o.After)
	g := &grid{columns: []column{{title: "nodes", cuts: true}, {title: "first", right: true}, {title: "second", right: true}, {title: "changed", right: true},
		{title: "first only", right: true}, {title: "second only", right: true}, {title: "such as", cuts: true}}}
	number := func(n int) string {
		if n == 0 {
			return ""
		}
		return fmt.Sprint(n)
	}
	var same []string
	for _, op := range slices.Sorted(maps.Keys(both)) {
		if o.Before[op] == o.After[op] && changed[op]+first[op]+second[op] == 0 {
			same = append(same, fmt.Sprintf("%s %d", op, o.Before[op]))
			continue
		}
		g.add(name(op), fmt.Sprint(o.Before[op]), fmt.Sprint(o.After[op]), number(changed[op]), number(first[op]), number(second[op]), name(such[op]))
	}
	t.table("  ", g, nil)
	if len(same) > 0 {
		t.line("  equal nodes: %s", names(same))
	}
}

// differenceText is all of it, for reports that show text as it is.
func differenceText(r *convert.Report) string {
	t := &text{report: r, depth: everything}
	t.difference()
	return lines(t.String())
}

// formats compares what the files were written for.
func (t *text) formats() {
	a, b := t.report.Input, t.report.Output
	if a.IRVersion != b.IRVersion {
		t.line("  IR version %d, %d", a.IRVersion, b.IRVersion)
	}
	both := map[string]bool{}
	for domain := range a.Opset {
		both[domain] = true
	}
	for domain := range b.Opset {
		both[domain] = true
	}
	var list []string
	for domain := range both {
		list = append(list, domain)
	}
	slices.Sort(list)
	version := func(f *convert.FileFacts, domain string) string {
		if v, ok := f.Opset[domain]; ok {
			return fmt.Sprint(v)
		}
		return "none"
	}
	for _, domain := range list {
		if x, y := version(a, domain), version(b, domain); x != y {
			t.line("  opset %s%s, %s", name(domain), strings.Repeat(" ", min(1, len(domain)))+x, y)
		}
	}
}

// values tells of inputs and outputs that are not the same.
func (t *text) values(what string, list []convert.ValueDifference) {
	g := &grid{columns: []column{{}, {cuts: true}, {}, {}}}
	for _, v := range list {
		switch {
		case v.Second == nil:
			g.add(what, name(v.First.Name), name(v.First.Type)+" "+shapeOf(v.First.Shape), "only in the first")
		case v.First == nil:
			g.add(what, name(v.Second.Name), name(v.Second.Type)+" "+shapeOf(v.Second.Shape), "only in the second")
		default:
			called := name(v.First.Name)
			if v.First.Name != v.Second.Name {
				called += " -> " + name(v.Second.Name)
			}
			g.add(what, called, name(v.First.Type)+" "+shapeOf(v.First.Shape), "-> "+name(v.Second.Type)+" "+shapeOf(v.Second.Shape))
		}
	}
	t.table("  ", g, nil)
}

// pairedNodes tells of nodes that both models have.
func (t *text) pairedNodes(d convert.NodeDifference) {
	kind := func(i int) string {
		c := d.Changed[i]
		key := c.First.Operator
		for _, a := range c.Attributes {
			key += " " + a.Name
		}
		for _, in := range c.Inputs {
			key += fmt.Sprint(" ", in.Index)
		}
		return key
	}
	if t.depth == everything {
		kind = func(i int) string { return fmt.Sprint(i) }
	}
	for _, k := range kinds(len(d.Changed), kind) {
		c := d.Changed[k.members[0]]
		var what []string
		for _, a := range c.Attributes {
			what = append(what, fmt.Sprintf("%s %s -> %s", name(a.Name), given(a.First), given(a.Second)))
		}
		for _, in := range c.Inputs {
			what = append(what, fmt.Sprintf("input %d %s -> %s", in.Index, given(in.First), given(in.Second)))
		}
		called := name(c.First.Name)
		if c.Second.Name != c.First.Name {
			called += " / " + name(c.Second.Name)
		}
		more := ""
		if n := len(k.members); n > 1 {
			more = t.look.paint(faint, fmt.Sprintf(" (and %d more of the same kind)", n-1))
		}
		t.line("  changed %s %s: %s%s", t.look.paint(caution, name(c.First.Operator)), called, strings.Join(what, ", "), more)
	}
}

// given is a value that may not be there.
func given(s string) string {
	if s == "" {
		return "none"
	}
	return name(s)
}

// alone tells of nodes that one of the models has, by operator.
func (t *text) alone(where string, list []convert.OneNode) {
	for _, k := range kinds(len(list), func(i int) string { return list[i].Operator }) {
		var called []string
		for _, i := range k.members {
			called = append(called, list[i].Name)
		}
		t.line("  only in the %s: %s %d: %s", where, name(k.key), len(called), strings.Join(each(called), ", "))
	}
}

// each is name for all of a list.
func each(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = name(s)
	}
	return out
}

// pairedInits tells of initializers that both models have.
func (t *text) pairedInits(d convert.InitDifference) {
	renamed := ""
	if d.Renamed > 0 {
		renamed = fmt.Sprintf(" (%d under another name)", d.Renamed)
	}
	t.line("  initializers: %d equal%s, %d changed, %d only in the first, %d only in the second", d.Equal, renamed, len(d.Changed), len(d.First), len(d.Second))
	g := &grid{columns: []column{{cuts: true}, {}, {}, {}}}
	below := map[int][]string{}
	for _, s := range t.folded(len(d.Changed), func(i int) string {
		c := d.Changed[i]
		return fmt.Sprint(c.First.Type, c.Second.Type, c.MaxAbs == nil)
	}) {
		if s.more > 0 {
			below[len(g.rows)-1] = append(below[len(g.rows)-1], t.look.paint(faint, fmt.Sprintf("      ... %d more%s%s (-v shows all)", s.more, s.what, farthestInit(d.Changed))))
			continue
		}
		c := d.Changed[s.at]
		called := name(c.First.Name)
		if c.First.Name != c.Second.Name {
			called += " / " + name(c.Second.Name)
		}
		to := ""
		if x, y := storedAs(c.First), storedAs(c.Second); x != y {
			to = "-> " + y
		}
		g.add(called, storedAs(c.First), to, distance(c))
	}
	t.table("    ", g, below)
}

// distance says how far the numbers of two initializers are apart.
func distance(c convert.ChangedInit) string {
	if c.MaxAbs == nil {
		return ""
	}
	return fmt.Sprintf("differ by at most %.3g, largest value %.3g", float64(*c.MaxAbs), float64(*c.Largest))
}

// farthestInit says of many which is farthest off.
func farthestInit(list []convert.ChangedInit) string {
	var worst *convert.ChangedInit
	for i, c := range list {
		if c.MaxAbs != nil && (worst == nil || *c.MaxAbs > *worst.MaxAbs) {
			worst = &list[i]
		}
	}
	if worst == nil {
		return ""
	}
	return fmt.Sprintf("; of all %s differs most, by %.3g", name(worst.First.Name), float64(*worst.MaxAbs))
}

// storedAs is the type and shape of an initializer.
func storedAs(x convert.OneInit) string {
	shape := make([]convert.Size, len(x.Shape))
	for i, n := range x.Shape {
		shape[i] = convert.Size{Value: n, Known: true}
	}
	return name(x.Type) + " " + shapeOf(shape)
}

// aloneInits tells of initializers that one of the models has.
func (t *text) aloneInits(where string, list []convert.OneInit) {
	if len(list) == 0 {
		return
	}
	total := int64(0)
	var called []string
	for _, x := range list {
		total += x.Bytes
		called = append(called, x.Name)
	}
	if t.depth < everything {
		t.line("    only in the %s, %s: %s", where, bytesOf(total), some(called))
		return
	}
	t.line("    only in the %s, %s:", where, bytesOf(total))
	for _, x := range list {
		t.line("      %s %s", name(x.Name), storedAs(x))
	}
}

// contrast is the last line of inspect with two models.
func contrast(r *convert.Report) string {
	d := r.Difference
	if r.Verdict == convert.Same {
		return fmt.Sprintf("the same: %s and %s", plural(d.Nodes.Equal, "node"), plural(d.Initializers.Equal, "initializer"))
	}
	n, i := d.Nodes, d.Initializers
	return fmt.Sprintf("different: %d of %d and %d nodes are equal, %d of %d and %d initializers", n.Equal, n.Equal+len(n.Changed)+len(n.First), n.Equal+len(n.Changed)+len(n.Second),
		i.Equal, i.Equal+len(i.Changed)+len(i.First), i.Equal+len(i.Changed)+len(i.Second))
}
