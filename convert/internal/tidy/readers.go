package tidy

import (
	"strings"

	"repmlp/onnxio/graph"
)

// named is a set of operators.
func named(list string) map[string]bool {
	set := map[string]bool{}
	for op := range strings.FieldsSeq(list) {
		set[op] = true
	}
	return set
}

// pointwise operators compute every element by itself, so that it makes no difference
// whether what they read is a constant.
var pointwise = named("Abs Add And BatchNormalization Cast Ceil Clip Div Equal Erf Exp Floor Greater GreaterOrEqual " +
	"InstanceNormalization Less LessOrEqual Log Max Mean Min Mod Mul Neg Not Or PRelu Pow Reciprocal Relu Resize " +
	"Round Shape Sigmoid Sign Size Sqrt Sub Sum Tanh Upsample Where Xor")

// moving operators move elements and change none. What reads their result may be
// given their operand.
var moving = named("Concat DepthToSpace Dropout Expand Flatten Gather GatherElements GatherND Identity Pad Reshape Slice " +
	"SpaceToDepth Split Squeeze Tile Transpose Unsqueeze")

// biased operators add a third input to every element.
var biased = named("Conv ConvTranspose Gemm")

// readPlainly reports whether nobody reads v as a matrix or in a way of which nothing
// is known: runtimes store matrices in an order of their own where they are constants,
// and sum in another order then. What reads the results of v's readers is known.
func (t *net) readPlainly(v *graph.Value) bool {
	if t.bound[v] {
		return false
	}
	if v.Typed() && !v.Elem.IsFloat() {
		return true // no sum of integers depends on the order
	}
	for _, u := range v.Readers {
		op := u.Node.OpType()
		switch {
		case !u.Node.Sound():
			return false
		case pointwise[op], biased[op] && u.Slot == 2:
		case moving[op]:
			for _, out := range u.Node.Out {
				if out != nil && !t.plain[out] {
					return false
				}
			}
		default:
			return false
		}
	}
	return true
}
