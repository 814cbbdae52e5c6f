package verify

import "iter"

// Bounds of the search for sizes. Height and width are tried from smallestMap to
// largestMap, rectangles, which few models need, up to largestRectangle.
const (
	smallestMap      = 8
	largestMap       = 1024
	largestRectangle = 48
	largestBatch     = 64
	largestFeature   = 1 << 16

	// searchNodes is how many nodes are looked at while whole models are tried with
	// numbers: less than half a second.
	searchNodes = 1 << 16
	// searchDemands does the same for formulas.
	searchDemands = 1 << 23
)

// commonMaps are the sizes that most models were exported with.
var commonMaps = [...]int64{224, 256, 384, 512}

// A stage is a list of heights and widths to try.
type stage struct {
	from, to int64 // step by step, down where to is less
	common   bool
	square   bool
	even     bool // divisions leave no rest
}

// Some models round on purpose, tile counts that are written into the graph may ask
// for a rectangle, and a weight for a small map.
var (
	mapStages = []stage{
		{from: smallestMap, to: largestRectangle, square: true, even: true},
		{common: true, square: true, even: true},
		{common: true, square: true},
		{from: smallestMap, to: largestRectangle, even: true},
		{from: largestRectangle + 1, to: largestMap, square: true, even: true},
		{from: smallestMap - 1, to: 1, square: true, even: true},
	}
	lastStages = []stage{
		{from: 1, to: largestRectangle, even: true},
		{from: smallestMap, to: smallestMap, square: true},
	}
)

// maps are the heights and widths of a stage, in the order in which they are tried.
func (s stage) maps() iter.Seq2[int64, int64] {
	switch {
	case s.common:
		return s.commonSquares
	case s.square:
		return s.squares
	}
	return s.rectangles
}

func (s stage) commonSquares(yield func(size, last int64) bool) {
	for _, n := range commonMaps {
		if !yield(n, n) {
			return
		}
	}
}

func (s stage) squares(yield func(size, last int64) bool) {
	step := int64(1)
	if s.to < s.from {
		step = -1
	}
	for n := s.from; n != s.to+step; n += step {
		if !yield(n, n) {
			return
		}
	}
}

func (s stage) rectangles(yield func(size, last int64) bool) {
	for longer := s.from + 1; longer <= s.to; longer++ {
		for shorter := s.from; shorter < longer; shorter++ {
			if !yield(shorter, longer) || !yield(longer, shorter) {
				return
			}
		}
	}
}
