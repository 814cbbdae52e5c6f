package operator

import "math"

// Table is the table of everything that the Go engine runs, operators of one
// file together.
func Table() map[string]Operator {
	return map[string]Operator{
		// arithmetic.go
		"Add":  {Kernel: add(), Alike: everywhere},
		"Sub":  {Kernel: sub(), Alike: everywhere},
		"Mul":  {Kernel: mul(), Alike: everywhere},
		"Div":  {Kernel: div(), Alike: everywhere},
		"Pow":  {Kernel: pow},
		"Mod":  {Kernel: mod},
		"Sum":  {Kernel: variadic(addition, false), Alike: everywhere},
		"Mean": {Kernel: variadic(addition, true), Alike: everywhere},
		"Max":  {Kernel: variadic(higher, false)},
		"Min":  {Kernel: onMagnitudes(variadic(lower, false), variadic(higher, false))},

		// logic.go
		"Equal":          {Kernel: equal()},
		"Less":           {Kernel: less()},
		"LessOrEqual":    {Kernel: lessOrEqual()},
		"Greater":        {Kernel: greater()},
		"GreaterOrEqual": {Kernel: greaterOrEqual()},
		"And":            {Kernel: and()},
		"Or":             {Kernel: or()},
		"Xor":            {Kernel: xor()},
		"Not":            {Kernel: not},
		"Where":          {Kernel: where},
		"IsNaN":          {Kernel: isNaN},
		"IsInf":          {Kernel: isInf},

		// pointwise.go
		"Identity":   {Kernel: identity, Alike: everywhere},
		"Abs":        {Kernel: onIntegers(plain(math.Abs), absInt)},
		"Neg":        {Kernel: onMagnitudes(onIntegers(plain(negative), negInt), identity), Alike: everywhere},
		"Sign":       {Kernel: onIntegers(plain(sign), signInt)},
		"Reciprocal": {Kernel: plain(reciprocal)},
		"Sqrt":       {Kernel: plain(math.Sqrt)},
		"Exp":        {Kernel: plain(math.Exp)},
		"Log":        {Kernel: plain(math.Log)},
		"Erf":        {Kernel: unaryOf(erf)},
		"Floor":      {Kernel: plain(math.Floor)},
		"Ceil":       {Kernel: plain(math.Ceil)},
		"Round":      {Kernel: plain(math.RoundToEven)},
		"Sin":        {Kernel: plain(math.Sin)},
		"Cos":        {Kernel: plain(math.Cos)},
		"Tan":        {Kernel: plain(math.Tan)},
		"Asin":       {Kernel: plain(math.Asin)},
		"Acos":       {Kernel: plain(math.Acos)},
		"Atan":       {Kernel: plain(math.Atan)},
		"Sinh":       {Kernel: plain(math.Sinh)},
		"Cosh":       {Kernel: plain(math.Cosh)},
		"Asinh":      {Kernel: plain(math.Asinh)},
		"Acosh":      {Kernel: plain(math.Acosh)},
		"Atanh":      {Kernel: plain(math.Atanh)},

		// activation.go
		"Relu":            {Kernel: relu},
		"LeakyRelu":       {Kernel: onMagnitudes(unaryOf(leakyRelu), unaryOf(steepest)), Alike: everywhere},
		"PRelu":           {Kernel: prelu, Alike: everywhere},
		"ThresholdedRelu": {Kernel: unaryOf(thresholdedRelu)},
		"Clip":            {Kernel: clip, Alike: everywhere},
		"Sigmoid":         {Kernel: plain(sigmoid)},
		"HardSigmoid":     {Kernel: unaryOf(hardSigmoid)},
		"Tanh":            {Kernel: plain(math.Tanh)},
		"Softplus":        {Kernel: plain(softplus)},
		"Softsign":        {Kernel: plain(softsign)},
		"HardSwish":       {Kernel: plain(hardSwish)},
		"Swish":           {Kernel: unaryOf(swish)},
		"Mish":            {Kernel: plain(mish)},
		"Elu":             {Kernel: unaryOf(elu)},
		"Celu":            {Kernel: unaryOf(celu)},
		"Selu":            {Kernel: unaryOf(selu)},
		"Gelu":            {Kernel: unaryOf(gelu)},

		// cast.go
		"Cast":     {Kernel: cast, Alike: everywhere},
		"CastLike": {Kernel: cast},

		// shape.go
		"Reshape":   {Kernel: reshape},
		"Flatten":   {Kernel: flatten},
		"Squeeze":   {Kernel: squeeze},
		"Unsqueeze": {Kernel: unsqueeze},
		"Shape":     {Kernel: shapeOf},
		"Size":      {Kernel: sizeOf},

		// move.go
		"Transpose":    {Kernel: transpose, Alike: everywhere},
		"Concat":       {Kernel: concat, Alike: sameJoin},
		"Split":        {Kernel: split, Alike: sameCut},
		"Slice":        {Kernel: slice, Alike: sameCrop},
		"Expand":       {Kernel: expand},
		"Tile":         {Kernel: tile},
		"DepthToSpace": {Kernel: depthToSpace},
		"SpaceToDepth": {Kernel: spaceToDepth},
		"Trilu":        {Kernel: trilu},

		// pad.go
		"Pad": {Kernel: pad, Alike: samePad},

		// constant.go
		"Constant":        {Kernel: constantOp},
		"ConstantOfShape": {Kernel: constantOfShape},
		"Range":           {Kernel: rangeOp},
		"EyeLike":         {Kernel: eyeLike},
		"OneHot":          {Kernel: oneHot},

		// gather.go
		"Gather":         {Kernel: gather, Alike: sameCut},
		"GatherElements": {Kernel: gatherElements},
		"GatherND":       {Kernel: gatherND},

		// scatter.go
		"ScatterElements": {Kernel: scatterElements},
		"ScatterND":       {Kernel: scatterND},

		// order.go
		"TopK":    {Kernel: topK},
		"ArgMax":  {Kernel: argBest(true)},
		"ArgMin":  {Kernel: argBest(false)},
		"NonZero": {Kernel: nonZero},
		"Hardmax": {Kernel: hardmax},

		// matmul.go, gemm.go, einsum.go
		"MatMul": {Kernel: matMul, Stored: []int{0, 1}},
		"Gemm":   {Kernel: gemmOp, Stored: []int{0, 1}},
		"Einsum": {Kernel: einsum},

		// conv.go, convtranspose.go, col2im.go
		"Conv":          {Kernel: conv, Stored: []int{1}, Alike: sameWindow},
		"ConvTranspose": {Kernel: convTranspose, Alike: sameSpread},
		"Col2Im":        {Kernel: col2Im},

		// pool.go
		"AveragePool":       {Kernel: averagePool, Alike: sameWindow},
		"MaxPool":           {Kernel: maxPool, Alike: sameWindow},
		"GlobalAveragePool": {Kernel: globalPool(false)},
		"GlobalMaxPool":     {Kernel: globalPool(true)},

		// norm.go
		"BatchNormalization":        {Kernel: batchNorm, Alike: everywhere},
		"InstanceNormalization":     {Kernel: instanceNorm, Alike: sameChannels},
		"GroupNormalization":        {Kernel: groupNorm, Alike: sameChannels},
		"LayerNormalization":        {Kernel: layerNorm, Alike: sameTrailing},
		"RMSNormalization":          {Kernel: rmsNorm, Alike: sameTrailing},
		"MeanVarianceNormalization": {Kernel: meanVariance},
		"LpNormalization":           {Kernel: lpNorm},
		"LRN":                       {Kernel: lrn},

		// softmax.go
		"Softmax":    {Kernel: softmax(false)},
		"LogSoftmax": {Kernel: softmax(true)},

		// reduce.go
		"ReduceSum":       {Kernel: reduceSum()},
		"ReduceMean":      {Kernel: reduceMean()},
		"ReduceMax":       {Kernel: reduceMax()},
		"ReduceMin":       {Kernel: onMagnitudes(reduceMin(), reduceMax())},
		"ReduceProd":      {Kernel: reduceProd()},
		"ReduceL1":        {Kernel: reduceL1()},
		"ReduceL2":        {Kernel: reduceL2()},
		"ReduceSumSquare": {Kernel: reduceSumSquare()},
		"ReduceLogSum":    {Kernel: reduceLogSum()},
		"ReduceLogSumExp": {Kernel: logSumExp},
		"CumSum":          {Kernel: cumSum},

		// quantize.go
		"QuantizeLinear":   {Kernel: quantize},
		"DequantizeLinear": {Kernel: dequantize},

		// quantizedynamic.go
		"DynamicQuantizeLinear": {Kernel: quantizeDynamic},

		// integer.go
		"ConvInteger":   {Kernel: convInteger},
		"MatMulInteger": {Kernel: matMulInteger},
		"QLinearConv":   {Kernel: quantizedConv},
		"QLinearMatMul": {Kernel: quantizedMatMul},

		// resize.go
		"Resize":   {Kernel: resize},
		"Upsample": {Kernel: upsample},

		// dropout.go
		"Dropout": {Kernel: dropout, Alike: everywhere},

		// control.go
		"If":   {Kernel: ifOp},
		"Loop": {Kernel: loopOp},
	}
}
