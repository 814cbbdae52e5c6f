package multiplyadds

import (
	"slices"

	"repmlp/onnxio/graph"
)

// A formula is the work of an operator.
type formula struct {
	text string // in words, as docs/report.md has it
	work func(operands) (int64, bool)
}

// formulas are those of the operators of ai.onnx that count, a line for each.
var formulas = map[string]formula{
	"Conv":                  {"elements of Y · C/group · ∏ kernel", convolution(1)},
	"ConvInteger":           {"elements of Y · C/group · ∏ kernel", convolution(1)},
	"DeformConv":            {"elements of Y · C/group · ∏ kernel", convolution(1)},
	"QLinearConv":           {"elements of Y · C/group · ∏ kernel", convolution(3)},
	"ConvTranspose":         {"elements of X · M/group · ∏ kernel", transposed},
	"Gemm":                  {"elements of Y · K", gemm},
	"MatMul":                {"elements of Y · K", matMul(0, 1)},
	"MatMulInteger":         {"elements of Y · K", matMul(0, 1)},
	"QLinearMatMul":         {"elements of Y · K", matMul(0, 3)},
	"Einsum":                {"(operands − 1) · ∏ sizes of all indices", einsum},
	"Attention":             {"batch · heads · queries · keys · (size of a key + size of a value)", attention},
	"LSTM":                  {"directions · steps · batch · 4 gates · hidden · (input + hidden)", recurrent(4)},
	"GRU":                   {"directions · steps · batch · 3 gates · hidden · (input + hidden)", recurrent(3)},
	"RNN":                   {"directions · steps · batch · hidden · (input + hidden)", recurrent(1)},
	"BatchNormalization":    {"elements of X: a scale and a shift", elements(1)},
	"GroupNormalization":    {"2 · elements of X: the squares of a variance, a scale and a shift", elements(2)},
	"InstanceNormalization": {"2 · elements of X: the squares of a variance, a scale and a shift", elements(2)},
	"LayerNormalization":    {"2 · elements of X: the squares of a variance, a scale and a shift", elements(2)},
	"RMSNormalization":      {"2 · elements of X: the squares of a variance, a scale and a shift", elements(2)},
}

// elements counts so many for each element of the first input.
func elements(each int64) func(operands) (int64, bool) {
	return func(o operands) (int64, bool) {
		x, ok := o.in(0)
		if !ok {
			return 0, false
		}
		return product(append(slices.Clone(x), each)...)
	}
}

// convolution reads its weight [M, C/group, kernel] at input w.
func convolution(w int) func(operands) (int64, bool) {
	return func(o operands) (int64, bool) {
		weight, ok := o.in(w)
		y, made := o.out(0)
		if !ok || !made || len(weight) < 2 {
			return 0, false
		}
		return product(append(slices.Clone(y), weight[1:]...)...)
	}
}

// transposed convolutions read a weight [C, M/group, kernel]: each element of X goes
// into all positions of a window, of which some may be cropped.
func transposed(o operands) (int64, bool) {
	weight, ok := o.in(1)
	x, read := o.in(0)
	if !ok || !read || len(weight) < 2 {
		return 0, false
	}
	return product(append(slices.Clone(x), weight[1:]...)...)
}

func gemm(o operands) (int64, bool) {
	a, ok := o.in(0)
	y, made := o.out(0)
	if !ok || !made || len(a) != 2 {
		return 0, false
	}
	k := a[1]
	if o.AttrInt("transA") != 0 {
		k = a[0]
	}
	return product(append(slices.Clone(y), k)...)
}

// matMul multiplies inputs a and b over the last axis of a.
func matMul(a, b int) func(operands) (int64, bool) {
	return func(o operands) (int64, bool) {
		left, ok := o.in(a)
		_, ok2 := o.in(b)
		y, made := o.out(0)
		if !ok || !ok2 || !made || len(left) == 0 {
			return 0, false
		}
		return product(append(slices.Clone(y), left[len(left)-1])...)
	}
}

// einsum multiplies one operand after the other for all values of all indices, in one
// loop.
func einsum(o operands) (int64, bool) {
	ranks := make([]int, len(o.In))
	for i := range ranks {
		x, ok := o.in(i)
		if !ok {
			return 0, false
		}
		ranks[i] = len(x)
	}
	spec, ok := graph.ParseEinsum(o.AttrString("equation"), ranks...)
	if !ok || len(spec.In) != len(o.In) {
		return 0, false
	}
	size := map[byte]int64{}
	for i, indices := range spec.In {
		x, ok := o.in(i)
		if !ok || len(x) != len(indices) {
			return 0, false
		}
		for k := range indices {
			if n, seen := size[indices[k]]; !seen || n == 1 {
				size[indices[k]] = x[k]
			}
		}
	}
	list := []int64{int64(len(spec.In) - 1)}
	for _, n := range size {
		list = append(list, n)
	}
	return product(list...)
}

// attention multiplies queries with keys, and what comes out with values.
func attention(o operands) (int64, bool) {
	q, ok := o.in(0)
	k, ok2 := o.in(1)
	v, ok3 := o.in(2)
	if !ok || !ok2 || !ok3 || len(q) != len(k) || len(k) != len(v) {
		return 0, false
	}
	past := int64(0)
	if len(o.In) > 4 && o.In[4] != nil {
		p, known := o.in(4)
		if !known || len(p) != 4 {
			return 0, false
		}
		past = p[2]
	}
	switch len(q) {
	case 4: // batch, heads, steps, size
		return product(q[0], q[1], q[2], k[2]+past, q[3]+v[3])
	case 3: // batch, steps, heads · size
		heads, shared := o.AttrInt("q_num_heads"), o.AttrInt("kv_num_heads")
		if heads <= 0 || shared <= 0 || q[2]%heads != 0 || v[2]%shared != 0 {
			return 0, false
		}
		return product(q[0], heads, q[1], k[1]+past, q[2]/heads+v[2]/shared)
	}
	return 0, false
}

// recurrent layers have so many gates; W is [directions, gates · hidden, input].
func recurrent(gates int64) func(operands) (int64, bool) {
	return func(o operands) (int64, bool) {
		x, ok := o.in(0)
		w, ok2 := o.in(1)
		r, ok3 := o.in(2)
		if !ok || !ok2 || !ok3 || len(x) != 3 || len(w) != 3 || len(r) != 3 || w[1] != gates*r[2] {
			return 0, false
		}
		return product(w[0], x[0], x[1], w[1], w[2]+r[2])
	}
}
