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
	t := n.In[2].ints
	return len(t) == 1 && t[0].Is(0)
}

// Splat returns the number that every element of v equals, where that is known
// without its shape.
func (g *Graph) Splat(v *Value) (float64, bool) {
	if v == nil {
		return 0, false
	}
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
	if n == nil || n.Domain != "" {
		return 0, false
	}
	switch n.OpType {
	case "ConstantOfShape":
		if a := n.Attr("value"); a != nil && a.T != nil {
			f, err := a.T.Float64s()
			if err != nil || len(f) != 1 {
				return 0, false
			}
			return f[0], true
		}
		return 0, true
	case "Expand", "Identity", "Cast", "CastLike", "Reshape", "Unsqueeze", "Squeeze", "Transpose", "Tile":
		return g.Splat(n.In[0])
	}
	return 0, false
}
