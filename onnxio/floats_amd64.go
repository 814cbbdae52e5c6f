package onnxio

import "golang.org/x/sys/cpu"

var wide = cpu.X86.HasAVX2

// The conversions take a multiple of 16 numbers above 0. They give the same
// bits as plain Go: no multiplication is fused with an addition.
//
//go:noescape
func widen16(n int, src *byte, dst *float64)

// addScaled16 adds f·src to dst.
//
//go:noescape
func addScaled16(n int, f float64, src *byte, dst *float64)

// narrow16 rounds to float32; the result is not zero where a number is not below
// limit in magnitude.
//
//go:noescape
func narrow16(n int, limit float64, src *float64, dst *byte) int
