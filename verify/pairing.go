package verify

import (
	"errors"
	"fmt"
	"math"

	"repmlp/onnxio"
	"repmlp/verify/internal/tensor"
)

// A pairing says which inputs and outputs of two models belong together, and in which
// types the candidate takes and gives them.
type pairing struct {
	ins, outs []couple
	casts     bool
}

type couple struct{ ref, cand *onnxio.ValueInfo }

// pair pairs two models: by name, or by position; where types may differ by cast.
func (o *CompareOptions) pair(ref, cand *onnxio.Model) (*pairing, error) {
	if !o.ByPosition && !o.Cast {
		if err := CheckInterface(ref, cand); err != nil {
			return nil, advise(ref, cand, err)
		}
	}
	p := &pairing{}
	var err error
	if p.ins, err = o.pairs("input", feedable(ref), feedable(cand)); err != nil {
		return nil, err
	}
	if p.outs, err = o.pairs("output", ref.Graph().Outputs(), cand.Graph().Outputs()); err != nil {
		return nil, err
	}
	for _, q := range p.ins {
		if axis := clash(q.ref, q.cand); axis >= 0 {
			return nil, fmt.Errorf("comparing models: axis %d of input %q has %d elements in the reference and %d in the candidate, which refuses what the reference takes",
				axis, q.ref.Name(), q.ref.Dims()[axis].Value, q.cand.Dims()[axis].Value)
		}
		p.casts = p.casts || q.ref.Elem() != q.cand.Elem()
	}
	return p, nil
}

// advise says which option may help where two interfaces differ in names or types alone.
func advise(ref, cand *onnxio.Model, err error) error {
	o := CompareOptions{ByPosition: true, Cast: true}
	p, failed := o.pair(ref, cand)
	if failed != nil {
		return err
	}
	names, types := false, false
	for _, q := range append(p.ins, p.outs...) {
		names = names || q.ref.Name() != q.cand.Name()
		types = types || q.ref.Elem() != q.cand.Elem()
	}
	advice := "compare models whose names differ with --match position"
	switch {
	case names && types:
		advice = "compare models whose names and types differ with --match position --cast-inputs"
	case types:
		advice = "compare models whose types differ with --cast-inputs"
	}
	return &onnxio.Hint{Err: err, Advice: advice}
}

// pairs pairs inputs or outputs.
func (o *CompareOptions) pairs(what string, a, b []*onnxio.ValueInfo) (out []couple, err error) {
	if len(a) != len(b) {
		return nil, fmt.Errorf("comparing models: the reference has %d %ss, the candidate %d", len(a), what, len(b))
	}
	named := map[string]*onnxio.ValueInfo{}
	for _, w := range b {
		named[w.Name()] = w
	}
	for i, v := range a {
		w := b[i]
		if !o.ByPosition {
			if w = named[v.Name()]; w == nil {
				return nil, fmt.Errorf("comparing models: %s %q of the reference is not in the candidate, whose %s %d is %q", what, v.Name(), what, i, b[i].Name())
			}
		}
		switch {
		case v.Elem() != w.Elem() && (!o.Cast || !numeric(v.Elem()) || !numeric(w.Elem())):
			return nil, fmt.Errorf("comparing models: %s %q is %s in the reference and %s in the candidate", what, v.Name(), v.Elem(), w.Elem())
		case v.Shape() && w.Shape() && len(v.Dims()) != len(w.Dims()):
			return nil, fmt.Errorf("comparing models: %s %q has rank %d in the reference and %d in the candidate", what, v.Name(), len(v.Dims()), len(w.Dims()))
		}
		out = append(out, couple{v, w})
	}
	return out, nil
}

func numeric(d onnxio.DType) bool { return d.IsFloat() || d.IsInt() || d == onnxio.Bool }

// notes say what was paired that does not have one name, or one type.
func (p *pairing) notes() (notes []string) {
	for _, list := range []struct {
		what  string
		pairs []couple
	}{{"input", p.ins}, {"output", p.outs}} {
		for _, q := range list.pairs {
			switch named, typed := q.ref.Name() == q.cand.Name(), q.ref.Elem() == q.cand.Elem(); {
			case !named && !typed:
				notes = append(notes, fmt.Sprintf("%s %q (%s) was paired with %q (%s)", list.what, q.ref.Name(), q.ref.Elem(), q.cand.Name(), q.cand.Elem()))
			case !named:
				notes = append(notes, fmt.Sprintf("%s %q was paired with %q", list.what, q.ref.Name(), q.cand.Name()))
			case !typed:
				notes = append(notes, fmt.Sprintf("%s %q is %s in the reference and %s in the candidate", list.what, q.ref.Name(), q.ref.Elem(), q.cand.Elem()))
			}
		}
	}
	if p.casts {
		notes = append(notes, "both models were fed the same numbers, rounded to the type of the candidate's inputs")
	}
	return notes
}

// feeds are what both models get: the same numbers, which the types of both have.
func (p *pairing) feeds(feed map[string]*Tensor) (ref, cand map[string]*Tensor, err error) {
	ref, cand = map[string]*Tensor{}, map[string]*Tensor{}
	for name, t := range feed {
		ref[name] = t
	}
	for _, q := range p.ins {
		t := feed[q.ref.Name()]
		if t == nil {
			continue // whoever runs the model says so
		}
		if q.cand.Elem() != t.DType {
			if cand[q.cand.Name()], err = cast(t, q.cand.Elem()); err == nil {
				ref[q.ref.Name()], err = cast(cand[q.cand.Name()], t.DType)
			}
			if err != nil {
				return nil, nil, fmt.Errorf("casting input %q: %w", q.ref.Name(), err)
			}
			continue
		}
		cand[q.cand.Name()] = t
	}
	return ref, cand, nil
}

// renamed are outputs of the candidate under the reference's names.
func (p *pairing) renamed(got map[string]*Tensor) map[string]*Tensor {
	out := map[string]*Tensor{}
	for _, q := range p.outs {
		if t := got[q.cand.Name()]; t != nil {
			out[q.ref.Name()] = t
		}
	}
	return out
}

// cast brings numbers to another type: floats are rounded, and what is no number of an
// integer type is an error.
func cast(t *Tensor, d onnxio.DType) (*Tensor, error) {
	out := &Tensor{DType: d, Shape: t.Shape}
	n := t.Len()
	switch {
	case d == onnxio.Float64:
		out.F64 = make([]float64, n)
		for i := range n {
			out.F64[i] = t.Float(i)
		}
	case d.IsFloat():
		out.F32 = make([]float32, n)
		for i := range n {
			out.F32[i] = float32(t.Float(i))
		}
		tensor.Round(out)
	default:
		out.I = make([]int64, n)
		low, high := integerEnds(d)
		for i := range n {
			x := t.Float(i)
			if x != math.Trunc(x) || x < low || x > high {
				return nil, &onnxio.Hint{Err: fmt.Errorf("%g is no number of type %s", x, d), Advice: "give whole numbers that both types have: --inputs"}
			}
			out.I[i] = int64(x)
			if t.I != nil {
				out.I[i] = t.I[i]
			}
		}
		return out, nil
	}
	if t.I != nil { // what a float type has not would be another input
		for i := range n {
			if out.Float(i) != t.Float(i) {
				return nil, fmt.Errorf("%g is no number of type %s", t.Float(i), d)
			}
		}
	}
	for i := range n {
		if finite(t.Float(i)) && !finite(out.Float(i)) {
			return nil, &onnxio.Hint{Err: fmt.Errorf("%g is beyond the numbers of type %s", t.Float(i), d), Advice: "give inputs that both types have: --inputs, --val-range"}
		}
	}
	return out, nil
}

// integerEnds are the ends of an integer type, as far as float64 has its numbers.
func integerEnds(d onnxio.DType) (low, high float64) {
	switch d {
	case onnxio.Bool:
		return 0, 1
	case onnxio.Uint8, onnxio.Uint16, onnxio.Uint32, onnxio.Uint64:
		return 0, min(math.Exp2(float64(d.Bits()))-1, 1<<53)
	}
	high = min(math.Exp2(float64(d.Bits()-1))-1, 1<<53)
	return -high - 1, high
}

var errNoOutputs = errors.New("comparing models: they have no outputs, so there is nothing to compare")
