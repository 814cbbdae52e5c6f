package kernel

// Bounds of thin products.
const (
	together = 4            // rows that rows32 takes
	thinRows = 4 * together // with more, packing the weights pays
)

// thin computes c = a·bᵀ for a few rows of a and reads b where it lies: packing it
// would cost more than the product. ok is false where it cannot.
func thin[T Float](workers, m, n, k int, a, b Matrix[T], c []T, ldc int) (ok bool) {
	x, isSingle := any(a.Data).([]float32)
	if !isSingle || m > thinRows || k < 64 {
		return false
	}
	w, y := any(b.Data).([]float32), any(c).([]float32)
	var rows [thinRows][]float32 // the last one again for those that are missing
	for i := range rows {
		rows[i] = x[min(i, m-1)*a.Ld:][:k]
	}
	whole := k &^ 15
	grain := n
	if workers > 1 {
		grain = max(1, (1<<16)/k)
	}
	Split(n, grain, func(from, to int) {
		for o := from; o < to; o++ {
			line := w[o*b.Ld:][:k]
			for i := 0; i < m; i += together {
				four := rows[i : i+together]
				var sums [together]float32
				sums[0], sums[1], sums[2], sums[3] = rows32(whole, &line[0], &four[0][0], &four[1][0], &four[2][0], &four[3][0])
				for r := range min(together, m-i) {
					for d := whole; d < k; d++ {
						sums[r] += line[d] * four[r][d]
					}
					y[(i+r)*ldc+o] = sums[r]
				}
			}
		}
	})
	return true
}
