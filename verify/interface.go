package verify

import (
	"fmt"
	"slices"

	"repmlp/onnxio"
)

// CheckInterface reports how the inputs and outputs of two models differ in
// name, type or rank, and which inputs of the reference the candidate refuses
// because it declares another size; nil if they do not.
func CheckInterface(a, b *onnxio.Model) error {
	if err := CheckInputs(a, b); err != nil {
		return err
	}
	return sameValues("output", a.Graph().Outputs(), b.Graph().Outputs())
}

// CheckInputs is CheckInterface for the inputs alone.
func CheckInputs(a, b *onnxio.Model) error {
	ins, others := feedable(a), feedable(b)
	if err := sameValues("input", ins, others); err != nil {
		return err
	}
	for i, v := range ins {
		if axis := clash(v, others[i]); axis >= 0 {
			return fmt.Errorf("comparing models: axis %d of input %q has %d elements in the reference and %d in the candidate, which refuses what the reference takes",
				axis, v.Name(), v.Dims()[axis].Value, others[i].Dims()[axis].Value)
		}
	}
	return nil
}

// feedable lists the inputs that a caller must feed.
func feedable(m *onnxio.Model) []*onnxio.ValueInfo {
	inits := map[string]bool{}
	for _, t := range m.Graph().Inits() {
		inits[t.Name()] = true
	}
	var out []*onnxio.ValueInfo
	for _, v := range m.Graph().Inputs() {
		if !inits[v.Name()] {
			out = append(out, v)
		}
	}
	return out
}

func sameValues(what string, a, b []*onnxio.ValueInfo) error {
	if len(a) != len(b) {
		return fmt.Errorf("comparing models: the reference has %d %ss, the candidate %d", len(a), what, len(b))
	}
	for i, v := range a {
		w := b[i]
		switch {
		case v.Name() != w.Name():
			return fmt.Errorf("comparing models: %s %d is %q in the reference and %q in the candidate", what, i, v.Name(), w.Name())
		case v.Elem() != w.Elem():
			return fmt.Errorf("comparing models: %s %q is %s in the reference and %s in the candidate", what, v.Name(), v.Elem(), w.Elem())
		case v.Shape() && w.Shape() && len(v.Dims()) != len(w.Dims()):
			return fmt.Errorf("comparing models: %s %q has rank %d in the reference and %d in the candidate", what, v.Name(), len(v.Dims()), len(w.Dims()))
		}
	}
	return nil
}

// clash is the first axis whose declared sizes are two numbers, -1 if there is
// none.
func clash(v, w *onnxio.ValueInfo) int {
	if !v.Shape() || !w.Shape() {
		return -1
	}
	for i, d := range v.Dims() {
		if e := w.Dims()[i]; d.Known && e.Known && d.Value != e.Value {
			return i
		}
	}
	return -1
}

// narrowed refuses a candidate that takes one size where the reference takes
// any, unless the caller asked for that size: then a sentence says so. Inputs
// that were fed show whether the candidate takes them.
func (p *pairing) narrowed(o *CompareOptions) (notes []string, err error) {
	for _, q := range p.ins {
		v, w := q.ref, q.cand
		if !v.Shape() || !w.Shape() {
			continue
		}
		for k, d := range v.Dims() {
			if e := w.Dims()[k]; !d.Known && e.Known {
				said := fmt.Sprintf("axis %d of input %q has any size in the reference and %d elements in the candidate", k, v.Name(), e.Value)
				bound, ok := o.Dims[d.Param]
				if !(ok && d.Param != "" && bound == e.Value) && len(o.Inputs) == 0 {
					advice := "compare at that size with real inputs, --inputs"
					if d.Param != "" {
						advice = fmt.Sprintf("compare at that size alone with --dim %s=%d", d.Param, e.Value)
					}
					return nil, &onnxio.Hint{Err: fmt.Errorf("comparing models: %s, which refuses what the reference takes", said), Advice: advice}
				}
				notes = append(notes, said+"; they were compared at that size alone")
			}
		}
	}
	return notes, nil
}

// misdeclared says which outputs declare sizes that contradict each other. No
// engine holds a model to them, but what reads the model may.
func (p *pairing) misdeclared() (notes []string) {
	for _, q := range p.outs {
		if clash(q.ref, q.cand) >= 0 {
			notes = append(notes, fmt.Sprintf("output %q is declared as %s in the reference and as %s in the candidate", q.ref.Name(), declared(q.ref), declared(q.cand)))
		}
	}
	return notes
}

func declared(v *onnxio.ValueInfo) string {
	var dims []string
	for _, d := range v.Dims() {
		switch {
		case d.Known:
			dims = append(dims, fmt.Sprint(d.Value))
		case d.Param != "":
			dims = append(dims, d.Param)
		default:
			dims = append(dims, "?")
		}
	}
	return fmt.Sprint(slices.Clip(dims))
}
