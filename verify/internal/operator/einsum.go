package operator

import (
	"fmt"
	"slices"
	"strings"

	"repmlp/verify/internal/tensor"
)

// einsum evaluates any equation: it sums the product over all index values.
func einsum(c *Call) ([]*Value, error) {
	eq := strings.ReplaceAll(c.Node.AttrString("equation"), " ", "")
	left, right, explicit := strings.Cut(eq, "->")
	terms := strings.Split(left, ",")
	if len(terms) != len(c.In) {
		return nil, fmt.Errorf("equation %q does not fit %d operands", eq, len(c.In))
	}
	// Broadcast axes of an ellipsis get private letters, counted from the last.
	widest := 0
	for i, t := range terms {
		if strings.Contains(t, "...") {
			widest = max(widest, len(c.In[i].Shape)-(len(t)-3))
		}
	}
	dots := func(n int) string {
		var s []byte
		for i := widest - n; i < widest; i++ {
			s = append(s, byte(128+i))
		}
		return string(s)
	}
	sizes := map[byte]int{}
	var order []byte
	for i, t := range terms {
		t = strings.Replace(t, "...", dots(len(c.In[i].Shape)-(len(t)-3)), 1)
		terms[i] = t
		if len(t) != len(c.In[i].Shape) {
			return nil, fmt.Errorf("term %q does not fit shape %v", t, c.In[i].Shape)
		}
		for k := range t {
			d := c.In[i].Shape[k]
			if old, ok := sizes[t[k]]; !ok {
				order = append(order, t[k])
				sizes[t[k]] = d
			} else if old == 1 {
				sizes[t[k]] = d
			} else if d != 1 && d != old {
				return nil, fmt.Errorf("index %q has sizes %d and %d", t[k], old, d)
			}
		}
	}
	if !explicit {
		var once []byte
		all := strings.Join(terms, "")
		for _, r := range order {
			if r < 128 && strings.Count(all, string([]byte{r})) == 1 {
				once = append(once, r)
			}
		}
		slices.Sort(once)
		right = dots(widest) + string(once)
	} else {
		right = strings.Replace(right, "...", dots(widest), 1)
	}
	var shape, loop []int
	var letters []byte
	for k := range right {
		shape = append(shape, sizes[right[k]])
		letters = append(letters, right[k])
	}
	for _, r := range order {
		if !slices.Contains(letters, r) {
			letters = append(letters, r)
		}
	}
	for _, r := range letters {
		loop = append(loop, sizes[r])
	}
	stride := func(term string, s []int) []int {
		out := make([]int, len(letters))
		st := tensor.Strides(s)
		for k := range term {
			if s[k] != 1 {
				out[slices.Index(letters, term[k])] += st[k]
			}
		}
		return out
	}
	if shape == nil {
		shape = []int{}
	}
	out := Like(c.In[0], c.In[0].DType, shape)
	if out.I != nil {
		return nil, Unsupportedf("the Go engine lacks Einsum for type %s", out.DType)
	}
	acc := make([]float64, out.Len())
	offs := make([][]int, len(terms))
	for i, t := range terms {
		tensor.Walk(loop, stride(t, c.In[i].Shape), func(_, o int) { offs[i] = append(offs[i], o) })
	}
	tensor.Walk(loop, stride(right, shape), func(i, o int) {
		v := 1.0
		for k := range terms {
			v *= c.In[k].Float(offs[k][i])
		}
		acc[o] += v
	})
	fill(out, acc)
	return []*Value{out}, nil
}
