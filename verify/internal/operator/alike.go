package operator

import (
	"fmt"
	"slices"

	"repmlp/onnxio/graph"
	"repmlp/verify/internal/tensor"
)

// everywhere is for operators that treat all positions alike.
func everywhere(*graph.Graph, *graph.Node, []*Value) bool { return true }

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

// sameWindow compares pads, and what is left behind the last window.
func sameWindow(_ *graph.Graph, n *graph.Node, args []*Value) bool {
	in, ok := n.In[0].Shape()
	if !ok || len(in) != len(args[0].Shape) || len(in) < 3 {
		return false
	}
	var kernel []int64
	if n.OpType() == "Conv" {
		kernel = tensor.Ints64(args[1].Shape[2:])
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

// sameSpread compares the pads of a ConvTranspose, which output_shape makes of the size.
func sameSpread(_ *graph.Graph, n *graph.Node, args []*Value) bool {
	in, ok := n.In[0].Shape()
	if !ok || len(in) != len(args[0].Shape) || len(in) < 3 || len(args[1].Shape) != len(in) {
		return false
	}
	kernel := tensor.Ints64(args[1].Shape[2:])
	there, err := graph.ConvTransposeSpread(n, in, kernel)
	here, err2 := graph.ConvTransposeSpread(n, dims(args[0].Shape), kernel)
	return err == nil && err2 == nil && !there.Dynamic && slices.Equal(there.Begin, here.Begin) && slices.Equal(there.End, here.End) && slices.Equal(there.Extra, here.Extra)
}

// sameCrop compares what a Slice leaves out at both ends.
func sameCrop(g *graph.Graph, n *graph.Node, args []*Value) bool {
	shape := args[0].Shape
	steps, ok := g.SliceSteps(n, len(shape))
	dims, known := n.In[0].Shape()
	if !ok || !known || len(dims) != len(shape) {
		return false
	}
	for _, s := range steps {
		here := int64(shape[s.Axis])
		b, short := s.Range(here)
		there, number := dims[s.Axis].Int()
		if !number { // the merge holds for every size, or is none
			begin, end, ok := s.Open()
			if !ok || short < 1 || begin+end >= here {
				return false
			}
			continue
		}
		if there == here {
			continue
		}
		a, count := s.Range(there)
		if s.Step < 1 || short < 1 || a != b || there-a-(count-1)*s.Step != here-b-(short-1)*s.Step {
			return false
		}
	}
	return true
}

// samePad is for borders that do not depend on the map.
func samePad(_ *graph.Graph, n *graph.Node, _ []*Value) bool {
	return n.AttrString("mode") == "constant"
}

// sameJoin is for operators that join along an axis.
func sameJoin(_ *graph.Graph, n *graph.Node, args []*Value) bool {
	return sameAxis(n, args, n.Int("axis", 1))
}

// sameCut is for operators that cut the first input along an axis.
func sameCut(_ *graph.Graph, n *graph.Node, args []*Value) bool {
	return sameAxis(n, args[:1], n.AttrInt("axis"))
}

// sameAxis reports whether an axis has the size that it has in the model.
func sameAxis(n *graph.Node, args []*Value, axis int64) bool {
	for i, x := range args {
		dims, ok := n.In[i].Shape()
		k, inside := graph.Axis(axis, len(x.Shape))
		if !ok || !inside || len(dims) != len(x.Shape) || !dims[k].Is(int64(x.Shape[k])) {
			return false
		}
	}
	return true
}

// sameChannels is for norms of channels: what they make of a channel on a smaller map is
// another number, and the same function of scale and bias.
func sameChannels(_ *graph.Graph, n *graph.Node, args []*Value) bool {
	return sameAxis(n, args[:1], 1)
}

// sameTrailing is for norms of the last axes.
func sameTrailing(_ *graph.Graph, n *graph.Node, args []*Value) bool {
	rank := len(args[0].Shape)
	axis, ok := graph.Axis(n.AttrInt("axis"), rank)
	for ; ok && axis < rank; axis++ {
		ok = sameAxis(n, args[:1], int64(axis))
	}
	return ok
}

// An otherMeaning is the error of a node that would do something else on a
// cropped map than on the map of the model.
type otherMeaning struct{ node string }

func (e *otherMeaning) Error() string {
	return fmt.Sprintf("node %q means something else on a smaller map", e.node)
}

// SameMeaning checks that a node does the same on a cropped map, whose tensors are
// args, as on the map of the model. What is not known to depend on no size is refused.
func SameMeaning(g *graph.Graph, n *graph.Node, same Alike, args []*Value) error {
	if wholeInputs(n, args) || same != nil && same(g, n, args) {
		return nil
	}
	return &otherMeaning{n.Title()}
}

// wholeInputs reports whether all inputs have the sizes that they have in the
// model, as constants have.
func wholeInputs(n *graph.Node, args []*Value) bool {
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
