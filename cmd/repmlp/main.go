// Command repmlp merges everything linear that can be merged exactly in an
// exported training-form ONNX model, proves each merge, and writes the model to
// deploy.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"repmlp/convert"
)

// version is the release; the linker may set it.
var version = convert.Version

// How far the heap may grow before it is collected, in percent.
const (
	thrifty = 20  // most memory is weights on their way: hold few of them
	brisk   = 40  // models of ordinary size: a few megabytes more, a tenth less work
	relaxed = 100 // running whole models makes and drops activations
)

// collect sets the garbage collector, unless the environment has.
func collect(percent int) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}

// ordinary is the number of weights up to which a model is of ordinary size, large
// the number of nodes from which on most memory is the graph, which stays: looking
// through it again and again takes longer than the work.
const (
	ordinary = 128 << 20
	large    = 10000
)

// pace is how far the heap may grow while a model is worked on.
func pace(m *convert.FileFacts) int {
	switch {
	case m.Nodes >= large:
		return relaxed
	case m.Parameters <= ordinary:
		return brisk
	}
	return thrifty
}

// reserve is how large a heap is taken to be at least, so that a small one is not
// collected every megabyte. Beside it the model's graph counts for little, and so
// its size does.
const reserve = 16 << 20

func main() {
	idle := make([]byte, reserve) // counts as in use; never touched, it takes no memory
	defer runtime.KeepAlive(idle)
	collect(thrifty)
	signal.Ignore(syscall.SIGPIPE) // see stdout
	ctx, stop := untilSignal(context.Background(), os.Exit)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}
