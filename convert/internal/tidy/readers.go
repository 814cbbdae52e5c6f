package tidy

import "repmlp/onnxio/graph"

// pointwise operators compute every element by itself, so that it makes no difference
// whether what they read is a constant.
var pointwise = map[string]bool{
	"Abs": true, "Add": true, "And": true, "BatchNormalization": true, "Cast": true, "Ceil": true, "Clip": true,
	"Div": true, "Equal": true, "Erf": true, "Exp": true, "Floor": true, "Greater": true, "GreaterOrEqual": true,
	"InstanceNormalization": true, "Less": true, "LessOrEqual": true, "Log": true, "Max": true, "Mean": true,
	"Min": true, "Mod": true, "Mul": true, "Neg": true, "Not": true, "Or": true, "PRelu": true, "Pow": true,
	"Reciprocal": true, "Relu": true, "Resize": true, "Round": true, "Shape": true, "Sigmoid": true, "Sign": true,
	"Size": true, "Sqrt": true, "Sub": true, "Sum": true, "Tanh": true, "Upsample": true, "Where": true, "Xor": true,
}

// moving operators move elements and change none. What reads their result may be
// given their operand.
var moving = map[string]bool{
	"Concat": true, "DepthToSpace": true, "Dropout": true, "Expand": true, "Flatten": true, "Gather": true,
	"GatherElements": true, "GatherND": true, "Identity": true, "Pad": true, "Reshape": true, "Slice": true,
	"SpaceToDepth": true, "Split": true, "Squeeze": true, "Tile": true, "Transpose": true, "Unsqueeze": true,
}

// biased operators add a third input to every element.
var biased = map[string]bool{"Conv": true, "ConvTranspose": true, "Gemm": true}

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
