package graph

import (
	"fmt"

	"repmlp/internal/ops"
	"repmlp/onnxio"
)

// admit compares a node with what ONNX says of its operator, before anything is concluded
// from it: its inputs, their types, its attributes.
func (g *Graph) admit(n *Node) {
	if n.op == nil {
		return
	}
	err := n.Fits(n.given())
	if err == nil {
		err = n.op.CheckAttrs(n.Attrs())
	}
	if err != nil {
		n.misfit = true
		g.Notes = append(g.Notes, Note{"invalid_node", fmt.Sprintf("node %q (%s) is not what ONNX allows in opset %d: %v; nothing follows from it", n.Title(), n.OpType(), g.Opset, err)})
	}
}

// given lists the element types of the inputs as far as they are sure.
func (n *Node) given() []onnxio.DType {
	types := make([]onnxio.DType, len(n.In))
	for i, v := range n.In {
		switch {
		case v == nil:
			types[i] = ops.Absent
		case !v.guessed:
			types[i] = v.Elem
		}
	}
	return types
}

// Fits says what ONNX does not allow of the node if its inputs have these element types:
// onnxio.Undefined where one is not known, ops.Absent where there is no input. It is nil
// for operators that are not ONNX's own.
func (n *Node) Fits(types []onnxio.DType) error {
	if n.op == nil {
		return nil
	}
	outs := len(n.Out)
	for outs > 0 && n.Out[outs-1] == nil {
		outs--
	}
	return n.op.Check(types, outs)
}

// typeOutputs gives the outputs the element types that follow from the operator: the only
// one that ONNX allows, that of an input which must have the same, or what the attribute
// dtype says.
func (n *Node) typeOutputs() {
	for i, v := range n.Out {
		if v != nil && n.op != nil {
			v.Elem, v.guessed = n.outputType(n.op.Output(i))
		}
	}
}

// guessOutput takes the first output of an operator that is not ONNX's own for one like
// the first input where the file declares nothing.
func (n *Node) guessOutput() {
	if n.op == nil && len(n.Out) > 0 && n.Out[0] != nil && n.Out[0].Elem == onnxio.Undefined && len(n.In) > 0 && n.In[0] != nil {
		n.Out[0].Elem, n.Out[0].guessed = n.In[0].Elem, true
	}
}

func (n *Node) outputType(p *ops.Param) (d onnxio.DType, guessed bool) {
	if p.Free {
		return onnxio.Undefined, false
	}
	if d, ok := p.Types.Only(); ok {
		return d, false
	}
	for k, in := range n.In {
		if in == nil || in.Elem == onnxio.Undefined || p.Var == "" || n.op.Input(k).Var != p.Var {
			continue
		}
		if !in.guessed {
			return in.Elem, false
		}
		d, guessed = in.Elem, true
	}
	if d == onnxio.Undefined && n.op.Attr("dtype") != nil && p.Types != ops.NotTensor {
		d = onnxio.DType(n.AttrInt("dtype")) // one that is said and is no type stays unknown
		if d == onnxio.Undefined && n.Attr("dtype") == nil && len(n.In) > 0 {
			return n.In[0].Elem, n.In[0].guessed
		}
	}
	return d, guessed
}
