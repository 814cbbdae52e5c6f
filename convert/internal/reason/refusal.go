// Package reason holds the codes with which merges are refused, and what people
// can do about each.
package reason

import "fmt"

// A Refusal says why something cannot be part of a merge. The zero code means
// that it is nothing worth reporting.
type Refusal struct {
	Code    Code
	Message string
}

// Refuse makes a refusal; the message names nodes and says what to do.
func Refuse(code Code, format string, args ...any) *Refusal {
	return &Refusal{code, fmt.Sprintf(format, args...)}
}

// First is the refusal whose code comes first in Reasons; nil for none that has
// a code.
func First(refusals []*Refusal) *Refusal {
	var best *Refusal
	for _, r := range refusals {
		if r != nil && r.Code != "" && (best == nil || r.Code.rank() < best.Code.rank()) {
			best = r
		}
	}
	return best
}
