package layer

import (
	"slices"

	"repmlp/convert/internal/affine"
	"repmlp/fuse"
	"repmlp/verify"
)

// Units implements Layer: a feature of every group, in each row another one.
func (l *FC) Units(_ *affine.Segment, in, _ []int) *verify.Units {
	m := l.Rows
	slots, ok := affine.Offsets(m.Atoms, m.In, in, rowsOf(m))
	features, ok2 := affine.Offsets(m.Atoms, m.In, in, m.Feature)
	groups, ok3 := affine.Offsets(m.Atoms, m.In, in, m.Group)
	if !ok || !ok2 || !ok3 {
		return nil
	}
	return &verify.Units{Slots: slots, Each: alone(features), Groups: groups}
}

// alone makes a unit of each element.
func alone(elements []int) [][]int {
	each := make([][]int, len(elements))
	for i := range elements {
		each[i] = elements[i : i+1]
	}
	return each
}

// Units implements Layer: every output reads one number.
func (l *Scale) Units(_ *affine.Segment, in, _ []int) *verify.Units { return everything(in, false) }

// Units implements Layer: what is normalised is the same on both sides, whatever it is.
func (l *Norm) Units(_ *affine.Segment, in, _ []int) *verify.Units { return everything(in, true) }

// Units implements Layer: there is no number to read.
func (l *Identity) Units(_ *affine.Segment, in, _ []int) *verify.Units { return everything(in, true) }

// everything is one unit of all elements, for maps whose outputs read one number each.
func everything(shape []int, random bool) *verify.Units {
	n := 1
	for _, d := range shape {
		n *= d
	}
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return &verify.Units{Slots: []int{0}, Each: [][]int{all}, Groups: []int{0}, Random: random}
}

// Units implements Layer.
func (l *Padded) Units(s *affine.Segment, in, out []int) *verify.Units {
	return l.conv.Units(s, in, out)
}

// Units implements Layer: positions of one channel of every group, so that each tap is read
// from one of them by some output, and no output reads two.
func (c *convolution) Units(_ *affine.Segment, in, out []int) *verify.Units {
	atoms, from, value := c.start.Cut.Layouts(c.start.Dims)
	samples, ok := affine.Offsets(atoms, value, in, from[0])
	channels, ok2 := affine.Offsets(atoms, value, in, from[1])
	w := c.Touch
	if !ok || !ok2 || len(channels) != w.In {
		return nil
	}
	groups, channels, ok := apart(channels, w.Groups)
	if !ok {
		return nil
	}
	outAtoms, to, made := c.end.Cut.Layouts(c.end.Dims)
	places := [][]int{{0}} // of each set of positions
	for i := range w.Taps {
		at, ok := affine.Offsets(atoms, value, in, from[i+2])
		reads, ok2 := affine.Offsets(outAtoms, made, out, to[i+2])
		if !ok || !ok2 {
			return nil
		}
		sets, ok := lights(w, i, len(at), len(reads))
		if !ok {
			return nil
		}
		var next [][]int
		for _, old := range places {
			for _, set := range sets {
				var both []int
				for _, o := range old {
					for _, p := range set {
						both = append(both, o+at[p])
					}
				}
				next = append(next, both)
			}
		}
		places = next
	}
	u := &verify.Units{Slots: samples, Groups: groups}
	for _, c := range channels {
		for _, set := range places {
			unit := slices.Clone(set)
			for k := range unit {
				unit[k] += c
			}
			u.Each = append(u.Each, unit)
		}
	}
	return u
}

// apart takes the offsets of channels for those of groups and of the channels of one; ok is
// false where groups do not lie alike.
func apart(channels []int, groups int) (group, within []int, ok bool) {
	n := len(channels) / groups
	for g := range groups {
		group = append(group, channels[g*n]-channels[0])
		for k := range n {
			if channels[g*n+k]-channels[k] != group[g] {
				return nil, nil, false
			}
		}
	}
	return group, channels[:n], true
}

// lights are sets of positions along axis i of a map of n, from which m outputs together read
// every tap of a window; no output reads two of a set. ok is false where some tap is read
// by none.
func lights(w fuse.Window, i, n, m int) (sets [][]int, ok bool) {
	type reading struct{ output, tap int }
	read := make([][]reading, n)
	up := 1
	if w.Up != nil {
		up = w.Up[i]
	}
	for o := range m {
		for t := range w.Taps[i] {
			at := o*w.Stride[i] + w.Lo[i] + t*w.Step[i]
			if at >= 0 && at%up == 0 && at/up < n {
				read[at/up] = append(read[at/up], reading{o, t})
			}
		}
	}
	open := map[int]bool{}
	for t := range w.Taps[i] {
		open[t] = true
	}
	for len(open) > 0 {
		var set []int
		taken := map[int]bool{}
		for {
			best, most := -1, 0
			for p, list := range read {
				gain := 0
				for _, r := range list {
					if taken[r.output] {
						gain = 0
						break
					}
					if open[r.tap] {
						gain++
					}
				}
				if gain > most {
					best, most = p, gain
				}
			}
			if best < 0 {
				break
			}
			set = append(set, best)
			for _, r := range read[best] {
				taken[r.output] = true
				delete(open, r.tap)
			}
		}
		if len(set) == 0 {
			return nil, false
		}
		sets = append(sets, set)
	}
	return sets, true
}
