package main

import "syscall"

// readerGone is what writing to a pipe that nobody reads ends with: ERROR_BROKEN_PIPE, and
// ERROR_NO_DATA while the reader closes it.
var readerGone = []syscall.Errno{syscall.EPIPE, syscall.ERROR_BROKEN_PIPE, 232}
