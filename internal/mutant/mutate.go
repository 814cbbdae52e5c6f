package mutant

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"repmlp/onnxio"
)

// A change alters the model, or reports false where it finds nothing to do.
type change struct {
	name   string
	weight int
	do     func(*mutator) bool
}

// changes lists the kinds of changes; the weights say how often each is tried.
func changes() []change {
	return []change{
		{"operator", 4, (*mutator).operator},
		{"attribute", 6, (*mutator).attribute},
		{"input sizes", 3, (*mutator).inputSizes},
		{"wiring", 3, (*mutator).rewire},
		{"operands", 2, (*mutator).operands},
		{"type", 2, (*mutator).floatType},
		{"constant value", 5, (*mutator).constantValue},
		{"constant shape", 4, (*mutator).constantShape},
		{"constant made", 3, (*mutator).constantMade},
		{"opset", 2, (*mutator).opset},
		{"node added", 8, (*mutator).addNode},
		{"node twice", 2, (*mutator).duplicate},
		{"node removed", 2, (*mutator).remove},
		{"tap", 3, (*mutator).tap},
		{"input optional", 1, (*mutator).optional},
		{"initializer as input", 1, (*mutator).initAsInput},
		{"order", 1, (*mutator).shuffle},
		{"names", 1, (*mutator).rename},
		{"subgraph", 2, (*mutator).wrapIf},
		{"function", 2, (*mutator).wrapFunction},
	}
}

// Kinds lists the names of the changes.
func Kinds() []string {
	var out []string
	for _, c := range changes() {
		out = append(out, c.name)
	}
	return out
}

// maxChanges is the most changes that one mutant has: with more, hardly any
// model stays valid.
const maxChanges = 4

// A mutator changes one copy of a seed.
type mutator struct {
	*model
	r     *rand.Rand
	facts map[string]fact
	taken map[string]bool
}

// Make returns the bytes of one mutant and the kinds of its changes. The same
// numbers from r make the same mutant.
func (s *Seed) Make(r *rand.Rand) ([]byte, []string) {
	mu := &mutator{model: s.m.clone(), r: r, facts: s.facts}
	mu.taken = mu.model.names()
	list := changes()
	total := 0
	for _, c := range list {
		total += c.weight
	}
	var did []string
	for range 1 + min(r.IntN(maxChanges), r.IntN(maxChanges)) {
		for range 8 { // until one finds something to do
			k := r.IntN(total)
			i := 0
			for ; k >= list[i].weight; i++ {
				k -= list[i].weight
			}
			if list[i].do(mu) {
				did = append(did, list[i].name)
				break
			}
		}
	}
	if !mu.chance(2) || slices.ContainsFunc(did, reshapes) { // what was declared about inner values is wrong now
		mu.g.infos = nil
		for _, v := range mu.g.outputs {
			v.shape, v.dims = false, nil
		}
	}
	return mu.encode(), did
}

// reshapes reports whether a kind of change gives values other sizes or types.
func reshapes(kind string) bool {
	return !slices.Contains([]string{"constant value", "constant made", "tap", "initializer as input", "order", "function"}, kind)
}

// chance is true once in n times.
func (mu *mutator) chance(n int) bool { return mu.r.IntN(n) == 0 }

// pick returns one of the elements; there must be one.
func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

func (mu *mutator) fresh(base string) string {
	name := base
	for i := 2; mu.taken[name]; i++ {
		name = fmt.Sprintf("%s_%d", base, i)
	}
	mu.taken[name] = true
	return name
}

// node picks a node for which ok holds, nil if there is none.
func (mu *mutator) node(ok func(*node) bool) *node {
	n := len(mu.g.nodes)
	if n == 0 {
		return nil
	}
	from := mu.r.IntN(n)
	for i := range n {
		if c := mu.g.nodes[(from+i)%n]; ok(c) {
			return c
		}
	}
	return nil
}

// init is the initializer called name, nil if there is none.
func (mu *mutator) init(name string) *tensor {
	for _, t := range mu.g.inits {
		if t.name == name {
			return t
		}
	}
	return nil
}

// anyConstant picks a constant, nil if there is none.
func (mu *mutator) anyConstant(ok func(*tensor) bool) *tensor {
	var list []*tensor
	for _, t := range mu.g.inits {
		if ok(t) {
			list = append(list, t)
		}
	}
	for _, n := range mu.g.nodes {
		if a := n.attr("value"); n.op == "Constant" && a != nil && a.t != nil && ok(a.t) {
			list = append(list, a.t)
		}
	}
	if len(list) == 0 {
		return nil
	}
	return pick(mu.r, list)
}

// at is the position of a node.
func (mu *mutator) at(n *node) int { return slices.Index(mu.g.nodes, n) }

// insert puts nodes in front of position i.
func (mu *mutator) insert(i int, nodes ...*node) { mu.g.nodes = slices.Insert(mu.g.nodes, i, nodes...) }

// value picks a value that a node makes and another node or the graph's user
// reads, with the node that makes it.
func (mu *mutator) value(ok func(name string, f fact) bool) (name string, by *node) {
	read := map[string]bool{}
	for _, n := range mu.g.nodes {
		for _, s := range n.in {
			read[s] = true
		}
	}
	n := mu.node(func(n *node) bool {
		return n.op != "Constant" && len(n.out) > 0 && n.out[0] != "" && read[n.out[0]] && ok(n.out[0], mu.facts[n.out[0]])
	})
	if n == nil {
		return "", nil
	}
	return n.out[0], n
}

// readers calls f for every place of a node after position from that reads name.
func (mu *mutator) readers(name string, from int, f func(n *node, slot int)) {
	for _, n := range mu.g.nodes[from:] {
		for i, s := range n.in {
			if s == name {
				f(n, i)
			}
		}
	}
}

// floats is a float constant of a type, all elements made by f.
func (mu *mutator) floats(base string, d onnxio.DType, dims []int64, f func(i int) float64) string {
	n := int64(1)
	for _, s := range dims {
		n *= s
	}
	v := make([]float64, n)
	for i := range v {
		v[i] = f(i)
	}
	data, err := onnxio.EncodeFloat64(v, d)
	if err != nil {
		data, _ = onnxio.EncodeFloat64(v, onnxio.Float32)
		d = onnxio.Float32
	}
	name := mu.fresh(base)
	mu.g.inits = append(mu.g.inits, &tensor{name, d, dims, data})
	return name
}

// ints is an int64 constant.
func (mu *mutator) ints(base string, v ...int64) string {
	data, err := onnxio.EncodeInt64(v, onnxio.Int64)
	if err != nil {
		panic("mutant: " + err.Error())
	}
	name := mu.fresh(base)
	mu.g.inits = append(mu.g.inits, &tensor{name, onnxio.Int64, []int64{int64(len(v))}, data})
	return name
}

// version is the version of the default operator set.
func (mu *mutator) version() int64 {
	for _, o := range mu.opsets {
		if o.Domain == "" {
			return o.Version
		}
	}
	return 0
}
