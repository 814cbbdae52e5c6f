// Command mutants changes the models of a folder at random, converts each of
// the results as repmlp convert does, and has ONNX Runtime, where it is found,
// say whether the written file still computes what the original does.
//
//	go run ./internal/cmd/mutants -seed 1 -n 100000 testdata/cases
//
// A mutant is determined by the seed, its number and the folder. Findings are
// kept as files; with any the exit status is 1.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

// What one conversion may need.
const (
	maxSeconds = 10
	maxBytes   = 1 << 30
)

type options struct {
	seed     uint64
	first, n int
	jobs     int
	keep     string
	ortLib   string
	maxSize  int64
	budget   time.Duration
	requires bool
	only     int
}

func main() {
	var o options
	flag.Uint64Var(&o.seed, "seed", 1, "seed of all changes")
	flag.IntVar(&o.n, "n", 1000, "number of mutants")
	flag.IntVar(&o.first, "first", 0, "number of the first one")
	flag.IntVar(&o.jobs, "jobs", runtime.GOMAXPROCS(0), "conversions side by side")
	flag.StringVar(&o.keep, "keep", "mutants", "folder for findings")
	flag.StringVar(&o.ortLib, "ort-lib", "", "the ONNX Runtime library (default: where it is found)")
	flag.BoolVar(&o.requires, "require-ort", false, "fail where ONNX Runtime is missing")
	flag.Int64Var(&o.maxSize, "max-size", 1<<20, "largest seed file in bytes")
	flag.DurationVar(&o.budget, "time", 0, "stop after so long (default: never)")
	flag.IntVar(&o.only, "only", -1, "make this mutant alone, write it to standard output and stop")
	worker := flag.Bool("worker", false, "")
	dir := flag.String("dir", "", "")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: mutants [-seed N] [-n N] [-first N] [-keep FOLDER] FOLDER...")
		os.Exit(2)
	}
	files, err := seedFiles(flag.Args(), o.maxSize)
	switch {
	case err != nil:
	case *worker:
		err = work(o, *dir, files, os.Stdin, os.Stdout)
	case o.only >= 0:
		var b []byte
		if b, _, err = newPool(o.seed, files).make(o.only); err == nil {
			_, err = os.Stdout.Write(b)
		}
	default:
		signal.Ignore(syscall.SIGPIPE)
		var findings int
		if findings, err = hunt(o, os.Stdout); err == nil && findings > 0 {
			os.Exit(1)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants: error:", err)
		os.Exit(1)
	}
}
