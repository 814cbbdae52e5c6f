// Package explain tells people what a plan found and left: blocks by the names that
// they know, and for every place where a merge would be expected, why there is
// none.
package explain

import (
	"repmlp/convert/internal/plan"
)

// A Decline is a place where a merge was looked for and not made.
type Decline struct {
	Code, Node string
	Nodes      []string
	Message    string
}

// A Warning is a finding that needs no decision.
type Warning struct{ Code, Message string }

// A Block is a group of layers that people know by a name.
type Block struct{ Name, Kind, Detail, Becomes, Region string }

// Findings is what there is to tell of a plan.
type Findings struct {
	Blocks   []Block
	Declined []Decline
	Left     []Left // sums of parallel linear branches
	Warnings []Warning
}

// Of looks at a plan.
func Of(p *plan.Plan) *Findings {
	f := &Findings{Blocks: append(repMLPBlocks(p), familyBlocks(p)...)}
	l := newLook(p)
	l.all()
	f.Declined = l.once()
	f.Left = l.others(f.Declined)
	for _, note := range p.Explained.Graph.Notes {
		f.Warnings = append(f.Warnings, Warning{note.Code, note.Message})
	}
	return f
}
