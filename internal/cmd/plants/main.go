// Command plants converts models, moves single numbers of the merged layers by four of their
// roundoffs and exchanges slices of their weights, and counts how often the proof finds it.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"

	"repmlp/convert"
	"repmlp/internal/nudge"
	"repmlp/onnxio"
	"repmlp/verify"
)

func main() {
	each := flag.Int("each", 1, "plants in each tensor of a merge")
	seed := flag.Uint64("seed", 1, "seed of what is planted, and of proofs")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: plants [-each N] [-seed N] MODEL.onnx...")
		os.Exit(2)
	}
	found, all := 0, 0
	for i, file := range flag.Args() {
		plants, err := plant(file, *each, *seed, uint64(i))
		if err != nil {
			fmt.Fprintf(os.Stderr, "plants: %s: %v\n", file, err)
			continue
		}
		for _, p := range plants {
			all++
			if p.Found() {
				found++
			} else {
				fmt.Printf("NOT FOUND %s: %v\n", file, p)
			}
		}
	}
	fmt.Printf("%d of %d\n", found, all)
	if found < all {
		os.Exit(1)
	}
}

// plant converts a model with a prover that plants.
func plant(file string, each int, seed, stream uint64) ([]nudge.Plant, error) {
	m, err := onnxio.Load(file)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	p := &nudge.Planter{Prover: &verify.Prover{Seed: seed}, Rand: rand.New(rand.NewPCG(seed, stream)), Each: each}
	_, _, err = convert.Model(context.Background(), m, convert.Options{Prover: p, NoCheck: true})
	return p.Plants, err
}
