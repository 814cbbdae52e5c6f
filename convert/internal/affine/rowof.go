package affine

// RowOf tells for every run of elements of an input of the given shape which row
// it belongs to; nil where the sizes of the rows do not follow from the shape.
func (m *Rows) RowOf(shape []int) (row []int32, run, rows int) {
	if len(shape) != len(m.In) {
		return nil, 0, 0
	}
	row, run, rows = []int32{0}, 1, 1
	for i, axis := range m.In {
		sizes, ok := axisSizes(m.Atoms, axis, shape[i])
		if !ok {
			return nil, 0, 0
		}
		for k, a := range axis {
			if !m.Row[a] { // lengthens the runs
				run *= sizes[k]
				continue
			}
			rows *= sizes[k]
			next := make([]int32, 0, len(row)*run*sizes[k])
			for _, r := range row {
				for range run {
					for j := range sizes[k] {
						next = append(next, r*int32(sizes[k])+int32(j))
					}
				}
			}
			row, run = next, 1
		}
	}
	return row, run, rows
}
