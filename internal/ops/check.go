package ops

import (
	"fmt"

	"repmlp/onnxio"
)

// Absent stands for the type of an optional input that a node leaves out.
const Absent onnxio.DType = -1

// Check says what the operator does not allow of a node with inputs of these element
// types and so many outputs: too few or too many, a type that no form has, or two types
// where one is asked for. A type that is not known is onnxio.Undefined and fits.
func (o *Operator) Check(in []onnxio.DType, outs int) error {
	for len(in) > 0 && in[len(in)-1] == Absent {
		in = in[:len(in)-1]
	}
	least, most := o.Inputs()
	if len(in) < least {
		return fmt.Errorf("it lacks input %d", len(in))
	}
	if most >= 0 && len(in) > most {
		return fmt.Errorf("it has %d inputs, at most %d are allowed", len(in), most)
	}
	if _, most := o.Outputs(); most >= 0 && outs > most {
		return fmt.Errorf("it has %d outputs, at most %d are allowed", outs, most)
	}
	for i, d := range in {
		p := o.Input(i)
		if d == Absent {
			if !p.Optional {
				return fmt.Errorf("it lacks input %d", i)
			}
			continue
		}
		if d == onnxio.Undefined {
			continue
		}
		if !p.Types.Has(d) && !o.Takes(i).Has(d) && o.Takes(i)&NotTensor == 0 {
			return fmt.Errorf("its input %d has type %s", i, d)
		}
		if p.Var == "" || p.Free {
			continue
		}
		for k, other := range in[:i] { // few: only variadic operators have many
			if q := o.Input(k); other > 0 && q.Var == p.Var {
				if other != d {
					return fmt.Errorf("its inputs %d and %d have types %s and %s", k, i, other, d)
				}
				break // the ones before were compared with that
			}
		}
	}
	return nil
}

// Refuse says what no form of the operator allows: fewer inputs than it can do without, a
// gap among any number of inputs, or an attribute of a type that it never had.
func (o *Operator) Refuse(in []onnxio.DType, attrs []*onnxio.Attr) error {
	for i := range o.LeastInputs() {
		if i >= len(in) || in[i] == Absent && !o.mayLack(i) {
			return fmt.Errorf("it lacks input %d", i)
		}
	}
	for i, d := range in {
		if p := o.Input(i); d == Absent && p != nil && p.Variadic && !p.Free {
			return fmt.Errorf("it lacks input %d", i)
		}
	}
	for _, a := range attrs {
		if want := o.neverOf(a); want != nil {
			return fmt.Errorf("its attribute %q has type %d, want %d", a.Name(), a.Type(), want.Type)
		}
	}
	return nil
}

// mayLack reports whether a form lets input i be left out where others follow.
func (o *Operator) mayLack(i int) bool {
	for _, f := range o.family {
		if p := f.Input(i); p != nil && p.Optional {
			return true
		}
	}
	return false
}

// neverOf returns the attribute that a is of another type than in all forms, nil where a
// is right or unknown.
func (o *Operator) neverOf(a *onnxio.Attr) *Attr {
	var want *Attr
	for _, f := range o.family {
		if has := f.Attr(a.Name()); has != nil {
			if want = has; a.Ref() != "" || a.Type() == has.Type {
				return nil
			}
		}
	}
	return want
}

// CheckAttrs says what the operator does not allow of a node's attributes: one that is
// required and missing, or another type than this form has. Attributes that ONNX does not
// have are ignored.
func (o *Operator) CheckAttrs(attrs []*onnxio.Attr) error {
	has := 0
	for _, a := range attrs {
		want := o.Attr(a.Name())
		if want == nil || a.Ref() != "" {
			continue
		}
		if a.Type() != want.Type {
			return fmt.Errorf("its attribute %q has type %d, want %d", a.Name(), a.Type(), want.Type)
		}
		if want.Required {
			has++
		}
	}
	for _, want := range o.Attrs {
		if want.Required {
			if has--; has < 0 {
				return missing(o, attrs)
			}
		}
	}
	return nil
}

func missing(o *Operator, attrs []*onnxio.Attr) error {
	for _, want := range o.Attrs {
		there := !want.Required
		for _, a := range attrs {
			there = there || a.Name() == want.Name
		}
		if !there {
			return fmt.Errorf("it has no attribute %q", want.Name)
		}
	}
	return nil
}
