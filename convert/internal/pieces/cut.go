package pieces

import (
	"fmt"
	"maps"
	"slices"

	"repmlp/convert/internal/identical"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// The names that values have in both models of a piece.
const (
	inputName  = "in."
	outputName = "out"
)

// A cut is the part of a model that makes a value of others.
type cut struct {
	nodes map[*graph.Node]bool
	ends  map[*graph.Value]identical.Class // where it begins
	open  bool                             // it reaches an input that is no such place
}

// back follows a value to where stop says that it ends.
func back(g, sized *graph.Graph, to *graph.Value, stop func(*graph.Value) identical.Class) *cut {
	c := &cut{map[*graph.Node]bool{}, map[*graph.Value]identical.Class{}, false}
	todo := []*graph.Value{to}
	seen := map[*graph.Value]bool{}
	for len(todo) > 0 {
		v := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if v == nil || seen[v] || number(sized, v) != nil {
			continue
		}
		seen[v] = true
		if v != to && !g.IsConst(v) && v.Elem.IsFloat() {
			if k := stop(v); k != 0 {
				c.ends[v] = k
				continue
			}
		}
		if v.Producer == nil {
			c.open = c.open || v.Init == nil || v.IsInput
			continue
		}
		c.nodes[v.Producer] = true
		if len(v.Producer.Subgraphs()) > 0 {
			c.open = true
		}
		todo = append(todo, v.Producer.In...)
	}
	return c
}

// number is a value of integers that nodes make, where it follows from the sizes; nil of others.
func number(sized *graph.Graph, v *graph.Value) *onnxio.Tensor {
	w := sized.Value(v.Name)
	if w == nil || v.Producer == nil || w.Elem.IsFloat() || !w.Typed() || w.Ints() == nil {
		return nil
	}
	dims, ok := w.Shape()
	if !ok {
		return nil
	}
	shape := make([]int64, len(dims))
	for i, d := range dims {
		if shape[i], ok = d.Int(); !ok {
			return nil
		}
	}
	ints := make([]int64, len(w.Ints()))
	for i, d := range w.Ints() {
		if ints[i], ok = d.Int(); !ok {
			return nil
		}
	}
	raw, err := onnxio.EncodeInt64(ints, w.Elem)
	if err != nil {
		return nil
	}
	t, err := onnxio.NewTensor(v.Name, w.Elem, shape, raw)
	if err != nil {
		return nil
	}
	return t
}

// piece is the smallest piece that makes v as the first model makes a, nil where there is
// none that was not found wrong.
func (s *Search) piece(second *identical.Side, a, v *graph.Value) *Piece {
	both := func(side, other *identical.Side) func(*graph.Value) identical.Class {
		return func(x *graph.Value) identical.Class {
			if c := side.Class(x); other.Has(c) {
				return c
			}
			return 0
		}
	}
	among := func(side *identical.Side, ends map[*graph.Value]identical.Class) func(*graph.Value) identical.Class {
		set := map[identical.Class]bool{}
		for _, c := range ends {
			set[c] = true
		}
		return func(x *graph.Value) identical.Class {
			if c := side.Class(x); set[c] {
				return c
			}
			return 0
		}
	}
	new := back(s.After, s.sized[1], v, both(second, s.First))
	old := back(s.Before, s.sized[0], a, both(s.First, second))
	tries := []func() (*cut, *cut){
		func() (*cut, *cut) { return back(s.Before, s.sized[0], a, among(s.First, new.ends)), new },
		func() (*cut, *cut) { return old, new },
		func() (*cut, *cut) { return old, back(s.After, s.sized[1], v, among(second, old.ends)) },
		func() (*cut, *cut) { return s.single(second, a, v) },
	}
	for _, try := range tries {
		old, new := try()
		if old == nil || old.open || new.open || len(old.nodes)+len(new.nodes) > largest {
			continue
		}
		if p := s.written(a, v, old, new); p != nil && !s.wrong[p.key] {
			return p
		}
	}
	return nil
}

// largest is how many nodes a piece may have in both models together. Merged blocks have tens.
const largest = 512

// single follows a and v to a value that both are made of and nothing else. What is nearest to
// them is followed first, until one value is left.
func (s *Search) single(second *identical.Side, a, v *graph.Value) (old, new *cut) {
	passed := map[identical.Class]bool{}
	for range largest {
		stop := func(side, other *identical.Side) func(*graph.Value) identical.Class {
			return func(x *graph.Value) identical.Class {
				if c := side.Class(x); other.Has(c) && !passed[c] {
					return c
				}
				return 0
			}
		}
		old, new = back(s.Before, s.sized[0], a, stop(s.First, second)), back(s.After, s.sized[1], v, stop(second, s.First))
		var last *graph.Value
		ends := map[identical.Class]bool{}
		for _, c := range []*cut{old, new} {
			if c.open || len(c.nodes) > largest {
				return nil, nil
			}
			for _, k := range c.ends {
				ends[k] = true
				if x := s.First.First(k); x.Producer != nil && (last == nil || x.Producer.Index > last.Producer.Index) {
					last = x
				}
			}
		}
		switch {
		case len(ends) <= 1:
			return old, new
		case last == nil:
			return nil, nil
		}
		passed[s.First.Class(last)] = true
	}
	return nil, nil
}

// written is a piece as two models, nil where it cannot be written.
func (s *Search) written(a, v *graph.Value, old, new *cut) *Piece {
	p := &Piece{Output: outputName, Value: a.Name, New: v.Name, Elem: v.Elem, Nodes: slices.SortedFunc(maps.Keys(old.nodes), byIndex), Into: slices.SortedFunc(maps.Keys(new.nodes), byIndex)}
	names := map[identical.Class]string{}
	var inputs []*onnxio.ValueInfo
	for i, side := range []*cut{old, new} {
		g := []*graph.Graph{s.Before, s.After}[i]
		for _, x := range slices.SortedFunc(maps.Keys(side.ends), byName) {
			c := side.ends[x]
			if names[c] != "" {
				continue
			}
			in := declared(s.sized[i], x, fmt.Sprint(inputName, len(inputs)))
			if in == nil || g == nil {
				return nil
			}
			names[c] = in.Name()
			inputs = append(inputs, in)
			p.Inputs, p.From = append(p.Inputs, in.Name()), append(p.From, s.First.First(c).Name)
		}
	}
	p.key = fmt.Sprintf("%q %q from %q", a.Name, v.Name, p.From)
	if have := s.pieces[p.key]; have != nil {
		return have
	}
	var err error
	if p.Before, err = model(s.sized[0], p.Nodes, old, names, inputs, a); err != nil {
		return nil
	}
	if p.After, err = model(s.sized[1], p.Into, new, names, inputs, v); err != nil {
		return nil
	}
	s.pieces[p.key] = p
	return p
}

func byName(a, b *graph.Value) int {
	switch {
	case a.Name < b.Name:
		return -1
	case a.Name > b.Name:
		return 1
	}
	return 0
}

// declared is a value of known shape under another name, nil where it is not known.
func declared(sized *graph.Graph, v *graph.Value, name string) *onnxio.ValueInfo {
	w := sized.Value(v.Name)
	dims, ok := w.Shape()
	if !ok {
		return nil
	}
	shape := make([]onnxio.Dim, len(dims))
	for i, d := range dims {
		n, ok := d.Int()
		if !ok {
			return nil
		}
		shape[i] = onnxio.Known(n)
	}
	return onnxio.NewValue(name, w.Elem, shape...)
}

// model is a cut as a model.
func model(sized *graph.Graph, nodes []*graph.Node, c *cut, names map[identical.Class]string, inputs []*onnxio.ValueInfo, out *graph.Value) (*onnxio.Model, error) {
	called := map[string]string{"": "", out.Name: outputName}
	for v, k := range c.ends {
		called[v.Name] = names[k]
	}
	end := declared(sized, out, outputName)
	if end == nil {
		end = onnxio.Untyped(outputName, out.Elem)
	}
	p := onnxio.Parts{Inputs: inputs, Outputs: []*onnxio.ValueInfo{end}}
	have := map[string]bool{}
	other := func(list []string) []string {
		renamed := make([]string, len(list))
		for i, name := range list {
			if _, known := called[name]; !known {
				called[name] = "v." + name
			}
			renamed[i] = called[name]
		}
		return renamed
	}
	inits := map[string]*onnxio.Tensor{}
	for _, t := range sized.Model.Graph().Inits() {
		inits[t.Name()] = t
	}
	for _, n := range nodes {
		for i, v := range n.In {
			if v == nil || have[v.Name] {
				continue
			}
			t := number(sized, v)
			if t == nil && v.Init != nil && called[v.Name] == "" {
				t = v.Init
			}
			if t != nil { // constants keep their names
				called[v.Name], have[v.Name] = t.Name(), true
				p.Inits = append(p.Inits, t)
			}
			_ = i
		}
		p.Nodes = append(p.Nodes, n.WithInputs(n.Name(), other(n.Inputs()), other(n.Outputs())))
	}
	return sized.Model.WithGraph(p)
}
