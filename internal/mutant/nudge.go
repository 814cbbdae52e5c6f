package mutant

import (
	"math"
	"math/rand/v2"

	"repmlp/onnxio"
)

// Nudged is the seed with every float constant of the main graph moved by one
// unit in its last place, up or down: how much the outputs change then is how
// much of them is rounding.
func (s *Seed) Nudged(r *rand.Rand) []byte {
	m := s.m.clone()
	nudge := func(t *tensor) {
		if !t.dtype.IsFloat() || t.dtype.Bits() < 16 {
			return
		}
		v := make([]float64, len(t.data)*8/t.dtype.Bits())
		if onnxio.DecodeFloat64(v, t.data, t.dtype) != nil {
			return
		}
		for i, x := range v {
			if x == 0 || math.IsInf(x, 0) || math.IsNaN(x) {
				continue
			}
			v[i] = x * (1 + math.Copysign(Ulp(t.dtype), r.Float64()-0.5))
		}
		if data, err := onnxio.EncodeFloat64(v, t.dtype); err == nil {
			t.data = data
		}
	}
	for _, t := range m.g.inits {
		nudge(t)
	}
	for _, n := range m.g.nodes {
		if a := n.attr("value"); n.op == "Constant" && a != nil && a.t != nil {
			nudge(a.t)
		}
	}
	return m.encode()
}

// Ulp is the distance of neighbouring numbers of a float type at 1, which at
// every number is at least the distance to a neighbour, relative to it.
func Ulp(d onnxio.DType) float64 {
	switch d {
	case onnxio.Float64:
		return 0x1p-52
	case onnxio.Float16:
		return 0x1p-10
	case onnxio.BFloat16:
		return 0x1p-7
	}
	return 0x1p-23
}
