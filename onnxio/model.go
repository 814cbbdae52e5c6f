package onnxio

// A Model is an ONNX file. It does not change after Load or Apply.
type Model struct {
	IRVersion       int64
	ProducerName    string
	ProducerVersion string
	Opsets          []Opset
	Metadata        []Property
	Graph           *Graph
	Functions       []*Function

	fields []field
	files  *store
	limits Limits
}

// An Opset says which version of an operator set the model was written for.
// Domain "" is ai.onnx.
type Opset struct {
	Domain  string
	Version int64
}

// Opset returns the version of domain that the model imports, 0 for none.
// "ai.onnx" and "" are the same domain.
func (m *Model) Opset(domain string) int64 { return opsetOf(m.Opsets, domain) }

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
	Name       string
	Nodes      []*Node
	Inits      []*Tensor
	SparseInit []*SparseTensor
	Inputs     []*ValueInfo
	Outputs    []*ValueInfo
	ValueInfo  []*ValueInfo

	fields []field
}

// A Node is one operator call.
type Node struct {
	Name    string
	OpType  string
	Domain  string // "" for ai.onnx
	Inputs  []string
	Outputs []string
	Attrs   []*Attr

	overload string
	raw      []byte
	fields   []field
}

// Attr returns the attribute called name, nil if the node does not carry it.
func (n *Node) Attr(name string) *Attr {
	for _, a := range n.Attrs {
		if a.Name == name {
			return a
		}
	}
	return nil
}

// Int returns an integer attribute, def where it is absent.
func (n *Node) Int(name string, def int64) int64 {
	if a := n.Attr(name); a != nil {
		return a.I
	}
	return def
}

// Float returns a float attribute, def where it is absent.
func (n *Node) Float(name string, def float32) float32 {
	if a := n.Attr(name); a != nil {
		return a.F
	}
	return def
}

// Ints returns an integer list attribute, nil where it is absent.
func (n *Node) Ints(name string) []int64 {
	if a := n.Attr(name); a != nil {
		return a.Ints
	}
	return nil
}

// Str returns a string attribute, def where it is absent.
func (n *Node) Str(name, def string) string {
	if a := n.Attr(name); a != nil {
		return string(a.S)
	}
	return def
}

// Title names a node in a message: its name, or its operator and first output.
func (n *Node) Title() string {
	if n.Name != "" {
		return n.Name
	}
	if len(n.Outputs) > 0 {
		return n.OpType + " -> " + n.Outputs[0]
	}
	return n.OpType
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
	Name    string
	Type    AttrType
	F       float32
	I       int64
	S       []byte
	T       *Tensor
	G       *Graph
	Floats  []float32
	Ints    []int64
	Strings [][]byte
	Tensors []*Tensor
	Graphs  []*Graph
	Ref     string // ref_attr_name: the function's attribute it stands for

	sparse  *SparseTensor
	encoded []byte // as it stands in the file
}

// A ValueInfo declares the type of an input, output or intermediate value.
type ValueInfo struct {
	Name  string
	Elem  DType // Undefined for sequences, maps, optionals
	Dims  []Dim // nil with HasShape false: unknown rank
	raw   []byte
	Shape bool // a shape is declared
	Kind  string
}

// A Dim is a declared dimension: a number, a name, or neither.
type Dim struct {
	Value int64 // valid where Known
	Param string
	Known bool
}

// A Function is a model-local function (FunctionProto).
type Function struct {
	Name, Domain, Overload string
	Inputs, Outputs        []string
	AttrNames              []string
	AttrDefaults           []*Attr
	Nodes                  []*Node
	Opsets                 []Opset
}

// A SparseTensor is an initializer or attribute stored as values and indices.
type SparseTensor struct {
	Values, Indices *Tensor
	Dims            []int64
	raw             []byte
}
