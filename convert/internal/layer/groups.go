package layer

// groups are the numbers of groups that a form is for.
type groups uint8

const (
	anyGroups groups = iota
	oneGroup
	severalGroups
)

func (g groups) fit(n int) bool {
	switch g {
	case oneGroup:
		return n == 1
	case severalGroups:
		return n > 1
	}
	return true
}
