package verify

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"repmlp/onnxio"
	"repmlp/verify/internal/random"
)

// naiveTop sorts the classes.
func naiveTop(scores []float64) []int {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(x, y int) int {
		switch {
		case scores[x] > scores[y]:
			return -1
		case scores[x] < scores[y]:
			return 1
		}
		return 0
	})
	return order[:min(len(order), topClasses)]
}

// Agreement and accuracy are counted as from sorted scores, equal ones among them.
func TestScoresAgainstSorting(t *testing.T) {
	for seed := range uint64(30) {
		rng := random.Stream(seed, "scores")
		classes := 2 + rng.IntN(12)
		g := &scoring{s: ScoreAgreement{Output: "y"}}
		want := ScoreAgreement{Output: "y", Classes: classes}
		var runs [][2]*Tensor
		var labels []int64
		for range 3 {
			rows := 1 + rng.IntN(20)
			draw := func() *Tensor {
				x := &Tensor{DType: onnxio.Float64, Shape: []int{rows, classes, 1, 1}}
				for range rows * classes {
					x.F64 = append(x.F64, float64(rng.IntN(6)))
				}
				return x
			}
			a, b := draw(), draw()
			if rng.IntN(2) == 0 {
				b = a
			}
			runs = append(runs, [2]*Tensor{a, b})
			for r := range rows {
				labels = append(labels, rng.Int64N(int64(classes)))
				label := int(labels[len(labels)-1])
				x, y := naiveTop(a.F64[r*classes:][:classes]), naiveTop(b.F64[r*classes:][:classes])
				one := func(c bool) int64 {
					if c {
						return 1
					}
					return 0
				}
				want.Rows++
				want.Labels++
				want.Top1 += one(x[0] == y[0])
				want.RefTop1 += one(x[0] == label)
				want.CandTop1 += one(y[0] == label)
				want.RefTop5 += one(slices.Contains(x, label))
				want.CandTop5 += one(slices.Contains(y, label))
				slices.Sort(x)
				slices.Sort(y)
				want.Top5 += one(slices.Equal(x, y))
			}
		}
		if classes <= topClasses {
			want.Top5, want.RefTop5, want.CandTop5 = -1, -1, -1
		}
		for _, r := range runs {
			g.add(r[0], r[1], labels)
		}
		got, err := agreements([]*scoring{g}, labels)
		if err != nil || len(got) != 1 || got[0] != want {
			t.Fatalf("seed %d: %+v, want %+v, %v", seed, got, want, err)
		}
	}
}

// What has another form has no classes, and labels that fit nothing are an error.
func TestScoresOfOtherForms(t *testing.T) {
	floats := func(shape ...int) *Tensor {
		x := &Tensor{DType: onnxio.Float32, Shape: shape, F32: make([]float32, 0)}
		n := 1
		for _, d := range shape {
			n *= d
		}
		x.F32 = make([]float32, n)
		return x
	}
	for _, tc := range []struct {
		name   string
		y      *Tensor
		labels []int64
		form   bool
		says   string
	}{
		{"scores", floats(2, 3), nil, true, ""},
		{"labels", floats(2, 3), []int64{0, 2}, true, ""},
		{"a map", floats(2, 3, 4, 4), nil, false, ""},
		{"one class", floats(2, 1), nil, false, ""},
		{"a vector", floats(6), nil, false, ""},
		{"integers", &Tensor{DType: onnxio.Int64, Shape: []int{2, 3}, I: make([]int64, 6)}, nil, false, ""},
		{"labels of a map", floats(2, 3, 4, 4), []int64{0, 1}, false, "class scores"},
		{"too few labels", floats(2, 3), []int64{0}, true, "more rows"},
		{"too many labels", floats(2, 3), []int64{0, 1, 2}, true, "3 labels for the 2 rows"},
		{"labels beyond the classes", floats(2, 3), []int64{0, 3}, true, "label 1 is 3"},
	} {
		g := &scoring{s: ScoreAgreement{Output: "y"}}
		g.add(tc.y, tc.y, tc.labels)
		got, err := agreements([]*scoring{g}, tc.labels)
		if tc.says != "" {
			if err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%s: %v", tc.name, err)
			}
			continue
		}
		if err != nil || (len(got) == 1) != tc.form {
			t.Errorf("%s: %+v, %v", tc.name, got, err)
		}
	}
}

func TestReadLabels(t *testing.T) {
	dir := t.TempDir()
	for name, tc := range map[string]struct {
		descr, shape string
		raw          []byte
		ok           bool
	}{
		"rows":    {"|u1", "(2,)", []byte{1, 2}, true},
		"columns": {"|u1", "(2, 1)", []byte{1, 2}, true},
		"table":   {"|u1", "(1, 2)", []byte{1, 2}, false},
		"floats":  {"<f2", "(1,)", []byte{0, 0x3c}, false},
	} {
		path := filepath.Join(dir, name+".npy")
		if err := os.WriteFile(path, npy(tc.descr, tc.shape, tc.raw), 0o644); err != nil {
			t.Fatal(err)
		}
		if got, err := ReadLabels(path); (err == nil) != tc.ok || tc.ok && !slices.Equal(got, []int64{1, 2}) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}
