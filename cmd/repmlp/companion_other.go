//go:build !unix

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
)

// run runs the companion to its end.
func (h *handOver) run(args []string) (code int, err error) {
	cmd := exec.Command(h.path, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), nil
	}
	if err != nil {
		return exitFailed, fmt.Errorf("running %q: %w", h.path, err)
	}
	return exitDone, nil
}
