package verify

import (
	"errors"
	"fmt"
	"slices"
	"sort"

	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// smallestMap and largestMap bound the height and width that is tried for a
// dimension without a value; rectangles, which few models need, up to
// largestRectangle.
const (
	smallestMap      = 8
	largestMap       = 1024
	largestRectangle = 48
)

// commonMaps are the sizes that most models were exported with.
var commonMaps = [...]int64{224, 256, 384, 512}

var errNothingFits = errors.New("choosing input sizes: no height and width from 8 to 1024 fits the model's own shape arithmetic")

// ChooseSizes gives every graph input a shape: dimensions that dims binds by
// name take that value, a free first dimension is the batch, and other free
// dimensions take the smallest size from 8 on for which the model's own shape
// arithmetic divides evenly and no dimension vanishes.
func ChooseSizes(m *onnxio.Model, dims map[string]int64, batch int64) (map[string][]int64, error) {
	known := map[string]bool{}
	free := false
	fill := func(size, last int64) map[string][]int64 {
		out := map[string][]int64{}
		inits := map[string]bool{}
		for _, t := range m.Graph.Inits {
			inits[t.Name] = true
		}
		for _, in := range m.Graph.Inputs {
			if inits[in.Name] || !in.Shape {
				continue
			}
			shape := make([]int64, len(in.Dims))
			for i, d := range in.Dims {
				switch bound, ok := dims[d.Param]; {
				case d.Known:
					shape[i] = d.Value
				case ok && d.Param != "":
					shape[i] = bound
					known[d.Param] = true
				case i == 0:
					shape[i] = batch
				default:
					shape[i] = size
					if i == len(shape)-1 {
						shape[i] = last
					}
					free = true
				}
			}
			out[in.Name] = shape
		}
		return out
	}
	first := fill(smallestMap, smallestMap)
	var unused []string
	for name := range dims {
		if !known[name] {
			unused = append(unused, name)
		}
	}
	if len(unused) > 0 {
		sort.Strings(unused)
		return nil, fmt.Errorf("binding dimensions: the model's inputs have no dimension called %q", unused)
	}
	if !free {
		return first, nil
	}
	// What no size changes, such as a division of two constants, does not count.
	var uneven, unfit int
	if g, err := graph.New(m, graph.Options{}); err == nil {
		uneven, unfit = g.Uneven, g.Unfit
	}
	fits := func(sizes map[string][]int64, even bool) bool {
		g, err := graph.New(m, graph.Options{Sizes: sizes})
		return err == nil && (!even || g.Uneven <= uneven) && g.Unfit <= unfit && positive(g)
	}
	square := func(from, to int64, even bool) map[string][]int64 {
		for size := from; size <= to; size++ {
			if sizes := fill(size, size); fits(sizes, even) {
				return sizes
			}
		}
		return nil
	}
	if sizes := square(smallestMap, largestRectangle, true); sizes != nil {
		return sizes, nil
	}
	for _, even := range []bool{true, false} { // some models round on purpose
		for _, size := range commonMaps {
			if sizes := square(size, size, even); sizes != nil {
				return sizes, nil
			}
		}
	}
	// Tile counts that are written into the graph may ask for a rectangle.
	for longer := int64(smallestMap + 1); longer <= largestRectangle; longer++ {
		for shorter := int64(smallestMap); shorter < longer; shorter++ {
			for _, sizes := range []map[string][]int64{fill(shorter, longer), fill(longer, shorter)} {
				if fits(sizes, true) {
					return sizes, nil
				}
			}
		}
	}
	if sizes := square(largestRectangle+1, largestMap, true); sizes != nil {
		return sizes, nil
	}
	if sizes := square(smallestMap, smallestMap, false); sizes != nil {
		return sizes, nil
	}
	return nil, &onnxio.Hint{Err: errNothingFits,
		Advice: "bind the free dimensions with --dim NAME=SIZE"}
}

// positive reports whether every known dimension of every activation is at
// least one, and every map as large as the windows on it.
func positive(g *graph.Graph) bool {
	for _, n := range g.Nodes {
		if windowed[n.OpType] && n.Domain == "" && known(n.In[0]) && !known(n.Out[0]) {
			return false
		}
		for _, v := range n.Out {
			if v == nil || !v.Elem.IsFloat() {
				continue
			}
			dims, ok := v.Shape()
			if !ok {
				continue
			}
			for _, d := range dims {
				if k, ok := d.Int(); ok && k < 1 {
					return false
				}
			}
		}
	}
	return true
}

// windowed operators have an output of unknown size where the window does not
// fit.
var windowed = map[string]bool{"Conv": true, "AveragePool": true, "MaxPool": true, "LpPool": true}

// known reports whether all sizes of a value are numbers.
func known(v *graph.Value) bool {
	if v == nil {
		return true
	}
	dims, ok := v.Shape()
	return ok && !slices.ContainsFunc(dims, func(d graph.Dim) bool { _, ok := d.Int(); return !ok })
}

// OutputShape follows the shapes of the fed inputs through the model to one of
// its outputs; ok is false where they do not decide it.
func OutputShape(m *onnxio.Model, feeds map[string]*Tensor, name string) (shape []int, ok bool) {
	sizes := map[string][]int64{}
	for in, t := range feeds {
		sizes[in] = ints64(t.Shape)
	}
	plain, err := m.Plain()
	if err != nil {
		return nil, false
	}
	g, err := graph.New(plain, graph.Options{Sizes: sizes})
	if err != nil || g.Value(name) == nil {
		return nil, false
	}
	dims, ok := g.Value(name).Shape()
	for _, d := range dims {
		n, known := d.Int()
		ok = ok && known
		shape = append(shape, int(n))
	}
	return shape, ok
}
