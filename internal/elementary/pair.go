package elementary

import "math"

// A pair is the sum of two float64 of which hi is the sum rounded: about 106 bits.
//
// Sums are Knuth's, products Dekker's ("A floating-point technique for extending the
// available precision", 1971). Both are exact where nothing overflows or underflows,
// which callers see to.
type pair struct{ hi, lo float64 }

// sum is a + b, exactly.
func sum(a, b float64) pair {
	s := a + b
	t := s - a
	return pair{s, (a - (s - t)) + (b - t)}
}

// joined is a + b, exactly, where |a| is at least |b|.
func joined(a, b float64) pair {
	s := a + b
	return pair{s, b - (s - a)}
}

// halves are two floats of at most 26 bits whose sum is a.
func halves(a float64) (hi, lo float64) {
	c := float64(a * (1<<27 + 1))
	hi = c - (c - a)
	return hi, a - hi
}

// product is a·b, exactly.
func product(a, b float64) pair {
	p := float64(a * b)
	ah, al := halves(a)
	bh, bl := halves(b)
	return pair{p, ((float64(ah*bh) - p) + float64(ah*bl) + float64(al*bh)) + float64(al*bl)}
}

func (a pair) neg() pair { return pair{-a.hi, -a.lo} }

// by is a times a power of two.
func (a pair) by(power float64) pair { return pair{float64(a.hi * power), float64(a.lo * power)} }

func (a pair) plus(b pair) pair {
	s, t := sum(a.hi, b.hi), sum(a.lo, b.lo)
	s = joined(s.hi, s.lo+t.hi)
	return joined(s.hi, s.lo+t.lo)
}

func (a pair) add(b float64) pair {
	s := sum(a.hi, b)
	return joined(s.hi, s.lo+a.lo)
}

func (a pair) minus(b pair) pair { return a.plus(b.neg()) }

func (a pair) times(b pair) pair {
	p := product(a.hi, b.hi)
	return joined(p.hi, p.lo+(float64(a.hi*b.lo)+float64(a.lo*b.hi)))
}

// scale is a·b.
func (a pair) scale(b float64) pair {
	p := product(a.hi, b)
	return joined(p.hi, p.lo+float64(a.lo*b))
}

// over is a/b by long division, two digits of 53 bits.
func (a pair) over(b pair) pair {
	q := a.hi / b.hi
	rest := a.minus(b.scale(q))
	return joined(q, rest.hi/b.hi)
}

// sqrt is one step of Newton from the root of hi.
func (a pair) sqrt() pair {
	r := math.Sqrt(a.hi)
	if r == 0 {
		return pair{}
	}
	return joined(r, a.minus(product(r, r)).hi/(2*r))
}

// rounded is a·2^k as a float64, for a that is not negative: rounded once, below the
// normal numbers too.
func (a pair) rounded(k int) float64 {
	const smallest = -1074 // exponent of the smallest float64
	_, e := math.Frexp(a.hi)
	switch {
	case e+k >= -1021:
		return math.Ldexp(a.hi, k)
	case e+k < smallest-1:
		return 0
	}
	// Numbers beside c lie as far apart as the smallest float64 is large.
	c := math.Ldexp(1, smallest+52-k)
	s := sum(c, a.hi)
	rest := sum(s.lo, a.lo)
	if rest.lo != 0 { // not halfway, if hi is
		rest.hi = math.Nextafter(rest.hi, math.Copysign(math.Inf(1), rest.lo))
	}
	return math.Ldexp(s.hi+rest.hi-c, k)
}
