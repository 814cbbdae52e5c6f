//go:build unix

package main

import (
	"fmt"
	"os"
	"syscall"
)

// run becomes the companion: it is the same process for whoever started it.
func (h *handOver) run(args []string) (code int, err error) {
	err = syscall.Exec(h.path, append([]string{companionName}, args...), os.Environ())
	return exitFailed, fmt.Errorf("running %q: %w", h.path, err)
}
