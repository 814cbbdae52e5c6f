package graph

import (
	"errors"
	"fmt"

	"repmlp/internal/budget"
	"repmlp/internal/ops"
)

// A Cause is why a value is no constant: of what kind, at which node or value, and where
// it is Unworked in words.
type Cause struct {
	Kind  CauseKind
	Node  *Node  // that reads only constants and makes none, nil where a value is the cause
	Value *Value // that the node makes, or that has no value in the file
	Why   string
}

// A CauseKind is a kind of Cause.
type CauseKind uint8

// The kinds. A value that depends on data depends on data, whatever else it depends on.
const (
	Data        CauseKind = iota // it is computed from what callers feed
	Overridable                  // an initializer that callers may feed
	SparseValue                  // a sparse initializer
	Quantized                    // a QuantizeLinear or DequantizeLinear that stays
	Random                       // a random operator
	Foreign                      // an operator that ONNX does not define
	Unworked                     // an operator on constants that is not worked out
)

// maxCauses bounds the values that are looked at for a cause. Chains of constants are
// short; what is farther away counts as data.
const maxCauses = 256

// Cause says why v, which is no constant, is none.
func (g *Graph) Cause(v *Value) Cause {
	var found *Cause
	seen := map[*Value]bool{v: true}
	todo := []*Value{v}
	for len(todo) > 0 && len(seen) <= maxCauses {
		v := todo[0]
		todo = todo[1:]
		n := v.Producer
		if n == nil {
			c := Cause{Kind: Data, Value: v}
			switch {
			case v.Sparse:
				c.Kind = SparseValue
			case v.Init != nil && v.IsInput:
				c.Kind = Overridable
			case v.Init != nil:
				c.Kind, c.Why = Unworked, fmt.Sprintf("its type is %s", v.Init.DType())
			default:
				return c
			}
			if found == nil {
				found = &c
			}
			continue
		}
		open := len(n.Captures) > 0
		for i, in := range n.In {
			if in != nil && !g.IsConst(in) && !(n.OpType() == "CastLike" && i == 1) { // of which its type counts
				open = true
				if !seen[in] {
					seen[in] = true
					todo = append(todo, in)
				}
			}
		}
		for _, in := range n.Captures {
			if !g.IsConst(in) && !seen[in] {
				seen[in] = true
				todo = append(todo, in)
			}
		}
		if !open && found == nil {
			found = g.unworked(n, v)
		}
	}
	if found == nil || len(todo) > 0 {
		return Cause{Kind: Data, Value: v}
	}
	return *found
}

// unworked says why a node on constants makes no constant.
func (g *Graph) unworked(n *Node, v *Value) *Cause {
	c := &Cause{Kind: Unworked, Node: n, Value: v}
	op, known := constOps[n.OpType()]
	dims, _ := v.Shape()
	sizes, sized := numbers(dims)
	switch {
	case n.Domain() != "" || !ops.Known(n.OpType()):
		c.Kind = Foreign
	case random[n.OpType()]:
		c.Kind = Random
	case quantizes(n) && !g.opts.FoldDequantize:
		c.Kind = Quantized
	case n.misfit:
		c.Why = "it is not what ONNX allows"
	case g.opts.undefined[n.Node] != "":
		c.Why = g.opts.undefined[n.Node]
	case !known || v.Index >= op.outputs(n):
		c.Why = "no constants are made of it"
	case n.products() > maxProducts:
		c.Why = errProducts.Error()
	case sized && g.room.Ask(budget.Constants, budget.Bytes(8, sizes...), "") != nil:
		c.Why = g.room.Ask(budget.Constants, budget.Bytes(8, sizes...), "").Error()
	default:
		c.Why = "ONNX does not define its value, or it depends on how runtimes round"
		if g.small(v) {
			_, err := g.constWithin(v, eagerRoom, maxEagerProducts)
			if bad, ok := errors.AsType[*UndefinedError](err); ok {
				c.Why = bad.Why()
			}
		}
	}
	return c
}

// random lists the operators of ONNX whose result differs from run to run.
var random = map[string]bool{"Bernoulli": true, "Multinomial": true, "RandomNormal": true, "RandomNormalLike": true, "RandomUniform": true, "RandomUniformLike": true}

func quantizes(n *Node) bool {
	return n.OpType() == "QuantizeLinear" || n.OpType() == "DequantizeLinear"
}
