package graph

// Steps is one axis of a Slice node.
type Steps struct{ Axis, Start, End, Step int64 }

// SliceSteps reads the parameters of a Slice node; ok is false where they are
// not all numbers.
func (g *Graph) SliceSteps(n *Node, rank int) ([]Steps, bool) {
	s := &shaper{g: g, n: n}
	starts, ends, axes, steps := n.Ints("starts"), n.Ints("ends"), n.Ints("axes"), []int64(nil)
	if n.Attr("starts") == nil {
		var ok bool
		if starts, ok = s.numbers(1); !ok {
			return nil, false
		}
		if ends, ok = s.numbers(2); !ok {
			return nil, false
		}
		if len(n.In) > 3 && n.In[3] != nil {
			if axes, ok = s.numbers(3); !ok {
				return nil, false
			}
		}
		if len(n.In) > 4 && n.In[4] != nil {
			if steps, ok = s.numbers(4); !ok {
				return nil, false
			}
		}
	}
	var out []Steps
	for i := range starts {
		st := Steps{Axis: int64(i), Start: starts[i], Step: 1}
		if i >= len(ends) {
			return nil, false
		}
		st.End = ends[i]
		if i < len(axes) {
			st.Axis = axes[i]
		}
		if i < len(steps) {
			st.Step = steps[i]
		}
		a, ok := Axis(st.Axis, rank)
		if !ok || st.Step == 0 {
			return nil, false
		}
		st.Axis = int64(a)
		out = append(out, st)
	}
	return out, true
}

// Range clamps a slice of an axis of n elements: first index and count.
func (s Steps) Range(n int64) (start, count int64) {
	clamp := func(v, lo, hi int64) int64 {
		if v < 0 && v > -1<<62 {
			v += n
		}
		return min(max(v, lo), hi)
	}
	if s.Step > 0 {
		a, b := clamp(s.Start, 0, n), clamp(s.End, 0, n)
		if b <= a {
			return a, 0
		}
		return a, (b-a-1)/s.Step + 1
	}
	a, b := clamp(s.Start, 0, n-1), clamp(s.End, -1, n-1)
	if n == 0 {
		return 0, 0
	}
	if a <= b {
		return a, 0
	}
	return a, 1 + (b-a+1)/s.Step
}

// openEnd is an end that stands for the end of any axis.
const openEnd = 1<<31 - 1

// Open says what a slice leaves out at both ends of an axis of any size that has as
// many positions; ok is false where that depends on the size. Of the rest the slice
// takes one of Step positions.
func (s Steps) Open() (begin, end int64, ok bool) {
	if s.Step < 1 || s.Start < 0 || s.Start >= openEnd || s.End <= -openEnd || s.End >= 0 && s.End < openEnd {
		return 0, 0, false
	}
	return s.Start, max(-s.End, 0), true
}

// Size is how many positions a slice has of an axis of d elements, and from how many
// elements on that is so; Unknown where there is no such formula.
func (s Steps) Size(d Dim) (size Dim, least int64) {
	if n, ok := d.Int(); ok {
		_, count := s.Range(n)
		return Size(count), 0
	}
	begin, end, ok := s.Open()
	if !ok {
		return Unknown, 0
	}
	if begin >= s.Step || end > 0 { // else ⌈(d - begin) / step⌉ is right for an empty axis too
		least = begin + end + 1
	}
	return d.Plus(Size(s.Step - 1 - begin - end)).FloorDiv(Size(s.Step)), least
}

// SplitSizes returns the sizes of a Split node's outputs along its axis; ok is
// false where they are unknown.
func (g *Graph) SplitSizes(n *Node) (axis int, sizes []int64, ok bool) {
	s := &shaper{g: g, n: n}
	d, ok := s.in(0)
	if !ok {
		return 0, nil, false
	}
	if axis, ok = Axis(n.AttrInt("axis"), len(d)); !ok {
		return 0, nil, false
	}
	if a := n.Attr("split"); a != nil {
		return axis, a.Ints(), len(a.Ints()) == len(n.Out)
	}
	if len(n.In) > 1 && n.In[1] != nil {
		sizes, ok = s.numbers(1)
		return axis, sizes, ok && len(sizes) == len(n.Out)
	}
	total, ok := d[axis].Int()
	if !ok {
		return axis, nil, false
	}
	k := int64(len(n.Out))
	chunk := (total + k - 1) / k
	for range n.Out {
		c := max(min(chunk, total), 0)
		sizes = append(sizes, c)
		total -= c
	}
	return axis, sizes, true
}
