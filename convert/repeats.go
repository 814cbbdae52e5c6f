package convert

import (
	"fmt"
	"strings"

	"repmlp/onnxio/graph"
)

// findRepeats notes values that another node makes too, such as one Cast of
// the input for every branch that a converter wrote. Branches that read either
// read the same.
func (c *explainer) findRepeats() {
	first := map[string]*graph.Value{}
	for _, n := range c.g.Nodes {
		if n.Domain != "" || len(n.Out) != 1 || n.Out[0] == nil || len(n.Subgraphs()) > 0 || random[n.OpType] || n.Out[0].IsOutput {
			continue
		}
		var key strings.Builder
		fmt.Fprintf(&key, "%s %q", n.OpType, n.AttrKey())
		for _, in := range n.In {
			if in == nil {
				key.WriteString(" -")
				continue
			}
			if to := c.same[in]; to != nil {
				in = to
			}
			fmt.Fprintf(&key, " %q", in.Name)
		}
		if v := first[key.String()]; v != nil {
			c.same[n.Out[0]] = v
		} else {
			first[key.String()] = n.Out[0]
		}
	}
}

// random lists operators that make something else every time.
var random = map[string]bool{"RandomNormal": true, "RandomUniform": true, "RandomNormalLike": true, "RandomUniformLike": true,
	"Multinomial": true, "Bernoulli": true, "Dropout": true}
