// Command fillnet completes a network skeleton with deterministic
// pseudo-random weights.
package main

import (
	"flag"
	"fmt"
	"os"

	"repmlp/internal/skeleton"
)

func main() {
	dir := flag.String("dir", "testdata/nets", "folder of the skeletons")
	seed := flag.Uint64("seed", 0, "seed of the weights")
	external := flag.Bool("external", false, "write large tensors to OUT.data")
	flag.Parse()
	if flag.NArg() != 2 {
		fmt.Fprintln(os.Stderr, "usage: fillnet [-dir FOLDER] [-seed N] [-external] NAME OUT.onnx")
		os.Exit(2)
	}
	if err := skeleton.Fill(*dir, flag.Arg(0), flag.Arg(1), skeleton.Options{Seed: *seed, External: *external}); err != nil {
		fmt.Fprintln(os.Stderr, "fillnet: error:", err)
		os.Exit(1)
	}
}
