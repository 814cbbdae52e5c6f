package main

import (
	"fmt"
)

// declined says of each place why nothing was merged there, the first of each reason.
func (t *text) declined() {
	list := t.report.Declined
	for _, s := range t.folded(len(list), func(i int) string { return list[i].Code }) {
		if s.more > 0 {
			t.line("%s", t.look.paint(faint, fmt.Sprintf("      ... %d more%s (-v shows all)", s.more, s.what)))
			continue
		}
		d := list[s.at]
		t.line("  left %s: %s", t.look.paint(caution, d.Code), message(d.Message))
	}
}

// left says what stays because nothing beside it could take it: how many nodes for
// each reason, in the order in which they are met, or, where everything is asked for,
// each with its sentence.
func (t *text) left() {
	list := t.report.Left
	if t.depth == everything {
		for _, x := range list {
			t.line("  stays %s: %s", x.Code, message(x.Message))
		}
		return
	}
	for _, k := range kinds(len(list), func(i int) string { return list[i].Code }) {
		var nodes []string
		for _, i := range k.members {
			nodes = append(nodes, list[i].Node)
		}
		more := ""
		if n := len(nodes); n > namedLeft {
			nodes, more = nodes[:namedLeft], fmt.Sprintf(" and %d more (-v says why)", n-namedLeft)
		}
		t.line("  stays %s: %s%s", k.key, names(nodes), more)
	}
}

// namedLeft is how many nodes that stay are named for one reason.
const namedLeft = 3
