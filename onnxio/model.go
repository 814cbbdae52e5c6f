package onnxio

import "slices"

// A Model is an ONNX file. It does not change after Load or Apply.
type Model struct {
	irVersion       int64
	producerName    string
	producerVersion string
	opsets          []Opset
	metadata        []Property
	graph           *Graph
	functions       []*Function

	fields []field
	files  *store
	limits Limits
}

// IRVersion is ir_version, the version of the file format.
func (m *Model) IRVersion() int64 { return m.irVersion }

// ProducerName is the tool that the model comes from, by its own words.
func (m *Model) ProducerName() string { return m.producerName }

// ProducerVersion is the version of that tool.
func (m *Model) ProducerVersion() string { return m.producerVersion }

// Opsets lists the operator sets that the model imports. The list is not to be changed.
func (m *Model) Opsets() []Opset { return slices.Clip(m.opsets) }

// Metadata lists metadata_props in file order. The list is not to be changed.
func (m *Model) Metadata() []Property { return slices.Clip(m.metadata) }

// Graph is the main graph.
func (m *Model) Graph() *Graph { return m.graph }

// Functions lists the model-local functions. The list is not to be changed.
func (m *Model) Functions() []*Function { return slices.Clip(m.functions) }

// An Opset says which version of an operator set the model was written for.
// Domain "" is ai.onnx.
type Opset struct {
	Domain  string
	Version int64
}

// Opset returns the version of domain that the model imports, 0 for none.
// "ai.onnx" and "" are the same domain.
func (m *Model) Opset(domain string) int64 { return opsetOf(m.opsets, domain) }

// Limits are those that the model was loaded within.
func (m *Model) Limits() Limits { return m.limits }

func opsetOf(sets []Opset, domain string) int64 {
	for _, o := range sets {
		if canonicalDomain(o.Domain) == canonicalDomain(domain) {
			return o.Version
		}
	}
	return 0
}

func canonicalDomain(d string) string {
	if d == "ai.onnx" {
		return ""
	}
	return d
}

// A Property is one entry of a metadata_props list.
type Property struct{ Key, Value string }

// A Graph is the main graph or the body of an If, Loop or Scan node.
type Graph struct {
	name       string
	nodes      []*Node
	inits      []*Tensor
	sparseInit []*SparseTensor
	inputs     []*ValueInfo
	outputs    []*ValueInfo
	valueInfo  []*ValueInfo

	fields []field
}

// Name is the name that the file gives the graph.
func (g *Graph) Name() string { return g.name }

// Nodes lists the nodes in file order. The list is not to be changed.
func (g *Graph) Nodes() []*Node { return slices.Clip(g.nodes) }

// Inits lists the initializers in file order. The list is not to be changed.
func (g *Graph) Inits() []*Tensor { return slices.Clip(g.inits) }

// SparseInit lists the sparse initializers. The list is not to be changed.
func (g *Graph) SparseInit() []*SparseTensor { return slices.Clip(g.sparseInit) }

// Inputs lists the graph's inputs. The list is not to be changed.
func (g *Graph) Inputs() []*ValueInfo { return slices.Clip(g.inputs) }

// Outputs lists the graph's outputs. The list is not to be changed.
func (g *Graph) Outputs() []*ValueInfo { return slices.Clip(g.outputs) }

// ValueInfo lists the declared types of intermediate values. The list is not to be changed.
func (g *Graph) ValueInfo() []*ValueInfo { return slices.Clip(g.valueInfo) }

// A Node is one operator call.
type Node struct {
	name    string
	opType  string
	domain  string // "" for ai.onnx
	inputs  []string
	outputs []string
	attrs   []*Attr

	overload string
	raw      []byte
	fields   []field
}

// Name is the name that the file gives the node, often ""; see Title.
func (n *Node) Name() string { return n.name }

// OpType is the operator.
func (n *Node) OpType() string { return n.opType }

// Domain is the operator set of the operator, "" for ai.onnx.
func (n *Node) Domain() string { return n.domain }

// Inputs lists the values that the node reads, "" for one that is left out. The list is
// not to be changed.
func (n *Node) Inputs() []string { return slices.Clip(n.inputs) }

// Outputs lists the values that the node makes, "" for one that nobody wants. The list is
// not to be changed.
func (n *Node) Outputs() []string { return slices.Clip(n.outputs) }

// Attrs lists the attributes in file order. The list is not to be changed.
func (n *Node) Attrs() []*Attr { return slices.Clip(n.attrs) }

// Attr returns the attribute called name, nil if the node does not carry it.
func (n *Node) Attr(name string) *Attr {
	for _, a := range n.attrs {
		if a.name == name {
			return a
		}
	}
	return nil
}

// Int returns an integer attribute, def where it is absent.
func (n *Node) Int(name string, def int64) int64 {
	if a := n.Attr(name); a != nil {
		return a.i
	}
	return def
}

// Float returns a float attribute, def where it is absent.
func (n *Node) Float(name string, def float32) float32 {
	if a := n.Attr(name); a != nil {
		return a.f
	}
	return def
}

// Ints returns an integer list attribute, nil where it is absent.
func (n *Node) Ints(name string) []int64 {
	if a := n.Attr(name); a != nil {
		return a.ints
	}
	return nil
}

// Str returns a string attribute, def where it is absent.
func (n *Node) Str(name, def string) string {
	if a := n.Attr(name); a != nil {
		return string(a.s)
	}
	return def
}

// Title names a node in a message: its name, or its operator and first output.
func (n *Node) Title() string {
	if n.name != "" {
		return n.name
	}
	if len(n.outputs) > 0 {
		return n.opType + " -> " + n.outputs[0]
	}
	return n.opType
}

// AttrType is AttributeProto.AttributeType.
type AttrType int32

// Attribute types by their ONNX names.
const (
	AttrFloat   AttrType = 1
	AttrInt     AttrType = 2
	AttrString  AttrType = 3
	AttrTensor  AttrType = 4
	AttrGraph   AttrType = 5
	AttrFloats  AttrType = 6
	AttrInts    AttrType = 7
	AttrStrings AttrType = 8
	AttrTensors AttrType = 9
	AttrGraphs  AttrType = 10
)

// An Attr is an attribute of a node. Type says which of the values holds.
type Attr struct {
	name    string
	typ     AttrType
	f       float32
	i       int64
	s       []byte
	t       *Tensor
	g       *Graph
	floats  []float32
	ints    []int64
	strings [][]byte
	tensors []*Tensor
	graphs  []*Graph
	ref     string // ref_attr_name: the function's attribute it stands for

	sparse  *SparseTensor
	encoded []byte // as it stands in the file
}

// Name is the attribute's name.
func (a *Attr) Name() string { return a.name }

// Type says which of the values holds.
func (a *Attr) Type() AttrType { return a.typ }

// F is the value of an AttrFloat.
func (a *Attr) F() float32 { return a.f }

// I is the value of an AttrInt.
func (a *Attr) I() int64 { return a.i }

// S is the value of an AttrString. It is not to be changed.
func (a *Attr) S() []byte { return slices.Clip(a.s) }

// T is the value of an AttrTensor, nil for other types.
func (a *Attr) T() *Tensor { return a.t }

// G is the value of an AttrGraph, nil for other types.
func (a *Attr) G() *Graph { return a.g }

// Floats is the value of an AttrFloats. It is not to be changed.
func (a *Attr) Floats() []float32 { return slices.Clip(a.floats) }

// Ints is the value of an AttrInts. It is not to be changed.
func (a *Attr) Ints() []int64 { return slices.Clip(a.ints) }

// Strings is the value of an AttrStrings. It is not to be changed.
func (a *Attr) Strings() [][]byte { return slices.Clip(a.strings) }

// Tensors is the value of an AttrTensors. It is not to be changed.
func (a *Attr) Tensors() []*Tensor { return slices.Clip(a.tensors) }

// Graphs is the value of an AttrGraphs. It is not to be changed.
func (a *Attr) Graphs() []*Graph { return slices.Clip(a.graphs) }

// Ref is ref_attr_name: the attribute of the function that this one stands for.
func (a *Attr) Ref() string { return a.ref }

// Encoded is the attribute as a message (AttributeProto). It is not to be changed.
func (a *Attr) Encoded() []byte {
	if a.encoded != nil {
		return slices.Clip(a.encoded)
	}
	return a.encode()
}

// A ValueInfo declares the type of an input, output or intermediate value.
type ValueInfo struct {
	name  string
	elem  DType // Undefined for sequences, maps, optionals
	dims  []Dim // nil with HasShape false: unknown rank
	raw   []byte
	shape bool // a shape is declared
	kind  string
}

// Name is the name of the value.
func (v *ValueInfo) Name() string { return v.name }

// Elem is the type of its elements, Undefined for sequences, maps and optionals.
func (v *ValueInfo) Elem() DType { return v.elem }

// Dims is the declared shape, nil where Shape is false. It is not to be changed.
func (v *ValueInfo) Dims() []Dim { return slices.Clip(v.dims) }

// Shape reports whether a shape is declared; without one the rank is unknown.
func (v *ValueInfo) Shape() bool { return v.shape }

// Kind is what the value is: "tensor", "sequence" and so on.
func (v *ValueInfo) Kind() string { return v.kind }

// A Dim is a declared dimension: a number, a name, or neither.
type Dim struct {
	Value int64 // valid where Known
	Param string
	Known bool
}

// A Function is a model-local function (FunctionProto).
type Function struct {
	name, domain, overload string
	inputs, outputs        []string
	attrNames              []string
	attrDefaults           []*Attr
	nodes                  []*Node
	opsets                 []Opset
}

// Name is the operator that calls the function.
func (f *Function) Name() string { return f.name }

// Domain is the operator set that the function belongs to.
func (f *Function) Domain() string { return f.domain }

// Overload tells functions of one name apart.
func (f *Function) Overload() string { return f.overload }

// Inputs lists the function's inputs. The list is not to be changed.
func (f *Function) Inputs() []string { return slices.Clip(f.inputs) }

// Outputs lists the function's outputs. The list is not to be changed.
func (f *Function) Outputs() []string { return slices.Clip(f.outputs) }

// AttrNames lists the attributes without a default. The list is not to be changed.
func (f *Function) AttrNames() []string { return slices.Clip(f.attrNames) }

// AttrDefaults lists the attributes with their defaults. The list is not to be changed.
func (f *Function) AttrDefaults() []*Attr { return slices.Clip(f.attrDefaults) }

// Nodes lists the nodes of the body in file order. The list is not to be changed.
func (f *Function) Nodes() []*Node { return slices.Clip(f.nodes) }

// Opsets lists the operator sets that the body is written for. The list is not to be changed.
func (f *Function) Opsets() []Opset { return slices.Clip(f.opsets) }

// A SparseTensor is an initializer or attribute stored as values and indices.
type SparseTensor struct {
	values, indices *Tensor
	dims            []int64
	raw             []byte
}

// Values holds what is stored, in one axis.
func (s *SparseTensor) Values() *Tensor { return s.values }

// Indices says where each value belongs: flat, or by axes.
func (s *SparseTensor) Indices() *Tensor { return s.indices }

// Dims is the shape of the whole. It is not to be changed.
func (s *SparseTensor) Dims() []int64 { return slices.Clip(s.dims) }
