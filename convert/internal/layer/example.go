package layer

import (
	"repmlp/convert/internal/affine"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// An Example is an FC in a form that a column of measurements stands for.
type Example struct {
	l    *FC
	s    *affine.Segment
	read []graph.Dim
}

// Measured names the columns of measurements: those of layers alone, or those of layers
// on maps of one position, with the nodes around them.
func Measured(flat bool) []string {
	var names []string
	seen := map[string]bool{}
	for _, f := range forms() {
		if name := f.column(flat); name != "" && !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names
}

// column is the name of the column that the form takes its times from, "" for none.
func (f *form) column(flat bool) string {
	switch {
	case !flat:
		return f.time.name
	case f.flat == nil:
		return ""
	}
	return f.flat.name
}

// NewExample writes a segment in the form that is measured for a column; ok is false where
// that has no form for so many groups.
func NewExample(column string, flat bool, s *affine.Segment, opset int64) (e *Example, ok bool) {
	m, why := s.AsRows()
	if why != nil {
		return nil, false
	}
	q := &question{opset: opset, groups: m.Count(m.Group)}
	for _, f := range forms() {
		if f.column(flat) != column || !f.groups.fit(q.groups) || flat && !f.when(q) {
			continue
		}
		l, ok := planForm(s, m, f, Options{Opset: opset})
		if !ok {
			return nil, false
		}
		ends, _ := f.around(m, rowsOf(m))
		return &Example{l, s, m.Sizes(ends.x)}, true
	}
	return nil, false
}

// Reads are the sizes of what the layer reads where it stands alone.
func (e *Example) Reads() []graph.Dim { return e.read }

// Alone writes the layer without the nodes around it.
func (e *Example) Alone(w *Writer, in, out string) error {
	_, err := e.l.form.write(&fcNodes{w, e.l, out, onnxio.Float32, e.s.Last().Node()}, in, out)
	return err
}

// Write writes the layer with the nodes around it.
func (e *Example) Write(w *Writer, in, out string) error { return e.l.Write(w, e.s, in, out) }
