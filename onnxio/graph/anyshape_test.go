package graph

import (
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"repmlp/internal/ops"
	"repmlp/onnxio"
)

// Whatever types, shapes, numbers and attributes a node on constants has, it makes a
// constant of the shape and the type that the graph says, or none; nothing panics.
func TestConstantsOfAnyNode(t *testing.T) {
	made, none := 0, 0
	for _, name := range slices.Sorted(maps.Keys(constOps)) {
		if name == "Constant" { // of which random attributes make no node
			continue
		}
		for _, form := range ops.Forms(name) {
			seeds := uint64(60)
			if testing.Short() {
				seeds = 15
			}
			for seed := range seeds {
				rng := rand.New(rand.NewPCG(seed, 31))
				p := randomNode(rng, form)
				var in []string
				for i, v := range p.Inputs {
					in = append(in, v.Name())
					p.Inits = append(p.Inits, anyTensor(rng, v.Name(), form.Takes(i)))
				}
				if rng.IntN(8) == 0 && len(in) > 1 {
					in[rng.IntN(len(in))] = ""
				}
				p.Inputs = nil
				outs := []string{"y"}
				if name == "Split" || name == "TopK" || name == "LayerNormalization" {
					outs = append(outs, "z")
					p.Outputs = append(p.Outputs, onnxio.Untyped("z", onnxio.Undefined))
				}
				p.Nodes = []*onnxio.Node{onnxio.NewNode("n", name, in, outs, p.Nodes[0].Attrs()...)}
				m, err := onnxio.NewModel(p)
				if err != nil {
					continue
				}
				g, err := New(m, Options{FoldDequantize: true})
				if err != nil {
					none++
					continue // a contradiction, which is said
				}
				for _, o := range g.Outputs {
					if !g.IsConst(o) {
						none++
						if why := g.Cause(o); why.Kind != Unworked || why.Why == "" {
							t.Errorf("%s of opset %d, seed %d, is none because of %+v", name, form.Since, seed, why)
						}
						continue
					}
					c, err := g.Const(o)
					if _, bad := errors.AsType[*UndefinedError](err); bad && !g.small(o) {
						continue // too much to be looked at before
					}
					if err != nil {
						t.Errorf("%s of opset %d, seed %d: %v", name, form.Since, seed, err)
						continue
					}
					made++
					if dims, ok := o.Shape(); ok && !maySize(dims, c.Shape) || c.DType != o.Elem {
						t.Errorf("%s of opset %d, seed %d: %s %v, its value is %s %v", name, form.Since, seed, o.Elem, dims, c.DType, c.Shape)
					}
				}
			}
		}
	}
	if made < 500 || none < 500 {
		t.Errorf("%d constants, %d nodes that make none", made, none)
	}
}

// maySize reports whether sizes, where they are numbers, are those of a shape.
func maySize(dims []Dim, shape []int) bool {
	for i, d := range dims {
		if k, ok := d.Int(); ok && len(dims) == len(shape) && k != int64(shape[i]) {
			return false
		}
	}
	return len(dims) == len(shape)
}

// anyTensor has a type that is allowed, most of the time, and numbers at its ends.
func anyTensor(rng *rand.Rand, name string, allowed ops.Types) *onnxio.Tensor {
	types := []onnxio.DType{onnxio.Float32, onnxio.Int64, onnxio.Int32, onnxio.Bool, onnxio.Uint8, onnxio.Int8, onnxio.Float16, onnxio.Float64, onnxio.Uint64, onnxio.BFloat16}
	d := types[rng.IntN(len(types))]
	for range 8 {
		if allowed.Has(d) || rng.IntN(16) == 0 {
			break
		}
		d = types[rng.IntN(len(types))]
	}
	dims := make([]int64, rng.IntN(5))
	n := 1
	for i := range dims {
		dims[i] = int64([]int{1, 2, 3, 4, 0, 4, 2, 1}[rng.IntN(8)])
		n *= int(dims[i])
	}
	var raw []byte
	var err error
	if d.IsFloat() {
		v := make([]float64, n)
		for i := range v {
			v[i] = []float64{1, 0, -1, 0.5, 2, -2.5, 1e-3, 65504, 1e30}[rng.IntN(9)]
		}
		raw, err = onnxio.EncodeFloat64(v, d)
	} else {
		v := make([]int64, n)
		for i := range v {
			v[i] = []int64{1, 0, 2, -1, 3, 1, 2, 1 << 31, 1 << 40, 1<<63 - 1, -1 << 63}[rng.IntN(11)]
			if d == onnxio.Bool {
				v[i] &= 1
			}
		}
		raw, err = onnxio.EncodeInt64(v, d)
	}
	if err != nil {
		panic(err)
	}
	init, err := onnxio.NewTensor(name, d, dims, raw)
	if err != nil {
		panic(err)
	}
	return init
}
