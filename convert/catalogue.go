package convert

import (
	"fmt"

	"repmlp/convert/internal/reason"
	"repmlp/convert/internal/rules"
)

// A Doc is the documentation of one rule.
type Doc struct {
	Name    string
	Title   string
	Formula string // before and after
	When    string // when it is exact
	Example string
}

// Catalogue is the documentation of all rules, in the order in which they are asked.
func Catalogue() []Doc {
	var docs []Doc
	for _, d := range rules.Catalogue() {
		docs = append(docs, Doc(d))
	}
	return docs
}

// A Reason documents one code of a decline.
type Reason struct {
	Code   string // stable
	When   string
	Advice string
	Growth bool // exact, but larger: does not count for the verdict
	Left   bool // only of what is left without being a place for a merge, which does not count either
}

// Reasons lists the codes of declines in the order in which they are reported: the
// first that applies to a place wins.
func Reasons() []Reason {
	var out []Reason
	for _, r := range reason.Reasons() {
		out = append(out, Reason{string(r.Code), r.When, r.Advice, r.Growth, r.Code.Left()})
	}
	return out
}

// A Decline is a place where a merge was looked for and not made.
type Decline struct {
	Code    string   `json:"code"` // of Reasons
	Node    string   `json:"node"`
	Nodes   []string `json:"nodes"`
	Message string   `json:"message"`
}

// Growth reports whether the decline is about size alone: the merge is exact and
// would make the model larger.
func (d Decline) Growth() bool { return reason.Code(d.Code).Growth() }

// String prints a decline as reports do.
func (d Decline) String() string { return fmt.Sprintf("%s: %s", d.Code, d.Message) }

// A Left is a BatchNormalization or a constant scale or bias that a result still has
// because nothing beside it could take it. It counts neither for the verdict nor for
// Options.Strict.
type Left struct {
	Code    string `json:"code"` // of Reasons
	Node    string `json:"node"`
	Message string `json:"message"`
}

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
	// MultiplyAdds are those of its region in one run.
	MultiplyAdds *Change `json:"multiply_adds,omitempty"`
}
