// Package secondreader reads written models with onnx-go, a decoder that shares
// nothing with onnxio. Nobody else imports that decoder.
package secondreader

import (
	"fmt"
	"slices"

	onnx "github.com/owulveryck/onnx-go"
	"gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/simple"
	"google.golang.org/protobuf/encoding/protowire"

	"repmlp/onnxio"
)

// A Reader is the second reader of convert.Options. Its zero value is ready.
type Reader struct{}

// Read compares what onnx-go reads from the written bytes with the model that was
// meant: operators, edges, simple attributes, inputs and outputs. Tensor payloads
// are left out, so a large file costs nothing. The result lists what the decoder
// cannot read and was therefore not covered; an error means that the two disagree.
func (Reader) Read(written []byte, meant *onnxio.Model) (notCovered []string, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("reading the written file with the second reader: it gave up: %v", r)
		}
	}()
	bare, err := bareModel(written)
	if err != nil {
		return nil, fmt.Errorf("reading the written file with the second reader: %w", err)
	}
	b := &recorder{WeightedDirectedGraph: simple.NewWeightedDirectedGraph(0, 0)}
	m := onnx.NewModel(b)
	if err := m.UnmarshalBinary(bare); err != nil {
		return nil, fmt.Errorf("reading the written file with the second reader: %w", err)
	}
	nodes := meant.Graph().Nodes()
	if len(b.ops) != len(nodes) {
		return nil, fmt.Errorf("the second reader finds %d nodes, %d were written", len(b.ops), len(nodes))
	}
	for i, n := range nodes {
		op := b.ops[i]
		if op.name != n.OpType() {
			return nil, fmt.Errorf("the second reader finds operator %q at node %d, %q was written", op.name, i, n.OpType())
		}
		if len(n.Inputs()) > 0 && !slices.Equal(op.inputs, n.Inputs()) {
			return nil, fmt.Errorf("the second reader finds inputs %q at node %q, %q were written", op.inputs, n.Title(), n.Inputs())
		}
		if !slices.Equal(op.outputs, n.Outputs()) {
			return nil, fmt.Errorf("the second reader finds outputs %q at node %q, %q were written", op.outputs, n.Title(), n.Outputs())
		}
		for _, a := range n.Attrs() {
			switch a.Type() {
			case onnxio.AttrInt:
				if v, ok := op.attrs[a.Name()].(int64); !ok || v != a.I() {
					return nil, fmt.Errorf("the second reader finds attribute %s = %v at node %q, %d was written", a.Name(), op.attrs[a.Name()], n.Title(), a.I())
				}
			case onnxio.AttrInts:
				if v, ok := op.attrs[a.Name()].([]int64); !ok || !slices.Equal(v, a.Ints()) {
					return nil, fmt.Errorf("the second reader finds attribute %s = %v at node %q, %v was written", a.Name(), op.attrs[a.Name()], n.Title(), a.Ints())
				}
			case onnxio.AttrTensor, onnxio.AttrGraph, onnxio.AttrTensors, onnxio.AttrGraphs:
				notCovered = appendNew(notCovered, "attributes that hold tensors or graphs")
			}
		}
	}
	if len(meant.Functions()) > 0 {
		notCovered = appendNew(notCovered, "model-local functions")
	}
	for _, o := range meant.Graph().Outputs() {
		if _, ok := m.GetNodeByName(o.Name()); !ok {
			return nil, fmt.Errorf("the second reader does not find output %q", o.Name())
		}
	}
	return append(notCovered, "the values of weights"), nil
}

func appendNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// bareModel copies a serialized model without what costs or what the second
// reader does not know: payloads, functions, metadata, declared shapes. It
// looks at wire tags alone.
func bareModel(b []byte) ([]byte, error) {
	tensor := func(b []byte) ([]byte, error) { return keep(b, map[protowire.Number]bareRule{1: nil, 2: nil, 8: nil}) }
	attr := func(b []byte) ([]byte, error) {
		return keep(b, map[protowire.Number]bareRule{1: nil, 2: nil, 3: nil, 4: nil, 7: nil, 8: nil, 9: nil, 20: nil})
	}
	node := func(b []byte) ([]byte, error) {
		return keep(b, map[protowire.Number]bareRule{1: nil, 2: nil, 3: nil, 4: nil, 7: nil, 5: func(a []byte) ([]byte, error) {
			if holdsMessage(a) {
				return nil, nil
			}
			return attr(a)
		}})
	}
	value := func(b []byte) ([]byte, error) { return keep(b, map[protowire.Number]bareRule{1: nil}) }
	graph := func(b []byte) ([]byte, error) {
		return keep(b, map[protowire.Number]bareRule{1: node, 2: nil, 5: tensor, 11: value, 12: value})
	}
	return keep(b, map[protowire.Number]bareRule{1: nil, 7: graph})
}

// A bareRule rewrites a nested message; nil keeps a field as it is. A nil
// result drops the field.
type bareRule func([]byte) ([]byte, error)

func keep(b []byte, rules map[protowire.Number]bareRule) ([]byte, error) {
	out := []byte{}
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return nil, protowire.ParseError(n)
		}
		m := protowire.ConsumeFieldValue(num, typ, b[n:])
		if m < 0 {
			return nil, protowire.ParseError(m)
		}
		rule, wanted := rules[num]
		switch {
		case !wanted:
		case rule == nil || typ != protowire.BytesType:
			out = append(out, b[:n+m]...)
		default:
			body, _ := protowire.ConsumeBytes(b[n:])
			inner, err := rule(body)
			if err != nil {
				return nil, err
			}
			if inner != nil {
				out = protowire.AppendTag(out, num, typ)
				out = protowire.AppendBytes(out, inner)
			}
		}
		b = b[n+m:]
	}
	return out, nil
}

// holdsMessage reports whether an attribute holds a tensor, a graph or a type.
func holdsMessage(b []byte) bool {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return false
		}
		m := protowire.ConsumeFieldValue(num, typ, b[n:])
		if m < 0 {
			return false
		}
		switch num {
		case 5, 6, 10, 11, 14, 15, 22, 23:
			return true
		}
		b = b[n+m:]
	}
	return false
}

// A recorder is a graph that onnx-go decodes into; it keeps the order of
// operators and of their inputs, and parallel edges.
type recorder struct {
	*simple.WeightedDirectedGraph
	ops   []recordedOp
	edges map[int64][]*recordedNode // of the operator being read, by output
}

type recordedOp struct {
	name            string
	inputs, outputs []string
	attrs           map[string]any
}

type recordedNode struct {
	graph.Node
	name string
}

func (n *recordedNode) SetName(s string) { n.name = s }

func (n *recordedNode) GetName() string { return n.name }

type recordedEdge struct {
	from, to graph.Node
	weight   float64
}

func (e recordedEdge) From() graph.Node { return e.from }

func (e recordedEdge) To() graph.Node { return e.to }

func (e recordedEdge) Weight() float64 { return e.weight }

func (e recordedEdge) ReversedEdge() graph.Edge { return recordedEdge{e.to, e.from, e.weight} }

func (r *recorder) NewNode() graph.Node {
	return &recordedNode{Node: r.WeightedDirectedGraph.NewNode()}
}

func (r *recorder) NewWeightedEdge(from, to graph.Node, w float64) graph.WeightedEdge {
	return recordedEdge{from, to, w}
}

// SetWeightedEdge notes an edge from an output to an input. The underlying
// graph would drop the second of two edges between the same nodes.
func (r *recorder) SetWeightedEdge(e graph.WeightedEdge) {
	if r.edges == nil {
		r.edges = map[int64][]*recordedNode{}
	}
	r.edges[e.From().ID()] = append(r.edges[e.From().ID()], e.To().(*recordedNode))
}

func (r *recorder) ApplyOperation(op onnx.Operation, outs ...graph.Node) error {
	rec := recordedOp{name: op.Name, attrs: op.Attributes}
	for _, o := range outs {
		rec.outputs = append(rec.outputs, o.(*recordedNode).name)
	}
	if len(outs) > 0 {
		for _, in := range r.edges[outs[0].ID()] {
			rec.inputs = append(rec.inputs, in.name)
		}
	}
	r.edges = nil
	r.ops = append(r.ops, rec)
	return nil
}
