//go:build !amd64

package onnxio

const wide = false

func widen16(int, *byte, *float64)                     {}
func addScaled16(int, float64, *byte, *float64)        {}
func narrow16(int, float64, *float64, *byte) (bad int) { return 0 }
