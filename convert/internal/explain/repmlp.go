package explain

import (
	"fmt"
	"strings"

	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/layer"
	"repmlp/convert/internal/plan"
	"repmlp/onnxio/graph"
)

// repMLPBlocks recognises RepMLP blocks by structure: an FC on rows (the
// partition perceptron, FC3) beside convolutions of the same rows (the local
// perceptron), behind or before the two FCs of a global perceptron.
func repMLPBlocks(p *plan.Plan) []Block {
	var blocks []Block
	for _, r := range p.Regions {
		if _, fc := r.Layer.(*layer.FC); !fc {
			continue
		}
		if b, ok := repMLPBlock(p, r); ok {
			blocks = append(blocks, b)
		}
	}
	return blocks
}

func repMLPBlock(p *plan.Plan, r *plan.Region) (Block, bool) {
	var fc3 *affine.Affine
	var convs []*affine.Affine
	for _, a := range r.Segment.Steps {
		if !affine.IsLayer(a.Op) {
			continue
		}
		if _, ok := a.Op.(*affine.Conv); ok {
			dims, _ := a.Args[0].Shape()
			if len(dims) == 4 && !(dims[2].Is(1) && dims[3].Is(1)) {
				convs = append(convs, a)
				continue
			}
		}
		if fc3 == nil {
			fc3 = a
		}
	}
	var kernels []string
	var tile []graph.Dim
	for _, a := range convs {
		if fc3 == nil || p.Explained.Above(a.Out, fc3.Out) || p.Explained.Above(fc3.Out, a.Out) {
			continue // in series
		}
		kernels = append(kernels, affine.Cross(a.Op.(*affine.Conv).Shape[2:]))
		tile, _ = a.Args[0].Shape()
	}
	if fc3 == nil || len(kernels) == 0 {
		return Block{}, false
	}
	shape := r.Layer.Shape()
	share := ""
	if c, ok := tile[1].Int(); ok && int(c) == shape.Groups {
		share = ", S=1 share set"
		if shape.Groups > 1 {
			share = fmt.Sprintf(", S=%d share sets", shape.Groups)
		}
	}
	made := "?"
	if n, ok := tile[2].Times(tile[3]).Int(); ok && n > 0 && shape.Out%int(n) == 0 {
		made = fmt.Sprint(shape.Out / int(n))
	}
	becomes := fmt.Sprintf("one FC3 %d -> %d%s", shape.In, shape.Out, inGroups(shape.Groups))
	var stages []string
	if global := globalPerceptron(p.Explained, r); global != "" {
		stages = append(stages, "global perceptron "+global)
		becomes += ", beside FC1 and FC2"
	}
	stages = append(stages,
		fmt.Sprintf("partition perceptron FC3 %d -> %d%s on tiles C=%v O=%s h×w=%v×%v%s", shape.In, shape.Out, inGroups(shape.Groups), tile[1], made, tile[2], tile[3], share),
		"local perceptron "+strings.Join(kernels, ", "))
	return Block{Name: fc3.Node().Title(), Kind: "RepMLP", Detail: strings.Join(stages, "; "), Becomes: becomes, Region: r.ID}, true
}

// inGroups says in how many groups a layer works, nothing of one.
func inGroups(n int) string {
	if n == 1 {
		return ""
	}
	return fmt.Sprintf(" in %d groups", n)
}

// globalPerceptron describes the two FCs whose result is added to the block's
// input (2021) or multiplied to its output (2022); "" if there are none.
func globalPerceptron(e *affine.Explained, r *plan.Region) string {
	// 2021: T is a view of a sum of the map and the vector.
	v := r.Segment.From
	for a := e.Of(v); a != nil && affine.IsView(a.Op); a = e.Of(v) {
		v = a.Args[0]
	}
	if n := v.Producer; n != nil && n.OpType() == "Add" {
		for _, x := range n.In {
			if x != nil {
				if d := twoFC(e, x); d != "" {
					return d
				}
			}
		}
	}
	// 2022: the output is scaled by the vector.
	v = r.Segment.To
	for range 8 {
		n := onlyReader(v)
		if n == nil {
			return ""
		}
		if n.OpType() == "Mul" {
			for _, x := range n.In {
				if x != nil && x != v {
					return twoFC(e, x)
				}
			}
			return ""
		}
		v = n.Out[0]
	}
	return ""
}

// onlyReader is the node that alone reads a value; nil where there are others, or it has
// no first output.
func onlyReader(v *graph.Value) *graph.Node {
	if len(v.Readers) != 1 || len(v.Readers[0].Node.Out) == 0 || v.Readers[0].Node.Out[0] == nil {
		return nil
	}
	return v.Readers[0].Node
}

// twoFC looks back from a vector over FC2, an activation and FC1 to a pooling.
func twoFC(e *affine.Explained, v *graph.Value) string {
	var sizes []string
	for range 16 {
		n := v.Producer
		if n == nil || len(n.In) == 0 || n.In[0] == nil {
			return ""
		}
		if a := e.Of(v); a != nil {
			switch op := a.Op.(type) {
			case *affine.FC:
				sizes = append([]string{fmt.Sprintf("%d -> %d", op.In(), op.Outputs())}, sizes...)
			case *affine.Conv:
				sizes = append([]string{fmt.Sprintf("%d -> %d", op.Shape[1], op.Shape[0])}, sizes...)
			}
		}
		switch n.OpType() {
		case "AveragePool", "GlobalAveragePool", "ReduceMean", "ReduceSum":
			if len(sizes) != 2 {
				return ""
			}
			return fmt.Sprintf("FC1 %s, FC2 %s", sizes[0], sizes[1])
		}
		v = n.In[0]
		if e.Graph.IsConst(v) && len(n.In) > 1 && n.In[1] != nil {
			v = n.In[1]
		}
	}
	return ""
}
