package onnxio

import (
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
)

// A blob is a message in pieces, so that weights are written from where they
// lie, or when they are computed, instead of being copied together.
type blob struct {
	pieces []piece
	size   int64
}

// A piece is a span of bytes, or the values of a computed tensor.
type piece struct {
	bytes  []byte
	tensor *Tensor
}

func (b *blob) add(p []byte) {
	if len(p) > 0 {
		b.pieces = append(b.pieces, piece{bytes: p})
		b.size += int64(len(p))
	}
}

// join returns the whole message.
func (b *blob) join() ([]byte, error) {
	out := make([]byte, 0, b.size)
	for _, p := range b.pieces {
		data := p.bytes
		if p.tensor != nil {
			var err error
			if data, err = p.tensor.Bytes(); err != nil {
				return nil, err
			}
		}
		out = append(out, data...)
	}
	return out, nil
}

func (b *blob) wrap(num protowire.Number, inner blob) {
	tag := protowire.AppendTag(nil, num, protowire.BytesType)
	b.add(protowire.AppendVarint(tag, uint64(inner.size)))
	b.pieces = append(b.pieces, inner.pieces...)
	b.size += inner.size
}

// An encoder writes a model; move, where set, says where the values of a
// tensor lie in the external file that goes with it.
type encoder struct {
	move map[*Tensor]External
}

func (e *encoder) model(m *Model) (blob, error) {
	var out blob
	for _, f := range m.fields {
		g, ok := f.ref.(*Graph)
		if !ok || f.raw != nil && !e.moves(g) {
			out.add(f.raw)
			continue
		}
		inner, err := e.graph(g)
		if err != nil {
			return blob{}, err
		}
		out.wrap(7, inner)
	}
	return out, nil
}

// moves reports whether any tensor inside g gets another place.
func (e *encoder) moves(g *Graph) bool {
	if len(e.move) == 0 {
		return false
	}
	for _, t := range g.Inits {
		if _, ok := e.move[t]; ok {
			return true
		}
	}
	for _, n := range g.Nodes {
		if e.nodeMoves(n) {
			return true
		}
	}
	return false
}

func (e *encoder) nodeMoves(n *Node) bool {
	if len(e.move) == 0 {
		return false
	}
	found := false
	for _, a := range n.Attrs {
		a.eachTensor(func(t *Tensor) {
			if _, ok := e.move[t]; ok {
				found = true
			}
		})
	}
	for _, g := range n.Subgraphs() {
		found = found || e.moves(g)
	}
	return found
}

func (e *encoder) graph(g *Graph) (blob, error) {
	var out blob
	for _, f := range g.fields {
		switch r := f.ref.(type) {
		case *Tensor:
			_, moved := e.move[r]
			if f.raw != nil && !moved {
				break
			}
			inner, err := e.tensor(r)
			if err != nil {
				return blob{}, err
			}
			out.wrap(5, inner)
			continue
		case *Node:
			if !e.nodeMoves(r) {
				break
			}
			inner, err := e.node(r)
			if err != nil {
				return blob{}, err
			}
			out.wrap(1, inner)
			continue
		}
		out.add(f.raw)
	}
	return out, nil
}

func (e *encoder) node(n *Node) (blob, error) {
	var out blob
	for _, f := range n.fields {
		a, ok := f.ref.(*Attr)
		if !ok {
			out.add(f.raw)
			continue
		}
		fields, err := splitFields(f.body)
		if err != nil {
			return blob{}, err
		}
		var attr blob
		tensors, graphs := a.Tensors, a.Graphs
		for _, f := range fields {
			var inner blob
			var err error
			switch f.num {
			case 5:
				inner, err = e.tensor(a.T)
			case 10:
				inner, err = e.tensor(tensors[0])
				tensors = tensors[1:]
			case 6:
				inner, err = e.graph(a.G)
			case 11:
				inner, err = e.graph(graphs[0])
				graphs = graphs[1:]
			default:
				attr.add(f.raw)
				continue
			}
			if err != nil {
				return blob{}, err
			}
			attr.wrap(f.num, inner)
		}
		out.wrap(5, attr)
	}
	return out, nil
}

// tensor writes t in full: where it moves to, or inline.
func (e *encoder) tensor(t *Tensor) (blob, error) {
	var out blob
	place, moved := e.move[t]
	if !moved && t.raw != nil {
		out.add(t.raw)
		return out, nil
	}
	var b []byte
	for _, d := range t.Dims {
		b = varint(b, 1, uint64(d))
	}
	b = varint(b, 2, uint64(t.DType))
	b = text(b, 8, t.Name)
	for _, f := range t.fields { // doc string, metadata, unknown fields
		switch f.num {
		case 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14:
		default:
			b = append(b, f.raw...)
		}
	}
	if !moved && t.computed != nil {
		b = append(b, head(9, int(t.stored()))...)
		out.add(b)
		out.pieces = append(out.pieces, piece{tensor: t})
		out.size += t.stored()
		return out, nil
	}
	if !moved {
		data, err := t.Bytes()
		if err != nil {
			return blob{}, err
		}
		b = append(b, head(9, len(data))...)
		out.add(b)
		out.add(data)
		return out, nil
	}
	entry := func(k, v string) { b = message(b, 13, text(text(nil, 1, k), 2, v)) }
	entry("location", place.Location)
	entry("offset", strconv.FormatInt(place.Offset, 10))
	entry("length", strconv.FormatInt(place.Length, 10))
	out.add(varint(b, 14, 1))
	return out, nil
}
