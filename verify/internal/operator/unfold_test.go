package operator

import (
	"math/rand/v2"
	"slices"
	"testing"

	"repmlp/onnxio/graph"
)

// Outputs that lie as the inputs do are what they are taken one by one, wherever a
// line begins and ends.
func TestUnfoldShifted(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	shifted := 0
	for range 3000 {
		h, w, kh, kw := 1+rng.IntN(9), 1+rng.IntN(9), 1+rng.IntN(5), 1+rng.IntN(5)
		dh, dw := 1+rng.IntN(2), 1+rng.IntN(2)
		left := rng.IntN((kw-1)*dw + 1)
		top, bottom := rng.IntN(4), rng.IntN(4)
		oh := h + top + bottom - (kh-1)*dh
		if oh < 1 {
			continue
		}
		s := spatial{Window: graph.Window{Kernel: []int64{int64(kh), int64(kw)}, Stride: []int64{1, 1},
			Dilation: []int64{int64(dh), int64(dw)}, Begin: []int64{int64(top), int64(left)}}, in: []int{h, w}, out: []int{oh, w}}
		src := make([]float64, 2*h*w)
		for i := range src {
			src[i] = 1 + rng.Float64()
		}
		fast := unfold(src, s)
		slow := unfold(src, s)
		slow.same = false
		if fast.same {
			shifted++
		}
		for r := range 2 * kh * kw {
			at := rng.IntN(oh * w)
			got := make([]float64, 1+rng.IntN(oh*w-at))
			want := slices.Repeat([]float64{-1}, len(got))
			fast.line(r, at, got)
			slow.line(r, at, want)
			if !slices.Equal(got, want) {
				t.Fatalf("%+v, row %d from %d: %v, want %v", s, r, at, got, want)
			}
		}
	}
	if shifted < 1000 {
		t.Errorf("only %d maps were shifted", shifted)
	}
}
