package convert_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"repmlp/convert"
	"repmlp/internal/sketch"
	"repmlp/onnxio"
)

// faults are changes of a written model that no merge makes, each nil where a model has no
// place for it.
var faults = map[string]func(rng *rand.Rand, m *onnxio.Model, spared map[string]bool) *onnxio.Edit{
	"an attribute": func(rng *rand.Rand, m *onnxio.Model, spared map[string]bool) *onnxio.Edit {
		return instead(rng, m, spared, func(n *onnxio.Node) *onnxio.Node {
			attrs := slices.Clone(n.Attrs())
			for i, a := range attrs {
				switch {
				case a.Type() == onnxio.AttrFloat && a.Name() != "momentum":
					attrs[i] = onnxio.FloatAttr(a.Name(), a.F()*2+1)
					return onnxio.NewNode(n.Name(), n.OpType(), n.Inputs(), n.Outputs(), attrs...)
				case a.Name() == "perm" && len(a.Ints()) > 1:
					perm := slices.Clone(a.Ints())
					perm[0], perm[1] = perm[1], perm[0]
					attrs[i] = onnxio.IntsAttr("perm", perm)
					return onnxio.NewNode(n.Name(), n.OpType(), n.Inputs(), n.Outputs(), attrs...)
				case a.Name() == "strides":
					attrs[i] = onnxio.IntsAttr("strides", []int64{3, 3})
					return onnxio.NewNode(n.Name(), n.OpType(), n.Inputs(), n.Outputs(), attrs...)
				}
			}
			return nil
		})
	},
	"inputs exchanged": func(rng *rand.Rand, m *onnxio.Model, spared map[string]bool) *onnxio.Edit {
		return instead(rng, m, spared, func(n *onnxio.Node) *onnxio.Node {
			if in := n.Inputs(); len(in) == 2 && in[0] != in[1] {
				return n.WithInputs(n.Name(), []string{in[1], in[0]}, n.Outputs())
			}
			return nil
		})
	},
	"a node that is gone": func(rng *rand.Rand, m *onnxio.Model, spared map[string]bool) *onnxio.Edit {
		return instead(rng, m, spared, func(n *onnxio.Node) *onnxio.Node {
			if slices.Contains([]string{"Relu", "Sigmoid", "Softmax", "Clip", "Tanh", "Erf"}, n.OpType()) {
				return onnxio.NewNode(n.Name(), "Identity", n.Inputs()[:1], n.Outputs())
			}
			return nil
		})
	},
	"another input": func(rng *rand.Rand, m *onnxio.Model, spared map[string]bool) *onnxio.Edit {
		first := m.Graph().Inputs()[0].Name()
		return instead(rng, m, spared, func(n *onnxio.Node) *onnxio.Node {
			in := slices.Clone(n.Inputs())
			if in[0] == first || len(in) > 2 {
				return nil
			}
			in[0] = first
			return n.WithInputs(n.Name(), in, n.Outputs())
		})
	},
	"a bit of a weight": func(rng *rand.Rand, m *onnxio.Model, spared map[string]bool) *onnxio.Edit {
		return tensor(rng, m, spared, func(x *onnxio.Tensor, b []byte) *onnxio.Tensor {
			b[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
			y, err := onnxio.NewTensor(x.Name(), x.DType(), x.Dims(), b)
			if err != nil {
				panic(err)
			}
			return y
		})
	},
	"a weight of another shape": func(rng *rand.Rand, m *onnxio.Model, spared map[string]bool) *onnxio.Edit {
		return tensor(rng, m, spared, func(x *onnxio.Tensor, b []byte) *onnxio.Tensor {
			y, err := onnxio.NewTensor(x.Name(), x.DType(), append([]int64{1}, x.Dims()...), b)
			if err != nil {
				panic(err)
			}
			return y
		})
	},
}

// shown are the nodes that an output depends on.
func shown(m *onnxio.Model) map[*onnxio.Node]bool {
	alive, _ := sketch.Needed(m)
	return alive
}

func instead(rng *rand.Rand, m *onnxio.Model, spared map[string]bool, change func(*onnxio.Node) *onnxio.Node) *onnxio.Edit {
	alive := shown(m)
	nodes := slices.Clone(m.Graph().Nodes())
	rng.Shuffle(len(nodes), func(i, k int) { nodes[i], nodes[k] = nodes[k], nodes[i] })
	for _, n := range nodes {
		if !alive[n] || spared[n.Name()] || n.OpType() == "Dropout" || len(n.Inputs()) == 0 || len(n.Subgraphs()) > 0 {
			continue
		}
		if other := change(n); other != nil {
			return &onnxio.Edit{DropNodes: []*onnxio.Node{n}, AddNodes: []onnxio.Placed{{Node: other, Before: n}}}
		}
	}
	return nil
}

func tensor(rng *rand.Rand, m *onnxio.Model, spared map[string]bool, change func(x *onnxio.Tensor, b []byte) *onnxio.Tensor) *onnxio.Edit {
	alive := shown(m)
	read := map[string]bool{}
	for _, n := range m.Graph().Nodes() {
		for i, in := range n.Inputs() {
			read[in] = read[in] || alive[n] && !spared[n.Name()] && (n.OpType() != "Reshape" || i == 0)
		}
	}
	list := slices.DeleteFunc(slices.Clone(m.Graph().Inits()), func(x *onnxio.Tensor) bool {
		return !read[x.Name()] || !x.DType().IsFloat() || x.Len() == 0 || slices.ContainsFunc(m.Graph().Inputs(), func(v *onnxio.ValueInfo) bool { return v.Name() == x.Name() })
	})
	if len(list) == 0 {
		return nil
	}
	x := list[rng.IntN(len(list))]
	b, err := x.Bytes()
	if err != nil {
		return nil
	}
	return &onnxio.Edit{DropInits: []*onnxio.Tensor{x}, AddInits: []*onnxio.Tensor{change(x, slices.Clone(b))}}
}

// Whatever is changed in a written model outside of its merges, in one place of any kind, is
// found; an untouched one passes, which every conversion of the other tests shows too.
func TestNothingElseChanged(t *testing.T) {
	count := map[string]int{}
	for i, c := range cases(t) {
		if c.Expect == "error" || i%4 > 0 {
			continue
		}
		m := c.load(t)
		res, err := convert.Convert(t.Context(), m, convert.Options{NoMetadata: true})
		if err != nil || len(res.Plan.Regions) == 0 {
			continue
		}
		spared := map[string]bool{}
		for _, r := range res.Plan.Regions {
			for _, name := range r.Into {
				spared[name] = true
			}
		}
		for _, fault := range slices.Sorted(maps.Keys(faults)) {
			rng := rand.New(rand.NewPCG(uint64(i), uint64(len(fault))))
			done := false
			err := convert.Tampered(t.Context(), m, convert.Options{NoMetadata: true, Unproved: true}, func(m *onnxio.Model) *onnxio.Model {
				e := faults[fault](rng, m, spared)
				if e == nil {
					return m
				}
				bad, err := m.Apply(*e)
				if err != nil {
					return m
				}
				done = true
				return bad
			})
			switch {
			case !done && err != nil:
				t.Errorf("%s: %v", c.Name, err)
			case done && err == nil:
				t.Errorf("%s: %s was not found", c.Name, fault)
			case done:
				count[fault]++
			}
		}
	}
	for fault := range faults {
		if count[fault] < 8 {
			t.Errorf("%s was tried %d times", fault, count[fault])
		}
	}
	t.Log(count)
}
