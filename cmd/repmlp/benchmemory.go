package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"repmlp/onnxio"
)

// peak runs one model alone in a process of its own, where its peak memory can
// be seen; 0 where that is not possible.
func (f benchmark) peak(ctx context.Context, path string, batches []int64) int64 {
	args := []string{"bench-memory", "--engine=" + f.engine, "--ort-lib=" + f.ortLib, "--batch=" + strconv.FormatInt(slices.Max(batches), 10), "--threads=" + strconv.Itoa(f.threads)}
	for _, d := range f.dims {
		args = append(args, "--dim="+d)
	}
	for _, p := range f.inputs {
		args = append(args, "--inputs="+p)
	}
	self, err := os.Executable()
	if err != nil {
		return 0
	}
	out, err := exec.CommandContext(ctx, self, append(args, "--", path)...).Output()
	if err != nil {
		return 0
	}
	n, _ := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	return n
}

// benchMemoryCommand is what peak starts.
func (a *app) benchMemoryCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:    "bench-memory MODEL.onnx",
		Short:  "Run a model once and print the peak memory of the process in bytes",
		Hidden: true,
		Args:   exactly("MODEL.onnx"),
	}
	f := benchmark{flagged(cmd)}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		m, err := onnxio.Load(args[0])
		if err != nil {
			return err
		}
		defer m.Close()
		s, _, err := f.open(cmd.Context(), args[0], m, "")
		if err != nil {
			return err
		}
		defer s.Close()
		dims, batches, err := f.shapes()
		if err != nil {
			return err
		}
		feeds, _, err := f.feeds(m, dims, batches[0])
		if err != nil {
			return err
		}
		run, done, err := s.Prepare(feeds)
		if err != nil {
			return err
		}
		defer done()
		if err := run(); err != nil {
			return err
		}
		fmt.Fprintln(a.out, peakMemory())
		return nil
	}
	return cmd
}

// peakMemory is the peak resident memory of this process, 0 where the system
// does not say.
func peakMemory() int64 {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return n << 10
		}
	}
	return 0
}
