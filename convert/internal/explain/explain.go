// Package explain tells people what a plan found and left: blocks by the names that
// they know, and for every place where a merge would be expected, why there is
// none.
package explain

import (
	"fmt"

	"repmlp/convert/internal/plan"
	"repmlp/convert/internal/reason"
)

// A Decline is a place where a merge was looked for and not made.
type Decline struct {
	Code    reason.Code `json:"code"`
	Node    string      `json:"node"`
	Nodes   []string    `json:"nodes"`
	Message string      `json:"message"`
}

// Growth reports whether the decline is about size alone: the merge is exact and
// would make the model larger.
func (d Decline) Growth() bool { return d.Code.Growth() }

// String prints a decline as reports do.
func (d Decline) String() string { return fmt.Sprintf("%s: %s", d.Code, d.Message) }

// A Warning is a finding that needs no decision.
type Warning struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// A Block is a group of layers that people know by a name.
type Block struct {
	Name    string `json:"name"`
	Kind    string `json:"kind"`
	Detail  string `json:"detail,omitempty"`
	Becomes string `json:"becomes,omitempty"`
	Region  string `json:"region,omitempty"`
}

// Findings is what there is to tell of a plan.
type Findings struct {
	Blocks   []Block
	Declined []Decline
	Warnings []Warning
}

// Of looks at a plan.
func Of(p *plan.Plan) *Findings {
	f := &Findings{Blocks: append(repMLPBlocks(p), familyBlocks(p)...)}
	l := newLook(p)
	l.all()
	f.Declined, f.Warnings = l.once(), l.warnings
	for _, note := range p.Explained.Graph.Notes {
		f.Warnings = append(f.Warnings, Warning{note.Code, note.Message})
	}
	return f
}
