package convert_test

import (
	"math"
	"path/filepath"
	"strings"
	"testing"

	"repmlp/convert"
	"repmlp/internal/drawing"
	"repmlp/onnxio"
)

// drawn converts a model and returns its drawings.
func drawn(t *testing.T, file string) (*onnxio.Model, *convert.Report) {
	t.Helper()
	m, err := onnxio.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	out, r, err := convert.Model(t.Context(), m, convert.Options{Drawings: true, NoCheck: true})
	if err != nil {
		t.Fatal(err)
	}
	return out, r
}

// The picture of a merged FC is the mean of what was written: the weight of the first
// RepMLP block of the digits model, [group, input, output] with both tiles [4 4 4].
func TestReachIsOfTheWrittenWeights(t *testing.T) {
	out, r := drawn(t, filepath.Join("..", "testdata", "digits", "digits_legacy.onnx"))
	var reach []drawing.Reach
	value := ""
	for _, d := range r.Drawings {
		if len(d.Reach) > 0 {
			reach = d.Reach
			for _, g := range r.Regions {
				if g.ID == d.IDs[0] {
					value = g.Value
				}
			}
		}
	}
	if len(reach) != 3 {
		t.Fatalf("%d pictures", len(reach))
	}
	var w []float64
	for _, x := range out.Graph().Inits() {
		if x.Name() == value+".weight" {
			v, err := x.Float64s()
			if err != nil || len(x.Dims()) != 3 || x.Dims()[1] != 64 {
				t.Fatal(err, x.Dims())
			}
			w = v
		}
	}
	if w == nil {
		t.Fatal("the weight was not found")
	}
	for _, p := range reach {
		if p.Height != 4 || p.Width != 4 || len(p.Of) != 3 || p.Of[1].Title != "convs 1×1, 3×3 as W(F, p)" {
			t.Fatalf("%+v", p)
		}
		for y := range 4 {
			for x := range 4 {
				sum := 0.0
				for g := range 2 {
					for i := range 4 {
						for o := range 4 {
							sum += math.Abs(w[(g*64+i*16+y*4+x)*64+o*16+p.Y*4+p.X])
						}
					}
				}
				fc, convs, merged := p.Of[0].Mean[y*4+x], p.Of[1].Mean[y*4+x], p.Of[2].Mean[y*4+x]
				if want := sum / 32; math.Abs(merged-want) > 1e-6*want {
					t.Errorf("from (%d, %d) to (%d, %d): %g, the weights say %g", y, x, p.Y, p.X, merged, want)
				}
				if near := max(y-p.Y, p.Y-y, x-p.X, p.X-x) <= 1; near != (convs > 0) {
					t.Errorf("a 3×3 conv at (%d, %d) reads (%d, %d) with %g", p.Y, p.X, y, x, convs)
				}
				if merged > fc+convs+1e-9 || merged < math.Abs(fc-convs)-1e-9 {
					t.Errorf("%g and %g make %g", fc, convs, merged)
				}
			}
		}
	}
}

// Merges that look alike are drawn once; boxes name nodes, and arrows lead from what is
// read to what is made.
func TestDrawings(t *testing.T) {
	for _, file := range []string{"../testdata/digits/digits_legacy.onnx", "../testdata/digits/digits_dynamo.onnx", "../testdata/cases/dyn_bottleneck/model.onnx", "../testdata/cases/kin_dbb_13/model.onnx", "../testdata/cases/kin_concat_13/model.onnx"} {
		_, r := drawn(t, file)
		seen := map[string]bool{}
		for _, d := range r.Drawings {
			for _, id := range d.IDs {
				if seen[id] {
					t.Errorf("%s: %s is drawn twice", file, id)
				}
				seen[id] = true
			}
			for what, g := range map[string]drawing.Graph{"before": d.Before, "after": d.After} {
				in, out := map[int]int{}, map[int]int{}
				for _, a := range g.Arrows {
					if a[0] >= a[1] {
						t.Errorf("%s: %s %s: an arrow leads back: %v", file, d.IDs[0], what, a)
					}
					out[a[0]]++
					in[a[1]]++
				}
				for i, b := range g.Boxes {
					if b.Kind == drawing.Input != (in[i] == 0) || b.Kind == drawing.Output && in[i] != 1 || len(b.Nodes) == 0 {
						t.Errorf("%s: %s %s: box %d %+v is read %d times and reads %d", file, d.IDs[0], what, i, b, out[i], in[i])
					}
				}
				if n := len(g.Boxes); n < 3 {
					t.Errorf("%s: %s %s has %d boxes", file, d.IDs[0], what, n)
				}
			}
		}
		if len(seen) != len(r.Regions) || len(seen) == 0 {
			t.Errorf("%s: %d of %d regions are drawn", file, len(seen), len(r.Regions))
		}
	}
}

// Nothing is gathered unless somebody asks, and inspect reads no weights for it.
func TestDrawingsWhereAskedFor(t *testing.T) {
	const file = "../testdata/digits/digits_legacy.onnx"
	r, err := convert.InspectFile(t.Context(), file, convert.Options{})
	if err != nil || r.Drawings != nil {
		t.Errorf("%v, %d drawings", err, len(r.Drawings))
	}
	if r, err = convert.InspectFile(t.Context(), file, convert.Options{Drawings: true}); err != nil || len(r.Drawings) == 0 {
		t.Fatalf("%v, %d drawings", err, len(r.Drawings))
	}
	for _, d := range r.Drawings {
		if len(d.Reach) > 0 {
			t.Error("weights were read")
		}
	}
}

// Views in a row are one box.
func TestJoinedViews(t *testing.T) {
	view := func(s string) drawing.Box {
		return drawing.Box{Kind: drawing.View, Title: s, Nodes: []string{s}}
	}
	g := drawing.Graph{Boxes: []drawing.Box{{Kind: drawing.Input, Nodes: []string{"x"}}, view("a"), view("b"), view("c"), view("d"), {Kind: drawing.Sum, Nodes: []string{"s"}}},
		Arrows: [][2]int{{0, 1}, {1, 2}, {2, 3}, {2, 4}, {3, 5}, {4, 5}}}
	j := g.Joined()
	var titles []string
	for _, b := range j.Boxes {
		titles = append(titles, b.Title)
	}
	if got := strings.Join(titles, ","); got != ",a · b,c,d," || len(j.Arrows) != 5 || len(j.Boxes[1].Nodes) != 2 {
		t.Errorf("%q, %v", got, j.Arrows)
	}
}
