package stored

import (
	le "encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"repmlp/onnxio"
	"repmlp/verify/internal/storage"
)

// randomWeight holds n numbers.
func randomWeight(t *testing.T, rng *rand.Rand, n int) (*Weight, []float64) {
	t.Helper()
	var b []byte
	var v []float64
	for range n {
		x := float32(rng.NormFloat64())
		b, v = le.LittleEndian.AppendUint32(b, math.Float32bits(x)), append(v, float64(x))
	}
	tensor, err := onnxio.NewTensor("w", onnxio.Float32, []int64{int64(n)}, b)
	if err != nil {
		t.Fatal(err)
	}
	r, err := tensor.Reader()
	if err != nil {
		t.Fatal(err)
	}
	return &Weight{Reader: r, Storage: storage.New(1 << 20)}, v
}

// randomRows makes m rows of k numbers, ld apart, of which those that are not active
// are zero.
func randomRows(rng *rand.Rand, m, k, ld, active int) []float64 {
	x := make([]float64, m*ld)
	for _, r := range rng.Perm(m)[:min(active, m)] {
		for d := range k {
			x[r*ld+d] = rng.NormFloat64()
		}
	}
	return x
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*(1+math.Abs(b)) }

// Products that read the weight where it lies are the products, by rows and by
// columns, for one block and several, with the weight's signs and without.
func TestStreamAgainstNaive(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for round := range 120 {
		blocks, m, n, k := 1+rng.IntN(3), 1+rng.IntN(9), 1+rng.IntN(40), 1+rng.IntN(40)
		if round%40 == 0 { // beyond the size of a task
			n, k = 300, 900
		}
		w, v := randomWeight(t, rng, 3+blocks*n*k)
		w.Absolute, w.Probe = round%3 == 0, round%2 == 0
		active := m
		if w.Probe {
			m, active = m+12, 1+rng.IntN(probeRows)
		}
		value := func(i int) float64 {
			if w.Absolute {
				return math.Abs(v[i])
			}
			return v[i]
		}
		for _, columns := range []bool{false, true} {
			ldx, ldy := k+rng.IntN(3), n+rng.IntN(3)
			ps := make([]Product, blocks)
			for b := range ps {
				ps[b] = Product{X: randomRows(rng, m, k, ldx, active), Y: make([]float64, m*ldy), Ldx: ldx, Ldy: ldy, At: 3 + b*n*k}
			}
			stream := w.StreamRows
			if columns {
				stream = w.StreamColumns
			}
			if many := active > w.Most(); stream(ps, m, n, k) == many {
				t.Fatalf("%d of %d rows, of at most %d: streamed is %t", active, m, w.Most(), !many)
			} else if many {
				continue
			}
			for b, p := range ps {
				for i := range m {
					for o := range n {
						want := 0.0
						for d := range k {
							at := p.At + o*k + d
							if columns {
								at = p.At + d*n + o
							}
							want += p.X[i*ldx+d] * value(at)
						}
						if have := p.Y[i*ldy+o]; !near(have, want) {
							t.Fatalf("columns %t, block %d, row %d, output %d is %g, want %g", columns, b, i, o, have, want)
						}
					}
				}
			}
		}
	}
}

// The stored matrix on the left, the other one as it is or transposed.
func TestStreamLeftAgainstNaive(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	for range 40 {
		q, n, k, at := 1+rng.IntN(30), 1+rng.IntN(fewRows+2), 1+rng.IntN(30), rng.IntN(3)
		w, v := randomWeight(t, rng, at+q*k)
		for _, trans := range []bool{false, true} {
			x, y := randomRows(rng, n, k, k, n), make([]float64, q*n)
			if ok := w.StreamLeft(q, n, k, x, trans, at, y); ok != (n <= fewRows) {
				t.Fatalf("%d columns: streamed is %t", n, ok)
			} else if !ok {
				continue
			}
			for o := range q {
				for j := range n {
					want := 0.0
					for d := range k {
						other := x[j*k+d]
						if !trans {
							other = x[d*n+j]
						}
						want += v[at+o*k+d] * other
					}
					if !near(y[o*n+j], want) {
						t.Fatalf("trans %t: element %d,%d is %g, want %g", trans, o, j, y[o*n+j], want)
					}
				}
			}
		}
	}
}

// A run in float64 leaves the magnitudes for the one that follows, which reads no
// weight.
func TestMagnitudesBesideAProduct(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	w, v := randomWeight(t, rng, 6)
	w.Seen = NewMagnitudes()
	x := []float64{1, -2, 3}
	y, size := make([]float64, 2), make([]float64, 2)
	if !w.StreamRows([]Product{{X: x, Ldx: 3, Y: y, Ldy: 2}}, 1, 2, 3) {
		t.Fatal("one row is too many")
	}
	absolute := *w
	absolute.Absolute = true
	if !absolute.StreamRows([]Product{{X: []float64{1, 2, 3}, Ldx: 3, Y: size, Ldy: 2}}, 1, 2, 3) {
		t.Fatal("one row is too many")
	}
	for o := range 2 {
		want, most := v[3*o]-2*v[3*o+1]+3*v[3*o+2], math.Abs(v[3*o])+2*math.Abs(v[3*o+1])+3*math.Abs(v[3*o+2])
		if !near(y[o], want) || !near(size[o], most) {
			t.Errorf("output %d is %g of %g, want %g of %g", o, y[o], size[o], want, most)
		}
	}
}
