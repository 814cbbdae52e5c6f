package onnxio

import (
	"fmt"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"repmlp/internal/budget"
)

// parser turns wire fields into messages; files resolves external data.
type parser struct {
	files  *store
	limits Limits
}

// passed notes that a message of n bytes was looked at.
func (p *parser) passed(n int) {
	if n >= smallPiece {
		p.files.touched()
	}
}

func (p *parser) model(b []byte) (*Model, error) {
	fields, err := splitFields(b)
	if err != nil {
		return nil, err
	}
	m := &Model{fields: fields, files: p.files}
	for i := range fields {
		f := &fields[i]
		switch f.num {
		case 1:
			m.irVersion = int64(f.val())
		case 2:
			m.producerName, err = p.str(*f, "producer_name")
		case 3:
			m.producerVersion, err = p.str(*f, "producer_version")
		case 7:
			if m.graph != nil {
				return nil, fmt.Errorf("the model has two graphs")
			}
			if err = f.want(protowire.BytesType, "graph"); err == nil {
				m.graph, err = p.graph(f.body(), 0)
				f.ref = m.graph
			}
		case 8:
			var o Opset
			o, err = p.opset(*f)
			m.opsets = append(m.opsets, o)
		case 14:
			var e Property
			e, err = p.property(*f)
			m.metadata = append(m.metadata, e)
			f.ref = e
		case 25:
			if err = f.want(protowire.BytesType, "function"); err == nil {
				var fn *Function
				fn, err = p.function(f.body())
				m.functions = append(m.functions, fn)
				f.ref = fn
			}
		}
		if err != nil {
			return nil, err
		}
	}
	if m.graph == nil {
		return nil, fmt.Errorf("the file holds no graph")
	}
	return m, nil
}

func (p *parser) str(f field, what string) (string, error) {
	if err := f.want(protowire.BytesType, what); err != nil {
		return "", err
	}
	if !utf8.Valid(f.body()) {
		return "", fmt.Errorf("%s %q is not valid UTF-8", what, f.body())
	}
	return string(f.body()), nil
}

func (p *parser) opset(f field) (Opset, error) {
	if err := f.want(protowire.BytesType, "opset_import"); err != nil {
		return Opset{}, err
	}
	fields, err := splitFields(f.body())
	if err != nil {
		return Opset{}, fmt.Errorf("reading opset_import: %w", err)
	}
	var o Opset
	for _, f := range fields {
		switch f.num {
		case 1:
			o.Domain, err = p.str(f, "domain")
		case 2:
			o.Version = int64(f.val())
		}
	}
	o.Domain = canonicalDomain(o.Domain)
	return o, err
}

func (p *parser) property(f field) (Property, error) {
	if err := f.want(protowire.BytesType, "metadata_props"); err != nil {
		return Property{}, err
	}
	fields, err := splitFields(f.body())
	if err != nil {
		return Property{}, fmt.Errorf("reading metadata_props: %w", err)
	}
	var e Property
	for _, f := range fields {
		switch f.num {
		case 1:
			e.Key = string(f.body())
		case 2:
			e.Value = string(f.body())
		}
	}
	return e, nil
}

func (p *parser) graph(b []byte, depth int) (*Graph, error) {
	if err := p.limits.Ask(budget.Depth, int64(depth), ""); err != nil {
		return nil, err
	}
	fields, err := split(b, func(f field) { p.passed(len(f.raw)) })
	if err != nil {
		return nil, fmt.Errorf("reading graph: %w", err)
	}
	g := &Graph{fields: fields}
	for i := range fields {
		f := &fields[i]
		switch f.num {
		case 1, 5, 11, 12, 13, 15:
			if err := f.want(protowire.BytesType, "graph member"); err != nil {
				return nil, err
			}
		}
		switch f.num {
		case 1:
			n, err := p.node(f.body(), depth)
			if err != nil {
				return nil, fmt.Errorf("reading node %d: %w", len(g.nodes), err)
			}
			g.nodes, f.ref = append(g.nodes, n), n
		case 2:
			if g.name, err = p.str(*f, "graph name"); err != nil {
				return nil, err
			}
		case 5:
			t, err := p.tensor(f.body())
			if err != nil {
				return nil, fmt.Errorf("reading initializer %d: %w", len(g.inits), err)
			}
			g.inits, f.ref = append(g.inits, t), t
		case 11, 12, 13:
			v, err := p.valueInfo(f.body())
			if err != nil {
				return nil, fmt.Errorf("reading a declared value: %w", err)
			}
			f.ref = v
			switch f.num {
			case 11:
				g.inputs = append(g.inputs, v)
			case 12:
				g.outputs = append(g.outputs, v)
			default:
				g.valueInfo = append(g.valueInfo, v)
			}
		case 15:
			s, err := p.sparse(f.body())
			if err != nil {
				return nil, fmt.Errorf("reading sparse initializer %d: %w", len(g.sparseInit), err)
			}
			g.sparseInit, f.ref = append(g.sparseInit, s), s
		}
	}
	return g, nil
}

func (p *parser) node(b []byte, depth int) (*Node, error) {
	fields, err := splitFields(b)
	if err != nil {
		return nil, err
	}
	n := &Node{raw: b, fields: fields}
	for i := range fields {
		f := &fields[i]
		var s string
		switch f.num {
		case 1, 2, 3, 4, 7, 8:
			if s, err = p.str(*f, "node member"); err != nil {
				return nil, err
			}
		}
		switch f.num {
		case 1:
			n.inputs = append(n.inputs, s)
		case 2:
			n.outputs = append(n.outputs, s)
		case 3:
			n.name = s
		case 4:
			n.opType = s
		case 5:
			if err := f.want(protowire.BytesType, "attribute"); err != nil {
				return nil, err
			}
			a, err := p.attr(f.body(), depth)
			if err != nil {
				return nil, fmt.Errorf("attribute of %q (%s): %w", n.name, n.opType, err)
			}
			n.attrs, f.ref = append(n.attrs, a), a
		case 7:
			n.domain = canonicalDomain(s)
		case 8:
			n.overload = s
		}
	}
	seen := make(map[string]bool, len(n.attrs))
	for _, a := range n.attrs {
		if seen[a.name] {
			return nil, fmt.Errorf("node %q has two attributes %q", n.Title(), a.name)
		}
		seen[a.name] = true
	}
	return n, nil
}

func (p *parser) attr(b []byte, depth int) (*Attr, error) {
	fields, err := splitFields(b)
	if err != nil {
		return nil, err
	}
	a := &Attr{encoded: b}
	var holds AttrType // the type that the values in the file imply
	saw := func(t AttrType) {
		if holds != 0 && holds != t {
			err = fmt.Errorf("attribute %q holds values of two types", a.name)
		}
		holds = t
	}
	for _, f := range fields {
		switch f.num {
		case 1, 4, 5, 6, 9, 10, 11, 21, 22:
			if err := f.want(protowire.BytesType, "attribute member"); err != nil {
				return nil, err
			}
		case 2:
			if err := f.want(protowire.Fixed32Type, "float attribute"); err != nil {
				return nil, err
			}
		case 3, 20:
			if err := f.want(protowire.VarintType, "int attribute"); err != nil {
				return nil, err
			}
		}
		var e error
		switch f.num {
		case 1:
			a.name, e = p.str(f, "attribute name")
		case 2:
			a.f = float32frombits(uint32(f.val()))
			saw(AttrFloat)
		case 3:
			a.i = int64(f.val())
			saw(AttrInt)
		case 4:
			a.s = f.body()
			saw(AttrString)
		case 5:
			a.t, e = p.tensor(f.body())
			saw(AttrTensor)
		case 6:
			a.g, e = p.graph(f.body(), depth+1)
			saw(AttrGraph)
		case 7:
			var bits []uint32
			bits, e = f.appendFixed32(nil)
			for _, v := range bits {
				a.floats = append(a.floats, float32frombits(v))
			}
			saw(AttrFloats)
		case 8:
			a.ints, e = f.appendInts(a.ints)
			saw(AttrInts)
		case 9:
			a.strings = append(a.strings, f.body())
			saw(AttrStrings)
		case 10:
			var t *Tensor
			t, e = p.tensor(f.body())
			a.tensors = append(a.tensors, t)
			saw(AttrTensors)
		case 11:
			var g *Graph
			g, e = p.graph(f.body(), depth+1)
			a.graphs = append(a.graphs, g)
			saw(AttrGraphs)
		case 20:
			a.typ = AttrType(f.val())
		case 21:
			a.ref, e = p.str(f, "ref_attr_name")
		case 22:
			a.sparse, e = p.sparse(f.body())
		}
		if e != nil {
			return nil, e
		}
		if err != nil {
			return nil, err
		}
	}
	switch {
	case a.typ == 0:
		a.typ = holds // IR versions before 3 may leave it out
	case holds != 0 && a.typ != holds:
		return nil, fmt.Errorf("attribute %q says type %d but holds type %d", a.name, a.typ, holds)
	}
	if a.ref == "" && holds == 0 {
		missing := a.typ == AttrTensor || a.typ == AttrGraph
		if missing {
			return nil, fmt.Errorf("attribute %q has no value", a.name)
		}
	}
	return a, nil
}

func (p *parser) function(b []byte) (*Function, error) {
	fields, err := splitFields(b)
	if err != nil {
		return nil, fmt.Errorf("reading function: %w", err)
	}
	fn := &Function{}
	for _, f := range fields {
		var e error
		var s string
		switch f.num {
		case 1:
			fn.name, e = p.str(f, "function name")
		case 4:
			s, e = p.str(f, "function input")
			fn.inputs = append(fn.inputs, s)
		case 5:
			s, e = p.str(f, "function output")
			fn.outputs = append(fn.outputs, s)
		case 6:
			s, e = p.str(f, "function attribute")
			fn.attrNames = append(fn.attrNames, s)
		case 7:
			if e = f.want(protowire.BytesType, "function node"); e == nil {
				var n *Node
				n, e = p.node(f.body(), 1)
				fn.nodes = append(fn.nodes, n)
			}
		case 9:
			var o Opset
			o, e = p.opset(f)
			fn.opsets = append(fn.opsets, o)
		case 10:
			fn.domain, e = p.str(f, "function domain")
			fn.domain = canonicalDomain(fn.domain)
		case 11:
			if e = f.want(protowire.BytesType, "function attribute"); e == nil {
				var a *Attr
				a, e = p.attr(f.body(), 1)
				fn.attrDefaults = append(fn.attrDefaults, a)
			}
		case 13:
			fn.overload, e = p.str(f, "function overload")
		}
		if e != nil {
			return nil, fmt.Errorf("reading function %q: %w", fn.name, e)
		}
	}
	return fn, nil
}

func (p *parser) valueInfo(b []byte) (*ValueInfo, error) {
	fields, err := splitFields(b)
	if err != nil {
		return nil, err
	}
	v := &ValueInfo{raw: b}
	for _, f := range fields {
		switch f.num {
		case 1:
			if v.name, err = p.str(f, "value name"); err != nil {
				return nil, err
			}
		case 2:
			if err := p.typeOf(v, f); err != nil {
				return nil, fmt.Errorf("type of %q: %w", v.name, err)
			}
		}
	}
	return v, nil
}

var typeKinds = map[protowire.Number]string{1: "tensor", 4: "sequence", 5: "map", 7: "opaque", 8: "sparse tensor", 9: "optional"}

func (p *parser) typeOf(v *ValueInfo, f field) error {
	fields, err := splitFields(f.body())
	if err != nil {
		return err
	}
	for _, f := range fields {
		if kind, ok := typeKinds[f.num]; ok {
			v.kind = kind
		}
		if f.num != 1 {
			continue
		}
		members, err := splitFields(f.body())
		if err != nil {
			return err
		}
		for _, f := range members {
			switch f.num {
			case 1:
				v.elem = DType(f.val())
			case 2:
				v.shape = true
				dims, err := splitFields(f.body())
				if err != nil {
					return err
				}
				for _, d := range dims {
					if d.num != 1 {
						continue
					}
					dim, err := p.dim(d.body())
					if err != nil {
						return err
					}
					v.dims = append(v.dims, dim)
				}
			}
		}
	}
	return nil
}

func (p *parser) dim(b []byte) (Dim, error) {
	fields, err := splitFields(b)
	if err != nil {
		return Dim{}, err
	}
	var d Dim
	for _, f := range fields {
		switch f.num {
		case 1:
			d.Value, d.Known = int64(f.val()), true
			if d.Value < 0 { // some exporters write -1 for unknown
				d = Dim{}
			}
		case 2:
			if d.Param, err = p.str(f, "dim_param"); err != nil {
				return Dim{}, err
			}
		}
	}
	return d, nil
}

func (p *parser) sparse(b []byte) (*SparseTensor, error) {
	fields, err := splitFields(b)
	if err != nil {
		return nil, err
	}
	s := &SparseTensor{raw: b}
	for _, f := range fields {
		var e error
		switch f.num {
		case 1:
			s.values, e = p.tensor(f.body())
		case 2:
			s.indices, e = p.tensor(f.body())
		case 3:
			s.dims, e = f.appendInts(s.dims)
		}
		if e != nil {
			return nil, e
		}
	}
	if s.values == nil || s.indices == nil {
		return nil, fmt.Errorf("sparse tensor without values or indices")
	}
	return s, nil
}
