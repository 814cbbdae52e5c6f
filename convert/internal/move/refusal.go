package move

import (
	"fmt"
	"slices"

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

// says is how much a stop says, beside other codes.
func (s *stop) says() int {
	return slices.Index([]reason.Code{reason.BiasBeforeZeroPadding, reason.IntermediateUsedElsewhere, PartWithoutLayer, SignDepends}, s.code)
}
