package verify

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"repmlp/onnxio"
	"repmlp/onnxio/graph"
	"repmlp/verify/internal/tensor"
)

var errNothingFits = errors.New("no sizes fit the model's own shape arithmetic")

// ChooseSizes gives every graph input a shape. Dimensions that dims binds by name
// take that value, others what the nodes that read them demand: the features of a
// weight, the batch that a Reshape fixes. Of what is left a first dimension is the
// batch, or the nearest that fits, and the others take the smallest size from 8 on
// for which the model's own shape arithmetic divides evenly and no dimension
// vanishes. Dimensions of one name are equal.
func ChooseSizes(m *onnxio.Model, dims map[string]int64, batch int64) (map[string][]int64, error) {
	s := newSizing(m)
	if err := s.bind(dims); err != nil {
		return nil, err
	}
	if len(s.free) == 0 && len(dims) == 0 {
		return s.shapes(nil), nil
	}
	plain, err := m.Plain()
	if err != nil {
		return nil, err
	}
	g, err := graph.New(plain, graph.Options{})
	if err != nil {
		if len(s.free) > 0 { // whoever runs the model says what is wrong with it
			return nil, err
		}
		return s.shapes(s.bound), nil
	}
	f := newFitting(g, s)
	values, err := f.solve(batch)
	if err != nil {
		return nil, err
	}
	return f.shapes(values), nil
}

// Sizes are numbers for the sizes of a graph.
type Sizes struct {
	Shapes map[string][]int64 // of the inputs

	v    *graph.Valuation
	at   []int64
	work int // of the Fill that made at
}

// SizesOf is ChooseSizes for a model that was indexed already, as it stands.
func SizesOf(g *graph.Graph, dims map[string]int64, batch int64) (*Sizes, error) {
	s := newSizing(g.Model)
	if err := s.bind(dims); err != nil {
		return nil, err
	}
	if len(s.free) == 0 && len(dims) == 0 {
		return &Sizes{Shapes: s.shapes(nil), v: graph.NewValuation(nil)}, nil
	}
	f := newFitting(g, s)
	values, err := f.solve(batch)
	if err != nil {
		return nil, err
	}
	return &Sizes{Shapes: f.shapes(values), v: f.v, at: values}, nil
}

// Of is the number that a size of the graph has; ok is false where the sizes of the inputs
// do not decide it, as far as is known.
func (s *Sizes) Of(d graph.Dim) (n int64, ok bool) {
	if n, ok := d.Int(); ok {
		return n, true
	}
	f, ok := s.v.Formula(d)
	if !ok {
		return 0, false
	}
	if s.work < s.v.Work() {
		s.at, s.work = s.v.Fill(s.at), s.v.Work()
	}
	return f.Value(s.at)
}

// A sizing is the free dimensions of a model's inputs.
type sizing struct {
	inputs  []*onnxio.ValueInfo // that somebody feeds and whose rank is declared
	sizes   map[string][]graph.Dim
	names   []string          // of all dimensions that have one, as the file writes them
	free    []string          // symbols without a value, in order of the inputs
	flag    map[string]string // what to say to bind a symbol
	batch   map[string]bool   // symbols that are the first axis of an input
	last    map[string]bool   // symbols that are the last axis of an input
	bound   map[string]int64
	factor  map[string]int64 // the dimension is so many times the symbol
	symbols []string
}

func newSizing(m *onnxio.Model) *sizing {
	s := &sizing{sizes: map[string][]graph.Dim{}, flag: map[string]string{}, batch: map[string]bool{}, last: map[string]bool{}, bound: map[string]int64{}, factor: map[string]int64{}}
	inits, named := map[string]bool{}, map[string]bool{}
	for _, t := range m.Graph().Inits() {
		inits[t.Name()] = true
	}
	for _, in := range m.Graph().Inputs() {
		if inits[in.Name()] || !in.Shape() {
			continue
		}
		s.inputs = append(s.inputs, in)
		dims := graph.Declared(in)
		s.sizes[in.Name()] = dims
		for i, d := range dims {
			name := in.Dims()[i].Param
			if name != "" && !in.Dims()[i].Known && !named[name] {
				named[name] = true
				s.names = append(s.names, name)
			}
			for _, sym := range d.Names() {
				s.note(sym, d, name)
				switch i {
				case 0:
					s.batch[sym] = true
				case len(dims) - 1:
					s.last[sym] = true
				}
			}
		}
	}
	s.free = s.symbols
	return s
}

// note lists a symbol of a dimension that the file calls name.
func (s *sizing) note(sym string, d graph.Dim, name string) {
	if _, known := s.flag[sym]; known {
		return
	}
	s.symbols = append(s.symbols, sym)
	s.flag[sym], s.factor[sym] = name, 1
	if n, ok := d.Over(graph.Symbol(sym)); ok {
		s.factor[sym], _ = n.Int()
	}
}

// bind takes the sizes of named dimensions; a product of names, as 4*hp, is bound as
// a whole.
func (s *sizing) bind(dims map[string]int64) error {
	var unused []string
	for _, name := range slices.Sorted(maps.Keys(dims)) {
		found := false
		for _, in := range s.inputs {
			for i, d := range in.Dims() {
				size := s.sizes[in.Name()][i]
				switch syms := size.Names(); {
				case d.Known || d.Param == "":
				case d.Param == name && len(syms) == 1 && size.Equal(graph.Symbol(syms[0])):
					s.bound[syms[0]], found = dims[name], true
				case d.Param == name:
					s.sizes[in.Name()][i], found = graph.Size(dims[name]), true
				case slices.Contains(syms, name):
					s.bound[name], found = dims[name], true
				}
			}
		}
		if !found {
			unused = append(unused, name)
		}
	}
	if len(unused) > 0 {
		have := "all dimensions of its inputs are fixed"
		if len(s.names) > 0 {
			have = fmt.Sprintf("its inputs have %q", s.names)
		}
		return fmt.Errorf("binding dimensions: the model's inputs have no dimension called %q; %s", unused, have)
	}
	s.free = nil
	for _, sym := range s.symbols {
		if _, ok := s.bound[sym]; !ok {
			s.free = append(s.free, sym)
		}
	}
	return nil
}

// shapes are the shapes of the inputs where the symbols have these values.
func (s *sizing) shapes(values map[string]int64) map[string][]int64 {
	v := graph.NewValuation(s.symbols)
	at := make([]int64, len(s.symbols))
	for i, sym := range s.symbols {
		at[i] = values[sym]
	}
	out := map[string][]int64{}
	for _, in := range s.inputs {
		shape := make([]int64, len(in.Dims()))
		for i, d := range s.sizes[in.Name()] {
			if f, ok := v.Formula(d); ok {
				shape[i], _ = f.Value(at)
			}
		}
		out[in.Name()] = shape
	}
	return out
}

// advice says which flags bind the dimensions without a value.
func (s *sizing) advice() string {
	var flags []string
	for _, sym := range s.symbols {
		if name := s.flag[sym]; name != "" {
			flags = append(flags, fmt.Sprintf("--dim %s=SIZE", name))
		}
	}
	switch {
	case len(flags) == 0:
		return "give real inputs with --inputs"
	case len(s.bound) > 0:
		return "leave --dim out where the model demands another size; its dimensions are " + strings.Join(flags, " ")
	}
	return "bind the free dimensions with " + strings.Join(flags, " ")
}

// positive reports whether no dimension of an activation vanishes, and every map
// is as large as the windows on it. What no size of an input changes, such as an
// empty constant, does not count.
func positive(g, free *graph.Graph) bool {
	for _, n := range g.Nodes {
		if windowed[n.OpType()] && n.Domain() == "" && known(n.In[0]) && !known(n.Out[0]) && free.Value(n.Out[0].Name).Rank() > 0 {
			return false
		}
		for _, v := range n.Out {
			if v == nil || !v.Elem.IsFloat() {
				continue
			}
			dims, ok := v.Shape()
			if !ok {
				continue
			}
			var before []graph.Dim
			if w := free.Value(v.Name); w != nil {
				before, _ = w.Shape()
			}
			for i, d := range dims {
				if k, ok := d.Int(); ok && k < 1 && !(i < len(before) && before[i].Equal(d)) {
					return false
				}
			}
		}
	}
	return true
}

// windowed operators have an output of unknown size where the window does not
// fit.
var windowed = map[string]bool{"Conv": true, "AveragePool": true, "MaxPool": true, "LpPool": true}

// known reports whether all sizes of a value are numbers.
func known(v *graph.Value) bool {
	if v == nil {
		return true
	}
	dims, ok := v.Shape()
	return ok && !slices.ContainsFunc(dims, func(d graph.Dim) bool { _, ok := d.Int(); return !ok })
}

// OutputShape follows the shapes of the fed inputs through the model to one of
// its outputs; ok is false where they do not decide it.
func OutputShape(m *onnxio.Model, feeds map[string]*Tensor, name string) (shape []int, ok bool) {
	sizes := map[string][]int64{}
	for in, t := range feeds {
		sizes[in] = tensor.Ints64(t.Shape)
	}
	plain, err := m.Plain()
	if err != nil {
		return nil, false
	}
	g, err := graph.New(plain, graph.Options{Sizes: sizes})
	if err != nil || g.Value(name) == nil {
		return nil, false
	}
	dims, ok := g.Value(name).Shape()
	for _, d := range dims {
		n, known := d.Int()
		ok = ok && known
		shape = append(shape, int(n))
	}
	return shape, ok
}
