package graph

import (
	"fmt"

	"repmlp/internal/ops"
	"repmlp/onnxio"
)

// Attr returns the attribute called name, nil if the node does not carry it. One that the
// operator does not have in the model's opset is ignored, whoever asks.
func (n *Node) Attr(name string) *onnxio.Attr {
	if n.op != nil && n.op.Attr(name) == nil {
		return nil
	}
	return n.Node.Attr(name)
}

// Ints returns an integer list attribute as Attr does, nil where it is absent.
func (n *Node) Ints(name string) []int64 {
	if a := n.Attr(name); a != nil {
		return a.Ints()
	}
	return nil
}

// Int returns an integer attribute as Attr does, def where it is absent.
func (n *Node) Int(name string, def int64) int64 {
	if a := n.Attr(name); a != nil {
		return a.I()
	}
	return def
}

// Float is Int for a float attribute.
func (n *Node) Float(name string, def float32) float32 {
	if a := n.Attr(name); a != nil {
		return a.F()
	}
	return def
}

// Str is Int for a string attribute.
func (n *Node) Str(name, def string) string {
	if a := n.Attr(name); a != nil {
		return string(a.S())
	}
	return def
}

// AttrInt returns an integer attribute, where it is absent the default that ONNX gives it
// in the model's opset: 0 if there is none. Asking an operator of ONNX for an attribute
// that it never had is a bug, and panics; other operators have no defaults.
func (n *Node) AttrInt(name string) int64 {
	if a := n.Attr(name); a != nil {
		return a.I()
	}
	return n.absent(name).I
}

// AttrFloat is AttrInt for a float attribute.
func (n *Node) AttrFloat(name string) float32 {
	if a := n.Attr(name); a != nil {
		return a.F()
	}
	return n.absent(name).F
}

// AttrString is AttrInt for a string attribute, "" where there is no default.
func (n *Node) AttrString(name string) string {
	if a := n.Attr(name); a != nil {
		return string(a.S())
	}
	return n.absent(name).Text
}

func (n *Node) absent(name string) ops.Default {
	if n.op == nil {
		return ops.Default{}
	}
	a := n.op.AttrOfAny(name)
	if a == nil {
		panic(fmt.Sprintf("graph: %s has no attribute %q", n.op.Name, name))
	}
	if a.Default == nil {
		return ops.Default{}
	}
	return *a.Default
}
