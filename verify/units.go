package verify

// Units are elements of the first input of a linear claim that show every coefficient by
// itself: where only those of one unit are not zero, no output reads two of them, and every
// coefficient is read by some output for some unit.
//
// A run holds one unit in each slot: a row, or a sample. In each group of features, which
// other outputs read, the unit is lit at the same time. An element is the sum of an offset of
// its slot, one of its unit and one of its group in the flat input.
type Units struct {
	Slots  []int
	Each   [][]int
	Groups []int
	Random bool // numbers of all sizes: what is not linear is the same on both sides
}

// runs is how many runs show all units; there are slots.
func (u *Units) runs() int { return (len(u.Each) + len(u.Slots) - 1) / len(u.Slots) }

// lit are the elements of one run that begins at a unit, for each slot.
func (u *Units) lit(first int, visit func(element int)) {
	for s, slot := range u.Slots {
		if first+s >= len(u.Each) {
			return
		}
		for _, e := range u.Each[first+s] {
			for _, g := range u.Groups {
				visit(slot + e + g)
			}
		}
	}
}
