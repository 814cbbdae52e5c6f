package move

import (
	"fmt"

	"repmlp/convert/internal/reason"
	"repmlp/onnxio/graph"
)

// A Refusal says of a scale or shift that is left why it did not move to a layer.
type Refusal struct {
	Node    *graph.Node // the scale or shift
	Code    reason.Code
	Message string
}

// Why a scale or shift does not move.
const (
	PartWithoutLayer  reason.Code = "part_without_layer"
	SignDepends       reason.Code = "sign_depends"
	NoLinearNeighbour reason.Code = "no_linear_neighbour"
)

// A stop is where a move ends, and why.
type stop struct {
	code reason.Code
	why  string
}

func stopped(code reason.Code, format string, args ...any) *stop {
	return &stop{code, fmt.Sprintf(format, args...)}
}

// rank orders stops: those that come first say more.
func (s *stop) rank() int {
	switch s.code {
	case SignDepends:
		return 0
	case PartWithoutLayer:
		return 1
	case reason.IntermediateUsedElsewhere:
		return 2
	case reason.BiasBeforeZeroPadding:
		return 3
	}
	return 4
}
