package kernel

// ThinRows is up to how many rows a product reads its weights where they lie:
// packing them would cost more than the product.
const ThinRows = 4

// thin computes c = a·bᵀ for up to ThinRows rows of a; ok is false where it cannot.
func thin[T Float](workers, m, n, k int, a, b Matrix[T], c []T, ldc int) (ok bool) {
	x, isSingle := any(a.Data).([]float32)
	if !isSingle || m > ThinRows || k < 64 {
		return false
	}
	w, y := any(b.Data).([]float32), any(c).([]float32)
	var rows [ThinRows][]float32 // the last one again for those that are missing
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
			var sums [ThinRows]float32
			sums[0], sums[1], sums[2], sums[3] = rows32(whole, &line[0], &rows[0][0], &rows[1][0], &rows[2][0], &rows[3][0])
			for i := range m {
				for d := whole; d < k; d++ {
					sums[i] += line[d] * rows[i][d]
				}
				y[i*ldc+o] = sums[i]
			}
		}
	})
	return true
}
