package rules

import (
	"strconv"

	"repmlp/convert/internal/affine"
	"repmlp/onnxio/graph"
)

// findRepeats notes values that another node makes too, such as one Cast of
// the input for every branch that a converter wrote. Branches that read either
// read the same.
func findRepeats(b *affine.Builder) {
	first := map[string]*graph.Value{}
	var key []byte
	for _, n := range b.Graph().Nodes {
		if n.Domain() != "" || len(n.Out) != 1 || n.Out[0] == nil || len(n.Subgraphs()) > 0 || random(n.OpType()) || n.Out[0].IsOutput {
			continue
		}
		key = strconv.AppendQuote(strconv.AppendQuote(key[:0], n.OpType()), n.AttrKey())
		for _, in := range n.In {
			if in == nil {
				key = append(key, '-')
				continue
			}
			key = strconv.AppendQuote(key, b.First(in).Name)
		}
		if v := first[string(key)]; v != nil {
			b.Same(n.Out[0], v)
		} else {
			first[string(key)] = n.Out[0]
		}
	}
}

// random reports whether an operator makes something else every time.
func random(op string) bool {
	switch op {
	case "RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Multinomial", "Bernoulli", "Dropout":
		return true
	}
	return false
}
