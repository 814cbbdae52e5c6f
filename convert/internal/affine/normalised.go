package affine

import (
	"fmt"

	"repmlp/convert/internal/reason"
	"repmlp/onnxio/graph"
)

// Normalised is what a norm makes of its data, scaled and shifted by constants. It is no
// affine map, and stands at the begin of segments alone that scale and shift its result.
type Normalised struct {
	NoMap
	Op          string
	Scale, Bias *graph.Value // Bias may be nil

	constants *Constants
}

// IsNormalisation reports whether a node is an operator of which Normalised tells.
func IsNormalisation(n *graph.Node) bool {
	switch n.OpType() {
	case "LayerNormalization", "RMSNormalization", "GroupNormalization", "InstanceNormalization":
		return n.Domain() == ""
	}
	return false
}

// NewNormalised is a norm with constant parameters.
func NewNormalised(c *Constants, op string, scale, bias *graph.Value) *Normalised {
	return &Normalised{Op: op, Scale: scale, Bias: bias, constants: c}
}

// Numbers reads the parameters; bias is nil where there is none.
func (n *Normalised) Numbers() (scale, bias []float64, err error) {
	if scale, err = n.constants.Load(n.Scale)(); err != nil || n.Bias == nil {
		return scale, nil, err
	}
	bias, err = n.constants.Load(n.Bias)()
	return scale, bias, err
}

// Trace implements Op.
func (n *Normalised) Trace(_ *Tracer, node *graph.Node, in []Traced) (Traced, *reason.Refusal) {
	return in[0], reason.Refuse(reason.NotAffine, "%q depends on the data that it normalises", node.Title())
}

// Weights implements Op.
func (n *Normalised) Weights() []*graph.Value {
	if n.Bias == nil {
		return []*graph.Value{n.Scale}
	}
	return []*graph.Value{n.Scale, n.Bias}
}

// Cost implements Op.
func (n *Normalised) Cost() Cost { return costWork }

func (n *Normalised) String() string { return fmt.Sprintf("Result of %s", n.Op) }
