package operator

import (
	"fmt"
	"slices"
	"strings"

	"repmlp/verify/internal/tensor"
)

// einsum evaluates any equation: it sums the product over all index values.
func einsum(c *Call) ([]*Value, error) {
	e, err := parseEquation(c.Node.AttrString("equation"), c.In)
	if err != nil {
		return nil, err
	}
	shape := e.sizesOf(e.result)
	out := Like(c.In[0], c.In[0].DType, shape)
	if out.I != nil {
		return nil, Unsupportedf("the Go engine lacks Einsum for type %s", out.DType)
	}
	loop := e.sizesOf(string(e.letters))
	acc, offs := make([]float64, out.Len()), make([][]int, len(e.terms))
	for i, t := range e.terms {
		tensor.Walk(loop, e.strides(t, c.In[i].Shape), func(_, o int) { offs[i] = append(offs[i], o) })
	}
	tensor.Walk(loop, e.strides(e.result, shape), func(i, o int) {
		v := 1.0
		for k := range offs {
			v *= c.In[k].Float(offs[k][i])
		}
		acc[o] += v
	})
	fill(out, acc)
	return []*Value{out}, nil
}

// An equation is an Einsum with a letter, one byte, for every axis.
type equation struct {
	terms   []string
	result  string
	letters []byte // those of the result, then the others
	sizes   map[byte]int
}

// firstDot is the letter of the first axis that an ellipsis stands for.
const firstDot = 128

// parseEquation reads an equation for operands.
func parseEquation(text string, in []*Value) (*equation, error) {
	text = strings.ReplaceAll(text, " ", "")
	left, right, explicit := strings.Cut(text, "->")
	e := &equation{terms: strings.Split(left, ","), sizes: map[byte]int{}}
	if len(e.terms) != len(in) {
		return nil, fmt.Errorf("equation %q does not fit %d operands", text, len(in))
	}
	// Broadcast axes of an ellipsis get private letters, counted from the last.
	widest := 0
	for i, t := range e.terms {
		if strings.Contains(t, "...") {
			widest = max(widest, len(in[i].Shape)-(len(t)-3))
		}
	}
	dots := func(t string, n int) string {
		var s []byte
		for i := widest - n; i < widest; i++ {
			s = append(s, byte(firstDot+i))
		}
		return strings.Replace(t, "...", string(s), 1)
	}
	var order []byte
	for i, t := range e.terms {
		e.terms[i] = dots(t, len(in[i].Shape)-(len(t)-3))
		if err := e.measure(e.terms[i], in[i].Shape, &order); err != nil {
			return nil, err
		}
	}
	if !explicit {
		right = "..." + e.once(order)
	}
	e.result = dots(right, widest)
	e.letters = []byte(e.result)
	for _, r := range order {
		if !slices.Contains(e.letters, r) {
			e.letters = append(e.letters, r)
		}
	}
	return e, nil
}

// measure notes the sizes of a term's letters, and new letters in their order.
func (e *equation) measure(term string, shape []int, order *[]byte) error {
	if len(term) != len(shape) {
		return fmt.Errorf("term %q does not fit shape %v", term, shape)
	}
	for k, d := range shape {
		switch old, ok := e.sizes[term[k]]; {
		case !ok:
			*order = append(*order, term[k])
			e.sizes[term[k]] = d
		case old == 1:
			e.sizes[term[k]] = d
		case d != 1 && d != old:
			return fmt.Errorf("index %q has sizes %d and %d", term[k], old, d)
		}
	}
	return nil
}

// once lists the letters that the result has where it is not given: those that one
// operand has once, sorted.
func (e *equation) once(order []byte) string {
	var once []byte
	all := strings.Join(e.terms, "")
	for _, r := range order {
		if r < firstDot && strings.Count(all, string([]byte{r})) == 1 {
			once = append(once, r)
		}
	}
	slices.Sort(once)
	return string(once)
}

func (e *equation) sizesOf(letters string) []int {
	shape := make([]int, len(letters))
	for k := range shape {
		shape[k] = e.sizes[letters[k]]
	}
	return shape
}

// strides are those with which a term of this shape is read over all letters.
func (e *equation) strides(term string, shape []int) []int {
	out, st := make([]int, len(e.letters)), tensor.Strides(shape)
	for k, d := range shape {
		if d != 1 {
			out[slices.Index(e.letters, term[k])] += st[k]
		}
	}
	return out
}
