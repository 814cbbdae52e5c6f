package operator

import (
	"context"
	"fmt"

	"repmlp/onnxio"
	"repmlp/onnxio/graph"
	"repmlp/verify/internal/tensor"
)

// Unsupported says that the engine lacks an operator, a type or a form of an
// operator.
type Unsupported struct{ What string }

func (u *Unsupported) Error() string { return u.What }

func Unsupportedf(format string, args ...any) error {
	return &Unsupported{fmt.Sprintf(format, args...)}
}

// Mode is how an engine computes.
type Mode uint8

// The modes. Absolute runs in float64 with the magnitude of every constant, so
// that on non-negative inputs a sum of products shows Σ|w||x|.
const (
	Single Mode = iota
	Double
	Absolute
)

// An Operator is what the engine knows of one operator of ai.onnx.
type Operator struct {
	Kernel Kernel
	Stored []int // inputs that may stay in their file in a float64 run
	Alike  Alike // nil: a node of it is not run on a piece of the map
}

// A Kernel computes the outputs of one node.
type Kernel func(c *Call) ([]*Value, error)

// An Alike reports whether a node does the same on a cropped map, whose tensors
// are args, as on the map of the model, whose sizes the graph knows: equal pads,
// equal rests, equal crops.
type Alike func(g *graph.Graph, n *graph.Node, args []*Value) bool

// A Call is what a kernel sees.
type Call struct {
	Ctx  context.Context
	Node *graph.Node
	In   []*Value
	Outs int // how many outputs the node lists
	Run  *Running

	Fixed bool // it works a constant out, which nothing rounds to its type in a float64 run

	Constant func(t *onnxio.Tensor) (*Value, error)                // reads an attribute in the run's mode
	Body     func(g *onnxio.Graph, own []*Value) ([]*Value, error) // runs a subgraph on its own inputs, and what it captures
}

// A Running is what all nodes of a run share.
type Running struct {
	Mode   Mode
	Opset  int64
	Seed   uint64 // of random operators
	Probe  bool   // few rows are not zero: take the others for zero whatever the weights are
	Arena  *Arena
	Random bool  // a random operator has run
	Work   int64 // multiplications of convolutions of maps that are not nearly all zeros
}

func (c *Call) has(i int) bool { return i < len(c.In) && c.In[i] != nil }

// input is nil where the node lists none at i.
func (c *Call) input(i int) *Value {
	if c.has(i) {
		return c.In[i]
	}
	return nil
}

// list returns an integer list that is an attribute in older opsets and an
// input in newer ones.
func (c *Call) list(name string, slot int) ([]int64, bool) {
	if a := c.Node.Attr(name); a != nil {
		return a.Ints(), true
	}
	if c.has(slot) {
		return c.In[slot].I, true
	}
	return nil, false
}

func (c *Call) fits(shape []int) error {
	if tensor.TooLarge(shape) {
		return fmt.Errorf("a tensor of shape %v is too large", shape)
	}
	return nil
}

// number is an attribute that is a float.
func (c *Call) number(name string) float64 { return float64(c.Node.AttrFloat(name)) }
