package verify

import (
	"maps"
	"math"
	"slices"
)

// A sketch counts numbers that are not negative in bins that are narrow beside the
// numbers in them: a power of two has 1024. Its memory follows how many powers of two
// there are, 8 KB for each, not how many numbers.
type sketch struct {
	total, zeros int64
	most         float64
	octaves      map[int]*[binsPerOctave]int64
}

const (
	binBits       = 10
	binsPerOctave = 1 << binBits
	binShift      = 52 - binBits // of the bits of a float64
)

func (s *sketch) add(x float64) {
	s.total++
	if x == 0 {
		s.zeros++
		return
	}
	x = min(x, math.MaxFloat64)
	s.most = max(s.most, x)
	k := int(math.Float64bits(x) >> binShift)
	o := s.octaves[k>>binBits]
	if o == nil {
		if s.octaves == nil {
			s.octaves = map[int]*[binsPerOctave]int64{}
		}
		o = new([binsPerOctave]int64)
		s.octaves[k>>binBits] = o
	}
	o[k%binsPerOctave]++
}

// quantile is the smallest of the numbers that a part q of all does not exceed (the
// nearest rank), or a number above it by less than a thousandth of it. NaN where there
// are none.
func (s *sketch) quantile(q float64) float64 {
	if s.total == 0 {
		return math.NaN()
	}
	rank := int64(math.Ceil(q * float64(s.total)))
	seen := s.zeros
	if seen >= rank {
		return 0
	}
	for _, e := range slices.Sorted(maps.Keys(s.octaves)) {
		for i, n := range s.octaves[e] {
			if seen += n; seen >= rank {
				return min(s.most, math.Float64frombits(uint64(e<<binBits+i+1)<<binShift-1))
			}
		}
	}
	return s.most
}

// A Bin is how many differences are at least From and below To.
type Bin struct {
	From, To float64
	Count    int64
}

// histogram counts the numbers that are not zero by powers of two, from the smallest
// to the largest, those between that have none included.
func (s *sketch) histogram() []Bin {
	exponents := slices.Sorted(maps.Keys(s.octaves))
	if len(exponents) == 0 {
		return nil
	}
	var out []Bin
	edge := func(e int) float64 { return math.Float64frombits(uint64(e<<binBits) << binShift) }
	for e := exponents[0]; e <= exponents[len(exponents)-1]; e++ {
		b := Bin{From: edge(e), To: edge(e + 1)}
		if o := s.octaves[e]; o != nil {
			for _, n := range o {
				b.Count += n
			}
		}
		out = append(out, b)
	}
	return out
}
