package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"syscall"
)

// A stdout is standard output. A reader that went away is no failure: what it
// does not want to read is dropped. Any other failure is kept until somebody
// asks, so that a command that printed only half its answer does not end well.
type stdout struct {
	to   io.Writer
	gone bool
	err  error
}

func (s *stdout) Write(p []byte) (int, error) {
	if s.gone {
		return len(p), nil
	}
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.to.Write(p)
	switch {
	case errors.Is(err, io.ErrClosedPipe) || slices.ContainsFunc(readerGone, func(e syscall.Errno) bool { return errors.Is(err, e) }):
		s.gone = true
		return len(p), nil
	case err != nil:
		s.err = fmt.Errorf("writing standard output: %w", err)
		return n, s.err
	}
	return n, nil
}
