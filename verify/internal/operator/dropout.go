package operator

import (
	"repmlp/onnxio"
	"repmlp/verify/internal/random"
)

// dropout is the identity, or a random mask from a stream keyed by the seed and
// the output's name, the same in every model that has that output.
func dropout(c *Call) ([]*Value, error) {
	x := c.In[0]
	live := c.Run.Opset >= 12 && c.has(2) && c.In[2].I[0] != 0
	mask := integers(onnxio.Bool, x.Shape)
	if c.Run.Opset < 10 && c.Outs > 1 && c.Run.Opset >= 7 {
		mask = Like(x, x.DType, x.Shape) // opset 7 has a mask of the data's type
	}
	ratio := float64(c.Node.AttrFloat("ratio"))
	if c.has(1) {
		ratio = c.In[1].Float(0)
	}
	if !live || ratio == 0 {
		for i := range mask.I {
			mask.I[i] = 1
		}
		return []*Value{x, mask}, nil
	}
	out := Like(x, x.DType, x.Shape)
	c.Run.Random = true
	rng := random.Stream(c.Run.Seed, c.Node.Outputs()[0])
	for i := range x.Len() {
		if rng.Float64() < ratio {
			continue
		}
		mask.I[i] = 1
		v := x.Float(i) / (1 - ratio)
		if out.F64 != nil {
			out.F64[i] = v
		} else {
			out.F32[i] = float32(v)
		}
	}
	return []*Value{out, mask}, nil
}
