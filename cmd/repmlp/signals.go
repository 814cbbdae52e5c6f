package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// A stopped is what cancels a context when a signal asks the program to end.
type stopped struct{ sig syscall.Signal }

func (s *stopped) Error() string {
	if s.sig == syscall.SIGINT {
		return "interrupted; nothing was written"
	}
	return fmt.Sprintf("ended by a signal (%s); nothing was written", s.sig)
}

// code is what shells expect of a program that a signal ended.
func (s *stopped) code() int { return 128 + int(s.sig) }

// grace is how long a command may take to clean up once it was told to end.
const grace = 5 * time.Second

// untilSignal is a context that ends with the first signal that asks for it, so
// that the command can clean up. A second one ends the program at once, and so
// does a command that takes too long: what is not finished has no name, or one
// that the next run knows. A hangup that nohup has the program ignore stays ignored.
// stop ends the watch.
func untilSignal(parent context.Context, exit func(code int)) (ctx context.Context, stop func()) {
	signals := []os.Signal{syscall.SIGINT, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, cancel := context.WithCancelCause(parent)
	got := make(chan os.Signal, 2)
	signal.Notify(got, signals...)
	go func() {
		sig, ok := <-got
		if !ok {
			return
		}
		first := &stopped{sig.(syscall.Signal)}
		cancel(first)
		select {
		case _, ok = <-got:
		case <-time.After(grace):
		}
		if ok {
			exit(first.code())
		}
	}()
	return ctx, func() {
		signal.Stop(got)
		close(got)
		cancel(nil)
	}
}
