package graph

// InferenceDropout reports whether a Dropout node is the identity: always
// below opset 12 (opset 1 and 6 with is_test), later without training_mode.
func (g *Graph) InferenceDropout(n *Node) bool {
	if g.Opset < 7 {
		return n.AttrInt("is_test") != 0
	}
	if g.Opset < 12 || len(n.In) < 3 || n.In[2] == nil {
		return true
	}
	t := n.In[2].Ints()
	return len(t) == 1 && t[0].Is(0)
}

// Splat returns the number that every element of v equals, where that is known
// without its shape.
func (g *Graph) Splat(v *Value) (float64, bool) {
	var path []*Value // that are filled as the last one is
	for v != nil && v.splat == unasked {
		path = append(path, v)
		if f, ok := g.one(v); ok {
			v.splat, v.fill = filled, f
			break
		}
		n := v.Producer
		if n == nil || n.Domain() != "" || !copies[n.OpType()] || len(n.In) == 0 {
			v.splat = mixed
			break
		}
		v = n.In[0]
	}
	if v == nil {
		return 0, false
	}
	for _, w := range path {
		w.splat, w.fill = v.splat, v.fill
	}
	return v.fill, v.splat == filled
}

// A splatState is what was asked about the elements of a value.
type splatState uint8

const (
	unasked splatState = iota
	filled             // with one number
	mixed              // nothing says that they are equal
)

// copies lists the operators whose output has no elements but those of the input.
var copies = map[string]bool{"Expand": true, "Identity": true, "Cast": true, "CastLike": true, "Reshape": true, "Unsqueeze": true, "Squeeze": true, "Transpose": true, "Tile": true}

// one is the number that v, or the node that makes it, is filled with.
func (g *Graph) one(v *Value) (float64, bool) {
	if g.IsConst(v) {
		if d, ok := v.Shape(); ok {
			if n, known := product(d).Int(); known && n == 1 {
				if c, err := g.Const(v); err == nil {
					return c.Float()[0], true
				}
			}
		}
	}
	n := v.Producer
	if n == nil || n.Domain() != "" || n.OpType() != "ConstantOfShape" {
		return 0, false
	}
	if a := n.Attr("value"); a != nil && a.T() != nil {
		f, err := a.T().Float64s()
		if err != nil || len(f) != 1 {
			return 0, false
		}
		return f[0], true
	}
	return 0, true
}
