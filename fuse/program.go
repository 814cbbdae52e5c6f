// Package fuse is the algebra of affine maps: scaling, convolution, fully
// connected layers, their sums and their compositions, folded into one matrix
// or one kernel in float64. It knows no ONNX.
//
// Indices are named. A map from rows to rows is written over [Label]s, each
// with a size; reshaping and transposing are then no operations at all, and a
// group of a grouped layer is simply a label that input, weight and output
// share. Three kinds of [Op] are enough: a diagonal (BatchNorm, scale, bias), a
// link (FC, conv, pooling, padding: weights that join input labels to output
// labels) and a sum of branches.
package fuse

import (
	"fmt"
	"sync"
)

// A Label names an index.
type Label int32

// An Array is a weight tensor over labels, row-major. Load reads its values.
// Open, where it is not nil, gives access to a large weight that need not be
// read as a whole; it may return nil.
type Array struct {
	Labels []Label
	Load   func() ([]float64, error)
	Open   func() (Values, error)
}

// Kind is what an Op does.
type Kind uint8

// The kinds of Op.
const (
	Diagonal Kind = iota // out = Scale·in + Shift
	Link                 // out = Σ W·in
	Sum                  // out = Σ Coef·in, operands renamed
)

// An Op is one affine step. Which fields hold depends on Kind.
type Op struct {
	Kind Kind
	Args []int // earlier ops, -1 for the program's input

	// Diagonal: both may be nil; their labels are among the operand's.
	Scale, Shift *Array

	// Link: out[rest, Out, axis.Out] = Σ over In and the entries of all axes of
	// W·in[rest, In, axis.In]. W may be nil (all ones); labels of W that are in
	// neither In nor Out nor a Tap are groups.
	W       *Array
	In, Out []Label
	Axes    []Axis

	// Sum: one coefficient and one renaming for each operand.
	Coef   []float64
	Rename []map[Label]Label
}

// An Axis joins the positions of an input axis to those of an output axis, as
// a convolution, pooling, padding or slicing does along one axis.
type Axis struct {
	In, Out []Label        // outermost first; the flat index counts through all of them
	Tap     []Label        // the kernel index in W, none for weights that do not depend on it
	Entries func() []Entry // listed when the program is folded: planning costs nothing that grows with a map
}

// An Entry says that output position Out reads input position In through
// kernel index Tap, times Weight.
type Entry struct {
	Out, In, Tap int
	Weight       float64
}

// A Program maps one row of features to another. The last op is the result;
// a program without ops is the identity.
type Program struct {
	Sizes []int // by label
	Input []Label
	Ops   []Op
}

// Listed are the entries that f gives for 0 to n-1, worked out when they are asked
// for.
func Listed(n int, f func(i int) Entry) func() []Entry {
	return sync.OnceValue(func() []Entry {
		es := make([]Entry, n)
		for i := range es {
			es[i] = f(i)
		}
		return es
	})
}

// ConvEntries lists the entries of one axis of a convolution that reads in
// positions: out·stride + tap·dilation - begin, where that lies inside. Taps
// outside meet zeros, so zero padding needs no entries. The result lists them once,
// when it is called.
func ConvEntries(in, out, kernel, stride, dilation, begin int) func() []Entry {
	return sync.OnceValue(func() []Entry { return convEntries(in, out, kernel, stride, dilation, begin) })
}

func convEntries(in, out, kernel, stride, dilation, begin int) []Entry {
	es := make([]Entry, 0, out*min(kernel, (in+dilation-1)/dilation))
	for o := range out {
		from := o*stride - begin
		t := 0
		if from < 0 {
			t = (-from + dilation - 1) / dilation
		}
		for i := from + t*dilation; t < kernel && i < in; t, i = t+1, i+dilation {
			es = append(es, Entry{Out: o, In: i, Tap: t, Weight: 1})
		}
	}
	return es
}

func (p *Program) size(labels []Label) int {
	n := 1
	for _, l := range labels {
		n *= p.Sizes[l]
	}
	return n
}

// strides maps each label of a row-major array to its stride.
func (p *Program) strides(labels []Label) map[Label]int {
	m := make(map[Label]int, len(labels))
	n := 1
	for i := len(labels) - 1; i >= 0; i-- {
		m[labels[i]] = n
		n *= p.Sizes[labels[i]]
	}
	return m
}

// result returns the labels of op k's output, in a defined order.
func (p *Program) result(k int) []Label {
	if k < 0 {
		return p.Input
	}
	op := &p.Ops[k]
	in := p.result(op.Args[0])
	switch op.Kind {
	case Sum:
		out := make([]Label, len(in))
		for i, l := range in {
			out[i] = rename(op.Rename[0], l)
		}
		return out
	case Link:
		gone := map[Label]bool{}
		for _, l := range op.In {
			gone[l] = true
		}
		for _, a := range op.Axes {
			for _, l := range a.In {
				gone[l] = true
			}
		}
		var out []Label
		for _, l := range in {
			if !gone[l] {
				out = append(out, l)
			}
		}
		out = append(out, op.Out...)
		for _, a := range op.Axes {
			out = append(out, a.Out...)
		}
		return out
	}
	return in
}

// Result returns the labels of the program's output.
func (p *Program) Result() []Label { return p.result(len(p.Ops) - 1) }

func rename(m map[Label]Label, l Label) Label {
	if to, ok := m[l]; ok {
		return to
	}
	return l
}

func (a *Array) load(p *Program) ([]float64, error) {
	v, err := a.Load()
	if err != nil {
		return nil, err
	}
	if want := p.size(a.Labels); len(v) != want {
		return nil, fmt.Errorf("a weight has %d values, its labels say %d", len(v), want)
	}
	return v, nil
}

// smallWeight is the size up to which a weight is read as a whole.
const smallWeight = 1 << 14

// open returns the values, or access to them where they are more than small.
func (a *Array) open(p *Program, small int) ([]float64, Values, error) {
	if a.Open != nil && p.size(a.Labels) > small {
		v, err := a.Open()
		if err != nil {
			return nil, nil, err
		}
		if v != nil {
			if want := p.size(a.Labels); v.Len() != want {
				return nil, nil, fmt.Errorf("a weight has %d values, its labels say %d", v.Len(), want)
			}
			return nil, v, nil
		}
	}
	v, err := a.load(p)
	return v, nil, err
}
