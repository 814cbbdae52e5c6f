package convert

import (
	"fmt"
	"strings"

	"repmlp/onnxio/graph"
)

// A Block is a group of layers that people know by a name.
type Block struct {
	Name    string `json:"name"`
	Kind    string `json:"kind"`
	Detail  string `json:"detail,omitempty"`
	Becomes string `json:"becomes,omitempty"`
	Region  string `json:"region,omitempty"`
}

// findBlocks recognises RepMLP blocks by structure: an FC on rows (the
// partition perceptron, FC3) beside convolutions of the same rows (the local
// perceptron), behind or before the two FCs of a global perceptron.
func (p *planner) findBlocks() {
	for _, r := range p.plan.Regions {
		if r.Kind != "fc" {
			continue
		}
		var fc3 *step
		var kernels []string
		var tile []graph.Dim
		var stages []string
		for _, s := range r.seg.steps {
			if s.kind != layerStep {
				continue
			}
			if s.rule == "conv" {
				dims, _ := s.args[0].Shape()
				shape, _ := constShape(s.weights[0])
				if len(dims) == 4 && !(dims[2].Is(1) && dims[3].Is(1)) {
					kernels = append(kernels, fmt.Sprintf("%d×%d", shape[2], shape[3]))
					tile = dims
					continue
				}
			}
			if fc3 == nil {
				fc3 = s
			}
		}
		if fc3 == nil || len(kernels) == 0 {
			continue
		}
		global := p.globalPerceptron(r)
		if global != "" {
			stages = append(stages, "global perceptron "+global)
		}
		channels := tile[1]
		share := ""
		if c, ok := channels.Int(); ok && int(c) == r.Groups {
			share = fmt.Sprintf(", S=%d share sets", r.Groups)
		}
		positions := graph.Size(1)
		for _, d := range tile[2:] {
			positions = positions.Times(d)
		}
		made := "?"
		if n, ok := positions.Int(); ok && n > 0 {
			made = fmt.Sprint(r.Out / int(n))
		}
		stages = append(stages,
			fmt.Sprintf("partition perceptron FC3 %d -> %d in %d groups on tiles C=%v O=%s h×w=%v×%v%s", r.In, r.Out, r.Groups, channels, made, tile[2], tile[3], share),
			"local perceptron "+strings.Join(kernels, ", "))
		becomes := fmt.Sprintf("one FC3 %d -> %d in %d groups", r.In, r.Out, r.Groups)
		if global != "" {
			becomes += ", beside FC1 and FC2"
		}
		p.plan.Blocks = append(p.plan.Blocks, Block{Name: fc3.node.Title(), Kind: "RepMLP", Detail: strings.Join(stages, "; "), Becomes: becomes, Region: r.ID})
	}
}

// globalPerceptron describes the two FCs whose result is added to the block's
// input (2021) or multiplied to its output (2022); "" if there are none.
func (p *planner) globalPerceptron(r *Region) string {
	// 2021: T is a view of a sum of the map and the vector.
	v := r.seg.from
	for s := p.steps[v]; s != nil && s.kind == viewStep; s = p.steps[v] {
		v = s.args[0]
	}
	if n := v.Producer; n != nil && n.OpType == "Add" {
		for _, x := range n.In {
			if x != nil {
				if d := p.twoFC(x); d != "" {
					return d
				}
			}
		}
	}
	// 2022: the output is scaled by the vector.
	v = r.seg.to
	for range 8 {
		if len(v.Readers) != 1 || len(v.Readers[0].Node.Out) == 0 || v.Readers[0].Node.Out[0] == nil {
			return ""
		}
		n := v.Readers[0].Node
		if n.OpType == "Mul" {
			for _, x := range n.In {
				if x != nil && x != v {
					return p.twoFC(x)
				}
			}
			return ""
		}
		v = n.Out[0]
	}
	return ""
}

// twoFC looks back from a vector over FC2, an activation and FC1 to a pooling.
func (p *planner) twoFC(v *graph.Value) string {
	var sizes []string
	for range 16 {
		n := v.Producer
		if n == nil || len(n.In) == 0 || n.In[0] == nil {
			return ""
		}
		switch n.OpType {
		case "Gemm", "MatMul", "Conv":
			if s := p.steps[v]; s != nil && len(s.weights) > 0 {
				shape, _ := constShape(s.weights[0])
				if len(shape) >= 2 {
					in, out := shape[1], shape[0]
					if n.OpType == "MatMul" || n.OpType == "Gemm" && n.Int("transB", 0) == 0 {
						in, out = out, in
					}
					sizes = append([]string{fmt.Sprintf("%d -> %d", in, out)}, sizes...)
				}
			}
		case "AveragePool", "GlobalAveragePool", "ReduceMean", "ReduceSum":
			if len(sizes) != 2 {
				return ""
			}
			return fmt.Sprintf("FC1 %s, FC2 %s", sizes[0], sizes[1])
		}
		v = n.In[0]
		if p.g.IsConst(v) && len(n.In) > 1 && n.In[1] != nil {
			v = n.In[1]
		}
	}
	return ""
}
