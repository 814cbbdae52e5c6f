package pieces

import (
	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/rules"
	"repmlp/onnxio/graph"
)

// moving operators make every element of elements of their first input, or, those of which
// that is said, of all of them, times constants that depend on the other inputs.
var moving = map[string]bool{
	"AveragePool": false, "Concat": true, "DepthToSpace": false, "Expand": false, "Flatten": false, "Gather": false, "GatherElements": false,
	"GatherND": false, "GlobalAveragePool": false, "Identity": false, "Mean": true, "Neg": false, "Pad": false, "ReduceMean": false, "ReduceSum": false,
	"Reshape": false, "Resize": false, "Slice": false, "SpaceToDepth": false, "Split": false, "Squeeze": false, "Sub": true, "Sum": true, "Add": true,
	"Tile": false, "Transpose": false, "Unsqueeze": false, "Upsample": false,
}

// products multiply their first two inputs.
var products = map[string]bool{"Conv": true, "ConvTranspose": true, "Gemm": true, "MatMul": true, "Mul": true}

// allLinear reports whether a graph computes by operators alone that are affine functions of what
// depends on data.
func allLinear(e *affine.Explained) bool {
	alive := e.Graph.Alive()
	for _, n := range e.Graph.Nodes {
		if !alive[n] || constant(e.Graph, n) || explained(e, n) || affinely(e.Graph, n) {
			continue
		}
		return false
	}
	return true
}

// constant reports whether what a node makes does not depend on data.
func constant(g *graph.Graph, n *graph.Node) bool {
	for _, v := range n.Out {
		if v != nil && !g.IsConst(v) {
			return false
		}
	}
	return true
}

// explained reports whether a rule explains all that a node makes.
func explained(e *affine.Explained, n *graph.Node) bool {
	for _, v := range n.Out {
		if v != nil && v.ReadCount() > 0 && e.Of(v) == nil {
			return false
		}
	}
	return true
}

// affinely reports whether a node is an affine function of its data by what ONNX says of its
// operator.
func affinely(g *graph.Graph, n *graph.Node) bool {
	if n.Domain() != "" || !n.Sound() || len(n.Subgraphs()) > 0 {
		return false
	}
	data := 0 // of the first two inputs
	for i, v := range n.In {
		if v != nil && !g.IsConst(v) {
			if i < 2 {
				data++
			}
			if !v.Elem.IsFloat() {
				return false
			}
			if all, ok := moving[n.OpType()]; ok && !all && i > 0 {
				return false
			}
		}
	}
	switch _, moves := moving[n.OpType()]; {
	case moves:
		return true
	case products[n.OpType()]:
		return data <= 1
	case n.OpType() == "Div":
		return len(n.In) == 2 && n.In[1] != nil && g.IsConst(n.In[1])
	}
	return false
}

// read explains the graph of a piece.
func read(g *graph.Graph, ended func() bool) *affine.Explained { return rules.Explain(g, nil, ended) }
