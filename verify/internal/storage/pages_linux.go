package storage

import "golang.org/x/sys/unix"

// largePages asks for large pages where the system has them.
func largePages(b []byte) {
	_ = unix.Madvise(b, unix.MADV_HUGEPAGE) // advice
}
