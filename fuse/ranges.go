package fuse

// A limit keeps a label inside [lo, hi).
type limit struct {
	label  Label
	lo, hi int
}

type ranges []limit

// of is the range of an index of size n that stands for the given labels.
func (r ranges) of(n int, labels []Label) (lo, hi int) {
	hi = n
	for _, l := range labels {
		for _, x := range r {
			if x.label == l {
				lo, hi = max(lo, x.lo), min(hi, x.hi)
			}
		}
	}
	return lo, max(lo, hi)
}

// holds reports whether a place lies inside.
func (r ranges) holds(at ranges) bool {
	for _, a := range at {
		for _, x := range r {
			if x.label == a.label && (a.lo < x.lo || a.lo >= x.hi) {
				return false
			}
		}
	}
	return true
}
