// Package draw gathers what a report shows of regions: the nodes before and after, and
// how far merged layers reach.
package draw

import (
	"fmt"
	"slices"
	"strings"

	"repmlp/convert/internal/plan"
	"repmlp/internal/drawing"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// mostBoxes bounds a drawing: larger pieces are told, not drawn.
const mostBoxes = 80

// Before draws the nodes of a region in the model that was planned; named says what
// the file calls a node.
func Before(r *plan.Region, g *graph.Graph, named func(*graph.Node) string) drawing.Graph {
	nodes := r.Segment.Nodes()
	p := &piece{constant: func(name string) bool { return constant(g, name) }, dims: func(name string) ([]int64, bool) { return dimsOf(g.Value(name)) },
		shape: func(name string) string { return shapeOf(g.Value(name)) }}
	for _, n := range nodes {
		p.add(n.Node, named(n))
	}
	return p.graph(map[string]bool{r.Segment.To.Name: true})
}

// After draws what a region became: nodes of the result, by their names. made is the
// value that they make.
func After(m *onnxio.Model, into []string, made string) drawing.Graph {
	inits := map[string]*onnxio.Tensor{}
	for _, t := range m.Graph().Inits() {
		inits[t.Name()] = t
	}
	p := &piece{constant: func(name string) bool { return inits[name] != nil }, shape: func(string) string { return "" }, dims: func(name string) ([]int64, bool) {
		if t := inits[name]; t != nil {
			return t.Dims(), true
		}
		return nil, false
	}}
	for _, n := range m.Graph().Nodes() {
		if slices.Contains(into, n.Name()) {
			p.add(n, n.Name())
		}
	}
	return p.graph(map[string]bool{made: true})
}

func constant(g *graph.Graph, name string) bool {
	v := g.Value(name)
	return v == nil || g.IsConst(v)
}

func dimsOf(v *graph.Value) ([]int64, bool) {
	if v == nil {
		return nil, false
	}
	shape, ok := v.Shape()
	if !ok {
		return nil, false
	}
	dims := make([]int64, len(shape))
	for i, d := range shape {
		n, known := d.Int()
		if !known {
			return nil, false
		}
		dims[i] = n
	}
	return dims, true
}

// longSize is how long the text of a size may be: sizes that follow from others are
// long expressions.
const longSize = 12

func shapeOf(v *graph.Value) string {
	if v == nil {
		return ""
	}
	shape, ok := v.Shape()
	if !ok {
		return ""
	}
	var parts []string
	for _, d := range shape {
		s := d.String()
		if len(s) > longSize {
			s = "…"
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, "×")
}

// A piece is nodes that are drawn together.
type piece struct {
	constant func(value string) bool
	dims     func(value string) ([]int64, bool)
	shape    func(value string) string
	nodes    []*onnxio.Node
	names    []string
}

func (p *piece) add(n *onnxio.Node, name string) {
	p.nodes, p.names = append(p.nodes, n), append(p.names, name)
}

// graph makes boxes of the nodes, of what they read, and of what they make. Constants
// are told in the box that reads them.
func (p *piece) graph(made map[string]bool) drawing.Graph {
	var g drawing.Graph
	if len(p.nodes) == 0 || len(p.nodes) > mostBoxes {
		return g
	}
	inside := map[string]bool{}
	for _, n := range p.nodes {
		for _, out := range n.Outputs() {
			inside[out] = true
		}
	}
	box := map[string]int{} // that makes a value
	add := func(b drawing.Box) int {
		g.Boxes = append(g.Boxes, b)
		return len(g.Boxes) - 1
	}
	for k, n := range p.nodes {
		reads := data(n)
		for _, in := range reads {
			if _, ok := box[in]; in != "" && !ok && !inside[in] && !p.constant(in) {
				box[in] = add(drawing.Box{Kind: drawing.Input, Title: "input", Detail: p.shape(in), Nodes: []string{in}})
			}
		}
		b := p.box(n)
		b.Nodes = []string{p.names[k]}
		at := add(b)
		for _, in := range reads {
			if from, ok := box[in]; ok && in != "" {
				g.Arrows = append(g.Arrows, [2]int{from, at})
			}
		}
		for _, out := range n.Outputs() {
			box[out] = at
		}
	}
	for _, n := range p.nodes {
		for _, out := range n.Outputs() {
			if made[out] {
				to := add(drawing.Box{Kind: drawing.Output, Title: "output", Detail: p.shape(out), Nodes: []string{out}})
				g.Arrows = append(g.Arrows, [2]int{box[out], to})
			}
		}
	}
	return g.Joined()
}

// data are the inputs of a node that carry data rather than sizes.
func data(n *onnxio.Node) []string {
	in := n.Inputs()
	switch kindOf(n) {
	case drawing.View:
		return in[:min(len(in), 1)]
	}
	return in
}

func kindOf(n *onnxio.Node) drawing.Kind {
	switch n.OpType() {
	case "Conv", "ConvTranspose", "Gemm", "MatMul", "Einsum":
		return drawing.Layer
	case "BatchNormalization", "Mul", "Div", "Sub", "InstanceNormalization", "GroupNormalization", "LayerNormalization":
		return drawing.Norm
	case "Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Expand", "Dropout", "Cast", "Pad", "Slice", "Gather", "DepthToSpace", "SpaceToDepth":
		return drawing.View
	case "Add", "Sum":
		return drawing.Sum
	}
	return drawing.Other
}

// box tells of a node.
func (p *piece) box(n *onnxio.Node) drawing.Box {
	b := drawing.Box{Kind: kindOf(n), Title: n.OpType()}
	var weight []int64
	data := 0
	for _, in := range n.Inputs() {
		if in == "" {
			continue
		}
		if !p.constant(in) {
			data++
			continue
		}
		if dims, ok := p.dims(in); ok && weight == nil {
			weight = dims
		}
	}
	switch op := n.OpType(); {
	case op == "Conv" && len(weight) > 2:
		g := n.Int("group", 1)
		b.Title += " " + times(weight[2:])
		b.Detail = fmt.Sprintf("%d → %d", weight[1]*g, weight[0])
		if g > 1 {
			b.Detail += fmt.Sprintf(", %d groups", g)
		}
		if s := n.Ints("strides"); len(s) > 0 && slices.Max(s) > 1 {
			b.Detail += ", /" + times(s)
		}
	case op == "ConvTranspose" && len(weight) > 2:
		g := n.Int("group", 1)
		b.Title += " " + times(weight[2:])
		b.Detail = fmt.Sprintf("%d → %d", weight[0], weight[1]*g)
	case op == "Gemm" && len(weight) == 2:
		in, out := weight[0], weight[1]
		if n.Int("transB", 0) != 0 {
			in, out = out, in
		}
		b.Title = "FC"
		b.Detail = fmt.Sprintf("%d → %d", in, out)
	case op == "MatMul" && len(weight) >= 2:
		rank := len(weight)
		b.Title = "FC"
		b.Detail = fmt.Sprintf("%d → %d", weight[rank-2], weight[rank-1])
		if groups := product(weight[:rank-2]); groups > 1 {
			b.Detail += fmt.Sprintf(", %d groups", groups)
		}
	case op == "BatchNormalization":
		b.Title = "BatchNorm"
		if len(weight) == 1 {
			b.Detail = fmt.Sprint(weight[0])
		}
	case b.Kind == drawing.Sum && data == 1:
		b.Kind, b.Title, b.Detail = drawing.Norm, "Add constant", times(weight)
	case b.Kind == drawing.Norm:
		b.Detail = times(weight)
	case b.Kind == drawing.View:
		b.Detail = p.shape(n.Outputs()[0])
	}
	return b
}

func times(dims []int64) string {
	var parts []string
	for _, d := range dims {
		parts = append(parts, fmt.Sprint(d))
	}
	return strings.Join(parts, "×")
}

func product(dims []int64) int64 {
	n := int64(1)
	for _, d := range dims {
		n *= d
	}
	return n
}
