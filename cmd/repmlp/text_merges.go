package main

import (
	"fmt"
	"strings"

	"repmlp/convert"
)

// Of many of a kind the first ones are listed: shownOfAKind where there are more than
// fewOfAKind, in all mostRows.
const (
	fewOfAKind   = 4
	shownOfAKind = 3
	mostRows     = 24
)

// A kind is what is told once, with all of its kind.
type kind struct {
	key     string
	members []int
}

// kinds groups n things by their key, in the order in which they are met.
func kinds(n int, key func(i int) string) (list []*kind) {
	by := map[string]*kind{}
	for i := range n {
		k := by[key(i)]
		if k == nil {
			k = &kind{key: key(i)}
			by[k.key] = k
			list = append(list, k)
		}
		k.members = append(k.members, i)
	}
	return list
}

// blocks tells of the blocks, those of one structure together.
func (t *text) blocks() {
	list := t.report.Blocks
	for _, k := range kinds(len(list), func(i int) string {
		if t.depth == everything {
			return fmt.Sprint(i)
		}
		return fmt.Sprint(list[i].Kind, "\x00", list[i].Detail, list[i].Becomes == "") // one that stays is not told of with those that do not
	}) {
		b := list[k.members[0]]
		times, work := "", &convert.Change{}
		if n := len(k.members); n > 1 {
			times = fmt.Sprintf(" ×%d", n)
		}
		var called, becomes []string
		for _, i := range k.members {
			b := list[i]
			called = append(called, b.Name)
			if b.Becomes != "" {
				becomes = append(becomes, b.Becomes)
			}
			if b.MultiplyAdds != nil {
				work.Before, work.After = work.Before+b.MultiplyAdds.Before, work.After+b.MultiplyAdds.After
			}
		}
		t.line("  block %s%s: %s", t.look.paint(strong, name(b.Kind)), times, some(called))
		if b.Detail != "" {
			t.line("      %s", message(b.Detail))
		}
		if len(becomes) > 0 {
			t.line("      becomes %s", someMessages(becomes))
		}
		if work.Before > 0 {
			t.line("      multiply-adds %s", changed(*work))
		}
	}
}

// some names the first of a list and counts the others.
func some(list []string) string {
	if len(list) <= fewOfAKind {
		return names(list)
	}
	return fmt.Sprintf("%s and %d more", names(list[:shownOfAKind]), len(list)-shownOfAKind)
}

// someMessages is some for sentences, each of them once.
func someMessages(list []string) string {
	var parts []string
	for _, k := range kinds(len(list), func(i int) string { return list[i] }) {
		parts = append(parts, message(k.key))
	}
	if len(parts) <= fewOfAKind {
		return strings.Join(parts, "; ")
	}
	return fmt.Sprintf("%s; and %d more", strings.Join(parts[:shownOfAKind], "; "), len(parts)-shownOfAKind)
}

// regions tells of the merges, a row for each. Those that are merged from the same kinds
// of nodes are folded.
func (t *text) regions() {
	list := t.report.Regions
	if len(list) == 0 {
		return
	}
	merged, into := "merged", "into"
	if t.report.Command == "inspect" {
		merged, into = "would merge", "into"
	}
	g := &grid{columns: []column{{title: merged}, {title: "nodes", right: true}, {title: into}, {title: "parameters", right: true}, {title: "multiply-adds", right: true}, {title: "proved for"}, {title: "value", cuts: true}}}
	below := map[int][]string{}
	for _, s := range t.folded(len(list), func(i int) string { return list[i].Kind + list[i].Derivation }) {
		if s.more > 0 {
			below[len(g.rows)-1] = append(below[len(g.rows)-1], t.look.paint(faint, fmt.Sprintf("      ... %d more%s (-v shows all)", s.more, s.what)))
			continue
		}
		r := list[s.at]
		work := ""
		if r.MultiplyAdds != nil {
			work = arrow(r.MultiplyAdds.Before, r.MultiplyAdds.After)
		}
		g.add(r.ID, fmt.Sprint(len(r.Merged)), layer(r), arrow(int64(r.Before), int64(r.After)), work, t.proof(r.Proof), name(r.Value))
		if t.depth == everything {
			at := len(g.rows) - 1
			below[at] = append(below[at], "      "+message(r.Derivation), "      nodes: "+names(r.Merged))
			if len(r.Into) > 0 {
				below[at] = append(below[at], "      become: "+names(r.Into))
			}
		}
	}
	t.table("  ", g, below)
}

// proof says how a merge was proved, nothing where it was not tried.
func (t *text) proof(p *convert.ProofReport) string {
	switch {
	case p == nil:
		return ""
	case p.Bound < 1 && p.Complete:
		return t.look.paint(good, "all inputs")
	case p.Bound < 1:
		return t.look.paint(good, fmt.Sprintf("%s, %s of the bound", plural(p.Rows, "row"), ofBound(float64(p.Bound))))
	}
	return t.look.paint(bad, fmt.Sprintf("NOT PROVED %.3g", p.Bound))
}

// A shown is one of a list, or how many more there are.
type shown struct {
	at, more int
	what     string
}

// folded says which of n things are shown, and where how many more of a kind follow.
func (t *text) folded(n int, key func(i int) string) (list []shown) {
	hidden, rest := map[int]shown{}, 0
	if t.depth < everything {
		for _, k := range kinds(n, key) {
			if len(k.members) > fewOfAKind {
				last := k.members[shownOfAKind-1]
				hidden[last] = shown{more: len(k.members) - shownOfAKind, what: " of the same kind"}
				for _, i := range k.members[shownOfAKind:] {
					hidden[i] = shown{}
				}
			}
		}
	}
	rows := 0
	for i := range n {
		h, ends := hidden[i]
		if ends && h.more == 0 {
			continue
		}
		if t.depth < everything && rows == mostRows {
			rest++
			rest += h.more
			continue
		}
		rows++
		list = append(list, shown{at: i})
		if ends {
			list = append(list, h)
		}
	}
	if rest > 0 {
		list = append(list, shown{more: rest})
	}
	return list
}
