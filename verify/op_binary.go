package verify

import (
	"fmt"
	"math"
	"slices"

	"repmlp/onnxio"
	"repmlp/verify/internal/kernel"
)

// A binary function on floats and on integers.
type binary struct {
	f  func(a, b float64) float64
	g  func(a, b int64) int64
	op byte                     // '+', '-', '*' or '/', which have loops of their own
	u  func(a, b uint64) uint64 // on uint64, where it differs from g
}

// apply works on two tensors with broadcasting. Float results are rounded once
// from float64, which for +, -, *, / equals arithmetic in the type itself.
func (b binary) apply(x, y *Tensor, d onnxio.DType) (*Tensor, error) {
	shape, err := broadcast(x.Shape, y.Shape)
	if err != nil {
		return nil, err
	}
	out := over(x, d, shape)
	if y.spare && !x.spare && slices.Equal(y.Shape, shape) {
		out = over(y, d, shape)
	}
	sx, sy := spread(x.Shape, shape), spread(y.Shape, shape)
	if out.Len() == 0 {
		return out, nil
	}
	if !x.DType.IsFloat() {
		if b.g == nil {
			return nil, unsupported("the Go engine lacks this operator for type %s", x.DType)
		}
		offs := make([]int, 0, out.Len())
		walk(shape, sy, func(_, o int) { offs = append(offs, o) })
		g := b.g
		if b.u != nil && x.DType == onnxio.Uint64 {
			g = func(a, c int64) int64 { return int64(b.u(uint64(a), uint64(c))) }
		}
		walk(shape, sx, func(i, o int) { out.I[i] = g(x.I[o], y.I[offs[i]]) })
		out.wrap()
		return out, nil
	}
	// Rows of the last axis, each with one stride per operand.
	axes, sx, sy := joined(shape, sx, sy)
	r := len(axes) - 1
	outer, inner, dx, dy := axes[:r], axes[r], sx[r], sy[r]
	rows := count(outer)
	ox, oy := make([]int, 0, rows), make([]int, 0, rows)
	walk(outer, sx[:r], func(_, o int) { ox = append(ox, o) })
	walk(outer, sy[:r], func(_, o int) { oy = append(oy, o) })
	kernel.Split(out.Len(), 1<<14, func(at, to int) {
		for at < to {
			row, i := at/inner, at%inner
			n := min(inner-i, to-at)
			b.row(out, x, y, at, n, ox[row]+i*dx, oy[row]+i*dy, dx, dy)
			at += n
		}
	})
	return out, nil
}

// row works out n elements of out from element at on; those of the operands begin
// at ox and oy and lie dx and dy apart.
func (b binary) row(out, x, y *Tensor, at, n, ox, oy, dx, dy int) {
	switch {
	case x.F32 != nil && y.F32 != nil && out.F32 != nil:
		if !basic(out.F32[at:][:n], x.F32[ox:], y.F32[oy:], dx, dy, b.op) {
			row32(out.F32[at:][:n], x.F32[ox:], y.F32[oy:], dx, dy, b.f)
		}
		return
	case x.F64 != nil && y.F64 != nil && out.F64 != nil:
		if basic(out.F64[at:][:n], x.F64[ox:], y.F64[oy:], dx, dy, b.op) {
			return
		}
	}
	for i := range n {
		v := b.f(x.Float(ox+i*dx), y.Float(oy+i*dy))
		switch {
		case out.F64 != nil:
			out.F64[at+i] = v
		case out.F32 != nil:
			out.F32[at+i] = float32(v)
		default:
			out.I[at+i] = int64(v)
		}
	}
}

// joined joins neighbouring axes that are one longer axis in both operands; there
// is at least one axis.
func joined(shape, sx, sy []int) (axes, x, y []int) {
	for i, n := range shape {
		k := len(axes) - 1
		switch {
		case n == 1:
		case k >= 0 && x[k] == sx[i]*n && y[k] == sy[i]*n:
			axes[k], x[k], y[k] = axes[k]*n, sx[i], sy[i]
		default:
			axes, x, y = append(axes, n), append(x, sx[i]), append(y, sy[i])
		}
	}
	if len(axes) == 0 {
		return []int{1}, []int{0}, []int{0}
	}
	return axes, x, y
}

// basic is a row of plain arithmetic, which float32 from rounded float64 equals.
func basic[T float](dst, x, y []T, dx, dy int, op byte) bool {
	if dx > 1 || dy > 1 || op == 0 {
		return false
	}
	n := len(dst)
	if dx == 0 && dy == 0 || n == 0 {
		return false
	}
	switch {
	case dx == 1 && dy == 1:
		x, y = x[:n], y[:n]
		switch op {
		case '+':
			for i, v := range x {
				dst[i] = v + y[i]
			}
		case '-':
			for i, v := range x {
				dst[i] = v - y[i]
			}
		case '*':
			for i, v := range x {
				dst[i] = v * y[i]
			}
		default:
			for i, v := range x {
				dst[i] = v / y[i]
			}
		}
	case dx == 1:
		x, s := x[:n], y[0]
		switch op {
		case '+':
			for i, v := range x {
				dst[i] = v + s
			}
		case '-':
			for i, v := range x {
				dst[i] = v - s
			}
		case '*':
			for i, v := range x {
				dst[i] = v * s
			}
		default:
			for i, v := range x {
				dst[i] = v / s
			}
		}
	default:
		s, y := x[0], y[:n]
		switch op {
		case '+':
			for i, v := range y {
				dst[i] = s + v
			}
		case '-':
			for i, v := range y {
				dst[i] = s - v
			}
		case '*':
			for i, v := range y {
				dst[i] = s * v
			}
		default:
			for i, v := range y {
				dst[i] = s / v
			}
		}
	}
	return true
}

func row32(dst, x, y []float32, dx, dy int, f func(a, b float64) float64) {
	a, b := 0, 0
	for i := range dst {
		dst[i] = float32(f(float64(x[a]), float64(y[b])))
		a, b = a+dx, b+dy
	}
}

func arithmetic(b binary) operator {
	return func(c *call) ([]*Tensor, error) {
		x, y, err := legacyBroadcast(c)
		if err != nil {
			return nil, err
		}
		out, err := b.apply(x, y, x.DType)
		return []*Tensor{out}, err
	}
}

// legacyBroadcast aligns the second operand by the axis attribute that opsets
// before 7 use.
func legacyBroadcast(c *call) (x, y *Tensor, err error) {
	x, y = c.in[0], c.in[1]
	if c.e.opset < 7 && c.n.Int("broadcast", 0) != 0 && c.n.Attr("axis") != nil {
		axis, err := axisOf(c.n.Int("axis", 0), len(x.Shape))
		if err != nil {
			return nil, nil, err
		}
		shape := slices.Clone(y.Shape)
		for len(shape)+axis < len(x.Shape) {
			shape = append(shape, 1)
		}
		y = y.view(shape)
	}
	return x, y, nil
}

func compare(f func(a, b float64) bool, g func(a, b int64) bool, u func(a, b uint64) bool) operator {
	bit := func(v bool) float64 {
		if v {
			return 1
		}
		return 0
	}
	b := binary{f: func(x, y float64) float64 { return bit(f(x, y)) }, g: func(x, y int64) int64 { return int64(bit(g(x, y))) }}
	if u != nil {
		b.u = func(x, y uint64) uint64 { return uint64(bit(u(x, y))) }
	}
	return func(c *call) ([]*Tensor, error) {
		x, y, err := legacyBroadcast(c)
		if err != nil {
			return nil, err
		}
		out, err := b.apply(x, y, onnxio.Bool)
		return []*Tensor{out}, err
	}
}

func variadic(b binary, mean bool) operator {
	return func(c *call) ([]*Tensor, error) {
		out := c.in[0]
		var err error
		for _, y := range c.in[1:] {
			if out, err = b.apply(out, y, out.DType); err != nil {
				return nil, err
			}
		}
		if mean {
			n := float64(len(c.in))
			return unaryOf(func(*call) func(float64) float64 { return func(x float64) float64 { return x / n } })(&call{n: c.n, in: []*Tensor{out}, e: c.e})
		}
		return []*Tensor{out}, nil
	}
}

func divUint(a, b uint64) uint64 {
	if b == 0 {
		return 0
	}
	return a / b
}

func divInt(a, b int64) int64 {
	if b == 0 {
		return 0
	}
	return a / b
}

func powInt(a, b int64) int64 { return int64(math.Pow(float64(a), float64(b))) }

func binaries() map[string]operator {
	add := binary{func(a, b float64) float64 { return a + b }, func(a, b int64) int64 { return a + b }, '+', nil}
	higher := binary{f: func(a, b float64) float64 { return math.Max(a, b) }, g: func(a, b int64) int64 { return max(a, b) }, u: func(a, b uint64) uint64 { return max(a, b) }}
	lower := binary{f: func(a, b float64) float64 { return math.Min(a, b) }, g: func(a, b int64) int64 { return min(a, b) }, u: func(a, b uint64) uint64 { return min(a, b) }}
	both := func(f func(a, b bool) bool) operator {
		return compare(nil, func(a, b int64) bool { return f(a != 0, b != 0) }, nil)
	}
	return map[string]operator{
		"Add": arithmetic(add), "Sub": subOp(binary{func(a, b float64) float64 { return a - b }, func(a, b int64) int64 { return a - b }, '-', nil}),
		"Mul": arithmetic(binary{func(a, b float64) float64 { return a * b }, func(a, b int64) int64 { return a * b }, '*', nil}),
		"Div": arithmetic(binary{func(a, b float64) float64 { return a / b }, divInt, '/', divUint}),
		"Pow": pow,
		"Mod": mod,
		"Sum": variadic(add, false), "Mean": variadic(add, true), "Max": variadic(higher, false), "Min": variadic(lower, false),
		"Equal":          compare(func(a, b float64) bool { return a == b }, func(a, b int64) bool { return a == b }, nil),
		"Less":           compare(func(a, b float64) bool { return a < b }, func(a, b int64) bool { return a < b }, func(a, b uint64) bool { return a < b }),
		"LessOrEqual":    compare(func(a, b float64) bool { return a <= b }, func(a, b int64) bool { return a <= b }, func(a, b uint64) bool { return a <= b }),
		"Greater":        compare(func(a, b float64) bool { return a > b }, func(a, b int64) bool { return a > b }, func(a, b uint64) bool { return a > b }),
		"GreaterOrEqual": compare(func(a, b float64) bool { return a >= b }, func(a, b int64) bool { return a >= b }, func(a, b uint64) bool { return a >= b }),
		"And":            both(func(a, b bool) bool { return a && b }), "Or": both(func(a, b bool) bool { return a || b }), "Xor": both(func(a, b bool) bool { return a != b }),
		"Not": func(c *call) ([]*Tensor, error) {
			out := like(c.in[0], onnxio.Bool, c.in[0].Shape)
			for i, v := range c.in[0].I {
				out.I[i] = 1 - v
			}
			return []*Tensor{out}, nil
		},
		"Where": where, "PRelu": prelu, "Clip": clip,
	}
}

// subOp adds magnitudes in Absolute mode.
func subOp(b binary) operator {
	plus := arithmetic(binary{func(a, b float64) float64 { return a + b }, func(a, b int64) int64 { return a + b }, '+', nil})
	minus := arithmetic(b)
	return func(c *call) ([]*Tensor, error) {
		if c.e.mode == Absolute && c.in[0].DType.IsFloat() {
			return plus(c)
		}
		return minus(c)
	}
}

func pow(c *call) ([]*Tensor, error) {
	x, y, err := legacyBroadcast(c)
	if err != nil {
		return nil, err
	}
	if !x.DType.IsFloat() && !y.DType.IsFloat() {
		out, err := binary{f: math.Pow, g: powInt}.apply(x, y, x.DType)
		return []*Tensor{out}, err
	}
	if !x.DType.IsFloat() {
		f := like(&Tensor{F64: []float64{}, arena: c.e.arena}, onnxio.Float64, x.Shape)
		for i, v := range x.I {
			f.F64[i] = float64(v)
		}
		out, err := binary{f: math.Pow}.apply(f, y, onnxio.Float64)
		if err != nil {
			return nil, err
		}
		r := like(x, x.DType, out.Shape)
		for i, v := range out.F64 {
			r.I[i] = int64(v)
		}
		return []*Tensor{r}, nil
	}
	out, err := binary{f: math.Pow}.apply(x, y, x.DType)
	return []*Tensor{out}, err
}

func mod(c *call) ([]*Tensor, error) {
	floor := func(a, b int64) int64 {
		if b == 0 {
			return 0
		}
		r := a % b
		if r != 0 && (r < 0) != (b < 0) {
			r += b
		}
		return r
	}
	trunc := func(a, b int64) int64 {
		if b == 0 {
			return 0
		}
		return a % b
	}
	b := binary{f: math.Mod, g: floor}
	if c.n.Int("fmod", 0) != 0 {
		b.g = trunc
	}
	b.u = func(a, c uint64) uint64 { return a - divUint(a, c)*c }
	out, err := b.apply(c.in[0], c.in[1], c.in[0].DType)
	return []*Tensor{out}, err
}

func prelu(c *call) ([]*Tensor, error) {
	x, slope := c.in[0], c.in[1]
	if c.e.opset < 7 && slope.Len() > 1 {
		shape := []int{slope.Len()}
		for len(shape) < len(x.Shape)-1 {
			shape = append(shape, 1)
		}
		slope = slope.view(shape)
	}
	out, err := binary{f: func(a, b float64) float64 {
		if a < 0 {
			return a * b
		}
		return a
	}, g: func(a, b int64) int64 {
		if a < 0 {
			return a * b
		}
		return a
	}}.apply(x, slope, x.DType)
	return []*Tensor{out}, err
}

func where(c *call) ([]*Tensor, error) {
	shape, err := broadcast(c.in[0].Shape, c.in[1].Shape)
	if err == nil {
		shape, err = broadcast(shape, c.in[2].Shape)
	}
	if err != nil {
		return nil, err
	}
	out := like(c.in[1], c.in[1].DType, shape)
	var offs [3][]int
	for k := range offs {
		walk(shape, spread(c.in[k].Shape, shape), func(_, o int) { offs[k] = append(offs[k], o) })
	}
	for i := range out.Len() {
		k := 2
		if c.in[0].I[offs[0][i]] != 0 {
			k = 1
		}
		copyElement(out, i, c.in[k], offs[k][i])
	}
	return []*Tensor{out}, nil
}

// copyElement sets element i of dst to element j of src; both have one type.
func copyElement(dst *Tensor, i int, src *Tensor, j int) {
	switch {
	case dst.F32 != nil:
		dst.F32[i] = src.F32[j]
	case dst.F64 != nil:
		dst.F64[i] = src.F64[j]
	default:
		dst.I[i] = src.I[j]
	}
}

func cast(c *call) ([]*Tensor, error) {
	x := c.in[0]
	to := onnxio.DType(c.n.Int("to", 1))
	if c.n.OpType == "CastLike" {
		to = c.n.Out[0].Elem
		if c.has(1) {
			to = c.in[1].DType
		}
	}
	if !to.IsFloat() && !to.IsInt() && to != onnxio.Bool {
		return nil, unsupported("the Go engine cannot cast to %s", to)
	}
	if !x.DType.IsFloat() && !x.DType.IsInt() && x.DType != onnxio.Bool {
		return nil, unsupported("the Go engine cannot cast from %s", x.DType)
	}
	ref := &Tensor{arena: c.e.arena}
	if c.e.mode != Single {
		ref.F64 = []float64{}
	}
	out := like(ref, to, x.Shape)
	rounds := to != onnxio.Float64 && to != x.DType && (x.I != nil || to.Bits() <= x.DType.Bits())
	for i := range x.Len() {
		switch {
		case to == onnxio.Bool:
			if x.Float(i) != 0 {
				out.I[i] = 1
			}
		case out.I != nil && x.I != nil:
			out.I[i] = x.I[i]
		case out.I != nil:
			v := x.Float(i)
			if math.IsNaN(v) {
				return nil, fmt.Errorf("casting NaN to %s", to)
			}
			if out.I[i] = int64(math.Trunc(v)); to == onnxio.Uint64 && v >= 1<<63 {
				out.I[i] = int64(uint64(v))
			}
		case out.F64 != nil && rounds: // in float64 runs too: rounding is what the node is for
			out.F64[i] = float64(roundTo(x.Float(i), to))
		case out.F64 != nil:
			out.F64[i] = x.Float(i)
		default:
			out.F32[i] = roundTo(x.Float(i), to)
		}
	}
	out.wrap()
	return []*Tensor{out}, nil
}

func roundTo(v float64, d onnxio.DType) float32 {
	if d == onnxio.Float32 {
		return float32(v)
	}
	b, err := onnxio.EncodeFloat64([]float64{v}, d)
	if err != nil {
		panic(err)
	}
	var f [1]float64
	if err := onnxio.DecodeFloat64(f[:], b, d); err != nil {
		panic(err)
	}
	return float32(f[0])
}
