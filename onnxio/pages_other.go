//go:build !unix

package onnxio

// forget gives the pages of a mapping back, where the system can do that.
func forget([]byte) {}
