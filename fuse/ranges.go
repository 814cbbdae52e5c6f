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

// An index is one value of a label.
type index struct {
	label Label
	at    int
}

// holds reports whether all indices lie inside.
func (r ranges) holds(list []index) bool {
	for _, x := range list {
		for _, l := range r {
			if l.label == x.label && (x.at < l.lo || x.at >= l.hi) {
				return false
			}
		}
	}
	return true
}
