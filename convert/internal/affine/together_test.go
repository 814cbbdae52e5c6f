package affine

import (
	"slices"
	"testing"
)

// Terms that scale and shift one value are one scale and shift of it; the magnitudes that its
// shift was added up from are those of all terms, whatever their signs.
func TestSumOfScales(t *testing.T) {
	load := func(v ...float64) Load { return func() ([]float64, error) { return v, nil } }
	along := func(n int) Placement {
		p := Everywhere(2)
		p.sizes[1] = n
		return p
	}
	one := NewDiagonal(along(1), load(3), load(-1), false)
	channels := NewDiagonal(along(2), load(-0.5, 2), load(4, -8), false)
	shift := NewDiagonal(along(1), nil, load(2), false)
	none := NewDiagonal(along(1), load(2), load(5), true) // whose shift is zero
	for _, c := range []struct {
		terms               []ScaleTerm
		scale, shift, sizes []float64
	}{
		// 2·(−0.5·(3x − 1) + 4) − (x + 2), and 2·(2·(3x − 1) − 8) − (x + 2)
		{[]ScaleTerm{{2, []*Diagonal{one, channels}}, {-1, []*Diagonal{shift}}}, []float64{-4, 11}, []float64{7, -22}, []float64{11, 22}},
		{[]ScaleTerm{{1, []*Diagonal{one}}, {1, nil}}, []float64{4}, []float64{-1}, []float64{1}},
		{[]ScaleTerm{{3, []*Diagonal{none, one}}}, []float64{18}, []float64{-3}, []float64{3}},
		{[]ScaleTerm{{3, []*Diagonal{one, none}}}, []float64{18}, []float64{-6}, []float64{6}},
	} {
		d, ok := SumOfScales(2, 1, c.terms)
		if !ok {
			t.Fatalf("%v: no sum", c.terms)
		}
		for i, have := range []Load{d.scale, d.shift, d.sizes} {
			v, err := have()
			if want := [][]float64{c.scale, c.shift, c.sizes}[i]; err != nil || !slices.Equal(v, want) {
				t.Errorf("numbers %d are %v, want %v: %v", i, v, want, err)
			}
		}
	}
	if d, ok := SumOfScales(2, 1, []ScaleTerm{{1, []*Diagonal{NewDiagonal(along(1), load(3), nil, false)}}, {1, nil}}); !ok || d.shift != nil || d.sizes != nil {
		t.Error("a shift of what is scaled alone")
	}
	if _, ok := SumOfScales(2, 1, []ScaleTerm{{1, []*Diagonal{channels}}, {1, []*Diagonal{NewDiagonal(along(3), load(1, 2, 3), nil, false)}}}); ok {
		t.Error("two channels and three")
	}
	if _, ok := SumOfScales(3, 1, []ScaleTerm{{1, []*Diagonal{one}}}); ok {
		t.Error("numbers of another rank")
	}
}
