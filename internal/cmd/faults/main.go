// Command faults kills conversions at random moments and in the moment when the
// result takes its name, and lets two of them write one output, while a reader
// loads the output all the time. Whatever the reader finds must be one of the two
// results, whole; nothing may be lost, and after the next run nothing may be left.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"

	"repmlp/internal/skeleton"
)

func main() {
	o := options{}
	flag.IntVar(&o.kills, "kills", 200, "conversions killed at random moments, of each form")
	flag.IntVar(&o.switches, "switches", 50, "conversions killed when a file appears beside the output, of each form")
	flag.IntVar(&o.pairs, "pairs", 20, "pairs of conversions of one output, of each form")
	flag.StringVar(&o.net, "net", "repmlpnet_t224", "network of testdata/nets")
	flag.StringVar(&o.dir, "dir", "", "folder for some hundred MB (default a temporary one)")
	flag.Uint64Var(&o.seed, "seed", 1, "seed of the moments")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: faults [-kills N] [-switches N] [-pairs N] [-net NAME] REPMLP")
		os.Exit(2)
	}
	o.binary = flag.Arg(0)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := o.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "faults: error:", err)
		os.Exit(1)
	}
}

type options struct {
	kills, switches, pairs int
	net, dir, binary       string
	seed                   uint64
}

// run tries both forms of a model in a folder that it removes.
func (o options) run(ctx context.Context) error {
	dir, err := os.MkdirTemp(o.dir, "faults-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	bad := 0
	for _, external := range []bool{false, true} {
		name := map[bool]string{false: "inline", true: "external"}[external]
		form := filepath.Join(dir, name)
		if err := os.Mkdir(form, 0o755); err != nil {
			return err
		}
		var inputs [2]string
		for i := range inputs {
			inputs[i] = filepath.Join(form, fmt.Sprintf("in%d.onnx", i))
			if err := skeleton.Fill("testdata/nets", o.net, inputs[i], skeleton.Options{Seed: uint64(i), External: external}); err != nil {
				return err
			}
		}
		t, err := newTrial(ctx, o.binary, form, inputs)
		if err != nil {
			return err
		}
		rounds := []struct {
			name string
			n    int
			do   func(ctx context.Context, n int) error
		}{
			{"killed at random moments", o.kills, t.randomly(o.seed)},
			{"killed when a file appeared", o.switches, t.atTheSwitch},
			{"two at once", o.pairs, t.together},
		}
		for _, r := range rounds {
			found, err := t.round(ctx, r.n, r.do)
			if err != nil {
				return err
			}
			fmt.Printf("%-8s  %-28s %4d  %s\n", name, r.name, r.n, found)
			bad += found.bad()
		}
		os.RemoveAll(form)
	}
	if bad > 0 {
		return fmt.Errorf("%d faults", bad)
	}
	return nil
}
