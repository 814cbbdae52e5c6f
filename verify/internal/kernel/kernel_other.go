//go:build !amd64

package kernel

const fast, wide = false, false

func tile32(int, *float32, *float32, *float32, int, int) {}
func tile64(int, *float64, *float64, *float64, int, int) {}
func wide32(int, *float32, *float32, *float32, int, int) {}
func wide64(int, *float64, *float64, *float64, int, int) {}

func dots16(int, *float32, *float64, *float64, uint64) (float64, float64) { return 0, 0 }
func axpys16(int, float64, float64, *float32, *float64, *float64, uint64) {}
func rows32(int, *float32, *float32, *float32, *float32, *float32) (float32, float32, float32, float32) {
	return 0, 0, 0, 0
}

func turn32(int, *float32, *float32, *float32, *float32, *float32, int) {}
func turn64(int, *float64, *float64, *float64, *float64, *float64, int) {}
