//go:build unix

package onnxio

import "golang.org/x/sys/unix"

// forget gives the pages of a mapping back; they are read again when needed.
func forget(b []byte) {
	if len(b) > 0 {
		_ = unix.Madvise(b, unix.MADV_DONTNEED) // advice
	}
}
