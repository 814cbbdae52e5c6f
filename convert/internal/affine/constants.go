package affine

import (
	"slices"
	"sync"

	"repmlp/fuse"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// A Load reads the numbers of a weight when a region is folded.
type Load = func() ([]float64, error)

// Constants reads weights of a graph; safe for concurrent use.
type Constants struct {
	g  *graph.Graph
	mu sync.Mutex
}

// NewConstants reads from g.
func NewConstants(g *graph.Graph) *Constants { return &Constants{g: g} }

// largeConst is the size above which an evaluated constant is not kept.
const largeConst = 1 << 16

// Load reads a constant in float64.
func (c *Constants) Load(v *graph.Value) Load {
	return func() ([]float64, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		k, err := c.g.Const(v)
		if err != nil {
			return nil, err
		}
		if k.Len() > largeConst {
			c.g.Forget()
		}
		return k.Float(), nil
	}
}

// Stacked reads several constants one after the other.
func (c *Constants) Stacked(vs []*graph.Value) Load {
	if len(vs) == 1 {
		return c.Load(vs[0])
	}
	return func() ([]float64, error) {
		var out []float64
		for _, v := range vs {
			x, err := c.Load(v)()
			if err != nil {
				return nil, err
			}
			out = append(out, x...)
		}
		return out, nil
	}
}

// Open gives access to a constant that is stored as it is used; its result is nil
// for one that has to be computed, or is not rounded yet.
func (c *Constants) Open(v *graph.Value) func() (fuse.Values, error) {
	return func() (fuse.Values, error) {
		for v.Init == nil {
			n := v.Producer
			if n == nil || n.Domain() != "" || len(n.In) == 0 {
				return nil, nil
			}
			switch n.OpType() {
			case "Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten":
				v = n.In[0]
			default:
				return nil, nil
			}
		}
		if !v.Init.DType().IsFloat() || v.Init.Unrounded() != nil {
			return nil, nil
		}
		f, err := v.Init.Floats()
		if err != nil {
			return nil, err
		}
		return floats{f}, nil
	}
}

// floats are the numbers of a stored tensor, as folding reads them.
type floats struct{ *onnxio.Floats }

func (f floats) Near(at, n int) (fuse.Values, func()) {
	near, release := f.Floats.Near(at, n)
	return floats{near}, release
}

// stored is a weight over atoms.
func (c *Constants) stored(atoms []graph.Atom, v *graph.Value) *array {
	return &array{atoms, c.Load(v), c.Open(v)}
}

// times multiplies what is loaded by f.
func times(l Load, f float64) Load {
	if f == 1 {
		return l
	}
	return Each(l, func(v float64) float64 { return v * f })
}

// Each applies f to what is loaded.
func Each(l Load, f func(float64) float64) Load {
	return func() ([]float64, error) {
		v, err := l()
		if err != nil {
			return nil, err
		}
		v = slices.Clone(v)
		for i := range v {
			v[i] = f(v[i])
		}
		return v, nil
	}
}

// Number is one number.
func Number(v float64) Load {
	return func() ([]float64, error) { return []float64{v}, nil }
}

// SameFloat reports whether all values have one float type; nil ones do not count.
func SameFloat(vs ...*graph.Value) bool {
	t := onnxio.Undefined
	for _, v := range vs {
		if v == nil {
			continue
		}
		if t == onnxio.Undefined {
			t = v.Elem
		}
		if v.Elem != t || !v.Elem.IsFloat() {
			return false
		}
	}
	return true
}

// ConstantLike reports whether v does not depend on data, be its shape known or not.
func ConstantLike(g *graph.Graph, v *graph.Value) bool {
	if g.IsConst(v) {
		return true
	}
	_, ok := g.Splat(v)
	return ok
}
