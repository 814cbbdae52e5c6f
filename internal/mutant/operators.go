package mutant

import (
	"slices"

	"repmlp/onnxio"
)

// families are operators that can stand for each other.
func families() [][]string {
	return [][]string{
		{"Relu", "Sigmoid", "Tanh", "LeakyRelu", "Elu", "Softplus", "Identity", "Abs", "Neg", "Erf", "HardSigmoid", "Selu", "Softsign", "Dropout", "Exp", "Sqrt", "Reciprocal", "Floor", "Clip"},
		{"Add", "Sub", "Mul", "Div", "Max", "Min", "Sum", "Mean", "Pow", "PRelu"},
		{"MaxPool", "AveragePool", "LpPool"},
		{"GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"},
		{"ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceL2", "ReduceL1", "ReduceProd", "ReduceSumSquare"},
		{"Conv", "ConvTranspose"},
		{"MatMul", "Gemm"},
		{"Softmax", "LogSoftmax", "Hardmax"},
		{"BatchNormalization", "InstanceNormalization"},
		{"DepthToSpace", "SpaceToDepth"},
		{"Flatten", "Identity"},
		{"Squeeze", "Unsqueeze"},
	}
}

// operator replaces the operator of a node by another of its family.
func (mu *mutator) operator() bool {
	all := families()
	family := func(op string) []string {
		for _, f := range all {
			if slices.Contains(f, op) {
				return f
			}
		}
		return nil
	}
	n := mu.node(func(n *node) bool { return n.domain == "" && family(n.op) != nil })
	if n == nil {
		return false
	}
	n.op = pick(mu.r, family(n.op))
	switch n.op {
	case "Identity":
		n.attrs, n.in = nil, n.in[:1]
	case "Conv":
		n.drop("output_padding")
		n.drop("output_shape")
	case "InstanceNormalization":
		if len(n.in) > 3 {
			n.in = n.in[:3]
		}
		n.attrs, n.out = nil, n.out[:1]
	case "Clip":
		n.attrs, n.in = nil, n.in[:1]
		if mu.version() < 11 {
			n.set(floatAttr("min", -1))
		} else {
			n.in = append(n.in, mu.floats("low", onnxio.Float32, nil, func(int) float64 { return -1 }))
		}
	}
	return true
}

// A setting is an attribute that a node of an operator may have.
type setting struct {
	ops  []string
	make func(mu *mutator, n *node) *attr // nil: leave it out
	name string
}

func settings() []setting {
	window := []string{"Conv", "ConvTranspose", "MaxPool", "AveragePool", "LpPool"}
	layer := []string{"Conv", "ConvTranspose"}
	axes := []string{"Softmax", "LogSoftmax", "Concat", "Split", "Gather", "Flatten", "ReduceMean", "ReduceSum"}
	spatial := func(mu *mutator, n *node) int {
		if a := n.attr("kernel_shape"); a != nil {
			return len(a.ints)
		}
		if f := mu.facts[n.out[0]]; f.known && len(f.dims) > 2 {
			return len(f.dims) - 2
		}
		return 2
	}
	list := func(name string, per, low, high int) func(*mutator, *node) *attr {
		return func(mu *mutator, n *node) *attr {
			v := make([]int64, per*spatial(mu, n))
			same := mu.chance(2)
			for i := range v {
				v[i] = int64(low + mu.r.IntN(high-low+1))
				if same {
					v[i] = v[0]
				}
			}
			return intsAttr(name, v...)
		}
	}
	number := func(name string, low, high int) func(*mutator, *node) *attr {
		return func(mu *mutator, _ *node) *attr { return intAttr(name, int64(low+mu.r.IntN(high-low+1))) }
	}
	real := func(name string, v ...float32) func(*mutator, *node) *attr {
		return func(mu *mutator, _ *node) *attr { return floatAttr(name, pick(mu.r, v)) }
	}
	word := func(name string, v ...string) func(*mutator, *node) *attr {
		return func(mu *mutator, _ *node) *attr { return stringAttr(name, pick(mu.r, v)) }
	}
	return []setting{
		{window, list("pads", 2, 0, 2), "pads"},
		{window, list("strides", 1, 1, 3), "strides"},
		{window, list("dilations", 1, 1, 3), "dilations"},
		{window, func(mu *mutator, n *node) *attr {
			n.drop("pads")
			return stringAttr("auto_pad", pick(mu.r, []string{"SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET"}))
		}, "auto_pad"},
		{[]string{"MaxPool", "AveragePool", "LpPool"}, list("kernel_shape", 1, 1, 4), "kernel_shape"},
		{[]string{"MaxPool", "AveragePool", "LpPool"}, number("ceil_mode", 0, 1), "ceil_mode"},
		{[]string{"AveragePool"}, number("count_include_pad", 0, 1), "count_include_pad"},
		{[]string{"MaxPool"}, number("storage_order", 0, 1), "storage_order"},
		{layer, number("group", 1, 4), "group"},
		{[]string{"ConvTranspose"}, list("output_padding", 1, 0, 1), "output_padding"},
		{axes, number("axis", -4, 3), "axis"},
		{[]string{"Gemm"}, real("alpha", 0, 1, -1, 0.5, 2, 1e-6, 1e6), "alpha"},
		{[]string{"Gemm"}, real("beta", 0, 1, -1, 0.5, 2, 1e-6, 1e6), "beta"},
		{[]string{"Gemm"}, number("transA", 0, 1), "transA"},
		{[]string{"Gemm"}, number("transB", 0, 1), "transB"},
		{[]string{"BatchNormalization", "LayerNormalization", "InstanceNormalization"}, real("epsilon", 0, 1e-5, 1e-3, 1, 100), "epsilon"},
		{[]string{"BatchNormalization"}, number("training_mode", 0, 1), "training_mode"},
		{[]string{"BatchNormalization"}, real("momentum", 0, 0.9, 1), "momentum"},
		{[]string{"ReduceMean", "ReduceSum", "ReduceMax"}, number("keepdims", 0, 1), "keepdims"},
		{[]string{"LeakyRelu", "Elu"}, real("alpha", 0, 1, -1, 0.01, 2), "alpha"},
		{[]string{"Transpose"}, func(mu *mutator, n *node) *attr {
			rank := 4
			if a := n.attr("perm"); a != nil {
				rank = len(a.ints)
			}
			perm := make([]int64, rank)
			for i, p := range mu.r.Perm(rank) {
				perm[i] = int64(p)
			}
			return intsAttr("perm", perm...)
		}, "perm"},
		{[]string{"Pad"}, word("mode", "constant", "reflect", "edge", "wrap"), "mode"},
		{[]string{"Reshape"}, number("allowzero", 0, 1), "allowzero"},
		{[]string{"DepthToSpace", "SpaceToDepth"}, number("blocksize", 1, 4), "blocksize"},
		{[]string{"DepthToSpace"}, word("mode", "DCR", "CRD"), "mode"},
		{[]string{"Einsum"}, word("equation", "ij,jk->ik", "bij,bjk->bik", "bchw,kc->bkhw", "...ij,...jk->...ik", "bijk,kl->bijl"), "equation"},
		{[]string{"Softmax", "LogSoftmax"}, number("axis", -1, 3), "axis"},
		{[]string{"Resize", "Upsample"}, word("mode", "nearest", "linear", "cubic"), "mode"},
		{[]string{"Cast"}, func(mu *mutator, n *node) *attr {
			return intAttr("to", int64(pick(mu.r, []onnxio.DType{onnxio.Float32, onnxio.Float16, onnxio.Float64, onnxio.Int32, onnxio.Int64, onnxio.Uint8, onnxio.Bool, onnxio.BFloat16})))
		}, "to"},
	}
}

// attribute sets or drops an attribute of a node.
func (mu *mutator) attribute() bool {
	all := settings()
	var mine []setting
	n := mu.node(func(n *node) bool {
		mine = mine[:0]
		for _, s := range all {
			if slices.Contains(s.ops, n.op) {
				mine = append(mine, s)
			}
		}
		return n.domain == "" && len(mine) > 0 && len(n.out) > 0
	})
	if n == nil {
		return false
	}
	s := pick(mu.r, mine)
	if n.attr(s.name) != nil && mu.chance(4) {
		n.drop(s.name)
		return true
	}
	if a := n.attr(s.name); a != nil && len(a.ints) > 0 && mu.chance(2) { // one number alone
		i := mu.r.IntN(len(a.ints))
		a.ints[i] = max(a.ints[i]+int64(mu.r.IntN(3)-1), 0)
		return true
	}
	n.set(s.make(mu, n))
	return true
}

// operands exchanges the two operands of a node, or drops an optional one.
func (mu *mutator) operands() bool {
	if mu.chance(3) {
		n := mu.node(func(n *node) bool {
			return (n.op == "Conv" || n.op == "Gemm" || n.op == "ConvTranspose") && len(n.in) == 3
		})
		if n == nil {
			return false
		}
		n.in = n.in[:2]
		return true
	}
	n := mu.node(func(n *node) bool {
		return slices.Contains([]string{"Add", "Sub", "Mul", "Div", "Max", "Min", "MatMul", "Pow", "Concat", "Sum", "Gemm"}, n.op) && len(n.in) > 1
	})
	if n == nil {
		return false
	}
	n.in[0], n.in[1] = n.in[1], n.in[0]
	return true
}

// opset says that the model was written for another version, with or without
// the operators' changes that come with it.
func (mu *mutator) opset() bool {
	for i, o := range mu.opsets {
		if o.Domain != "" {
			continue
		}
		if mu.chance(2) {
			mu.opsets[i].Version += int64(mu.r.IntN(5) - 2)
		} else {
			mu.opsets[i].Version = int64(6 + mu.r.IntN(18))
		}
		if mu.chance(4) {
			mu.ir = int64(3 + mu.r.IntN(8))
		}
		return true
	}
	return false
}
