package operator

import (
	"math"
	"slices"

	"repmlp/onnxio"
	"repmlp/verify/internal/kernel"
	"repmlp/verify/internal/tensor"
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
func (b binary) apply(x, y *Value, d onnxio.DType) (*Value, error) {
	shape, err := tensor.Broadcast(x.Shape, y.Shape)
	if err != nil {
		return nil, err
	}
	out := over(x, d, shape)
	if y.Spare && !x.Spare && slices.Equal(y.Shape, shape) {
		out = over(y, d, shape)
	}
	sx, sy := tensor.Spread(x.Shape, shape), tensor.Spread(y.Shape, shape)
	if out.Len() == 0 {
		return out, nil
	}
	if !x.DType.IsFloat() {
		if b.g == nil {
			return nil, Unsupportedf("the Go engine lacks this operator for type %s", x.DType)
		}
		offs := make([]int, 0, out.Len())
		tensor.Walk(shape, sy, func(_, o int) { offs = append(offs, o) })
		g := b.g
		if b.u != nil && x.DType == onnxio.Uint64 {
			g = func(a, c int64) int64 { return int64(b.u(uint64(a), uint64(c))) }
		}
		tensor.Walk(shape, sx, func(i, o int) { out.I[i] = g(x.I[o], y.I[offs[i]]) })
		out.wrap()
		return out, nil
	}
	// Rows of the last axis, each with one stride per operand.
	axes, sx, sy := joined(shape, sx, sy)
	r := len(axes) - 1
	outer, inner, dx, dy := axes[:r], axes[r], sx[r], sy[r]
	rows := tensor.Count(outer)
	ox, oy := make([]int, 0, rows), make([]int, 0, rows)
	tensor.Walk(outer, sx[:r], func(_, o int) { ox = append(ox, o) })
	tensor.Walk(outer, sy[:r], func(_, o int) { oy = append(oy, o) })
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
func (b binary) row(out, x, y *Value, at, n, ox, oy, dx, dy int) {
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

// basic is a row of plain arithmetic, which float32 from rounded float64 equals. It
// reports false where there is no loop for it.
func basic[T kernel.Float](dst, x, y []T, dx, dy int, op byte) bool {
	n := len(dst)
	if dx > 1 || dy > 1 || dx == 0 && dy == 0 || n == 0 {
		return false
	}
	switch op {
	case '+':
		addRow(dst, x, y, dx, dy)
	case '-':
		subRow(dst, x, y, dx, dy)
	case '*':
		mulRow(dst, x, y, dx, dy)
	case '/':
		divRow(dst, x, y, dx, dy)
	default:
		return false
	}
	return true
}

// The rows of basic: x or y may be one number, whose stride is 0.

func addRow[T kernel.Float](dst, x, y []T, dx, dy int) {
	switch {
	case dx == 0:
		s := x[0]
		for i, v := range y[:len(dst)] {
			dst[i] = s + v
		}
	case dy == 0:
		s := y[0]
		for i, v := range x[:len(dst)] {
			dst[i] = v + s
		}
	default:
		y = y[:len(dst)]
		for i, v := range x[:len(dst)] {
			dst[i] = v + y[i]
		}
	}
}

func subRow[T kernel.Float](dst, x, y []T, dx, dy int) {
	switch {
	case dx == 0:
		s := x[0]
		for i, v := range y[:len(dst)] {
			dst[i] = s - v
		}
	case dy == 0:
		s := y[0]
		for i, v := range x[:len(dst)] {
			dst[i] = v - s
		}
	default:
		y = y[:len(dst)]
		for i, v := range x[:len(dst)] {
			dst[i] = v - y[i]
		}
	}
}

func mulRow[T kernel.Float](dst, x, y []T, dx, dy int) {
	switch {
	case dx == 0:
		s := x[0]
		for i, v := range y[:len(dst)] {
			dst[i] = s * v
		}
	case dy == 0:
		s := y[0]
		for i, v := range x[:len(dst)] {
			dst[i] = v * s
		}
	default:
		y = y[:len(dst)]
		for i, v := range x[:len(dst)] {
			dst[i] = v * y[i]
		}
	}
}

func divRow[T kernel.Float](dst, x, y []T, dx, dy int) {
	switch {
	case dx == 0:
		s := x[0]
		for i, v := range y[:len(dst)] {
			dst[i] = s / v
		}
	case dy == 0:
		s := y[0]
		for i, v := range x[:len(dst)] {
			dst[i] = v / s
		}
	default:
		y = y[:len(dst)]
		for i, v := range x[:len(dst)] {
			dst[i] = v / y[i]
		}
	}
}

func row32(dst, x, y []float32, dx, dy int, f func(a, b float64) float64) {
	a, b := 0, 0
	for i := range dst {
		dst[i] = float32(f(float64(x[a]), float64(y[b])))
		a, b = a+dx, b+dy
	}
}

func arithmetic(b binary) Kernel {
	return func(c *Call) ([]*Value, error) {
		x, y, err := legacyBroadcast(c)
		if err != nil {
			return nil, err
		}
		out, err := b.apply(x, y, x.DType)
		return []*Value{out}, err
	}
}

// legacyBroadcast aligns the second operand by the axis attribute that opsets
// before 7 use.
func legacyBroadcast(c *Call) (x, y *Value, err error) {
	x, y = c.In[0], c.In[1]
	if c.Run.Opset < 7 && c.Node.AttrInt("broadcast") != 0 && c.Node.Attr("axis") != nil {
		axis, err := tensor.AxisOf(c.Node.AttrInt("axis"), len(x.Shape))
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

func variadic(b binary, mean bool) Kernel {
	return func(c *Call) ([]*Value, error) {
		out := c.In[0]
		var err error
		for _, y := range c.In[1:] {
			if out, err = b.apply(out, y, out.DType); err != nil {
				return nil, err
			}
		}
		if mean {
			n := float64(len(c.In))
			return unaryOf(func(*Call) func(float64) float64 { return func(x float64) float64 { return x / n } })(&Call{Node: c.Node, In: []*Value{out}, Run: c.Run})
		}
		return []*Value{out}, nil
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

// The binary functions of more than one operator.
var (
	addition = binary{f: func(a, b float64) float64 { return a + b }, g: func(a, b int64) int64 { return a + b }, op: '+'}
	higher   = binary{f: math.Max, g: func(a, b int64) int64 { return max(a, b) }, u: func(a, b uint64) uint64 { return max(a, b) }}
	lower    = binary{f: math.Min, g: func(a, b int64) int64 { return min(a, b) }, u: func(a, b uint64) uint64 { return min(a, b) }}
)

func add() Kernel { return arithmetic(addition) }

func mul() Kernel {
	return arithmetic(binary{f: func(a, b float64) float64 { return a * b }, g: func(a, b int64) int64 { return a * b }, op: '*'})
}

func div() Kernel {
	return arithmetic(binary{f: func(a, b float64) float64 { return a / b }, g: divInt, op: '/', u: divUint})
}

// sub adds magnitudes.
func sub() Kernel {
	return onMagnitudes(arithmetic(binary{f: func(a, b float64) float64 { return a - b }, g: func(a, b int64) int64 { return a - b }, op: '-'}), add())
}

func pow(c *Call) ([]*Value, error) {
	x, y, err := legacyBroadcast(c)
	if err != nil {
		return nil, err
	}
	if !x.DType.IsFloat() && !y.DType.IsFloat() {
		out, err := binary{f: math.Pow, g: powInt}.apply(x, y, x.DType)
		return []*Value{out}, err
	}
	if !x.DType.IsFloat() {
		f := Like(x, onnxio.Float64, x.Shape)
		for i, v := range x.I {
			f.F64[i] = float64(v)
		}
		out, err := binary{f: math.Pow}.apply(f, y, onnxio.Float64)
		if err != nil {
			return nil, err
		}
		r := Like(x, x.DType, out.Shape)
		for i, v := range out.F64 {
			r.I[i] = int64(v)
		}
		return []*Value{r}, nil
	}
	out, err := binary{f: math.Pow}.apply(x, y, x.DType)
	return []*Value{out}, err
}

func mod(c *Call) ([]*Value, error) {
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
	if c.Node.AttrInt("fmod") != 0 {
		b.g = trunc
	}
	b.u = func(a, c uint64) uint64 { return a - divUint(a, c)*c }
	out, err := b.apply(c.In[0], c.In[1], c.In[0].DType)
	return []*Value{out}, err
}
