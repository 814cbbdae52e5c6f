// Package graph is the read-only indexed view of a model's main graph:
// producers and readers of every value, constants seen through the operators
// that compute them, symbolic shapes, and flat orders.
package graph

import (
	"repmlp/internal/budget"
	"repmlp/internal/ops"
	"repmlp/onnxio"
)

// A Graph indexes the main graph of a model. It does not change after New,
// except for facts that are worked out on demand; it is not safe for
// concurrent use.
type Graph struct {
	Model   *onnxio.Model
	Nodes   []*Node  // every value is made before it is read; independent of the file's node order
	Inputs  []*Value // graph inputs that callers must feed
	Outputs []*Value
	Opset   int64 // of ai.onnx

	values    map[string]*Value
	byNode    map[*onnxio.Node]*Node
	opts      Options
	alive     map[*Node]bool
	room      budget.Limits // of constants that nodes compute
	keeps     []*Value      // constants that were worked out and are there
	last      lastConst     // of the large ones
	keptBytes int           // of keeps
	listed    int           // elements of long lists of integers
	Notes     []Note        // contradictions found while propagating shapes
	Uneven    int           // divisions of sizes that leave a rest
	Unfit     int           // operands and views whose sizes contradict each other

	Demands        []Demand // what nodes ask of sizes that are no numbers
	Contradictions []Demand // the first of those that numbers violate
}

// A Note is a finding about the file that is no error.
type Note struct{ Code, Message string }

// Options change what counts as a constant.
type Options struct {
	FreezeInputs   bool // initializers that are graph inputs too count as constants
	FoldDequantize bool // QuantizeLinear and DequantizeLinear of constants count as constants

	// Sure takes nothing on trust: what the file declares for values that nodes make says
	// nothing, and initializers that are still to be computed are no constants. What follows
	// from sizes is sure: where that is numbers, they are constants.
	Sure bool

	// Sizes fixes the shapes of graph inputs, by name; others keep their symbols.
	Sizes map[string][]int64

	undefined map[*onnxio.Node]string // why what these compute has no value, and is no constant
}

// A Node is one operator call of the main graph.
type Node struct {
	*onnxio.Node
	Index int
	In    []*Value // nil where an optional input is absent
	Out   []*Value // nil where an optional output is absent

	Captures []*Value // that its subgraphs read from outside

	op     *ops.Operator // what ONNX says of it, nil for operators of other domains and invented ones
	misfit bool          // ONNX does not allow it: nothing follows from it
}

// First is the node's first output, nil where it leaves that out or has none.
func (n *Node) First() *Value {
	if len(n.Out) == 0 {
		return nil
	}
	return n.Out[0]
}

// A Value is one tensor of the main graph.
type Value struct {
	Name     string
	Producer *Node // nil for inputs and initializers
	Index    int   // which output of Producer
	Readers  []Use // by main-graph nodes that an output depends on, in node order
	Captured []*Node
	Init     *onnxio.Tensor
	Sparse   bool
	IsInput  bool // the caller may feed it
	IsOutput bool
	Elem     onnxio.DType

	guessed      bool // Elem is only likely
	shape        []Dim
	shapeKnown   bool
	ints         []Dim
	unread       bool // ints are those of Init, which nobody asked for yet
	constState   int8 // 0 unknown, 1 constant, 2 not
	splat        splatState
	fill         float64 // where it is filled
	constant     *Const
	sizes        *Const // numbers that follow from shapes
	contradicted bool
}

// A Use is one reading of a value.
type Use struct {
	Node *Node
	Slot int
}

// ReadCount is the number of readings: node inputs, captures by subgraphs, and
// the graph's outputs.
func (v *Value) ReadCount() int {
	n := len(v.Readers) + len(v.Captured)
	if v.IsOutput {
		n++
	}
	return n
}

// Value returns the value called name, nil if there is none.
func (g *Graph) Value(name string) *Value { return g.values[name] }

// Node returns the view of a model node.
func (g *Graph) Node(n *onnxio.Node) *Node { return g.byNode[n] }

// New indexes the main graph of m. Function calls must have been inlined.
func New(m *onnxio.Model, opts Options) (*Graph, error) {
	nodes, inits := len(m.Graph().Nodes()), len(m.Graph().Inits())
	g := &Graph{Model: m, Opset: m.Opset(""), values: make(map[string]*Value, nodes+inits), byNode: make(map[*onnxio.Node]*Node, nodes), opts: opts}
	g.room = constRoom(m)
	if g.Opset == 0 {
		g.Opset = 1
	}
	order, err := canonical(m.Graph())
	if err != nil {
		return nil, err
	}
	for _, t := range m.Graph().Inits() {
		g.values[t.Name()] = &Value{Name: t.Name(), Init: t, Elem: t.DType()}
	}
	for _, s := range m.Graph().SparseInit() {
		g.values[s.Values().Name()] = &Value{Name: s.Values().Name(), Sparse: true, Elem: s.Values().DType()}
	}
	for _, in := range m.Graph().Inputs() {
		v := g.values[in.Name()]
		if v == nil {
			v = &Value{Name: in.Name(), Elem: in.Elem()}
			g.values[in.Name()] = v
			g.Inputs = append(g.Inputs, v)
			v.IsInput = true
		} else if m.IRVersion() >= 4 {
			v.IsInput = true
		}
		if sizes, ok := opts.Sizes[in.Name()]; ok {
			dims := make([]Dim, len(sizes))
			for i, n := range sizes {
				dims[i] = Size(n)
			}
			v.setShape(dims)
		} else if in.Shape() {
			v.setShape(declared(in))
		}
	}
	for i, n := range order {
		node := &Node{Node: n, Index: i}
		if n.Domain() == "" {
			node.op = ops.Lookup(n.OpType(), g.Opset)
		}
		g.Nodes = append(g.Nodes, node)
		g.byNode[n] = node
		for k, name := range n.Outputs() {
			if name == "" {
				node.Out = append(node.Out, nil)
				continue
			}
			v := &Value{Name: name, Producer: node, Index: k}
			g.values[name] = v
			node.Out = append(node.Out, v)
		}
	}
	for _, node := range g.Nodes {
		for _, name := range node.Inputs() {
			v := g.values[name]
			node.In = append(node.In, v)
		}
		for _, sub := range node.Subgraphs() {
			for _, name := range sub.Captures() {
				if v := g.values[name]; v != nil {
					node.Captures = append(node.Captures, v)
				}
			}
		}
	}
	for _, out := range m.Graph().Outputs() {
		v := g.values[out.Name()]
		v.IsOutput = true
		g.Outputs = append(g.Outputs, v)
	}
	g.read()
	return g, g.propagate()
}

// read notes who reads each value, of the nodes that an output depends on.
func (g *Graph) read() {
	g.alive = g.needed()
	for _, node := range g.Nodes {
		if !g.alive[node] {
			continue
		}
		for slot, v := range node.In {
			if v != nil {
				v.Readers = append(v.Readers, Use{node, slot})
			}
		}
		for _, v := range node.Captures {
			v.Captured = append(v.Captured, node)
		}
	}
}

// canonical orders the nodes by a walk from the graph's outputs, so that the
// order does not depend on how the file lists them. Nodes that no output needs
// come last, in file order.
func canonical(g *onnxio.Graph) ([]*onnxio.Node, error) {
	var outputs []string
	for _, o := range g.Outputs() {
		outputs = append(outputs, o.Name())
	}
	return onnxio.SortNodesFor(g.Nodes(), outputs)
}

func (v *Value) setShape(dims []Dim) {
	v.shape, v.shapeKnown = dims, true
}

// Shape returns the dimensions of v and whether its rank is known.
func (v *Value) Shape() ([]Dim, bool) {
	if v.Init != nil {
		dims := make([]Dim, len(v.Init.Dims()))
		for i, d := range v.Init.Dims() {
			dims[i] = Size(d)
		}
		return dims, true
	}
	return v.shape, v.shapeKnown
}

// Rank returns the number of dimensions, -1 if it is unknown.
func (v *Value) Rank() int {
	dims, ok := v.Shape()
	if !ok {
		return -1
	}
	return len(dims)
}

// Ints returns the elements of a small integer tensor, as far as they are
// known, in row-major order; nil if nothing is known.
func (v *Value) Ints() []Dim {
	if v.unread {
		v.unread, v.ints = false, tensorInts(v.Init)
	}
	return v.ints
}

// Invent makes a value that is not in the file, for planners that move a node.
func Invent(name string, elem onnxio.DType, shape []Dim) *Value {
	return &Value{Name: name, Elem: elem, shape: shape, shapeKnown: true, constState: 2}
}

// Contradicted reports whether the shape that the file declares for v differs
// from the one that follows from its nodes.
func (g *Graph) Contradicted(v *Value) bool { return v.contradicted }

// Alive lists the nodes that the graph's outputs depend on; it must not be changed.
func (g *Graph) Alive() map[*Node]bool { return g.alive }

func (g *Graph) needed() map[*Node]bool {
	alive := make(map[*Node]bool, len(g.Nodes))
	var todo []*Node
	need := func(v *Value) {
		if v != nil && v.Producer != nil && !alive[v.Producer] {
			alive[v.Producer] = true
			todo = append(todo, v.Producer)
		}
	}
	for _, v := range g.Outputs {
		need(v)
	}
	for len(todo) > 0 {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, v := range n.In {
			need(v)
		}
		for _, v := range n.Captures {
			need(v)
		}
	}
	return alive
}
