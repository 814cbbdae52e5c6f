package convert

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"repmlp/fuse"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// An emitter writes regions as nodes and weights with names of their own.
type emitter struct {
	*explainer
	opts   Options
	names  onnxio.Names
	edit   onnxio.Edit
	exact  map[string]func() ([]float64, error) // weights before rounding, for 16-bit types
	space  *sync.Pool
	before *onnxio.Node
	shapes map[string]string // shared shape constants
}

func (c *explainer) newEmitter(opts Options) *emitter {
	e := &emitter{explainer: c, opts: opts, names: onnxio.Names{}, exact: map[string]func() ([]float64, error){}, space: &sync.Pool{}, shapes: map[string]string{}}
	for _, n := range c.g.Nodes {
		e.names[n.Name] = true
		for _, o := range n.Outputs {
			e.names[o] = true
		}
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
	for {
		name := e.names.Fresh(base)
		if !slices.ContainsFunc(e.opts.reserved, func(m map[string]bool) bool { return m[name] }) {
			return name
		}
	}
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

// computed adds a merged weight as an initializer that is computed and rounded
// once when it is written.
func (e *emitter) computed(base string, d onnxio.DType, dims []int64, f folding, n *graph.Node) (string, error) {
	m := &merged{folding: f, elem: d, node: n, space: e.space}
	name := e.fresh(base)
	t, err := onnxio.NewComputed(name, d, dims, m)
	if err != nil {
		return "", err
	}
	e.edit.AddInits = append(e.edit.AddInits, t)
	if d == onnxio.Float16 || d == onnxio.BFloat16 {
		e.exact[name] = m.exact
	}
	return name, nil
}

// numbers adds a weight that was computed already.
func (e *emitter) numbers(base string, d onnxio.DType, dims []int64, v []float64, n *graph.Node) (string, error) {
	if why := unstorable(v, d, n); why != nil {
		return "", why
	}
	return e.computed(base, d, dims, whole{len(v), func() ([]float64, error) { return v, nil }}, n)
}

// region writes the nodes of one region; its weights are computed later. A
// *valueError, now or then, means that the region's numbers forbid the merge.
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
	e.edit.DropNodes = append(e.edit.DropNodes, inv.node.Node)
	if e.g.Opset < attributeless && !slices.ContainsFunc(inv.coef, func(f float64) bool { return f != 1 }) {
		operands := []string{part}
		for _, v := range inv.sum {
			operands = append(operands, v.Name)
		}
		e.node("Sum", total+".sum", total, operands)
		return
	}
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
}

func (e *emitter) conv(r *Region, in, out string) error {
	last := r.seg.steps[len(r.seg.steps)-1].node
	k := r.touch
	dims := []int64{int64(k.Out), int64(k.In / k.Groups)}
	var kernel, step, stride []int64
	for i := range k.Taps {
		dims = append(dims, int64(k.Taps[i]))
		kernel, step, stride = append(kernel, int64(k.Taps[i])), append(step, int64(k.Step[i])), append(stride, int64(k.Stride[i]))
	}
	var weight folding
	bias := whole{n: k.Out}
	var scaled *scaledConv
	var err error
	part := k.Size() < r.window.Size()
	if !part {
		scaled, err = e.scaled(r.seg)
	}
	switch {
	case err != nil:
		return err
	case scaled != nil:
		weight, bias.compute = scaled, scaled.foldBias
	default:
		s := &shared{fold: func() (*fuse.Kernel, error) {
			whole, err := e.kernel(r.seg)
			if err != nil || !part {
				return whole, err
			}
			if why := unstorable(whole.W, r.seg.to.Elem, last); why != nil {
				return nil, why
			}
			return whole.Within(k), nil
		}}
		weight = whole{k.Size(), func() ([]float64, error) { return s.take(false) }}
		bias.compute = func() ([]float64, error) { return s.take(true) }
	}
	t := r.seg.to.Elem
	w, err := e.computed(out+".weight", t, dims, weight, last)
	if err != nil {
		return err
	}
	b, err := e.computed(out+".bias", t, []int64{int64(k.Out)}, bias, last)
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
	var err error
	last := r.seg.steps[len(r.seg.steps)-1].node
	cur := in
	for i, m := range r.spell.steps {
		to := ""
		if i == len(r.spell.steps)-1 {
			to = out
		}
		switch {
		case m.op == "fc":
			cur, err = e.layer(r, m.dims, cur, to, out, last)
			if err != nil {
				return err
			}
		case m.op == "Transpose":
			cur = e.node("Transpose", out+".order", to, []string{cur}, onnxio.IntsAttr("perm", m.perm))
		case m.shape != nil:
			cur = e.node("Reshape", out+".view", to, []string{cur, e.runtime(m.shape, in, out)})
		default:
			cur = e.reshape(out+".view", to, cur, m.dims)
		}
	}
	return nil
}

// layer writes the FC itself.
func (e *emitter) layer(r *Region, dims []int64, in, to, base string, last *graph.Node) (string, error) {
	g, q, k := dims[0], dims[1], dims[2]
	form := r.spell.form
	if form == formSplit {
		return e.split(r, dims, in, to, base, last)
	}
	wdims, bdims, order := []int64{g, k, q}, []int64{g, 1, q}, fuse.ByInput
	switch {
	case form == formConv:
		wdims, bdims, order = []int64{g * q, k, 1, 1}, []int64{g * q}, fuse.ByOutput
	case form == formColumns && g == 1:
		wdims, bdims, order = []int64{q, k}, []int64{q, 1}, fuse.ByOutput
	case form == formColumns:
		wdims, bdims, order = []int64{g, q, k}, []int64{g, q, 1}, fuse.ByOutput
	case g == 1:
		wdims, bdims, order = []int64{q, k}, []int64{q}, fuse.ByOutput
	}
	f := r.rows.program.Folding(r.rows.form(), order)
	t := r.seg.to.Elem
	w, err := e.computed(base+".weight", t, wdims, f, last)
	if err != nil {
		return "", err
	}
	b, err := e.computed(base+".bias", t, bdims, whole{int(g * q), f.Bias}, last)
	if err != nil {
		return "", err
	}
	switch {
	case form == formConv:
		return e.node("Conv", base+".fc", to, []string{in, w, b}, onnxio.IntAttr("group", g), onnxio.IntsAttr("kernel_shape", []int64{1, 1})), nil
	case form == formColumns && g == 1 && !r.spell.trans:
		return e.node("Gemm", base+".fc", to, []string{w, in, b}), nil
	case form == formColumns && g == 1:
		return e.node("Gemm", base+".fc", to, []string{w, in, b}, onnxio.IntAttr("transB", 1)), nil
	case g == 1:
		return e.node("Gemm", base+".fc", to, []string{in, w, b}, e.broadcastRows(onnxio.IntAttr("transB", 1))...), nil
	}
	factors := []string{in, w}
	if form == formColumns {
		factors = []string{w, in}
	}
	y := e.node("MatMul", base+".product", "", factors)
	return e.node("Add", base+".fc", to, []string{y, b}), nil
}

// split writes one Gemm for each group between a Split and a Concat.
func (e *emitter) split(r *Region, dims []int64, in, to, base string, last *graph.Node) (string, error) {
	g, q, k := dims[0], dims[1], dims[2]
	t := r.seg.to.Elem
	bias := sync.OnceValues(r.rows.program.Folding(r.rows.form(), fuse.ByOutput).Bias)
	var parts, made []string
	for range g {
		parts = append(parts, e.fresh(base+".part"))
	}
	sizes := slices.Repeat([]int64{k}, int(g))
	inputs, attrs := []string{in}, []*onnxio.Attr{onnxio.IntAttr("axis", 1)}
	if e.g.Opset < 13 {
		attrs = append(attrs, onnxio.IntsAttr("split", sizes))
	} else {
		inputs = append(inputs, e.ints(sizes))
	}
	e.edit.AddNodes = append(e.edit.AddNodes, onnxio.Placed{Node: onnxio.NewNode(e.fresh(base+".split"), "Split", inputs, parts, attrs...), Before: e.before})
	for i := range g {
		f := r.rows.program.FoldingOf(r.rows.form(), fuse.ByOutput, int(i))
		w, err := e.computed(base+".weight", t, []int64{q, k}, f, last)
		if err != nil {
			return "", err
		}
		b, err := e.computed(base+".bias", t, []int64{q}, whole{int(q), func() ([]float64, error) {
			v, err := bias()
			if err != nil {
				return nil, err
			}
			return v[i*q:][:q], nil
		}}, last)
		if err != nil {
			return "", err
		}
		made = append(made, e.node("Gemm", base+".fc", "", []string{parts[i], w, b}, onnxio.IntAttr("transB", 1)))
	}
	return e.node("Concat", base+".groups", to, made, onnxio.IntAttr("axis", 1)), nil
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
	dims, attrs := e.beside(dims)
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
		w, err := e.numbers(out+q.name, r.seg.to.Elem, dims, q.v, last)
		if err != nil {
			return err
		}
		cur = e.node(q.op, out+q.name+"d", to, []string{cur, w}, attrs...)
	}
	return nil
}
