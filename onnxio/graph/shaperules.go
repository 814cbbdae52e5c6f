package graph

import (
	"slices"

	"repmlp/onnxio"
)

func shapeWhere(s *shaper) {
	broadcastAll(s)
	if s.n.In[1] != nil {
		s.elem(s.n.In[1].Elem)
	}
}

func shapeCast(s *shaper) {
	same(s)
	s.elem(onnxio.DType(s.n.Int("to", 1)))
}

func shapeCastLike(s *shaper) {
	same(s)
	if len(s.n.In) > 1 && s.n.In[1] != nil {
		s.elem(s.n.In[1].Elem)
	}
}

// shapeQuantize takes the type from the scale or the zero point.
func shapeQuantize(slot int) func(*shaper) {
	return func(s *shaper) {
		same(s)
		s.elem(onnxio.Uint8)
		if slot < len(s.n.In) && s.n.In[slot] != nil {
			s.elem(s.n.In[slot].Elem)
		}
	}
}

func shapeShape(s *shaper) {
	s.elem(onnxio.Int64)
	d, ok := s.in(0)
	if !ok {
		s.set(0, []Dim{Unknown})
		return
	}
	from, to := shapeRange(s.n, len(d))
	s.set(0, []Dim{Size(int64(to - from))})
}

// shapeRange applies the start and end attributes of Shape (opset 15).
func shapeRange(n *Node, rank int) (int, int) {
	clamp := func(v int64) int {
		if v < 0 {
			v += int64(rank)
		}
		return int(min(max(v, 0), int64(rank)))
	}
	from, to := clamp(n.Int("start", 0)), clamp(n.Int("end", int64(rank)))
	return from, max(from, to)
}

func shapeSize(s *shaper) { s.elem(onnxio.Int64); s.set(0, nil) }

func shapeConstant(s *shaper) {
	for _, a := range s.n.Attrs {
		switch {
		case a.Name == "value" && a.T != nil:
			dims := make([]Dim, len(a.T.Dims))
			for i, d := range a.T.Dims {
				dims[i] = Size(d)
			}
			s.set(0, dims)
			s.elem(a.T.DType)
		case a.Name == "value_ints" && a.Type == onnxio.AttrInts:
			s.set(0, []Dim{Size(int64(len(a.Ints)))})
			s.elem(onnxio.Int64)
		case a.Name == "value_int" && a.Type == onnxio.AttrInt:
			s.set(0, []Dim{})
			s.elem(onnxio.Int64)
		case a.Name == "value_float" && a.Type == onnxio.AttrFloat:
			s.set(0, []Dim{})
			s.elem(onnxio.Float32)
		case a.Name == "value_floats" && a.Type == onnxio.AttrFloats:
			s.set(0, []Dim{Size(int64(len(a.Floats)))})
			s.elem(onnxio.Float32)
		}
	}
}

func shapeReshape(s *shaper) {
	target := s.ints(1)
	if a := s.n.Attr("shape"); a != nil { // opset 1
		target = nil
		for _, v := range a.Ints {
			target = append(target, Size(v))
		}
	}
	in, known := s.in(0)
	if target == nil {
		if d, ok := s.in(1); ok && len(d) == 1 {
			if k, ok := d[0].Int(); ok && k >= 0 && k < 64 {
				s.set(0, make([]Dim, k))
			}
		}
		return
	}
	out := slices.Clone(target)
	infer := -1
	for i, d := range out {
		if d.Is(0) && s.n.Int("allowzero", 0) == 0 {
			out[i] = Unknown
			if known && i < len(in) {
				out[i] = in[i]
			}
		}
		if d.Is(-1) {
			infer, out[i] = i, Size(1)
		}
	}
	if infer >= 0 {
		out[infer] = Unknown
		if known {
			rest := product(append(slices.Clone(out[:infer]), out[infer+1:]...))
			out[infer] = quotient(product(in), rest)
		}
	}
	switch {
	case known && infer < 0:
		s.demand(Equals, 0, product(in), product(out))
	case known && !out[infer].Known():
		s.demand(Multiple, 0, product(in), product(append(slices.Clone(out[:infer]), out[infer+1:]...)))
	}
	s.set(0, out)
}

// quotient divides element counts, taking ⌊H/k⌋·k for H: a Reshape that asks
// for whole tiles promises that they fit.
func quotient(total, rest Dim) Dim {
	if q, ok := total.Over(rest); ok {
		return q
	}
	if len(rest.terms) != 1 {
		return Unknown
	}
	t := term{coef: rest.terms[0].coef}
	for _, f := range rest.terms[0].factors {
		if k, ok := f.den.Int(); f.kind == floor && ok && k > 0 && t.coef%k == 0 {
			t.coef /= k
			if f = f.num.alone(); f == nil {
				return Unknown
			}
		}
		t.factors = append(t.factors, f)
	}
	slices.SortFunc(t.factors, (*factor).compare)
	if q, ok := total.Over(Dim{terms: []term{t}}); ok {
		return q
	}
	return Unknown
}

func shapeTranspose(s *shaper) {
	d, ok := s.in(0)
	if !ok {
		return
	}
	perm := Perm(s.n, len(d))
	out := make([]Dim, len(d))
	for i, p := range perm {
		out[i] = d[p]
	}
	s.set(0, out)
}

// Perm is the permutation of a Transpose node, reversed axes by default.
func Perm(n *Node, rank int) []int {
	perm := make([]int, rank)
	given := n.Ints("perm")
	for i := range perm {
		perm[i] = rank - 1 - i
		if len(given) == rank {
			perm[i] = int(given[i])
		}
	}
	return perm
}

func shapeSqueeze(s *shaper) {
	d, ok := s.in(0)
	axes, given, known := s.axes()
	if !ok || !known {
		return
	}
	var out []Dim
	for i, x := range d {
		drop := !given && x.Is(1)
		for _, a := range axes {
			if k, _ := Axis(a, len(d)); k == i {
				drop = true
				s.demand(Equals, 0, x, Size(1))
			}
		}
		if !drop {
			out = append(out, x)
		}
	}
	s.set(0, out)
}

func shapeUnsqueeze(s *shaper) {
	d, ok := s.in(0)
	axes, _, known := s.axes()
	if !ok || !known {
		return
	}
	rank := len(d) + len(axes)
	out := make([]Dim, rank)
	isNew := make([]bool, rank)
	for _, a := range axes {
		if k, ok := Axis(a, rank); ok {
			isNew[k] = true
		}
	}
	next := 0
	for i := range out {
		if isNew[i] {
			out[i] = Size(1)
		} else if next < len(d) {
			out[i] = d[next]
			next++
		}
	}
	s.set(0, out)
}

func shapeFlatten(s *shaper) {
	d, ok := s.in(0)
	if !ok {
		return
	}
	a := int(s.n.Int("axis", 1))
	if a < 0 {
		a += len(d)
	}
	if a < 0 || a > len(d) {
		return
	}
	s.set(0, []Dim{product(d[:a]), product(d[a:])})
}

func shapeConcat(s *shaper) {
	first, ok := s.in(0)
	if !ok {
		return
	}
	axis, ok := Axis(s.n.Int("axis", 1), len(first))
	if !ok {
		return
	}
	out := slices.Clone(first)
	for i := 1; i < len(s.n.In); i++ {
		d, ok := s.in(i)
		if !ok || len(d) != len(out) {
			return
		}
		for k := range d {
			if k != axis {
				s.demand(Equals, i, d[k], out[k])
			}
		}
		out[axis] = out[axis].Plus(d[axis])
	}
	s.set(0, out)
}

func shapeGather(s *shaper) {
	d, ok := s.in(0)
	idx, ok2 := s.in(1)
	if !ok || !ok2 {
		return
	}
	axis, ok := Axis(s.n.Int("axis", 0), len(d))
	if !ok {
		return
	}
	s.picks(d[axis])
	out := append(slices.Clone(d[:axis]), idx...)
	s.set(0, append(out, d[axis+1:]...))
}

// Steps is one axis of a Slice node.
type Steps struct{ Axis, Start, End, Step int64 }

// SliceSteps reads the parameters of a Slice node; ok is false where they are
// not all numbers.
func (g *Graph) SliceSteps(n *Node, rank int) ([]Steps, bool) {
	s := &shaper{g: g, n: n}
	starts, ends, axes, steps := n.Ints("starts"), n.Ints("ends"), n.Ints("axes"), []int64(nil)
	if n.Attr("starts") == nil {
		var ok bool
		if starts, ok = s.numbers(1); !ok {
			return nil, false
		}
		if ends, ok = s.numbers(2); !ok {
			return nil, false
		}
		if len(n.In) > 3 && n.In[3] != nil {
			if axes, ok = s.numbers(3); !ok {
				return nil, false
			}
		}
		if len(n.In) > 4 && n.In[4] != nil {
			if steps, ok = s.numbers(4); !ok {
				return nil, false
			}
		}
	}
	var out []Steps
	for i := range starts {
		st := Steps{Axis: int64(i), Start: starts[i], Step: 1}
		if i >= len(ends) {
			return nil, false
		}
		st.End = ends[i]
		if i < len(axes) {
			st.Axis = axes[i]
		}
		if i < len(steps) {
			st.Step = steps[i]
		}
		a, ok := Axis(st.Axis, rank)
		if !ok || st.Step == 0 {
			return nil, false
		}
		st.Axis = int64(a)
		out = append(out, st)
	}
	return out, true
}

// Range clamps a slice of an axis of n elements: first index and count.
func (s Steps) Range(n int64) (start, count int64) {
	clamp := func(v, lo, hi int64) int64 {
		if v < 0 && v > -1<<62 {
			v += n
		}
		return min(max(v, lo), hi)
	}
	if s.Step > 0 {
		a, b := clamp(s.Start, 0, n), clamp(s.End, 0, n)
		if b <= a {
			return a, 0
		}
		return a, (b-a-1)/s.Step + 1
	}
	a, b := clamp(s.Start, 0, n-1), clamp(s.End, -1, n-1)
	if n == 0 {
		return 0, 0
	}
	if a <= b {
		return a, 0
	}
	return a, 1 + (b-a+1)/s.Step
}

func shapeSlice(s *shaper) {
	d, ok := s.in(0)
	if !ok {
		return
	}
	out := slices.Clone(d)
	steps, ok := s.g.SliceSteps(s.n, len(d))
	if !ok {
		for i := range out {
			out[i] = Unknown
		}
		s.set(0, out)
		return
	}
	for _, st := range steps {
		if n, ok := d[st.Axis].Int(); ok {
			_, count := st.Range(n)
			out[st.Axis] = Size(count)
		} else if !(st.Start == 0 && st.Step == 1 && st.End >= 1<<31-1) {
			out[st.Axis] = Unknown
		}
	}
	s.set(0, out)
}

// SplitSizes returns the sizes of a Split node's outputs along its axis; ok is
// false where they are unknown.
func (g *Graph) SplitSizes(n *Node) (axis int, sizes []int64, ok bool) {
	s := &shaper{g: g, n: n}
	d, ok := s.in(0)
	if !ok {
		return 0, nil, false
	}
	if axis, ok = Axis(n.Int("axis", 0), len(d)); !ok {
		return 0, nil, false
	}
	if a := n.Attr("split"); a != nil {
		return axis, a.Ints, len(a.Ints) == len(n.Out)
	}
	if len(n.In) > 1 && n.In[1] != nil {
		sizes, ok = s.numbers(1)
		return axis, sizes, ok && len(sizes) == len(n.Out)
	}
	total, ok := d[axis].Int()
	if !ok {
		return axis, nil, false
	}
	k := int64(len(n.Out))
	chunk := (total + k - 1) / k
	for range n.Out {
		c := max(min(chunk, total), 0)
		sizes = append(sizes, c)
		total -= c
	}
	return axis, sizes, true
}

func shapeSplit(s *shaper) {
	d, ok := s.in(0)
	if !ok {
		return
	}
	axis, sizes, ok := s.g.SplitSizes(s.n)
	s.splits(d)
	for i := range s.n.Out {
		out := slices.Clone(d)
		if ok {
			out[axis] = Size(sizes[i])
		} else if axis < len(out) {
			out[axis] = Unknown
		}
		s.set(i, out)
		if s.n.Out[i] != nil && s.n.In[0] != nil {
			s.n.Out[i].Elem = s.n.In[0].Elem
		}
	}
}

func shapeFromInts(slot int) func(*shaper) {
	return func(s *shaper) {
		if t := s.ints(slot); t != nil {
			s.set(0, slices.Clone(t))
		} else if d, ok := s.in(slot); ok && len(d) == 1 {
			if k, ok := d[0].Int(); ok && k >= 0 && k < 64 {
				s.set(0, make([]Dim, k))
			}
		}
	}
}

func shapeConstantOfShape(s *shaper) {
	shapeFromInts(0)(s)
	s.elem(onnxio.Float32)
	if a := s.n.Attr("value"); a != nil && a.T != nil {
		s.elem(a.T.DType)
	}
}

func shapeExpand(s *shaper) {
	d, ok := s.in(0)
	t := s.ints(1)
	if ok && t != nil {
		s.set(0, Broadcast(d, t))
		return
	}
	shapeFromInts(1)(s)
}

func shapeTile(s *shaper) {
	d, ok := s.in(0)
	r := s.ints(1)
	if !ok || len(r) != len(d) {
		return
	}
	out := make([]Dim, len(d))
	for i := range d {
		out[i] = d[i].Times(r[i])
	}
	s.set(0, out)
}

func shapePad(s *shaper) {
	d, ok := s.in(0)
	if !ok {
		return
	}
	out := slices.Clone(d)
	pads, ok := s.g.Pads(s.n, len(d))
	if ok && s.n.Str("mode", "constant") == "reflect" {
		for i := range d {
			s.demand(AtLeast, 0, d[i], Size(max(pads[i], pads[len(d)+i])+1))
		}
	}
	for i := range out {
		if !ok {
			out[i] = Unknown
			continue
		}
		out[i] = out[i].Plus(Size(pads[i] + pads[len(d)+i]))
	}
	s.set(0, out)
}

// Pads returns the begin and end pads of a Pad node for every axis.
func (g *Graph) Pads(n *Node, rank int) ([]int64, bool) {
	s := &shaper{g: g, n: n}
	pads, ok := n.Ints("pads"), true
	if n.Attr("pads") == nil {
		if n.Attr("paddings") != nil {
			return nil, false
		}
		if pads, ok = s.numbers(1); !ok {
			return nil, false
		}
	}
	if len(n.In) > 3 && n.In[3] != nil {
		axes, ok := s.numbers(3)
		if !ok || len(pads) != 2*len(axes) {
			return nil, false
		}
		full := make([]int64, 2*rank)
		for i, a := range axes {
			k, ok := Axis(a, rank)
			if !ok {
				return nil, false
			}
			full[k], full[rank+k] = pads[i], pads[len(axes)+i]
		}
		return full, true
	}
	return pads, len(pads) == 2*rank
}

func shapeReduce(s *shaper) {
	d, ok := s.in(0)
	axes, given, known := s.axes()
	if !ok || !known {
		return
	}
	if !given && s.n.Int("noop_with_empty_axes", 0) != 0 || given && len(axes) == 0 && s.n.Int("noop_with_empty_axes", 0) != 0 {
		same(s)
		return
	}
	keep := s.n.Int("keepdims", 1) == 1
	var out []Dim
	for i, x := range d {
		hit := len(axes) == 0
		for _, a := range axes {
			k, _ := Axis(a, len(d))
			hit = hit || k == i
		}
		switch {
		case !hit:
			out = append(out, x)
		case keep:
			out = append(out, Size(1))
		}
	}
	s.set(0, out)
}

func shapeGlobalPool(s *shaper) {
	d, ok := s.in(0)
	if !ok || len(d) < 2 {
		return
	}
	out := slices.Clone(d)
	for i := 2; i < len(out); i++ {
		out[i] = Size(1)
	}
	s.set(0, out)
}

func shapeGemm(s *shaper) {
	a, ok := s.in(0)
	b, ok2 := s.in(1)
	if !ok || !ok2 || len(a) != 2 || len(b) != 2 {
		return
	}
	if s.n.Int("transA", 0) != 0 {
		a = []Dim{a[1], a[0]}
	}
	if s.n.Int("transB", 0) != 0 {
		b = []Dim{b[1], b[0]}
	}
	s.demand(Equals, 0, a[1], b[0])
	s.set(0, []Dim{a[0], b[1]})
}

func shapeMatMul(s *shaper) {
	a, ok := s.in(0)
	b, ok2 := s.in(1)
	if !ok || !ok2 || len(a) == 0 || len(b) == 0 {
		return
	}
	var out []Dim
	la, lb := a[:max(len(a)-2, 0)], b[:max(len(b)-2, 0)]
	out = Broadcast(la, lb)
	out = slices.Clone(out)
	s.broadcasts(0, lb, la)
	s.demand(Equals, 0, a[len(a)-1], b[max(len(b)-2, 0)])
	if len(a) > 1 {
		out = append(out, a[len(a)-2])
	}
	if len(b) > 1 {
		out = append(out, b[len(b)-1])
	}
	s.set(0, out)
}

func shapeDepthToSpace(s *shaper) {
	d, ok := s.in(0)
	if !ok || len(d) != 4 {
		return
	}
	b := Size(s.n.Int("blocksize", 1))
	c, ok := d[1].Over(b.Times(b))
	if !ok {
		c = Unknown
		s.demand(Multiple, 0, d[1], b.Times(b))
	}
	s.set(0, []Dim{d[0], c, d[2].Times(b), d[3].Times(b)})
}

func shapeSpaceToDepth(s *shaper) {
	d, ok := s.in(0)
	if !ok || len(d) != 4 {
		return
	}
	b := Size(s.n.Int("blocksize", 1))
	for _, size := range d[2:] {
		if _, ok := size.Over(b); !ok {
			s.demand(Multiple, 0, size, b)
		}
	}
	s.set(0, []Dim{d[0], d[1].Times(b).Times(b), d[2].FloorDiv(b), d[3].FloorDiv(b)})
}

func shapeRangeOp(s *shaper) {
	a, b, c := s.ints(0), s.ints(1), s.ints(2)
	if len(a) == 1 && len(b) == 1 && len(c) == 1 && c[0].Is(1) {
		n := b[0].Minus(a[0])
		if k, ok := n.Int(); ok {
			n = Size(max(k, 0))
		}
		s.set(0, []Dim{n})
		return
	}
	s.set(0, []Dim{Unknown})
}

func newShapeRules() map[string]func(*shaper) {
	m := map[string]func(*shaper){
		"Where": shapeWhere, "Cast": shapeCast, "CastLike": shapeCastLike, "Shape": shapeShape, "Size": shapeSize,
		"Constant": shapeConstant, "Reshape": shapeReshape, "Transpose": shapeTranspose, "Squeeze": shapeSqueeze,
		"Unsqueeze": shapeUnsqueeze, "Flatten": shapeFlatten, "Concat": shapeConcat, "Gather": shapeGather,
		"Slice": shapeSlice, "Split": shapeSplit, "ConstantOfShape": shapeConstantOfShape, "Expand": shapeExpand,
		"Tile": shapeTile, "Pad": shapePad, "GlobalAveragePool": shapeGlobalPool, "GlobalMaxPool": shapeGlobalPool,
		"Gemm": shapeGemm, "MatMul": shapeMatMul, "DepthToSpace": shapeDepthToSpace, "SpaceToDepth": shapeSpaceToDepth,
		"Range": shapeRangeOp, "Resize": shapeResize, "Upsample": shapeResize, "ConvTranspose": shapeConvTranspose, "Conv": shapeConv, "AveragePool": shapePool, "MaxPool": shapePool,
		"LpPool": shapePool, "Einsum": shapeEinsum, "TopK": shapeTopK, "ArgMax": shapeArg, "ArgMin": shapeArg,
		"BatchNormalization": shapeBatchNorm, "InstanceNormalization": shapeBatchNorm, "LayerNormalization": shapeLayerNorm, "RMSNormalization": shapeLayerNorm,
		"GroupNormalization": shapeGroupNorm, "PRelu": shapePRelu, "LSTM": shapeRecurrent(4), "GRU": shapeRecurrent(3), "RNN": shapeRecurrent(1),
		"GatherElements": shapeGatherElements, "NonZero": shapeNonZero, "DequantizeLinear": shapeQuantize(1), "QuantizeLinear": shapeQuantize(2),
	}
	for _, op := range []string{"Identity", "Dropout", "Relu", "Sigmoid", "Tanh",
		"Erf", "Exp", "Log", "Sqrt", "Neg", "Abs", "Reciprocal", "Floor", "Ceil", "Round", "Sign", "Not", "Softmax", "LogSoftmax", "Softplus", "Softsign",
		"Elu", "Selu", "Celu", "LeakyRelu", "ThresholdedRelu", "HardSigmoid", "HardSwish", "Mish", "Gelu", "Swish", "Clip", "LRN", "ScatterND", "ScatterElements",
		"CumSum", "Trilu", "EyeLike", "Sin", "Cos", "Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "Asinh", "Acosh", "Atanh",
		"Hardmax", "LpNormalization", "MeanVarianceNormalization", "ReverseSequence", "Shrink"} {
		m[op] = same
	}
	for _, op := range []string{"Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Sum", "Mean", "Mod"} {
		m[op] = broadcastAll
	}
	for _, op := range []string{"Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual", "And", "Or", "Xor", "IsNaN", "IsInf"} {
		m[op] = boolOut
	}
	for _, op := range []string{"ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSum", "ReduceLogSumExp"} {
		m[op] = shapeReduce
	}
	return m
}
