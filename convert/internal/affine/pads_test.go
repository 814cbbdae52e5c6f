package affine

import (
	"math/rand/v2"
	"slices"
	"testing"

	"repmlp/fuse"
	"repmlp/onnxio/graph"
)

// Padding that is found makes a map of the size that was asked for, and some is
// found wherever there is any.
func TestPadsAgainstTrying(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 9))
	for range 3000 {
		n, taps, step, stride := 1+rng.IntN(9), 1+rng.IntN(4), 1+rng.IntN(3), 1+rng.IntN(3)
		lo, out := rng.IntN(6)-4, 1+rng.IntN(7)
		w := fuse.Window{Taps: []int{taps}, Step: []int{step}, Stride: []int{stride}, Lo: []int{lo}}
		size := func(end int) int { return (n-lo+end-(taps-1)*step-1)/stride + 1 }
		fits := func(end int) bool { return n-lo+end >= (taps-1)*step+1 && size(end) == out }
		want := -1
		for e := range 64 {
			if fits(e) && lo <= 0 {
				want = e
				break
			}
		}
		begin, end, ok := Pads(w, dims(3, 2, n), dims(3, 5, out))
		if ok != (want >= 0) {
			t.Fatalf("%+v from %d to %d: %v %v %v, want %d", w, n, out, begin, end, ok, want)
		}
		if ok && (begin[0] != int64(-lo) || !fits(int(end[0]))) {
			t.Fatalf("%+v from %d to %d: pads %v %v give %d", w, n, out, begin, end, size(int(end[0])))
		}
		if ok && end[0] != int64(want) {
			t.Fatalf("%+v from %d to %d: pads %v, %d is enough", w, n, out, end, want)
		}
	}
}

func dims(v ...int) []graph.Dim {
	var out []graph.Dim
	for _, n := range v {
		out = append(out, graph.Size(int64(n)))
	}
	return out
}

// The same where the size has no value.
func TestPadsOfOpenSizes(t *testing.T) {
	h := graph.Symbol("H")
	open := func(d graph.Dim) []graph.Dim { return []graph.Dim{graph.Size(1), graph.Size(1), d} }
	for _, c := range []struct {
		taps, step, stride, lo int
		out                    graph.Dim
		end                    int64
		ok                     bool
	}{
		{3, 1, 1, -1, h, 1, true},
		{3, 2, 1, 0, h, 4, true},
		{3, 1, 1, -1, h.Plus(graph.Size(2)), 3, true},
		{3, 1, 1, 0, h.Minus(graph.Size(2)), 0, true},
		{3, 1, 1, 0, h.Minus(graph.Size(3)), 0, false},
		{1, 1, 1, 0, h.Plus(graph.Size(2)), 2, true},
		{1, 1, 1, 0, h.Plus(graph.Size(3)), 0, false}, // wider than any Conv would pad
		{1, 1, 1, 0, graph.Symbol("W"), 0, false},
		{2, 1, 2, 0, h.Minus(graph.Size(2)).FloorDiv(graph.Size(2)).Plus(graph.Size(1)), 0, true},
		{3, 1, 2, -1, h.Minus(graph.Size(1)).FloorDiv(graph.Size(2)).Plus(graph.Size(1)), 1, true},
		{3, 1, 2, -1, h, 0, false},
		{3, 1, 2, 0, h.Plus(graph.Size(2)).FloorDiv(graph.Size(2)).Plus(graph.Size(1)), 5, true},
		{3, 1, 2, 0, h.Plus(graph.Size(3)).FloorDiv(graph.Size(2)).Plus(graph.Size(1)), 0, false}, // wider than any Conv would pad
	} {
		w := fuse.Window{Taps: []int{c.taps}, Step: []int{c.step}, Stride: []int{c.stride}, Lo: []int{c.lo}}
		_, end, ok := Pads(w, open(h), open(c.out))
		if ok != c.ok || ok && end[0] != c.end {
			t.Errorf("%+v to %v: %v %v, want %d %v", w, c.out, end, ok, c.end, c.ok)
		}
	}
}

// Which position a padded axis shows is what the operator Pad says, step by step.
func TestPadModesStepByStep(t *testing.T) {
	for size := 1; size < 6; size++ {
		for _, m := range []PadMode{PadConstant, PadEdge, PadReflect, PadWrap} {
			at, dir := 0, -1 // walk outwards from position 0
			for i := 0; i > -20; i-- {
				want, inside := at, true
				if i < 0 && m == PadConstant {
					inside = false
				}
				if have, in := m.source(i, size); in != inside || inside && have != want {
					t.Fatalf("%v of %d: position %d shows %d %v, want %d %v", m, size, i, have, in, want, inside)
				}
				if m == PadReflect && size > 1 {
					// 0 1 2 ... size-1 size-2 ... : turn at both ends
					if at == 0 {
						dir = 1
					} else if at == size-1 {
						dir = -1
					}
					at += dir
				} else if m == PadWrap {
					at = (at + size - 1) % size
				}
			}
			for i := range size {
				if have, in := m.source(i, size); !in || have != i {
					t.Errorf("%v of %d: position %d shows %d", m, size, i, have)
				}
			}
			// beyond the end the picture is the same, seen from there
			for i := range 20 {
				a, in := m.source(size-1+i, size)
				b, in2 := m.source(-i, size)
				if in != in2 || in && a != size-1-b {
					t.Errorf("%v of %d: position %d shows %d, position %d shows %d", m, size, size-1+i, a, -i, b)
				}
			}
		}
	}
}

// What a Pad is for the rules: zeros around a map, or an inside that may be cropped.
func TestPadsOfMaps(t *testing.T) {
	around := []int64{0, 0, 1, 0, 0, 0, 0, 2}
	for _, c := range []struct {
		pad           Pad
		zeros, inside bool
	}{
		{Pad{Pads: around}, true, true},
		{Pad{Pads: around, Value: 1}, false, true},
		{Pad{Pads: around, Mode: PadReflect}, false, true},
		{Pad{Pads: []int64{0, 0, -1, 0, 0, 0, 0, 2}}, true, false},
		{Pad{Pads: []int64{1, 0, 1, 0, 0, 0, 0, 2}}, false, false},
		{Pad{Pads: []int64{0, 1, 1, 0, 0, 0, 0, 2}}, false, false},
		{Pad{Pads: []int64{0, 0, 1, 0, 1, 0, 0, 2}}, false, false},
		{Pad{Pads: []int64{0, 0, 1, 0, 0, 1, 0, 2}}, false, false},
		{Pad{Pads: []int64{0, 0, 0, 0}}, false, false},
		{Pad{Pads: []int64{0, 0, 1, 0, 0, 1}}, true, true},
	} {
		_, inside := c.pad.Inside(nil)
		if c.pad.Zeros() != c.zeros || inside != c.inside {
			t.Errorf("%v: zeros %v, inside %v", c.pad.Pads, c.pad.Zeros(), inside)
		}
	}
}

// A map of one axis is cropped as the padding around it was.
func TestCropOfAPaddedMap(t *testing.T) {
	pad := &Pad{Pads: []int64{0, 0, 2, 1, 0, 0, 1, 3}, Mode: PadWrap}
	crop, _ := pad.Inside(nil)
	shape := dims(2, 3, 8, 9)
	start, ok := MapInput(Form{Dims: shape})
	if !ok {
		t.Fatal("no map")
	}
	n := node(t, "Neg")
	crop.Of = n
	end, why := crop.Window(n, []Map{start})
	if why != nil || !EqualDims(end.Dims, dims(2, 3, 5, 5)) || !slices.Equal(end.Win.Lo, []int{2, 1}) {
		t.Errorf("%v %+v %v", end.Dims, end.Win, why)
	}
	k, err := crop.Kernel(n, []*fuse.Kernel{fuse.Identity(3, 2)})
	if err != nil || !slices.Equal(k.Lo, []int{2, 1}) || !slices.Equal(k.Taps, []int{1, 1}) || !slices.Equal(k.W, []float64{1, 1, 1}) {
		t.Errorf("%+v %v", k, err)
	}
	if _, why := (&Conv{Win: graph.Window{Kernel: []int64{1, 1}, Stride: []int64{1, 1}, Dilation: []int64{1, 1}, Begin: []int64{1, 1}, End: []int64{0, 0}}, Shape: []int{3, 3, 1, 1}, Groups: 1}).Window(n, []Map{end}); why == nil || why.Code != "padding_modes_differ" {
		t.Errorf("zeros around the inside: %v", why)
	}
	turned, _ := MapInput(axesOf(dims(2, 8, 9, 3), []int{0, 2, 3, 1}))
	if _, why := crop.Window(n, []Map{turned}); why == nil {
		t.Error("a map with its channels last was cropped")
	}
	if _, why := crop.Trace(nil, n, []Traced{{}}); why == nil {
		t.Error("a crop is a view")
	}
	if crop.Cost() != costMove || crop.String() != "Inside of Pad [0 0 2 1 0 0 1 3] with wrap" || crop.Weights() != nil {
		t.Errorf("%v %v", crop.Cost(), crop)
	}
}
