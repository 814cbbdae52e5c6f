// Command nudges moves single weights of a model until a comparison with the original
// fails, and counts how often the value is named that the weight makes.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path"

	"repmlp/internal/nudge"
	"repmlp/onnxio"
	"repmlp/verify"
)

func main() {
	n := flag.Int("n", 20, "nudges")
	seed := flag.Uint64("seed", 1, "seed of the weights and of the inputs")
	match := flag.String("weights", "*fc3.weight", "pattern of the names of the weights")
	converted := flag.Bool("converted", false, "compare with the conversion of the nudged model")
	batch := flag.String("batch", "N", "dimension that is 1, \"\" for none")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: nudges [-n N] [-seed N] [-weights PATTERN] [-converted] [-batch DIMENSION] MODEL.onnx")
		os.Exit(2)
	}
	right, err := run(flag.Arg(0), *n, *seed, *match, *converted, *batch)
	if err != nil {
		fmt.Fprintln(os.Stderr, "nudges: error:", err)
		os.Exit(1)
	}
	fmt.Printf("%d of %d\n", right, *n)
	if right < *n {
		os.Exit(1)
	}
}

func run(file string, n int, seed uint64, match string, converted bool, batch string) (right int, err error) {
	m, err := onnxio.Load(file)
	if err != nil {
		return 0, err
	}
	defer m.Close()
	dir, err := os.MkdirTemp("", "nudges")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	o := nudge.Options{Converted: converted, Folder: dir, Compare: verify.CompareOptions{Seed: seed, Dims: map[string]int64{}},
		Match: func(name string) bool { ok, _ := path.Match(match, name); return ok }}
	if batch != "" {
		o.Compare.Dims[batch] = 1
	}
	for i := range n {
		t, err := nudge.Find(context.Background(), m, rand.New(rand.NewPCG(seed, uint64(i))), o)
		if err != nil {
			return right, err
		}
		word := "WRONG"
		if t.Right() {
			right++
			word = "right"
		}
		fmt.Println(word, t)
	}
	return right, nil
}
