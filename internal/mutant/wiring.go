package mutant

import (
	"slices"

	"repmlp/onnxio"
)

// inputSizes changes the declared sizes of an input.
func (mu *mutator) inputSizes() bool {
	if len(mu.g.inputs) == 0 {
		return false
	}
	v := pick(mu.r, mu.g.inputs)
	if len(v.dims) == 0 || mu.init(v.name) != nil {
		return false
	}
	i := mu.r.IntN(len(v.dims))
	free := []string{"N", "H", "W", "d", ""}
	switch mu.r.IntN(8) {
	case 0:
		v.dims[0] = onnxio.Dim{Param: pick(mu.r, free)}
	case 1:
		v.dims[i] = onnxio.Dim{Param: pick(mu.r, free)}
	case 2:
		for k := 2; k < len(v.dims); k++ {
			v.dims[k] = onnxio.Dim{Param: free[k%len(free)]}
		}
	case 3:
		for k := range v.dims {
			v.dims[k] = onnxio.Dim{Param: "same"}
		}
	case 4:
		v.dims[0] = onnxio.Dim{Value: int64(pick(mu.r, []int{0, 1, 2, 3, 5})), Known: true}
	case 5:
		v.dims[i] = onnxio.Dim{Value: int64(pick(mu.r, []int{0, 1, 2, 3, 7, 9, 17, 33})), Known: true}
	case 6:
		if !v.dims[i].Known {
			return false
		}
		v.dims[i].Value = max(v.dims[i].Value+int64(mu.r.IntN(5)-2), 0)
	default:
		v.shape, v.dims = false, nil
	}
	return true
}

// rewire has a node read another value.
func (mu *mutator) rewire() bool {
	n := mu.node(func(n *node) bool { return len(n.in) > 0 && n.op != "Constant" })
	if n == nil {
		return false
	}
	slot := mu.r.IntN(len(n.in))
	old, known := mu.facts[n.in[slot]]
	var same, any []string
	consider := func(name string) {
		if name == "" || name == n.in[slot] {
			return
		}
		any = append(any, name)
		if f, ok := mu.facts[name]; ok && known && f.elem == old.elem && f.known && old.known && slices.Equal(f.dims, old.dims) {
			same = append(same, name)
		}
	}
	for _, v := range mu.g.inputs {
		consider(v.name)
	}
	for _, t := range mu.g.inits {
		consider(t.name)
	}
	for _, c := range mu.g.nodes[:mu.at(n)] {
		for _, o := range c.out {
			consider(o)
		}
	}
	switch {
	case len(same) > 0 && !mu.chance(5):
		n.in[slot] = pick(mu.r, same)
	case len(any) > 0:
		n.in[slot] = pick(mu.r, any)
	default:
		return false
	}
	return true
}

// tap makes an inner value an output, or stops one from being one.
func (mu *mutator) tap() bool {
	if len(mu.g.outputs) > 1 && mu.chance(4) {
		i := mu.r.IntN(len(mu.g.outputs))
		mu.g.outputs = slices.Delete(mu.g.outputs, i, i+1)
		return true
	}
	name, _ := mu.value(func(name string, f fact) bool {
		return f.elem != onnxio.Undefined && !slices.ContainsFunc(mu.g.outputs, func(v *value) bool { return v.name == name })
	})
	if name == "" {
		return false
	}
	elem := mu.facts[name].elem
	if elem.IsFloat() {
		elem = mu.float()
	}
	v := &value{name: name, elem: elem}
	if mu.chance(4) {
		mu.g.outputs = slices.Insert(mu.g.outputs, 0, v)
	} else {
		mu.g.outputs = append(mu.g.outputs, v)
	}
	return true
}

// float is the float type that most of the model has.
func (mu *mutator) float() onnxio.DType {
	for _, v := range mu.g.inputs {
		if v.elem.IsFloat() {
			return v.elem
		}
	}
	for _, t := range mu.g.inits {
		if t.dtype.IsFloat() {
			return t.dtype
		}
	}
	return onnxio.Float32
}

// optional leaves an input of a node out.
func (mu *mutator) optional() bool {
	n := mu.node(func(n *node) bool { return len(n.in) > 1 })
	if n == nil {
		return false
	}
	if mu.chance(2) {
		n.in = n.in[:len(n.in)-1]
	} else {
		n.in[1+mu.r.IntN(len(n.in)-1)] = ""
	}
	return true
}

// initAsInput lists an initializer as an input too, so that a caller may replace
// it.
func (mu *mutator) initAsInput() bool {
	if len(mu.g.inits) == 0 {
		return false
	}
	all := mu.chance(3)
	did := false
	for range 4 {
		t := pick(mu.r, mu.g.inits)
		if mu.isInput(t.name) {
			continue
		}
		mu.asInput(t)
		did = true
		break
	}
	if all {
		for _, t := range mu.g.inits {
			if !mu.isInput(t.name) {
				mu.asInput(t)
			}
		}
		if mu.chance(2) {
			mu.ir = 3
		}
	}
	return did
}

func (mu *mutator) asInput(t *tensor) {
	v := &value{name: t.name, elem: t.dtype, shape: true}
	for _, d := range t.dims {
		v.dims = append(v.dims, onnxio.Dim{Value: d, Known: true})
	}
	mu.g.inputs = append(mu.g.inputs, v)
}

// shuffle changes the order of nodes, initializers or outputs.
func (mu *mutator) shuffle() bool {
	switch mu.r.IntN(3) {
	case 0: // out of the order of the data flow, which tools must bear
		mu.r.Shuffle(len(mu.g.nodes), func(i, j int) { mu.g.nodes[i], mu.g.nodes[j] = mu.g.nodes[j], mu.g.nodes[i] })
	case 1:
		mu.r.Shuffle(len(mu.g.inits), func(i, j int) { mu.g.inits[i], mu.g.inits[j] = mu.g.inits[j], mu.g.inits[i] })
	default:
		mu.r.Shuffle(len(mu.g.outputs), func(i, j int) { mu.g.outputs[i], mu.g.outputs[j] = mu.g.outputs[j], mu.g.outputs[i] })
	}
	return true
}

// rename gives values, nodes or sizes other names, also empty, equal and strange
// ones where ONNX allows that.
func (mu *mutator) rename() bool {
	names := []string{"", "x", "/a/b", "a.1", "ä", "merged", "0", "a b", "weight", "repmlp.1"}
	if mu.chance(2) {
		for _, n := range mu.g.nodes {
			n.name = pick(mu.r, names)
		}
		return true
	}
	name, by := mu.value(func(string, fact) bool { return true })
	if by == nil || slices.ContainsFunc(mu.g.outputs, func(v *value) bool { return v.name == name }) {
		return false
	}
	to := mu.fresh(pick(mu.r, names[1:]))
	by.out[slices.Index(by.out, name)] = to
	mu.readers(name, 0, func(n *node, slot int) { n.in[slot] = to })
	return true
}
