//go:build unix

package main

import (
	"os"
	"syscall"
)

// peak is the most memory that an ended process held, as the system counted it; 0
// where that says nothing. The count begins with what this process held when it
// started the other one, so it says something only above that.
func peak(ended *os.ProcessState) int64 {
	var own syscall.Rusage
	if u, ok := ended.SysUsage().(*syscall.Rusage); ok && syscall.Getrusage(syscall.RUSAGE_SELF, &own) == nil && u.Maxrss > own.Maxrss {
		return int64(u.Maxrss) << 10 // Linux counts KiB
	}
	return 0
}
