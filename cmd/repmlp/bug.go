package main

import (
	"fmt"
	"runtime"
	"strings"

	"repmlp/internal/parallel"
	"repmlp/onnxio"
)

// bug is a panic as its reader meets it.
func bug(p *parallel.Panic, args []string) error {
	return &onnxio.Hint{
		Err: fmt.Errorf("this is a bug in repmlp, nothing was written: %w", p),
		Advice: fmt.Sprintf("please report it, with the model if you may and these lines: repmlp %s, %s %s/%s; command: repmlp %s; at %s",
			version, runtime.Version(), runtime.GOOS, runtime.GOARCH, strings.Join(args, " "), p.Where()),
	}
}

// unchanged is an error if a file of the models is not what it was when it was
// opened.
func unchanged(models ...*onnxio.Model) error {
	for _, m := range models {
		if err := m.Changed(); err != nil {
			return err
		}
	}
	return nil
}
