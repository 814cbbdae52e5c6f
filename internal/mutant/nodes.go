package mutant

import (
	"slices"

	"repmlp/onnxio"
)

// A piece is what addNode puts behind a value: nodes from one value to another.
type piece struct {
	nodes []*node
	last  string
}

// chain builds a piece; every call adds a node that reads what the last one made.
type chain struct {
	mu *mutator
	piece
}

func (c *chain) add(op string, more []string, attrs ...*attr) {
	out := c.mu.fresh(c.last + "_" + op)
	name := c.mu.fresh("mutant_" + op)
	c.nodes = append(c.nodes, &node{name: name, op: op, in: append([]string{c.last}, more...), out: []string{out}, attrs: attrs})
	c.last = out
}

// channels is the size of axis 1 of a value, or of its last axis where it has
// two; 0 where unknown.
func (f fact) channels() int64 {
	if !f.known || len(f.dims) < 2 || f.dims[1] < 0 {
		return 0
	}
	return f.dims[1]
}

// addNode puts something behind a value: what changes nothing, or does.
func (mu *mutator) addNode() bool {
	name, by := mu.value(func(_ string, f fact) bool { return f.elem.IsFloat() && f.known && len(f.dims) > 0 })
	if by == nil {
		return false
	}
	if mu.chance(5) && len(mu.g.inputs) > 0 { // behind an input
		v := pick(mu.r, mu.g.inputs)
		if mu.facts[v.name].elem.IsFloat() && mu.facts[v.name].known {
			name, by = v.name, nil
		}
	}
	c := &chain{mu, piece{last: name}}
	if !mu.fill(c, mu.facts[name]) {
		return false
	}
	at := 0
	if by != nil {
		at = mu.at(by) + 1
	}
	// All readers, or one branch.
	one := mu.chance(3)
	type place struct {
		n    *node
		slot int
	}
	var all []place
	mu.readers(name, 0, func(n *node, slot int) { all = append(all, place{n, slot}) })
	if len(all) == 0 {
		return false
	}
	if one {
		all = []place{pick(mu.r, all)}
	}
	for _, p := range all {
		p.n.in[p.slot] = c.last
	}
	mu.insert(at, c.nodes...)
	return true
}

// fill adds the nodes behind a value of which f is known.
func (mu *mutator) fill(c *chain, f fact) bool {
	rank := len(f.dims)
	elem := mu.float()
	ch := f.channels()
	small := func(int) float64 { return mu.r.NormFloat64() }
	// A constant that broadcasts along the channels, or another way.
	constant := func() string {
		dims := [][]int64{nil, {1}}
		if ch > 0 && ch < 1<<12 {
			along := []int64{ch}
			for range rank - 2 {
				along = append(along, 1)
			}
			dims = append(dims, along, along, append([]int64{1}, along...))
		}
		if last := f.dims[rank-1]; last > 0 && last < 1<<12 {
			dims = append(dims, []int64{last})
		}
		return mu.floats("mutant_const", elem, pick(mu.r, dims), small)
	}
	axes := func(op string, v ...int64) {
		if mu.version() < 13 {
			c.add(op, nil, intsAttr("axes", v...))
		} else {
			c.add(op, []string{mu.ints("axes", v...)})
		}
	}
	perm := func(a, b int) *attr {
		p := make([]int64, rank)
		for i := range p {
			p[i] = int64(i)
		}
		p[a], p[b] = p[b], p[a]
		return intsAttr("perm", p...)
	}
	zero := func(n int, from int) []int64 {
		v := make([]int64, n)
		for i := range v {
			if i%(n/2) >= from && !mu.chance(3) {
				v[i] = int64(mu.r.IntN(3))
			}
		}
		return v
	}
	switch mu.r.IntN(22) {
	case 0:
		c.add("Identity", nil)
	case 1:
		c.add("Cast", nil, intAttr("to", int64(pick(mu.r, []onnxio.DType{onnxio.Float64, elem, onnxio.Float32}))))
		c.add("Cast", nil, intAttr("to", int64(elem)))
	case 2:
		if rank < 2 {
			return false
		}
		a, b := mu.r.IntN(rank), mu.r.IntN(rank)
		c.add("Transpose", nil, perm(a, b))
		if mu.chance(2) {
			c.add("Add", []string{mu.floats("mutant_const", elem, nil, small)})
		}
		c.add("Transpose", nil, perm(a, b))
	case 3: // the same shape, or axes joined
		shape := make([]int64, rank)
		if mu.chance(3) && rank > 2 {
			shape = []int64{0, 0, -1}
			c.add("Reshape", []string{mu.ints("shape", shape...)})
			back := slices.Clone(f.dims)
			if back[0] < 0 {
				back[0] = 0
			}
			if slices.Index(back[1:], -1) != slices.Index(back, -1)-1 {
				return false
			}
			c.add("Reshape", []string{mu.ints("shape", back...)})
			break
		}
		c.add("Reshape", []string{mu.ints("shape", shape...)})
	case 4:
		axis := int64(mu.r.IntN(rank + 1))
		axes("Unsqueeze", axis)
		if mu.chance(2) {
			c.add("Relu", nil)
		}
		axes("Squeeze", axis)
	case 5, 6, 7:
		if ch == 0 || ch > 1<<12 {
			return false
		}
		positive := func(int) float64 { return 0.1 + mu.r.Float64() }
		dims := []int64{ch}
		n := []string{mu.floats("bn_scale", elem, dims, small), mu.floats("bn_bias", elem, dims, small), mu.floats("bn_mean", elem, dims, small), mu.floats("bn_var", elem, dims, positive)}
		c.add("BatchNormalization", n, floatAttr("epsilon", pick(mu.r, []float32{1e-5, 1e-3})))
	case 8, 9, 10:
		k := constant()
		op := pick(mu.r, []string{"Add", "Sub", "Mul", "Div"})
		c.add(op, []string{k})
		if mu.chance(3) {
			last := c.nodes[len(c.nodes)-1]
			last.in[0], last.in[1] = last.in[1], last.in[0]
		}
	case 11:
		if rank < 3 {
			return false
		}
		pads := zero(2*rank, 2)
		if mu.version() < 11 {
			c.add("Pad", nil, intsAttr("pads", pads...), stringAttr("mode", pick(mu.r, []string{"constant", "reflect", "edge"})))
		} else {
			more := []string{mu.ints("pads", pads...)}
			if mu.chance(3) {
				more = append(more, mu.floats("pad_value", elem, nil, small))
			}
			c.add("Pad", more, stringAttr("mode", pick(mu.r, []string{"constant", "constant", "reflect", "edge"})))
		}
	case 12:
		c.add(pick(mu.r, []string{"Relu", "Sigmoid", "Tanh", "Neg", "Abs", "Dropout", "Softplus", "HardSwish"}), nil)
	case 13:
		if rank < 3 {
			return false
		}
		window := make([]int64, rank-2)
		pads := make([]int64, 2*(rank-2))
		size := int64(2 + mu.r.IntN(2))
		for i := range window {
			window[i] = size
		}
		for i := range pads {
			pads[i] = int64(mu.r.IntN(2))
		}
		attrs := []*attr{intsAttr("kernel_shape", window...), intsAttr("pads", pads...)}
		if mu.chance(3) {
			attrs = append(attrs, intAttr("ceil_mode", 1))
		}
		op := pick(mu.r, []string{"AveragePool", "AveragePool", "MaxPool"})
		if op == "AveragePool" && mu.chance(2) {
			attrs = append(attrs, intAttr("count_include_pad", 1))
		}
		c.add(op, nil, attrs...)
	case 14, 15: // another layer, with one or more groups
		if ch == 0 || ch > 256 || rank < 3 {
			return false
		}
		group := int64(1)
		if mu.chance(3) {
			group = ch
		} else if ch%2 == 0 && mu.chance(2) {
			group = 2
		}
		k := int64(pick(mu.r, []int{1, 1, 3, 2}))
		dims := []int64{ch, ch / group}
		var pads []int64
		for range rank - 2 {
			dims = append(dims, k)
		}
		for range rank - 2 {
			pads = append(pads, (k-1)/2)
		}
		for range rank - 2 {
			pads = append(pads, k/2)
		}
		in := []string{mu.floats("conv_w", elem, dims, func(int) float64 { return mu.r.NormFloat64() / 4 })}
		if mu.chance(2) {
			in = append(in, mu.floats("conv_b", elem, []int64{ch}, small))
		}
		c.add(pick(mu.r, []string{"Conv", "Conv", "Conv", "ConvTranspose"}), in, intAttr("group", group), intsAttr("pads", pads...))
		if last := c.nodes[len(c.nodes)-1]; last.op == "ConvTranspose" && k == 2 {
			last.drop("pads")
		}
	case 16: // a layer on the last axis
		n := f.dims[rank-1]
		if n <= 0 || n > 256 {
			return false
		}
		c.add("MatMul", []string{mu.floats("fc_w", elem, []int64{n, n}, func(int) float64 { return mu.r.NormFloat64() / 4 })})
	case 17:
		axis := int64(mu.r.IntN(rank))
		from := c.last
		c.add(pick(mu.r, []string{"ReduceMean", "ReduceMean", "ReduceMax"}), mu.reduceAxes(axis), mu.reduceAttrs(axis)...)
		c.add(pick(mu.r, []string{"Add", "Sub", "Mul"}), []string{from})
	case 18: // parts of the channels, put together again
		if ch < 2 || ch%2 != 0 || mu.version() < 13 || mu.version() >= 18 {
			return false
		}
		second := mu.fresh("mutant_half")
		c.add("Split", nil, intAttr("axis", 1))
		split := c.nodes[len(c.nodes)-1]
		split.out = append(split.out, second)
		if mu.chance(2) {
			c.add("Relu", nil)
		}
		if mu.chance(2) {
			second, split.out[0], split.out[1] = split.out[0], split.out[1], split.out[0]
		}
		c.add("Concat", []string{second}, intAttr("axis", 1))
	case 19:
		if mu.version() < 11 {
			return false
		}
		c.add("Clip", pick(mu.r, [][]string{nil, {mu.floats("low", elem, nil, func(int) float64 { return -3e38 })}, {mu.floats("low", elem, nil, func(int) float64 { return -1 })}}))
	case 20: // a skip connection around it
		from := c.last
		c.add(pick(mu.r, []string{"Identity", "Relu", "Neg"}), nil)
		c.add(pick(mu.r, []string{"Add", "Sub", "Mul"}), []string{from})
	default: // its own shape
		from := c.last
		c.add("Shape", nil)
		shape := c.last
		c.last = from
		c.add("Reshape", []string{shape})
	}
	return true
}

func (mu *mutator) reduceAxes(axis int64) []string {
	if mu.version() < 18 {
		return nil
	}
	return []string{mu.ints("axes", axis)}
}

func (mu *mutator) reduceAttrs(axis int64) []*attr {
	attrs := []*attr{intAttr("keepdims", 1)}
	if mu.version() < 18 {
		attrs = append(attrs, intsAttr("axes", axis))
	}
	return attrs
}

// duplicate makes a second node of the same kind and inputs, for some of the
// readers, or for a sum with the first.
func (mu *mutator) duplicate() bool {
	name, by := mu.value(func(_ string, f fact) bool { return f.elem.IsFloat() })
	if by == nil {
		return false
	}
	c := by.clone()
	c.name = mu.fresh("mutant_twin")
	for i := range c.out {
		if c.out[i] != "" {
			c.out[i] = mu.fresh(c.out[i] + "_twin")
		}
	}
	at := mu.at(by) + 1
	if mu.chance(2) { // the sum of both
		sum := &node{name: mu.fresh("mutant_sum"), op: pick(mu.r, []string{"Add", "Add", "Sub", "Mul"}), in: []string{name, c.out[0]}, out: []string{mu.fresh(name + "_sum")}}
		mu.readers(name, 0, func(n *node, slot int) { n.in[slot] = sum.out[0] })
		mu.insert(at, c, sum)
		return true
	}
	mu.readers(name, 0, func(n *node, slot int) {
		if mu.chance(2) {
			n.in[slot] = c.out[0]
		}
	})
	mu.insert(at, c)
	return true
}

// remove has the readers of a node read what it reads.
func (mu *mutator) remove() bool {
	name, by := mu.value(func(string, fact) bool { return true })
	if by == nil || len(by.in) == 0 || by.in[0] == "" {
		return false
	}
	mu.readers(name, 0, func(n *node, slot int) { n.in[slot] = by.in[0] })
	return true
}
