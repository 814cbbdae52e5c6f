package layered

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
)

// Random graphs: no two boxes overlap, edges lead downwards from box to box, and the
// same graph is placed alike.
func TestPlace(t *testing.T) {
	gaps := Gaps{10, 20}
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		boxes := make([]Box, rng.IntN(12))
		for i := range boxes {
			boxes[i] = Box{10 + 50*rng.Float64(), 10 + 20*rng.Float64()}
		}
		var edges []Edge
		for to := range boxes {
			for range rng.IntN(4) {
				if to > 0 {
					edges = append(edges, Edge{rng.IntN(to), to})
				}
			}
		}
		l := Place(boxes, edges, gaps)
		if again := Place(boxes, edges, gaps); !reflect.DeepEqual(l, again) {
			t.Fatalf("seed %d: another layout", seed)
		}
		for i, a := range l.Boxes {
			if a.X < -1e-9 || a.Y < -1e-9 || a.X+boxes[i].Width > l.Width+1e-9 || a.Y+boxes[i].Height > l.Height+1e-9 {
				t.Errorf("seed %d: box %d at %v is outside of %g×%g", seed, i, a, l.Width, l.Height)
			}
			for j, b := range l.Boxes[:i] {
				if a.X < b.X+boxes[j].Width-1e-6 && b.X < a.X+boxes[i].Width-1e-6 && a.Y < b.Y+boxes[j].Height-1e-6 && b.Y < a.Y+boxes[i].Height-1e-6 {
					t.Errorf("seed %d: boxes %d and %d overlap", seed, i, j)
				}
			}
		}
		for k, e := range edges {
			points := l.Edges[k]
			first, last := points[0], points[len(points)-1]
			from, to := l.Boxes[e.From], l.Boxes[e.To]
			if math.Abs(first.X-from.X-boxes[e.From].Width/2) > 1e-9 || math.Abs(last.Y-to.Y) > 1e-9 {
				t.Errorf("seed %d: edge %d begins at %v and ends at %v", seed, k, first, last)
			}
			for i := 1; i < len(points); i++ {
				if points[i].Y <= points[i-1].Y {
					t.Errorf("seed %d: edge %d leads upwards", seed, k)
				}
			}
		}
	}
}

// Branches of a sum stand beside each other, what splits and joins them in the middle.
func TestPlaceBranches(t *testing.T) {
	boxes := make([]Box, 5)
	for i := range boxes {
		boxes[i] = Box{40, 20}
	}
	l := Place(boxes, []Edge{{0, 1}, {0, 2}, {0, 3}, {1, 4}, {2, 4}, {3, 4}, {0, 4}}, Gaps{10, 20})
	if l.Boxes[1].Y != l.Boxes[2].Y || l.Boxes[2].Y != l.Boxes[3].Y || math.Abs(l.Boxes[0].X-l.Boxes[4].X) > 25 || l.Height != 100 {
		t.Errorf("%+v", l)
	}
	if n := len(l.Edges[6]); n != 3 {
		t.Errorf("the long edge has %d points", n)
	}
}

// A cycle is drawn too.
func TestPlaceCycle(t *testing.T) {
	l := Place([]Box{{10, 10}, {10, 10}}, []Edge{{0, 1}, {1, 0}, {1, 1}}, Gaps{5, 5})
	if len(l.Edges) != 3 || len(l.Boxes) != 2 || l.Height != 25 {
		t.Errorf("%+v", l)
	}
}
