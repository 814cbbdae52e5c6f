package convert

import (
	"strconv"

	"repmlp/onnxio/graph"
)

// findRepeats notes values that another node makes too, such as one Cast of
// the input for every branch that a converter wrote. Branches that read either
// read the same.
func (c *explainer) findRepeats() {
	first := map[string]*graph.Value{}
	var key []byte
	for _, n := range c.g.Nodes {
		if n.Domain != "" || len(n.Out) != 1 || n.Out[0] == nil || len(n.Subgraphs()) > 0 || random[n.OpType] || n.Out[0].IsOutput {
			continue
		}
		key = strconv.AppendQuote(strconv.AppendQuote(key[:0], n.OpType), n.AttrKey())
		for _, in := range n.In {
			if in == nil {
				key = append(key, '-')
				continue
			}
			if to := c.same[in]; to != nil {
				in = to
			}
			key = strconv.AppendQuote(key, in.Name)
		}
		if v := first[string(key)]; v != nil {
			c.same[n.Out[0]] = v
		} else {
			first[string(key)] = n.Out[0]
		}
	}
}

// random lists operators that make something else every time.
var random = map[string]bool{"RandomNormal": true, "RandomUniform": true, "RandomNormalLike": true, "RandomUniformLike": true,
	"Multinomial": true, "Bernoulli": true, "Dropout": true}
