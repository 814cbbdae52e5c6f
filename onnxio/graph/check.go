package graph

import (
	"fmt"
	"slices"

	"repmlp/onnxio"
)

// attrTypes gives the type of attributes that mean the same wherever they occur.
var attrTypes = map[string]onnxio.AttrType{
	"perm": onnxio.AttrInts, "kernel_shape": onnxio.AttrInts, "pads": onnxio.AttrInts, "strides": onnxio.AttrInts,
	"dilations": onnxio.AttrInts, "group": onnxio.AttrInt, "epsilon": onnxio.AttrFloat, "transA": onnxio.AttrInt,
	"transB": onnxio.AttrInt, "auto_pad": onnxio.AttrString, "keepdims": onnxio.AttrInt, "allowzero": onnxio.AttrInt,
	"training_mode": onnxio.AttrInt, "ceil_mode": onnxio.AttrInt, "count_include_pad": onnxio.AttrInt,
	"equation": onnxio.AttrString, "blocksize": onnxio.AttrInt,
}

// check refuses a node of ai.onnx whose attributes contradict each other or
// its weights. Sizes that are unknown contradict nothing.
func (g *Graph) check(n *Node) error {
	if n.Domain != "" {
		return nil
	}
	for _, a := range n.Attrs {
		if want := attrTypes[a.Name]; want != 0 && a.Type != want && a.Ref == "" {
			return fmt.Errorf("attribute %q of node %q (%s) has type %d, want %d", a.Name, n.Title(), n.OpType, a.Type, want)
		}
	}
	shape := func(i int) ([]Dim, bool) {
		if i >= len(n.In) || n.In[i] == nil {
			return nil, false
		}
		return n.In[i].Shape()
	}
	arity := func(min int) error {
		for i := range min {
			if i >= len(n.In) || n.In[i] == nil {
				return fmt.Errorf("node %q (%s) lacks input %d", n.Title(), n.OpType, i)
			}
		}
		return nil
	}
	if want := minInputs[n.OpType]; want > 0 {
		if err := arity(want); err != nil {
			return err
		}
	}
	if variadic[n.OpType] {
		if err := arity(len(n.In)); err != nil {
			return err
		}
	}
	if len(n.Out) == 0 {
		return fmt.Errorf("node %q (%s) has no output", n.Title(), n.OpType)
	}
	in, inKnown := shape(0)
	switch n.OpType {
	case "Transpose":
		perm := slices.Clone(n.Ints("perm"))
		if inKnown && perm != nil && len(perm) != len(in) {
			return fmt.Errorf("node %q permutes %d axes of a tensor of rank %d", n.Title(), len(perm), len(in))
		}
		slices.Sort(perm)
		for i, p := range perm {
			if p != int64(i) {
				return fmt.Errorf("perm %v of node %q is no permutation", n.Ints("perm"), n.Title())
			}
		}
	case "Conv":
		weight, ok := shape(1)
		if !ok || !inKnown {
			return nil
		}
		if len(weight) != len(in) || len(in) < 3 {
			return fmt.Errorf("node %q convolves a tensor of rank %d with a weight of rank %d", n.Title(), len(in), len(weight))
		}
		kernel, known := numbers(weight)
		if !known {
			return nil
		}
		if bias, ok := shape(2); ok {
			if k, known := product(bias).Int(); len(bias) != 1 || known && k != kernel[0] {
				return fmt.Errorf("node %q makes %d channels, its bias %q has shape %v", n.Title(), kernel[0], n.In[2].Name, bias)
			}
		}
		if _, err := ConvWindow(n, in, kernel[2:]); err != nil {
			return err
		}
		group := n.Int("group", 1)
		if group < 1 || kernel[0]%group != 0 {
			return fmt.Errorf("node %q cuts %d output channels into %d groups", n.Title(), kernel[0], group)
		}
		if c, ok := in[1].Int(); ok && c != kernel[1]*group {
			return fmt.Errorf("node %q reads %d channels, its weight %v in %d groups wants %d", n.Title(), c, kernel, group, kernel[1]*group)
		}
	case "AveragePool", "MaxPool":
		if n.Attr("kernel_shape") == nil {
			return fmt.Errorf("node %q (%s) has no kernel_shape", n.Title(), n.OpType)
		}
		if inKnown {
			if _, err := ConvWindow(n, in, nil); err != nil {
				return err
			}
		}
	case "BatchNormalization":
		if !inKnown || len(in) < 2 || n.Int("spatial", 1) == 0 {
			return nil
		}
		for i := 1; i < 5; i++ {
			d, ok := shape(i)
			if !ok {
				continue
			}
			c, known := in[1].Int()
			k, known2 := product(d).Int()
			if len(d) != 1 || known && known2 && c != k {
				return fmt.Errorf("node %q normalises %s channels with a parameter %q of shape %v", n.Title(), in[1], n.In[i].Name, d)
			}
		}
	}
	return nil
}

// minInputs is the number of inputs that an operator cannot do without.
var minInputs = map[string]int{"Conv": 2, "BatchNormalization": 5, "Gemm": 2, "MatMul": 2, "Add": 2, "Sub": 2, "Mul": 2, "Div": 2,
	"Transpose": 1, "Relu": 1, "Reshape": 1, "AveragePool": 1, "MaxPool": 1, "GlobalAveragePool": 1, "Concat": 1, "Gather": 2,
	"Shape": 1, "Cast": 1, "Unsqueeze": 1, "Squeeze": 1, "Slice": 1, "Expand": 2, "Identity": 1, "Sigmoid": 1, "Where": 3, "Flatten": 1, "Sum": 1,
	"Pad": 1, "Erf": 1, "Split": 1, "Equal": 2, "Range": 3, "Einsum": 1, "CastLike": 2, "ConstantOfShape": 1, "Dropout": 1, "Pow": 2,
	"Max": 1, "Min": 1, "Mean": 1, "ConvTranspose": 2, "InstanceNormalization": 3, "LayerNormalization": 2, "GroupNormalization": 3,
	"RMSNormalization": 2, "GlobalMaxPool": 1, "GlobalLpPool": 1, "LpPool": 1, "DepthToSpace": 1, "SpaceToDepth": 1, "Tile": 2, "Clip": 1,
	"LeakyRelu": 1, "PRelu": 2, "Tanh": 1, "Softmax": 1, "LogSoftmax": 1, "Resize": 1, "Upsample": 1, "ScatterND": 3, "GatherND": 2,
	"GatherElements": 2, "ScatterElements": 3, "TopK": 1, "ArgMax": 1, "ArgMin": 1, "ReduceMean": 1, "ReduceSum": 1, "ReduceMax": 1, "ReduceMin": 1,
	"ReduceProd": 1, "ReduceL1": 1, "ReduceL2": 1, "ReduceSumSquare": 1, "ReduceLogSum": 1, "ReduceLogSumExp": 1, "DequantizeLinear": 2,
	"QuantizeLinear": 2, "Neg": 1, "Abs": 1, "Sqrt": 1, "Exp": 1, "Log": 1, "Reciprocal": 1, "Floor": 1, "Ceil": 1, "Round": 1, "Trilu": 1,
	"OneHot": 3, "CumSum": 2, "Size": 1, "NonZero": 1, "Not": 1, "And": 2, "Or": 2, "Less": 2, "Greater": 2, "Mod": 2}

// variadic operators read any number of inputs, none of which may be left out.
var variadic = map[string]bool{"Concat": true, "Sum": true, "Max": true, "Min": true, "Mean": true, "Einsum": true}
