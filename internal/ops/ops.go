// Package ops is what the specification of ONNX says of the operators of ai.onnx: how many
// inputs and outputs they have, of which element types, and which attributes, by opset.
// What follows from it (shapes, values) is other packages' to know.
package ops

import (
	"slices"

	"repmlp/onnxio"
)

// Newest is the newest opset that the table has operators of.
const Newest = newest

// An Operator is one form of an operator: what holds from an opset on until the next form.
type Operator struct {
	Name       string
	Since      int64 // the opset that brought this form
	Deprecated bool
	In, Out    []Param
	Attrs      []Attr // by name

	family []*Operator // all forms, oldest first
}

// A Param is an input or an output, or as many as a node has where it is Variadic.
type Param struct {
	Var      string // parameters of one type variable have one type; empty: a type of its own
	Types    Types
	Optional bool
	Variadic bool
	Free     bool // variadic, and each has a type of its own
	Least    int  // how many a variadic one stands for at least
}

// An Attr is an attribute.
type Attr struct {
	Name     string
	Type     onnxio.AttrType
	Required bool
	Default  *Default // nil where there is none
}

// A Default is the value of an attribute that a node leaves out, a float as the integer
// below it too. Lists are text alone, their elements joined by commas.
type Default struct {
	Text string
	I    int64
	F    float32
}

// Lookup returns the form that an operator of ai.onnx has in an opset: the newest that is
// not newer, the oldest where all are. It is nil where ONNX has no such operator.
func Lookup(name string, opset int64) *Operator {
	forms := parsed()[name]
	if forms == nil {
		return nil
	}
	form := forms[0]
	for _, o := range forms[1:] {
		if o.Since <= opset {
			form = o
		}
	}
	return form
}

// Known reports whether ai.onnx has an operator of this name in any opset.
func Known(name string) bool { return parsed()[name] != nil }

// Names lists all operators, sorted.
func Names() []string {
	var list []string
	for name := range parsed() {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

// Forms returns all forms of an operator, oldest first.
func Forms(name string) []*Operator { return slices.Clip(parsed()[name]) }

// Attr returns the attribute called name, nil if this form has none.
func (o *Operator) Attr(name string) *Attr {
	for i := range o.Attrs {
		if o.Attrs[i].Name == name {
			return &o.Attrs[i]
		}
	}
	return nil
}

// AttrOfAny is Attr, or where this form has none the attribute of the nearest form that
// has one, older ones first.
func (o *Operator) AttrOfAny(name string) *Attr {
	at := slices.Index(o.family, o)
	for i := at; i >= 0; i-- {
		if a := o.family[i].Attr(name); a != nil {
			return a
		}
	}
	for _, f := range o.family[at+1:] {
		if a := f.Attr(name); a != nil {
			return a
		}
	}
	return nil
}

// Input returns the parameter of input i, nil beyond the last.
func (o *Operator) Input(i int) *Param { return param(o.In, i) }

// Output returns the parameter of output i, nil beyond the last.
func (o *Operator) Output(i int) *Param { return param(o.Out, i) }

func param(list []Param, i int) *Param {
	n := len(list)
	switch {
	case i < n:
		return &list[i]
	case n > 0 && list[n-1].Variadic:
		return &list[n-1]
	}
	return nil
}

// Inputs returns the least and the largest number of inputs of a node; most is negative
// where there is no largest.
func (o *Operator) Inputs() (least, most int) { return arity(o.In) }

// Outputs is Inputs for outputs.
func (o *Operator) Outputs() (least, most int) { return arity(o.Out) }

func arity(list []Param) (least, most int) {
	for i, p := range list {
		switch {
		case p.Variadic && p.Least > 0:
			return i + p.Least, -1
		case p.Variadic:
			return least, -1
		case !p.Optional:
			least = i + 1
		}
	}
	return least, len(list)
}

// LeastInputs is the number of inputs without which no form of the operator does.
func (o *Operator) LeastInputs() int {
	least, _ := o.Inputs()
	for _, f := range o.family {
		n, _ := f.Inputs()
		least = min(least, n)
	}
	return least
}

// Takes returns the element types that input i has in any form: files of older opsets
// carry newer types, and runtimes take them.
func (o *Operator) Takes(i int) Types {
	var t Types
	for _, f := range o.family {
		if p := f.Input(i); p != nil {
			t |= p.Types
		}
	}
	return t
}
