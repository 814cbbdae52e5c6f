package explain

import (
	"slices"

	"repmlp/convert/internal/affine"
	"repmlp/onnxio/graph"
)

// maxInside bounds the nodes of an activation that is written out.
const maxInside = 16

// activation is the node in which a value meets a function of itself, as in
// x·½·(1+erf(x/√2)) or x·clip(x+3, 0, 6)/6, where n is a part of the function or scales
// the product; nil where there is none.
func (l *leftover) activation(n *graph.Node, data *graph.Value) *graph.Node {
	if data.Producer != nil && l.meets(data.Producer) {
		return data.Producer
	}
	v := n.Out[0]
	for range maxInside {
		if len(v.Readers) == 0 || v.ReadCount() != len(v.Readers) {
			return nil
		}
		r := v.Readers[0].Node
		switch {
		case l.meets(r):
			return r
		case !elementwise(r) || len(l.data(r)) != 1 || len(v.Readers) > 1:
			return nil
		}
		v = r.Out[0]
	}
	return nil
}

// meets reports whether a node joins a value and a function of it that is not linear,
// element by element.
func (l *leftover) meets(n *graph.Node) bool {
	if !elementwise(n) {
		return false
	}
	data := l.data(n)
	if len(data) != 2 || data[0] == data[1] {
		return false
	}
	first, other := l.cone(data[0]), l.cone(data[1])
	for _, x := range first {
		if k := slices.IndexFunc(other, func(y reached) bool { return y.v == x.v }); k >= 0 {
			return x.curved || other[k].curved
		}
	}
	return false
}

// reached is a value of which another is a function, element by element; curved
// where the function is not linear.
type reached struct {
	v      *graph.Value
	curved bool
}

// cone lists a value and those that it is a function of, element by element, the
// nearest ones first.
func (l *leftover) cone(v *graph.Value) []reached {
	list := []reached{{v, false}}
	for i := 0; i < len(list) && len(list) < maxInside; i++ {
		n := list[i].v.Producer
		if n == nil || !elementwise(n) {
			continue
		}
		a := l.e.Of(n.Out[0])
		curved := list[i].curved || a == nil || !affine.IsScale(a.Op) && !affine.IsSum(a.Op)
		for _, x := range l.data(n) {
			if !slices.ContainsFunc(list, func(r reached) bool { return r.v == x }) {
				list = append(list, reached{x, curved})
			}
		}
	}
	return list
}

// elementwise reports whether a node is arithmetic or a function of single elements.
func elementwise(n *graph.Node) bool {
	if n.Domain() != "" || n.First() == nil {
		return false
	}
	switch n.OpType() {
	case "Add", "Sub", "Mul", "Div", "Neg", "Abs", "Pow", "Sqrt", "Exp", "Log", "Min", "Max", "Cast":
		return true
	}
	return activation(n.OpType())
}
