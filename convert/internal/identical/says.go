package identical

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"repmlp/internal/ops"
	"repmlp/onnxio"
)

// settled operators mean the same in all later forms as in the one of this opset, which is
// here by its number: these brought element types, and attributes and inputs whose absence
// changes nothing.
var settled = map[string]int64{
	"Abs": 6, "Add": 7, "And": 7, "AveragePool": 7, "Ceil": 6, "Clip": 11, "Concat": 4, "Conv": 1, "ConvTranspose": 1, "DepthToSpace": 11, "Div": 7, "Equal": 7,
	"Erf": 9, "Exp": 6, "Flatten": 9, "Floor": 6, "Gather": 1, "Gemm": 7, "GlobalAveragePool": 1, "GlobalMaxPool": 1, "HardSigmoid": 6, "HardSwish": 14, "LayerNormalization": 17,
	"LeakyRelu": 6, "Log": 6, "MatMul": 1, "MaxPool": 8, "Mul": 7, "Neg": 6, "Pad": 11, "Pow": 7, "PRelu": 9, "Reciprocal": 6, "Relu": 6, "Reshape": 5, "Shape": 1,
	"Sigmoid": 6, "Slice": 10, "Softmax": 13, "Softplus": 1, "SpaceToDepth": 1, "Sqrt": 6, "Squeeze": 13, "Sub": 7, "Sum": 8, "Tanh": 6, "Tile": 6, "Transpose": 1, "Unsqueeze": 13, "Where": 9,
}

// operator is what a node is called, with the version of ONNX that brought its meaning.
func operator(n *onnxio.Node, m *onnxio.Model) string {
	version := m.Opset(n.Domain())
	if n.Domain() == "" {
		if o := ops.Lookup(n.OpType(), version); o != nil {
			version = o.Since
		}
		if from := settled[n.OpType()]; from != 0 {
			version = min(version, from)
		}
	}
	return fmt.Sprintf("%q %q %d", n.Domain(), n.OpType(), version)
}

// bodies writes attributes, and the graphs among them, as text that does not depend on names.
type bodies struct {
	t     *Table
	m     *onnxio.Model
	outer func(name string) Class // of what is captured
	depth int
}

// attributes are those of a node as text: equal for nodes whose attributes have equal values,
// whatever their order, and whether a default is written or left out.
func (b *bodies) attributes(n *onnxio.Node) (string, error) {
	var form *ops.Operator
	if n.Domain() == "" {
		form = ops.Lookup(n.OpType(), b.m.Opset(""))
	}
	var list []string
	for _, a := range n.Attrs() {
		text, err := b.attribute(a)
		if err != nil {
			return "", fmt.Errorf("looking at attribute %q of %q: %w", a.Name(), n.Title(), err)
		}
		if form != nil {
			if known := form.Attr(a.Name()); known != nil && known.Default != nil && text == byDefault(known) {
				continue
			}
		}
		list = append(list, fmt.Sprintf(" %q=%s", a.Name(), text))
	}
	slices.Sort(list)
	return strings.Join(list, ""), nil
}

// byDefault is the text of a default, "" of one that is not compared.
func byDefault(a *ops.Attr) string {
	switch a.Type {
	case onnxio.AttrInt:
		return fmt.Sprint("i", a.Default.I)
	case onnxio.AttrFloat:
		return fmt.Sprintf("f%b", a.Default.F)
	case onnxio.AttrString:
		return fmt.Sprintf("s%q", a.Default.Text)
	}
	return ""
}

func (b *bodies) attribute(a *onnxio.Attr) (string, error) {
	if a.Ref() != "" {
		return hex.EncodeToString(a.Encoded()), nil
	}
	switch a.Type() {
	case onnxio.AttrInt:
		return fmt.Sprint("i", a.I()), nil
	case onnxio.AttrFloat:
		return fmt.Sprintf("f%b", a.F()), nil
	case onnxio.AttrString:
		return fmt.Sprintf("s%q", a.S()), nil
	case onnxio.AttrInts:
		return fmt.Sprint("i", a.Ints()), nil
	case onnxio.AttrFloats:
		return fmt.Sprintf("f%b", a.Floats()), nil
	case onnxio.AttrStrings:
		return fmt.Sprintf("s%q", a.Strings()), nil
	case onnxio.AttrTensor:
		c, err := b.t.tensor(a.T())
		return fmt.Sprint("t", c), err
	case onnxio.AttrGraph:
		return b.graph(a.G())
	case onnxio.AttrGraphs:
		text := "g["
		for _, g := range a.Graphs() {
			said, err := b.graph(g)
			if err != nil {
				return "", err
			}
			text += said
		}
		return text + "]", nil
	}
	return hex.EncodeToString(a.Encoded()), nil
}

// graph is a body as text: its inputs by their place, constants by their elements, nodes by what
// they compute.
func (b *bodies) graph(g *onnxio.Graph) (string, error) {
	inner := map[string]Class{"": 0}
	in := &bodies{t: b.t, m: b.m, depth: b.depth + 1, outer: func(name string) Class {
		if c, ok := inner[name]; ok {
			return c
		}
		return b.outer(name)
	}}
	var text strings.Builder
	fmt.Fprintf(&text, "g%d(", len(g.Inputs()))
	for i, v := range g.Inputs() {
		inner[v.Name()] = b.t.of(fmt.Sprintf("argument %d %d", in.depth, i))
		fmt.Fprintf(&text, "%d %v %v,", v.Elem(), v.Shape(), v.Dims())
	}
	for _, x := range g.Inits() {
		c, err := b.t.tensor(x)
		if err != nil {
			return "", err
		}
		inner[x.Name()] = c
	}
	if len(g.SparseInit()) > 0 {
		return "", &onnxio.Unsupported{Err: fmt.Errorf("a body with sparse initializers")}
	}
	nodes, err := onnxio.SortNodes(g.Nodes())
	if err != nil {
		return "", err
	}
	for _, n := range nodes {
		said, err := in.attributes(n)
		if err != nil {
			return "", err
		}
		var key strings.Builder
		fmt.Fprintf(&key, "%s %d", operator(n, b.m), len(trimmed(n.Outputs())))
		for _, name := range trimmed(n.Inputs()) {
			c := in.outer(name)
			if c == 0 && name != "" {
				return "", fmt.Errorf("looking at %q: nobody makes %q", n.Title(), name)
			}
			fmt.Fprintf(&key, " %d", c)
		}
		if chance(n) {
			fmt.Fprintf(&key, " %q", n.Outputs())
		}
		key.WriteString(said)
		for i, name := range n.Outputs() {
			if name == "" {
				continue
			}
			inner[name] = b.t.of(fmt.Sprintf("%d of %s", i, key.String()))
			if a := n.Attr("value"); n.OpType() == "Constant" && n.Domain() == "" && a != nil && a.T() != nil {
				if inner[name], err = b.t.tensor(a.T()); err != nil {
					return "", err
				}
			}
		}
	}
	text.WriteString(")->")
	for _, v := range g.Outputs() {
		fmt.Fprintf(&text, "%d,", in.outer(v.Name()))
	}
	return text.String(), nil
}
