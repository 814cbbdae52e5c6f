//go:build !windows

package main

import "syscall"

// readerGone is what writing to a pipe that nobody reads ends with.
var readerGone = []syscall.Errno{syscall.EPIPE}
