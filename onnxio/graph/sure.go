package graph

import "repmlp/onnxio"

// What is asked of a graph before a node is replaced by another that has to do the
// same to the bit.

// Sound reports whether ONNX defines the node's operator and allows the node as it is.
func (n *Node) Sound() bool { return n.op != nil && !n.misfit }

// Typed reports whether the type of v's elements is known, not only likely.
func (v *Value) Typed() bool { return v.Elem != onnxio.Undefined && !v.guessed }

// Exact reports whether a runtime computes just these numbers: none was rounded on
// the way.
func (c *Const) Exact() bool { return !c.inexact }
