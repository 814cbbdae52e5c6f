//go:build !linux

package storage

// largePages asks for large pages where the system has them on request.
func largePages([]byte) {}
