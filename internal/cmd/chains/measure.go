package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// A cost is what a run took.
type cost struct {
	seconds float64
	cpu     float64 // seconds of all processors
	bytes   int64   // at most at one time
	failed  string  // why it did not end well; empty if it did
}

// A limit is where a run ends; zero is none.
type limit struct {
	time   time.Duration
	memory int64 // bytes
}

// measure runs a command. It is killed at a limit, which is no error.
func (l limit) measure(ctx context.Context, name string, args ...string) (cost, error) {
	if l.time > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, l.time)
		defer cancel()
	}
	ctx, over := context.WithCancelCause(ctx)
	defer over(nil)
	cmd := exec.CommandContext(ctx, name, args...)
	var said bytes.Buffer
	cmd.Stderr = &said
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return cost{}, err
	}
	ended, watched := make(chan struct{}), make(chan int64, 1)
	go func() {
		highest := int64(0)
		defer func() { watched <- highest }()
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ended:
				return
			case <-tick.C:
			}
			highest = max(highest, highWater(cmd.Process.Pid))
			if l.memory > 0 && highest > l.memory {
				over(errMemory)
				return
			}
		}
	}()
	err := cmd.Wait()
	close(ended)
	c := cost{seconds: time.Since(start).Seconds(), bytes: <-watched}
	c.cpu = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	c.bytes = max(c.bytes, peak(cmd.ProcessState))
	switch {
	case errors.Is(context.Cause(ctx), errMemory) || l.memory > 0 && c.bytes > l.memory:
		c.failed = fmt.Sprintf("> %d MB", l.memory>>20)
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		c.failed = fmt.Sprintf("> %.0f s", l.time.Seconds())
	case ctx.Err() != nil:
		return c, ctx.Err()
	case err != nil:
		c.failed = fmt.Sprintf("%v: %s", err, strings.TrimSpace(said.String()))
	}
	return c, nil
}

var errMemory = errors.New("out of memory")

// highWater is the most memory that a process has held so far, 0 where that is
// not known.
func highWater(pid int) int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		rest, ok := strings.CutPrefix(line, "VmHWM:")
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
		if err != nil {
			return 0
		}
		return n << 10
	}
	return 0
}
