package convert

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// shaped is m with the asked shapes of inputs. What has the same name as a dimension that
// became a number becomes that number; outputs become what follows from the inputs. It
// reports every input that changed.
func (o Options) shaped(m *onnxio.Model) (*onnxio.Model, []Warning, error) {
	if len(o.Shapes) == 0 {
		return m, nil, nil
	}
	s := &shaping{sizes: map[string]int64{}, by: map[string]string{}}
	for _, name := range slices.Sorted(maps.Keys(o.Shapes)) {
		if err := s.ask(m, name, o.Shapes[name]); err != nil {
			return nil, nil, err
		}
	}
	for _, d := range slices.Sorted(maps.Keys(o.Dims)) {
		if s.by[d] != "" {
			return nil, nil, &onnxio.Hint{Err: fmt.Errorf("dimension %q is %d by the shape of %q, and has a value of its own", d, s.sizes[d], s.by[d]), Advice: "leave the value out"}
		}
	}
	var e onnxio.Edit
	var notes []Warning
	for _, in := range m.Graph().Inputs() {
		dims, changed := s.of(in, o.Shapes[in.Name()])
		if !changed {
			continue
		}
		e.Declare = append(e.Declare, in.WithDims(dims...))
		notes = append(notes, Warning{Code: "shape_fixed", Message: fmt.Sprintf("input %q has the shape %s in the result, as asked", in.Name(), shapeText(dims))})
	}
	for _, out := range m.Graph().Outputs() {
		if dims, changed := s.of(out, nil); changed {
			e.Declare = append(e.Declare, out.WithDims(dims...))
		}
	}
	for _, v := range m.Graph().ValueInfo() {
		if _, changed := s.of(v, nil); changed {
			e.DropInfo = append(e.DropInfo, v)
		}
	}
	if len(notes) == 0 {
		return m, nil, nil
	}
	out, err := m.Apply(e)
	if err != nil {
		return nil, nil, fmt.Errorf("fixing the shapes of inputs: %w", err)
	}
	out, err = o.followed(m, out)
	return out, notes, err
}

// followed declares the outputs of a model as what follows from the shapes of its inputs,
// and refuses shapes that its nodes contradict.
func (o Options) followed(from, m *onnxio.Model) (*onnxio.Model, error) {
	g, err := graph.New(m, o.graph())
	if err != nil {
		return nil, fmt.Errorf("fixing the shapes of inputs: %w", err)
	}
	if len(g.Contradictions) > 0 {
		before, err := graph.New(from, o.graph())
		if err != nil {
			return nil, fmt.Errorf("fixing the shapes of inputs: %w", err)
		}
		if g.Unfit > before.Unfit {
			return nil, &onnxio.Hint{Err: fmt.Errorf("fixing the shapes of inputs: %v", g.Contradictions[len(before.Contradictions)]), Advice: "give sizes that the model takes"}
		}
	}
	var e onnxio.Edit
	for _, v := range m.Graph().Outputs() {
		known, ok := g.Value(v.Name()).Shape()
		if !v.Shape() || !ok || len(known) != len(v.Dims()) {
			continue
		}
		dims, changed := slices.Clone(v.Dims()), false
		for i, d := range dims {
			if n, number := known[i].Int(); number && !d.Known {
				dims[i], changed = onnxio.Known(n), true
			}
		}
		if changed {
			e.Declare = append(e.Declare, v.WithDims(dims...))
		}
	}
	return m.Apply(e)
}

// A shaping is what becomes of dimensions that have a name.
type shaping struct {
	sizes map[string]int64
	by    map[string]string // the input that asked
}

// ask compares the shape that is asked of an input with what the model says of it.
func (s *shaping) ask(m *onnxio.Model, name string, shape []int64) error {
	k := slices.IndexFunc(m.Graph().Inputs(), func(v *onnxio.ValueInfo) bool { return v.Name() == name })
	if k < 0 {
		var names []string
		for _, v := range m.Graph().Inputs() {
			names = append(names, v.Name())
		}
		return &onnxio.Hint{Err: fmt.Errorf("fixing the shape of %q: the model has no such input", name), Advice: fmt.Sprintf("its inputs are %q", names)}
	}
	v := m.Graph().Inputs()[k]
	if v.Kind() != "tensor" {
		return fmt.Errorf("fixing the shape of %q: the input is a %s, no tensor", name, v.Kind())
	}
	if slices.ContainsFunc(m.Graph().Inits(), func(t *onnxio.Tensor) bool { return t.Name() == name }) {
		return fmt.Errorf("fixing the shape of %q: the input has a default, which has a shape", name)
	}
	for _, n := range shape {
		if n < 1 {
			return fmt.Errorf("fixing the shape of %q: a size is %d", name, n)
		}
	}
	if !v.Shape() {
		return nil
	}
	if len(v.Dims()) != len(shape) {
		return fmt.Errorf("fixing the shape of %q: it has %d axes, asked are %d", name, len(v.Dims()), len(shape))
	}
	for i, d := range v.Dims() {
		switch {
		case d.Known && d.Value != shape[i]:
			return fmt.Errorf("fixing the shape of %q: axis %d has %d elements, asked are %d", name, i, d.Value, shape[i])
		case d.Known || d.Param == "":
		case s.by[d.Param] != "" && s.sizes[d.Param] != shape[i]:
			return fmt.Errorf("fixing the shape of %q: dimension %q would be %d, and %d for %q", name, d.Param, shape[i], s.sizes[d.Param], s.by[d.Param])
		default:
			s.sizes[d.Param], s.by[d.Param] = shape[i], name
		}
	}
	return nil
}

// of are the dimensions of a value that is declared; asked is the shape asked for it.
func (s *shaping) of(v *onnxio.ValueInfo, asked []int64) (dims []onnxio.Dim, changed bool) {
	if asked != nil && !v.Shape() {
		for _, n := range asked {
			dims = append(dims, onnxio.Known(n))
		}
		return dims, true
	}
	dims = slices.Clone(v.Dims())
	for i, d := range dims {
		n, named := s.sizes[d.Param]
		if d.Known {
			continue
		}
		switch {
		case asked != nil:
			n = asked[i]
		case d.Param == "" || !named:
			continue
		}
		dims[i], changed = onnxio.Known(n), true
	}
	return dims, changed
}

func shapeText(dims []onnxio.Dim) string {
	text := make([]string, len(dims))
	for i, d := range dims {
		if text[i] = d.Param; d.Known {
			text[i] = strconv.FormatInt(d.Value, 10)
		}
	}
	return strings.Join(text, "×")
}
