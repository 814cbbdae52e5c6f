package kernel

import "golang.org/x/sys/cpu"

var (
	fast = cpu.X86.HasAVX2 && cpu.X86.HasFMA
	wide = fast && cpu.X86.HasAVX512F
)

// The tiles: c (+)= a·b for a packed k×6 and b packed k×16 (float32) or k×8
// (float64); rows of c lie ldc apart. k is at least 1.
//
//go:noescape
func tile32(k int, a, b, c *float32, ldc, add int)

//go:noescape
func tile64(k int, a, b, c *float64, ldc, add int)

// The same twice as high and wide, in AVX-512: a packed k×12, b packed k×32 or
// k×16.
//
//go:noescape
func wide32(k int, a, b, c *float32, ldc, add int)

//go:noescape
func wide64(k int, a, b, c *float64, ldc, add int)

// Sums of two rows over n numbers, a multiple of 16 above 0. w need not be
// aligned; mask is laid over its numbers as float64.
//
//go:noescape
func dots16(n int, w *float32, x, y *float64, mask uint64) (sumX, sumY float64)

//go:noescape
func axpys16(n int, alpha, beta float64, w *float32, y, z *float64, mask uint64)

// Products of four rows with one of weights, n long, a multiple of 16 above 0.
//
//go:noescape
func rows32(n int, w, x0, x1, x2, x3 *float32) (y0, y1, y2, y3 float32)

// Four rows, n long, laid out column by column, columns step apart; n is a multiple
// of 8 (float32) or 4 (float64) above 0.
//
//go:noescape
func turn32(n int, p, q, s, t, to *float32, step int)

//go:noescape
func turn64(n int, p, q, s, t, to *float64, step int)
