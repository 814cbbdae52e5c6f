package convert

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"repmlp/fuse"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// An emitter writes regions as nodes and weights with names of their own.
type emitter struct {
	*explainer
	opts   Options
	names  map[string]bool
	edit   onnxio.Edit
	exact  map[string][]float64 // weights before rounding, for 16-bit types
	before *onnxio.Node
	shapes map[string]string // shared shape constants
}

func (c *explainer) newEmitter(opts Options) *emitter {
	e := &emitter{explainer: c, opts: opts, names: map[string]bool{}, exact: map[string][]float64{}, shapes: map[string]string{}}
	for _, n := range c.g.Nodes {
		e.names[n.Name] = true
		for _, o := range n.Outputs {
			e.names[o] = true
		}
	}
	for name := range opts.reserved {
		e.names[name] = true
	}
	g := c.g.Model.Graph
	for _, t := range g.Inits {
		e.names[t.Name] = true
	}
	for _, v := range slices.Concat(g.Inputs, g.Outputs, g.ValueInfo) {
		e.names[v.Name] = true
	}
	for _, n := range c.g.Nodes {
		for _, s := range n.Subgraphs() {
			e.reserve(s)
		}
	}
	return e
}

// reserve keeps new names from being shadowed in a subgraph.
func (e *emitter) reserve(g *onnxio.Graph) {
	for _, n := range g.Nodes {
		for _, o := range n.Outputs {
			e.names[o] = true
		}
		for _, s := range n.Subgraphs() {
			e.reserve(s)
		}
	}
	for _, t := range g.Inits {
		e.names[t.Name] = true
	}
	for _, v := range g.Inputs {
		e.names[v.Name] = true
	}
}

// fresh returns a name that nothing in the model has.
func (e *emitter) fresh(base string) string {
	name := base
	for i := 2; e.names[name]; i++ {
		name = fmt.Sprintf("%s.%d", base, i)
	}
	e.names[name] = true
	return name
}

// node adds a node; out "" asks for a new value name.
func (e *emitter) node(op, base, out string, inputs []string, attrs ...*onnxio.Attr) string {
	if out == "" {
		out = e.fresh(base)
	}
	n := onnxio.NewNode(e.fresh(base+".node"), op, inputs, []string{out}, attrs...)
	e.edit.AddNodes = append(e.edit.AddNodes, onnxio.Placed{Node: n, Before: e.before})
	return out
}

func (e *emitter) ints(v []int64) string {
	key := strings.ReplaceAll(strings.Trim(fmt.Sprint(v), "[]"), " ", "x")
	if name, ok := e.shapes[key]; ok {
		return name
	}
	name := e.fresh("repmlp.shape." + key)
	e.shapes[key] = name
	e.edit.AddInits = append(e.edit.AddInits, onnxio.NewInts(name, []int64{int64(len(v))}, v))
	return name
}

// weight rounds v once to the type d and adds it as an initializer.
func (e *emitter) weight(base string, d onnxio.DType, dims []int64, v []float64, n *graph.Node) (string, error) {
	limit := math.MaxFloat64
	switch d {
	case onnxio.Float16:
		limit = 65520 // rounds to infinity from here on
	case onnxio.Float32:
		limit = math.MaxFloat32 * (1 + 0x1p-25)
	case onnxio.BFloat16:
		limit = 0x1.FFp127
	}
	for _, x := range v {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return "", &valueError{*refuse("non_finite_weight", "merging %q gives a weight of %g: one of its weights is not finite", n.Title(), x), n}
		}
		if math.Abs(x) >= limit {
			return "", &valueError{*refuse("fp16_overflow", "merging %q gives a weight of %g, which does not fit %s; keep float32 for this layer", n.Title(), x, d), n}
		}
	}
	b, err := onnxio.EncodeFloat64(v, d)
	if err != nil {
		return "", err
	}
	name := e.fresh(base)
	t, err := onnxio.NewTensor(name, d, dims, b)
	if err != nil {
		return "", err
	}
	e.edit.AddInits = append(e.edit.AddInits, t)
	if d == onnxio.Float16 || d == onnxio.BFloat16 {
		e.exact[name] = v
	}
	return name, nil
}

// region folds one region and writes its nodes. A *valueError means that the
// region's numbers forbid the merge.
func (e *emitter) region(r *Region) error {
	made := e.made[r.seg.to]
	last := r.seg.steps[len(r.seg.steps)-1].node
	out := r.seg.to.Name
	if made != nil {
		out = e.fresh(r.Value)
		r.Value = out
	} else if p := r.seg.to.Producer; p != nil {
		last = p
	}
	e.before = last.Node
	in := e.input(r.seg.from)
	var err error
	switch r.Kind {
	case "conv":
		err = e.conv(r, in, out)
	case "fc":
		err = e.fc(r, in, out)
	default:
		err = e.scale(r, in, out)
	}
	if err != nil {
		return err
	}
	if made != nil {
		e.rest(out, made)
		return nil
	}
	e.edit.DropNodes = append(e.edit.DropNodes, last.Node)
	return nil
}

// input returns the name of the region's input, repeating the pooling nodes
// that the plan moved in front of it.
func (e *emitter) input(v *graph.Value) string {
	inv := e.made[v]
	if inv == nil {
		return v.Name
	}
	inputs := slices.Clone(inv.node.Inputs)
	inputs[0] = e.input(inv.input)
	out := e.fresh(v.Name)
	n := inv.node.WithInputs(e.fresh(v.Name+".node"), inputs, []string{out})
	e.edit.AddNodes = append(e.edit.AddNodes, onnxio.Placed{Node: n, Before: e.before})
	return out
}

// rest adds the operands of a sum that are not part of the merged one.
func (e *emitter) rest(part string, inv *invented) {
	total := inv.node.Out[0].Name
	for i, v := range inv.sum {
		out := ""
		if i == len(inv.sum)-1 {
			out = total
		}
		operand := v.Name
		op := "Add"
		switch inv.coef[i] {
		case 1:
		case -1:
			op = "Sub"
		default:
			b, _ := onnxio.EncodeFloat64([]float64{inv.coef[i]}, v.Elem)
			t, err := onnxio.NewTensor(e.fresh(total+".coefficient"), v.Elem, nil, b)
			if err != nil {
				panic(err) // one number always fits
			}
			e.edit.AddInits = append(e.edit.AddInits, t)
			operand = e.node("Mul", total+".scaled", "", []string{operand, t.Name})
		}
		part = e.node(op, total+".sum", out, []string{part, operand})
	}
	e.edit.DropNodes = append(e.edit.DropNodes, inv.node.Node)
}

func (e *emitter) conv(r *Region, in, out string) error {
	k, err := e.kernel(r.seg)
	if err != nil {
		return err
	}
	last := r.seg.steps[len(r.seg.steps)-1].node
	dims := []int64{int64(k.Out), int64(k.In / k.Groups)}
	var kernel, step, stride []int64
	for i := range k.Taps {
		dims = append(dims, int64(k.Taps[i]))
		kernel, step, stride = append(kernel, int64(k.Taps[i])), append(step, int64(k.Step[i])), append(stride, int64(k.Stride[i]))
	}
	t := r.seg.to.Elem
	w, err := e.weight(out+".weight", t, dims, k.W, last)
	if err != nil {
		return err
	}
	b, err := e.weight(out+".bias", t, []int64{int64(k.Out)}, k.B, last)
	if err != nil {
		return err
	}
	if r.before != nil {
		in = e.node("Transpose", out+".map", "", []string{in}, onnxio.IntsAttr("perm", r.before))
	}
	to := out
	if r.after != nil {
		to = e.fresh(out + ".conv")
	}
	e.node("Conv", out, to, []string{in, w, b},
		onnxio.IntsAttr("dilations", step), onnxio.IntAttr("group", int64(k.Groups)), onnxio.IntsAttr("kernel_shape", kernel),
		onnxio.IntsAttr("pads", append(slices.Clone(r.begin), r.end...)), onnxio.IntsAttr("strides", stride))
	if r.after != nil {
		e.node("Transpose", out+".back", out, []string{to}, onnxio.IntsAttr("perm", r.after))
	}
	return nil
}

func (e *emitter) fc(r *Region, in, out string) error {
	f, err := r.rows.program.Fold(r.rows.form())
	if err != nil {
		return err
	}
	last := r.seg.steps[len(r.seg.steps)-1].node
	cur := in
	for i, m := range r.spell.steps {
		to := ""
		if i == len(r.spell.steps)-1 {
			to = out
		}
		switch {
		case m.op == "fc":
			cur, err = e.layer(r, f, m.dims, cur, to, out, last)
			if err != nil {
				return err
			}
		case m.op == "Transpose":
			cur = e.node("Transpose", out+".order", to, []string{cur}, onnxio.IntsAttr("perm", m.perm))
		case m.shape != nil:
			cur = e.node("Reshape", out+".view", to, []string{cur, e.runtime(m.shape, in, out)})
		default:
			cur = e.node("Reshape", out+".view", to, []string{cur, e.ints(m.dims)})
		}
	}
	return nil
}

// layer writes the FC itself: Gemm, batched MatMul and Add, or grouped Conv.
func (e *emitter) layer(r *Region, f *fuse.Folded, dims []int64, in, to, base string, last *graph.Node) (string, error) {
	g, q, k := dims[0], dims[1], dims[2]
	t := r.seg.to.Elem
	switch {
	case e.opts.FC == FCConv:
		w, err := e.weight(base+".weight", t, []int64{g * q, k, 1, 1}, f.W, last)
		if err != nil {
			return "", err
		}
		b, err := e.weight(base+".bias", t, []int64{g * q}, f.B, last)
		if err != nil {
			return "", err
		}
		return e.node("Conv", base+".fc", to, []string{in, w, b}, onnxio.IntAttr("group", g), onnxio.IntsAttr("kernel_shape", []int64{1, 1})), nil
	case g == 1:
		w, err := e.weight(base+".weight", t, []int64{q, k}, f.W, last)
		if err != nil {
			return "", err
		}
		b, err := e.weight(base+".bias", t, []int64{q}, f.B, last)
		if err != nil {
			return "", err
		}
		return e.node("Gemm", base+".fc", to, []string{in, w, b}, onnxio.IntAttr("transB", 1)), nil
	}
	w, err := e.weight(base+".weight", t, []int64{g, k, q}, transposed(f.W, int(g), int(q), int(k)), last)
	if err != nil {
		return "", err
	}
	b, err := e.weight(base+".bias", t, []int64{g, 1, q}, f.B, last)
	if err != nil {
		return "", err
	}
	y := e.node("MatMul", base+".product", "", []string{in, w})
	return e.node("Add", base+".fc", to, []string{y, b}), nil
}

// transposed turns [g, q, k] into [g, k, q], in tiles that fit the cache.
func transposed(w []float64, g, q, k int) []float64 {
	out := make([]float64, len(w))
	const tile = 32
	for b := range g {
		src, dst := w[b*q*k:], out[b*q*k:]
		for i0 := 0; i0 < q; i0 += tile {
			for j0 := 0; j0 < k; j0 += tile {
				for i := i0; i < min(i0+tile, q); i++ {
					for j := j0; j < min(j0+tile, k); j++ {
						dst[j*q+i] = src[i*k+j]
					}
				}
			}
		}
	}
	return out
}

// runtime builds a Reshape target from the shape of the region's input.
func (e *emitter) runtime(s *runtimeShape, in, base string) string {
	shape := e.node("Shape", base+".sizes", "", []string{in})
	var parts []string
	for _, d := range s.dims {
		if d.axis < 0 {
			parts = append(parts, e.ints([]int64{d.n}))
			continue
		}
		parts = append(parts, e.node("Gather", base+".size", "", []string{shape, e.ints([]int64{int64(d.axis)})}, onnxio.IntAttr("axis", 0)))
	}
	return e.node("Concat", base+".target", "", parts, onnxio.IntAttr("axis", 0))
}

func (e *emitter) scale(r *Region, in, out string) error {
	m := r.rows
	n := m.count(m.group)
	last := r.seg.steps[len(r.seg.steps)-1].node
	ones := slices.Repeat([]float64{1}, n)
	p := m.program
	shift, err := p.Push(make([]float64, n), 1, labels(m.group))
	if err != nil {
		return err
	}
	linear := *p
	linear.Ops = slices.Clone(p.Ops)
	for i := range linear.Ops {
		linear.Ops[i].Shift = nil
	}
	scale, err := linear.Push(ones, 1, labels(m.group))
	if err != nil {
		return err
	}
	var dims []int64
	weighted := map[graph.Atom]bool{}
	for _, a := range m.group {
		weighted[a] = true
	}
	for _, axis := range m.out {
		d := int64(1)
		if len(axis) > 0 && weighted[axis[0]] {
			d = int64(m.count(axis))
		}
		dims = append(dims, d)
	}
	cur := in
	type part struct {
		op, name string
		v        []float64
		skip     float64
	}
	var parts []part
	for _, q := range []part{{"Mul", ".scale", scale, 1}, {"Add", ".shift", shift, 0}} {
		if slices.ContainsFunc(q.v, func(x float64) bool { return x != q.skip }) {
			parts = append(parts, q)
		}
	}
	if len(parts) == 0 {
		e.node("Identity", out, out, []string{in})
		return nil
	}
	for i, q := range parts {
		to := ""
		if i == len(parts)-1 {
			to = out
		}
		w, err := e.weight(out+q.name, r.seg.to.Elem, dims, q.v, last)
		if err != nil {
			return err
		}
		cur = e.node(q.op, out+q.name+"d", to, []string{cur, w})
	}
	return nil
}
