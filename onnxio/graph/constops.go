package graph

import (
	"fmt"
	"math"

	"repmlp/internal/elementary"
	"repmlp/internal/ops"
	"repmlp/onnxio"
)

// A constRule works a node out whose inputs are constants. Inputs have the types that
// ONNX and the operator's entry ask for, and none is missing; their shapes and values are
// the rule's to check, and what ONNX leaves undefined is an error.
type constRule func(e *evaluation, n *Node, in []*Const) (*Const, error)

// A constOp is an operator that exporters leave on weights and sizes.
type constOp struct {
	// types has a letter for each input, which says what the rule takes of the types that
	// ONNX allows: f a float, n a number, a anything, i int32 or int64, l int64, z an
	// integer, q that or a type of four bits, b bool; p are int32 or int64 that rules take
	// from the graph's facts, x is not looked at. The last letter holds for all inputs that
	// follow.
	types string
	eval  constRule
}

// constOps has a line for each of them.
var constOps = map[string]constOp{
	"Abs":                       {"n", elementFunc{float: magnitude, int: absInt}.unary},
	"Acos":                      {"f", between(-1, 1, elementary.Acos)},
	"Acosh":                     {"f", between(1, 1, elementary.Acosh)},
	"Add":                       {"nn", elementFunc{float: sum, int: exactInt(sumInt)}.rule},
	"And":                       {"bb", elementFunc{int: exactInt(func(a, b int64) int64 { return a & b })}.rule},
	"ArgMax":                    {"n", constArg(1)},
	"ArgMin":                    {"n", constArg(-1)},
	"Asin":                      {"f", between(-1, 1, elementary.Asin)},
	"Asinh":                     {"f", smooth(elementary.Asinh)},
	"Atan":                      {"f", smooth(elementary.Atan)},
	"Atanh":                     {"f", between(-1, 1, elementary.Atanh)},
	"AveragePool":               {"f", constPool(true)},
	"BatchNormalization":        {"fffff", constBatchNorm},
	"Cast":                      {"a", constCast},
	"CastLike":                  {"ax", constCast},
	"Ceil":                      {"f", constStep(math.Ceil)},
	"Celu":                      {"f", shaped(celu)},
	"Clip":                      {"n", constClip},
	"Concat":                    {"a", constConcat},
	"Constant":                  {"", constConstant},
	"ConstantOfShape":           {"l", constOfShape},
	"Conv":                      {"ff", constConv},
	"ConvTranspose":             {"ff", constConvTranspose},
	"Cos":                       {"f", smooth(elementary.Cos)},
	"Cosh":                      {"f", smooth(elementary.Cosh)},
	"CumSum":                    {"ni", constCumSum},
	"DepthToSpace":              {"a", constSpace(true)},
	"DequantizeLinear":          {"qfq", constDequantize},
	"Div":                       {"nn", elementFunc{float: func(a, b float64) float64 { return a / b }, int: divInt, steep: true}.rule},
	"Dropout":                   {"fx", constSame},
	"Einsum":                    {"f", constEinsum},
	"Elu":                       {"f", shaped(elu)},
	"Equal":                     {"aa", constCompare(func(order int) bool { return order == 0 })},
	"Erf":                       {"f", smooth(elementary.Erf)},
	"Exp":                       {"f", elementFunc{float: func(a, _ float64) float64 { return elementary.Exp(a) }}.unary},
	"Expand":                    {"al", constExpand},
	"EyeLike":                   {"a", constEyeLike},
	"Flatten":                   {"a", constView},
	"Floor":                     {"f", constStep(math.Floor)},
	"Gather":                    {"ai", constGather},
	"GatherElements":            {"ai", constGatherElements},
	"GatherND":                  {"al", constGatherND},
	"Gelu":                      {"f", shaped(gelu)},
	"Gemm":                      {"ff", constGemm},
	"GlobalAveragePool":         {"f", constGlobalPool(true)},
	"GlobalMaxPool":             {"f", constGlobalPool(false)},
	"Greater":                   {"nn", constCompare(func(order int) bool { return order > 0 })},
	"GreaterOrEqual":            {"nn", constCompare(func(order int) bool { return order >= 0 })},
	"GroupNormalization":        {"fff", constGroupNorm},
	"HardSigmoid":               {"f", shaped(hardSigmoid)},
	"HardSwish":                 {"f", smooth(func(v float64) float64 { return v * unit(v/6+0.5) })},
	"Hardmax":                   {"f", constHardmax},
	"Identity":                  {"a", constSame},
	"InstanceNormalization":     {"fff", constInstanceNorm},
	"IsInf":                     {"f", constIs(isInf)},
	"IsNaN":                     {"f", constIs(isNaN)},
	"LRN":                       {"f", constLRN},
	"LayerNormalization":        {"ff", constLayerNorm},
	"LeakyRelu":                 {"f", shaped(leaky)},
	"Less":                      {"nn", constCompare(func(order int) bool { return order < 0 })},
	"LessOrEqual":               {"nn", constCompare(func(order int) bool { return order <= 0 })},
	"Log":                       {"f", elementFunc{float: func(a, _ float64) float64 { return elementary.Log(a) }, steep: true}.unary},
	"LogSoftmax":                {"f", along(logSoftmax)},
	"LpNormalization":           {"f", along(lpNormalize)},
	"MatMul":                    {"ff", constMatMul},
	"Max":                       {"n", elementFunc{float: math.Max, int: pickInt(false)}.rule},
	"MaxPool":                   {"f", constPool(false)},
	"Mean":                      {"f", constMean},
	"MeanVarianceNormalization": {"f", constMeanVariance},
	"Min":                       {"n", elementFunc{float: math.Min, int: pickInt(true)}.rule},
	"Mish":                      {"f", smooth(func(v float64) float64 { return v * elementary.Tanh(softplus(v)) })},
	"Mod":                       {"nn", constMod},
	"Mul":                       {"nn", elementFunc{float: product2, int: exactInt(productInt)}.rule},
	"Neg":                       {"n", elementFunc{float: func(a, _ float64) float64 { return -a }, int: exactInt(func(a, _ int64) int64 { return -a })}.unary},
	"NonZero":                   {"a", constNonZero},
	"Not":                       {"b", elementFunc{int: exactInt(func(a, _ int64) int64 { return 1 - a })}.unary},
	"OneHot":                    {"iia", constOneHot},
	"Or":                        {"bb", elementFunc{int: exactInt(func(a, b int64) int64 { return a | b })}.rule},
	"PRelu":                     {"nn", constPRelu},
	"Pad":                       {"apap", constPad},
	"Pow":                       {"nn", constPow},
	"QuantizeLinear":            {"ffq", constQuantize},
	"RMSNormalization":          {"ff", constLayerNorm},
	"Range":                     {"nnn", constRange},
	"Reciprocal":                {"f", elementFunc{float: func(a, _ float64) float64 { return 1 / a }, steep: true}.unary},
	"ReduceL1":                  {"np", reduction{add: func(s, x float64) float64 { return s + math.Abs(x) }, int: func(s, x int64) int64 { return s + abs(x) }}.rule},
	"ReduceL2":                  {"np", reduction{add: sumSquare, end: math.Sqrt}.rule},
	"ReduceLogSum":              {"np", reduction{add: sum, end: elementary.Log}.rule},
	"ReduceLogSumExp":           {"np", constLogSumExp},
	"ReduceMax":                 {"np", constExtreme(false)},
	"ReduceMean":                {"np", reduction{add: sum, mean: true}.rule},
	"ReduceMin":                 {"np", constExtreme(true)},
	"ReduceProd":                {"np", reduction{start: 1, add: product2, int: productInt}.rule},
	"ReduceSum":                 {"np", reduction{add: sum, int: sumInt}.rule},
	"ReduceSumSquare":           {"np", reduction{add: sumSquare, int: func(s, x int64) int64 { return s + x*x }}.rule},
	"Relu":                      {"n", elementFunc{float: positive, int: exactInt(positiveInt)}.unary},
	"Reshape":                   {"ap", constView},
	"Resize":                    {"nffl", constResize},
	"Round":                     {"f", constRound},
	"ScatterElements":           {"aia", constScatterElements},
	"ScatterND":                 {"ala", constScatterND},
	"Selu":                      {"f", shaped(selu)},
	"Shape":                     {"x", constShape},
	"Sigmoid":                   {"f", smooth(sigmoid)},
	"Sign":                      {"n", jumping(elementFunc{float: signOf, int: signInt}.unary)},
	"Sin":                       {"f", smooth(elementary.Sin)},
	"Sinh":                      {"f", smooth(elementary.Sinh)},
	"Size":                      {"x", constShape},
	"Slice":                     {"apppp", constSlice},
	"Softmax":                   {"f", along(softmax)},
	"Softplus":                  {"f", smooth(softplus)},
	"Softsign":                  {"f", smooth(func(v float64) float64 { return v / (1 + math.Abs(v)) })},
	"SpaceToDepth":              {"a", constSpace(false)},
	"Split":                     {"ap", constSplit},
	"Sqrt":                      {"f", elementFunc{float: func(a, _ float64) float64 { return math.Sqrt(a) }, steep: true}.unary},
	"Squeeze":                   {"ap", constView},
	"Sub":                       {"nn", elementFunc{float: func(a, b float64) float64 { return a - b }, int: exactInt(func(a, b int64) int64 { return a - b })}.rule},
	"Sum":                       {"f", elementFunc{float: sum}.rule},
	"Swish":                     {"f", shaped(swish)},
	"Tan":                       {"f", jumping(smooth(elementary.Tan))},
	"Tanh":                      {"f", smooth(elementary.Tanh)},
	"ThresholdedRelu":           {"f", constThreshold},
	"Tile":                      {"al", constTile},
	"TopK":                      {"nl", constTopK},
	"Transpose":                 {"a", constTranspose},
	"Trilu":                     {"al", constTrilu},
	"Unsqueeze":                 {"ap", constView},
	"Upsample":                  {"nf", constResize},
	"Where":                     {"baa", constWhere},
	"Xor":                       {"bb", elementFunc{int: exactInt(func(a, b int64) int64 { return a ^ b })}.rule},
}

// letter is the type letter of input i.
func (o constOp) letter(i int) byte {
	if o.types == "" {
		return 'x'
	}
	return o.types[min(i, len(o.types)-1)]
}

// outputs is how many outputs of a node the rule works out.
func (o constOp) outputs(n *Node) int {
	switch n.OpType() {
	case "LayerNormalization", "Split", "TopK":
		return len(n.Out)
	}
	return 1
}

// reads reports whether the rule wants the elements of input i.
func (o constOp) reads(i int) bool { l := o.letter(i); return l != 'x' && l != 'p' }

// run checks the types of the inputs, works the node out, and checks the result.
func (o constOp) run(e *evaluation, n *Node, in []*Const) (*Const, error) {
	types := n.given()
	for i, c := range in {
		if c != nil {
			types[i] = c.DType
		}
	}
	if err := n.Fits(types); err != nil {
		return nil, err
	}
	for i, d := range types {
		if letter := o.letter(i); d != ops.Absent && letter != 'x' && !fitsLetter(letter, d) {
			return nil, fmt.Errorf("its input %d has type %s", i, d)
		}
	}
	for len(in) > 0 && in[len(in)-1] == nil {
		in = in[:len(in)-1]
	}
	out, err := o.eval(e, n, in)
	if err != nil {
		return nil, err
	}
	if want := size(out.Shape); out.DType.IsFloat() && len(out.F) != want || !out.DType.IsFloat() && len(out.I) != want {
		return nil, fmt.Errorf("it makes no %v elements", out.Shape) // never, or a rule is wrong
	}
	return out, nil
}

// fitsLetter reports whether a rule takes a type.
func fitsLetter(letter byte, d onnxio.DType) bool {
	switch letter {
	case 'f':
		return d.IsFloat()
	case 'n':
		return d.IsFloat() || d.IsInt()
	case 'i', 'p':
		return d == onnxio.Int32 || d == onnxio.Int64
	case 'l':
		return d == onnxio.Int64
	case 'z':
		return d.IsInt()
	case 'q':
		return d.IsInt() || d == onnxio.Int4 || d == onnxio.Uint4
	case 'b':
		return d == onnxio.Bool
	}
	return d.IsFloat() || d.IsInt() || d == onnxio.Bool
}

// fixedShape is the shape of v where all its sizes are numbers.
func fixedShape(v *Value) ([]int64, bool) {
	dims, ok := v.Shape()
	if len(dims) == 0 {
		return nil, ok
	}
	return numbers(dims)
}
