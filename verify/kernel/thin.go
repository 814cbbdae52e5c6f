package kernel

// Bounds of thin products.
const (
	thinRows = 16 // with more, packing the weights pays
	together = 4  // rows that rows32 takes
)

// thin computes c = a·bᵀ for a few rows of a and reads b where it lies: packing it
// would cost more than the product. ok is false where it cannot.
func thin[T Float](workers, m, n, k int, a, b Matrix[T], c []T, ldc int) (ok bool) {
	x, isSingle := any(a.Data).([]float32)
	if !isSingle || m > thinRows || k < 64 {
		return false
	}
	w, y := any(b.Data).([]float32), any(c).([]float32)
	whole := k &^ 15
	grain := n
	if workers > 1 {
		grain = max(1, (1<<16)/k)
	}
	Split(n, grain, func(from, to int) {
		for o := from; o < to; o++ {
			line := w[o*b.Ld:][:k]
			for i := 0; i < m; i += together {
				var rows [together][]float32 // the last one again for those that are missing
				for r := range rows {
					rows[r] = x[min(i+r, m-1)*a.Ld:][:k]
				}
				var sums [together]float32
				sums[0], sums[1], sums[2], sums[3] = rows32(whole, &line[0], &rows[0][0], &rows[1][0], &rows[2][0], &rows[3][0])
				for r := range min(together, m-i) {
					for d := whole; d < k; d++ {
						sums[r] += line[d] * rows[r][d]
					}
					y[(i+r)*ldc+o] = sums[r]
				}
			}
		}
	})
	return true
}
