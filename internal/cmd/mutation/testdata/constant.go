package p

const first = iota + 1

var sizes = [2]uint8{255, 0x10}

func constant(x float64) (float64, bool) {
	if x > 0.5 {
		return x * 2, true
	}
	return -1 + float64(first) + float64(sizes[1]), false
}
