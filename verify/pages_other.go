//go:build !linux

package verify

// largePages asks for large pages where the system has them on request.
func largePages([]byte) {}
