package verify

import (
	"fmt"
	"slices"

	"repmlp/onnxio/graph"
)

// A Reach says how far a region that is one convolution reads along an axis of its
// first input: one output position sees Span neighbours, the next one lies Stride
// further. The axis of the samples has Span 1 and Stride 1. Out is the same axis of
// the output, whose axes the other inputs of the claim have.
type Reach struct{ Axis, Span, Stride, Out int }

// crop shortens the axes of shape as far as the region still shows all that it
// does: a window inside the map, its borders, and the same rest behind the last
// stride.
func crop(shape []int, reach []Reach) []int {
	out := slices.Clone(shape)
	for _, r := range reach {
		if n := shape[r.Axis]; n > r.Span {
			out[r.Axis] = r.Span + (n-r.Span)%r.Stride
		}
	}
	return out
}

// cropOther shortens another input, of at most rank axes as the output, by as many
// positions as the output loses where the first input shrinks from one shape to
// another. Axes of one element stay.
func cropOther(shape []int, rank int, reach []Reach, from, to []int) []int {
	out := slices.Clone(shape)
	for _, r := range reach {
		if i := r.Out - rank + len(shape); i >= 0 && i < len(out) && out[i] > 1 {
			out[i] = max(out[i]-(from[r.Axis]-to[r.Axis])/r.Stride, 0)
		}
	}
	return out
}

// An otherMeaning is the error of a node that would do something else on a
// cropped map than on the map of the model.
type otherMeaning struct{ node string }

func (e *otherMeaning) Error() string {
	return fmt.Sprintf("node %q means something else on a smaller map", e.node)
}

// sameMeaning checks that a node does the same on a cropped map, whose tensors are
// args, as on the map of the model, whose sizes the graph knows: equal pads, equal
// rests, equal crops. What is not known to depend on no size is refused.
func sameMeaning(g *graph.Graph, n *graph.Node, args []*Tensor) error {
	if wholeInputs(n, args) || n.Domain == "" && meansTheSame(g, n, args) {
		return nil
	}
	return &otherMeaning{n.Title()}
}

// wholeInputs reports whether all inputs have the sizes that they have in the
// model, as constants have.
func wholeInputs(n *graph.Node, args []*Tensor) bool {
	if len(args) != len(n.In) { // read by subgraphs
		return false
	}
	for i, x := range args {
		if x == nil {
			continue
		}
		dims, ok := sizesOf(n, i)
		if !ok || !slices.Equal(dims, x.Shape) {
			return false
		}
	}
	return true
}

// sizesOf are the sizes of an input in the model; ok is false where one is no number.
func sizesOf(n *graph.Node, i int) ([]int, bool) {
	if n.In[i] == nil {
		return nil, false
	}
	dims, ok := n.In[i].Shape()
	if !ok {
		return nil, false
	}
	out := make([]int, len(dims))
	for k, d := range dims {
		size, ok := d.Int()
		if !ok {
			return nil, false
		}
		out[k] = int(size)
	}
	return out, true
}

// everywhere lists the operators that treat all positions alike.
var everywhere = map[string]bool{"Add": true, "Sub": true, "Mul": true, "Div": true, "Sum": true, "Mean": true, "Neg": true, "Identity": true, "Cast": true,
	"Dropout": true, "BatchNormalization": true, "LeakyRelu": true, "PRelu": true, "Clip": true, "Transpose": true}

func meansTheSame(g *graph.Graph, n *graph.Node, args []*Tensor) bool {
	switch n.OpType {
	case "Conv", "AveragePool", "MaxPool", "LpPool":
		return sameWindow(n, args)
	case "Pad":
		return n.Str("mode", "constant") == "constant"
	case "Slice":
		return sameCrop(g, n, args[0].Shape)
	case "Concat":
		return sameAxis(n, args, n.Int("axis", 1))
	case "Split", "Gather":
		return sameAxis(n, args[:1], n.Int("axis", 0))
	}
	return everywhere[n.OpType]
}

// sameWindow compares pads, and what is left behind the last window.
func sameWindow(n *graph.Node, args []*Tensor) bool {
	in, ok := n.In[0].Shape()
	if !ok || len(in) != len(args[0].Shape) || len(in) < 3 {
		return false
	}
	var kernel []int64
	if n.OpType == "Conv" {
		kernel = ints64(args[1].Shape[2:])
	}
	there, err := graph.ConvWindow(n, in, kernel)
	here, err2 := graph.ConvWindow(n, dims(args[0].Shape), kernel)
	if err != nil || err2 != nil || there.Dynamic || !slices.Equal(there.Begin, here.Begin) || !slices.Equal(there.End, here.End) {
		return false
	}
	for i := range here.Stride {
		size, number := in[i+2].Int()
		have := int64(args[0].Shape[i+2])
		switch {
		case !number: // the merge holds for every size, or is none
		case (size-have)%here.Stride[i] != 0:
			return false
		case size != have && here.Ceil && have+here.Begin[i]+here.End[i] < (here.Kernel[i]-1)*here.Dilation[i]+1:
			return false // a window that is larger than the map
		}
	}
	return true
}

// sameCrop compares what a Slice leaves out at both ends.
func sameCrop(g *graph.Graph, n *graph.Node, shape []int) bool {
	steps, ok := g.SliceSteps(n, len(shape))
	if !ok {
		return false
	}
	for _, s := range steps {
		size, ok := sizesOf(n, 0)
		if !ok {
			return false
		}
		there, here := int64(size[s.Axis]), int64(shape[s.Axis])
		if there == here {
			continue
		}
		a, count := s.Range(there)
		b, short := s.Range(here)
		if s.Step < 1 || short < 1 || a != b || there-a-(count-1)*s.Step != here-b-(short-1)*s.Step {
			return false
		}
	}
	return true
}

// sameAxis reports whether an axis has the size that it has in the model.
func sameAxis(n *graph.Node, args []*Tensor, axis int64) bool {
	for i, x := range args {
		dims, ok := n.In[i].Shape()
		k, inside := graph.Axis(axis, len(x.Shape))
		if !ok || !inside || len(dims) != len(x.Shape) || !dims[k].Is(int64(x.Shape[k])) {
			return false
		}
	}
	return true
}
