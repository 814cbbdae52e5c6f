package graph

import (
	"fmt"
	"slices"
)

// check refuses a node that no opset of ai.onnx allows, and one whose attributes
// contradict each other or its weights. Sizes that are unknown contradict nothing.
func (g *Graph) check(n *Node) error {
	if n.op == nil {
		return nil
	}
	if err := n.op.Refuse(n.given(), n.Attrs()); err != nil {
		return fmt.Errorf("node %q (%s): %w", n.Title(), n.OpType(), err)
	}
	if len(n.Out) == 0 {
		return fmt.Errorf("node %q (%s) has no output", n.Title(), n.OpType())
	}
	if contradicts := contradictions[n.OpType()]; contradicts != nil {
		return contradicts(n)
	}
	return nil
}

// contradictions has what operators refuse whose nodes are merged.
var contradictions = map[string]func(n *Node) error{
	"AveragePool":        poolContradicts,
	"BatchNormalization": normContradicts,
	"Conv":               convContradicts,
	"MaxPool":            poolContradicts,
	"Transpose":          permContradicts,
}

// shape returns the shape of an input; ok is false where it is absent or unknown.
func (n *Node) shape(i int) ([]Dim, bool) {
	if i >= len(n.In) || n.In[i] == nil {
		return nil, false
	}
	return n.In[i].Shape()
}

func permContradicts(n *Node) error {
	perm := slices.Clone(n.Ints("perm"))
	if in, ok := n.shape(0); ok && perm != nil && len(perm) != len(in) {
		return fmt.Errorf("node %q permutes %d axes of a tensor of rank %d", n.Title(), len(perm), len(in))
	}
	slices.Sort(perm)
	for i, p := range perm {
		if p != int64(i) {
			return fmt.Errorf("perm %v of node %q is no permutation", n.Ints("perm"), n.Title())
		}
	}
	return nil
}

func convContradicts(n *Node) error {
	in, known := n.shape(0)
	weight, ok := n.shape(1)
	if !ok || !known {
		return nil
	}
	if len(weight) != len(in) || len(in) < 3 {
		return fmt.Errorf("node %q convolves a tensor of rank %d with a weight of rank %d", n.Title(), len(in), len(weight))
	}
	kernel, known := numbers(weight)
	if !known {
		return nil
	}
	if bias, ok := n.shape(2); ok {
		if k, known := product(bias).Int(); len(bias) != 1 || known && k != kernel[0] {
			return fmt.Errorf("node %q makes %d channels, its bias %q has shape %v", n.Title(), kernel[0], n.In[2].Name, bias)
		}
	}
	if _, err := ConvWindow(n, in, kernel[2:]); err != nil {
		return err
	}
	group := n.AttrInt("group")
	if group < 1 || kernel[0]%group != 0 {
		return fmt.Errorf("node %q cuts %d output channels into %d groups", n.Title(), kernel[0], group)
	}
	if c, ok := in[1].Int(); ok && c != kernel[1]*group {
		return fmt.Errorf("node %q reads %d channels, its weight %v in %d groups wants %d", n.Title(), c, kernel, group, kernel[1]*group)
	}
	return nil
}

func poolContradicts(n *Node) error {
	if n.Attr("kernel_shape") == nil {
		return fmt.Errorf("node %q (%s) has no kernel_shape", n.Title(), n.OpType())
	}
	if in, known := n.shape(0); known {
		_, err := ConvWindow(n, in, nil)
		return err
	}
	return nil
}

func normContradicts(n *Node) error {
	in, known := n.shape(0)
	if !known || len(in) < 2 || n.AttrInt("spatial") == 0 {
		return nil
	}
	for i := 1; i < 5; i++ {
		d, ok := n.shape(i)
		if !ok {
			continue
		}
		c, known := in[1].Int()
		k, known2 := product(d).Int()
		if len(d) != 1 || known && known2 && c != k {
			return fmt.Errorf("node %q normalises %s channels with a parameter %q of shape %v", n.Title(), in[1], n.In[i].Name, d)
		}
	}
	return nil
}
