// Command conformance runs the ONNX project's node tests on the Go engine and
// prints how many of them it passes and how many it does not claim; constants are worked
// out from their inputs too, and compared in the same way.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
)

func main() {
	verbose := flag.Bool("v", false, "also list the tests that are not claimed, with the reason")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: conformance [-v] FOLDER   (onnx/backend/test/data/node of the PyPI package onnx)")
		os.Exit(2)
	}
	results, err := conformance(context.Background(), flag.Arg(0))
	if err != nil {
		fmt.Fprintln(os.Stderr, "conformance: error:", err)
		os.Exit(1)
	}
	passed, failed, other, constants := 0, 0, 0, 0
	for _, r := range results {
		constants += r.constants
		switch {
		case !r.claims:
			other++
			if *verbose {
				fmt.Printf("not claimed %s: %s\n", r.name, r.why)
			}
		case r.err != nil:
			failed++
			fmt.Printf("FAILED %s: %v\n", r.name, r.err)
		default:
			passed++
		}
	}
	fmt.Printf("%d node tests: %d passed, %d failed, %d not claimed; %d outputs are also right as constants\n", len(results), passed, failed, other, constants)
	if failed > 0 || passed == 0 {
		os.Exit(1)
	}
}
