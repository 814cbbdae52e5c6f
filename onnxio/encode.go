package onnxio

import (
	"slices"
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

// An encoder writes a model. Tensors that move to the external file that goes with
// it are in move; spans says where in it those lie that were external before.
type encoder struct {
	move     map[*Tensor]externalData
	spans    map[span]int64
	location string // of the file
}

// place says where a tensor lies in the external file, if it does.
func (e *encoder) place(t *Tensor) (externalData, bool) {
	x, moved := e.move[t]
	if !moved && t.external != nil {
		x.offset, moved = e.spans[spanOf(t)]
		x.length = t.stored()
	}
	x.location = e.location
	return x, moved
}

// rewritten is a message with some of its fields made anew; all others keep their
// bytes. part returns the new content of a field, or says that it stays.
func rewritten(fields []field, part func(f field) (inner blob, anew bool, err error)) (blob, error) {
	var out blob
	for _, f := range fields {
		inner, anew, err := part(f)
		if err != nil {
			return blob{}, err
		}
		if anew {
			out.wrap(f.num, inner)
		} else {
			out.add(f.raw)
		}
	}
	return out, nil
}

// anew says that a part of a message is made anew.
func anew(inner blob, err error) (blob, bool, error) { return inner, true, err }

// stays says that a part of a message keeps its bytes.
func stays() (blob, bool, error) { return blob{}, false, nil }

func (e *encoder) model(m *Model) (blob, error) {
	return rewritten(m.fields, func(f field) (blob, bool, error) {
		switch r := f.ref.(type) {
		case *Graph:
			if f.raw == nil || e.moves(r) {
				return anew(e.graph(r))
			}
		case *Function:
			if slices.ContainsFunc(r.nodes, e.nodeMoves) || e.attrsMove(r.attrDefaults) {
				return anew(e.function(f.body(), r))
			}
		}
		return stays()
	})
}

// function writes the function in body with its tensors at other places.
func (e *encoder) function(body []byte, fn *Function) (blob, error) {
	fields, err := splitFields(body)
	if err != nil {
		return blob{}, err
	}
	nodes, defaults := each(fn.nodes), each(fn.attrDefaults)
	return rewritten(fields, func(f field) (blob, bool, error) {
		switch f.num {
		case 7:
			return anew(e.node(nodes()))
		case 11:
			return anew(e.attr(f.body(), defaults()))
		}
		return stays()
	})
}

// each returns the elements of a list one by one, as their fields come.
func each[T any](list []T) func() T {
	return func() T {
		first := list[0]
		list = list[1:]
		return first
	}
}

// moves reports whether any tensor inside g gets another place.
func (e *encoder) moves(g *Graph) bool {
	if len(e.move)+len(e.spans) == 0 {
		return false
	}
	return slices.ContainsFunc(g.inits, e.tensorMoves) || slices.ContainsFunc(g.sparseInit, e.sparseMoves) || slices.ContainsFunc(g.nodes, e.nodeMoves)
}

func (e *encoder) tensorMoves(t *Tensor) bool {
	_, ok := e.place(t)
	return ok
}

func (e *encoder) sparseMoves(s *SparseTensor) bool {
	return e.tensorMoves(s.values) || e.tensorMoves(s.indices)
}

func (e *encoder) nodeMoves(n *Node) bool {
	if len(e.move)+len(e.spans) == 0 {
		return false
	}
	return e.attrsMove(n.attrs) || slices.ContainsFunc(n.Subgraphs(), e.moves)
}

func (e *encoder) attrsMove(attrs []*Attr) (found bool) {
	for _, a := range attrs {
		a.eachTensor(func(t *Tensor) { found = found || e.tensorMoves(t) })
	}
	return found
}

func (e *encoder) graph(g *Graph) (blob, error) {
	return rewritten(g.fields, func(f field) (blob, bool, error) {
		switch r := f.ref.(type) {
		case *Tensor:
			if f.raw == nil || e.tensorMoves(r) {
				return anew(e.tensor(r))
			}
		case *SparseTensor:
			if e.sparseMoves(r) {
				return anew(e.sparse(r))
			}
		case *Node:
			if e.nodeMoves(r) {
				return anew(e.node(r))
			}
		}
		return stays()
	})
}

func (e *encoder) node(n *Node) (blob, error) {
	return rewritten(n.fields, func(f field) (blob, bool, error) {
		if a, ok := f.ref.(*Attr); ok {
			return anew(e.attr(f.body(), a))
		}
		return stays()
	})
}

// attr writes the attribute in body with its tensors at other places.
func (e *encoder) attr(body []byte, a *Attr) (blob, error) {
	fields, err := splitFields(body)
	if err != nil {
		return blob{}, err
	}
	tensors, graphs := each(a.tensors), each(a.graphs)
	return rewritten(fields, func(f field) (blob, bool, error) {
		switch f.num {
		case 5:
			return anew(e.tensor(a.t))
		case 10:
			return anew(e.tensor(tensors()))
		case 6:
			return anew(e.graph(a.g))
		case 11:
			return anew(e.graph(graphs()))
		case 22:
			return anew(e.sparse(a.sparse))
		}
		return stays()
	})
}

// tensor writes t in full: where it moves to, or inline.
func (e *encoder) tensor(t *Tensor) (blob, error) {
	var out blob
	place, moved := e.place(t)
	if t.raw != nil && (!moved || t.external != nil) {
		if moved {
			out.add(relocated(t, place))
		} else {
			out.add(t.raw)
		}
		return out, nil
	}
	var b []byte
	for _, d := range t.dims {
		b = varint(b, 1, uint64(d))
	}
	b = varint(b, 2, uint64(t.dtype))
	b = text(b, 8, t.name)
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
	for _, p := range place.entries() {
		b = message(b, 13, text(text(nil, 1, p.Key), 2, p.Value))
	}
	out.add(varint(b, 14, 1))
	return out, nil
}

// sparse writes s with its tensors at other places.
func (e *encoder) sparse(s *SparseTensor) (blob, error) {
	fields, err := splitFields(s.raw)
	if err != nil {
		return blob{}, err
	}
	return rewritten(fields, func(f field) (blob, bool, error) {
		switch f.num {
		case 1:
			return anew(e.tensor(s.values))
		case 2:
			return anew(e.tensor(s.indices))
		}
		return stays()
	})
}

// entries are the external_data of a tensor that lies there.
func (x externalData) entries() []Property {
	return []Property{{"location", x.location}, {"offset", strconv.FormatInt(x.offset, 10)}, {"length", strconv.FormatInt(x.length, 10)}}
}

// relocated is the message of an external tensor with the entries that say where
// it lies now; all others, and their order, stay, but for the checksum of the file
// where it lay.
func relocated(t *Tensor, place externalData) []byte {
	var out []byte
	entries := place.entries()
	if place.offset == 0 {
		entries[1].Key = "" // not needed, and perhaps not there
	}
	last := 0
	for i, f := range t.fields {
		if f.num == 13 {
			last = i
		}
	}
	for i, f := range t.fields {
		raw := f.raw
		if kv, err := (&parser{}).property(f); f.num == 13 && err == nil {
			if kv.Key == "checksum" {
				raw = nil
			}
			for k, e := range place.entries() {
				if e.Key == kv.Key {
					entries[k].Key = ""
					if e.Value != kv.Value {
						raw = message(nil, 13, text(text(nil, 1, e.Key), 2, e.Value))
					}
				}
			}
		}
		out = append(out, raw...)
		if i == last {
			for _, e := range entries {
				if e.Key != "" {
					out = message(out, 13, text(text(nil, 1, e.Key), 2, e.Value))
				}
			}
		}
	}
	return out
}
