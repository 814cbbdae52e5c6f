package affine

import (
	"fmt"
	"slices"

	"repmlp/convert/internal/reason"
	"repmlp/onnxio/graph"
)

// An FC contracts its data with matrices. Axes are named by indices, as Einsum does:
// those that data and weight have and the result has not are summed over; those
// that all have are groups.
type FC struct {
	Data   [][]Index     // the indices of each axis of the data
	Weight []Index       // in the order in which the matrices are stored, one behind the other
	Out    [][]Index     // the indices of each axis of the result
	Size   map[Index]int // of the weight's indices
	Alpha  float64       // factor of the product
	Lead   int           // axes of size one that the data gets in front
	Asked  []Index       // of the data, whose sizes have to be those of the weight: the operator fails on others

	Matrices []*graph.Value
	Biases   []*graph.Value // one behind the other, like Over
	Over     []Index        // the indices along which the bias varies
	Beta     float64        // factor of the bias

	constants *Constants
}

// An Index names an axis, or a piece of one.
type Index int32

// NewFC reads its weights from c.
func NewFC(c *Constants, f FC) *FC {
	f.constants = c
	return &f
}

// Trace implements Op.
func (f *FC) Trace(t *Tracer, n *graph.Node, in []Traced) (Traced, *reason.Refusal) {
	layout := slices.Concat(make(graph.Layout, f.Lead), in[0].layout)
	if len(layout) != len(f.Data) {
		return in[0], reason.Refuse("", "%q reads data of rank %d", n.Title(), len(layout))
	}
	atoms := map[Index][]graph.Atom{}
	for i, names := range f.Data {
		if len(names) == 1 {
			atoms[names[0]] = layout[i]
			continue
		}
		sizes := make([]graph.Dim, len(names))
		for k, name := range names {
			sizes[k] = graph.Size(int64(f.Size[name]))
		}
		cut, ok := t.atoms.Regroup(layout[i], sizes)
		if !ok {
			return in[0], reason.Refuse("", "the groups of %q do not nest", n.Title())
		}
		for k, name := range names {
			atoms[name] = cut[k]
		}
	}
	over := func(names []Index) []graph.Atom {
		var out []graph.Atom
		for _, name := range names {
			out = append(out, atoms[name]...)
		}
		return out
	}
	kept := slices.Concat(f.Out...)
	var made, gone []graph.Atom
	for _, name := range f.Weight {
		axis, shared := atoms[name]
		switch {
		case shared:
			if _, known := t.fixed(axis); !known && len(axis) == 1 && slices.Contains(f.Asked, name) {
				t.atoms.Fix(axis[0], graph.Size(int64(f.Size[name])))
			}
			if size, ok := t.fixed(axis); !ok || size != f.Size[name] {
				return in[0], reason.Refuse("", "%q reads rows of unknown length, or repeats them for several matrices", n.Title())
			}
		case slices.Contains(kept, name):
			axis = t.atoms.Axis(graph.Size(int64(f.Size[name])))
			atoms[name] = axis
			made = append(made, axis...)
		default:
			return in[0], reason.Refuse("", "%q sums its weight alone", n.Title())
		}
	}
	for _, names := range f.Data {
		for _, name := range names {
			if slices.Contains(kept, name) {
				continue
			}
			if _, ok := t.fixed(atoms[name]); !ok {
				return in[0], reason.Refuse("", "%q sums over an axis of unknown size", n.Title())
			}
			gone = append(gone, atoms[name]...)
		}
	}
	out := make(graph.Layout, len(f.Out))
	for i, names := range f.Out {
		out[i] = over(names)
	}
	y := t.link(Traced{in[0].op, layout}, f.weight(over(f.Weight)), gone, made, nil, out)
	if len(f.Biases) == 0 {
		return y, nil
	}
	return t.diagonal(y, nil, &array{over(f.Over), times(f.constants.Stacked(f.Biases), f.Beta), nil}), nil
}

// weight is the matrices over atoms; one that is stored as it is used is read in place.
func (f *FC) weight(order []graph.Atom) *array {
	if len(f.Matrices) == 1 && f.Alpha == 1 {
		return f.constants.stored(order, f.Matrices[0])
	}
	return &array{order, times(f.constants.Stacked(f.Matrices), f.Alpha), nil}
}

// Groups is the number of matrices, In and Out the features of one row in one of
// them.
func (f *FC) Groups() int { return f.count(true, true) }

// In is the number of features that a matrix sums over.
func (f *FC) In() int { return f.count(true, false) }

// Outputs is the number of features that a matrix makes.
func (f *FC) Outputs() int { return f.count(false, true) }

// count multiplies the sizes of the weight's indices that the data and the result
// have, or have not.
func (f *FC) count(data, out bool) int {
	n := 1
	for _, name := range f.Weight {
		if slices.Contains(slices.Concat(f.Data...), name) == data && slices.Contains(slices.Concat(f.Out...), name) == out {
			n *= f.Size[name]
		}
	}
	return n
}

// Weights implements Op.
func (f *FC) Weights() []*graph.Value { return slices.Concat(f.Matrices, f.Biases) }

// Cost implements Op.
func (f *FC) Cost() Cost { return Cost{Weights: Elements(f.Matrices), Work: 1} }

func (f *FC) String() string {
	s := fmt.Sprintf("FC %d -> %d", f.In()*f.Groups(), f.Outputs()*f.Groups())
	if g := f.Groups(); g > 1 {
		s += fmt.Sprintf(" in %d groups", g)
	}
	return s
}
