package main

import (
	"fmt"
	"os"
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

// sound is deferred by what reads models. A panic becomes an error; and if one of
// their files is not what it was when it was opened, that is the reason, whatever
// else seems to be.
func sound(err *error, models ...*onnxio.Model) {
	if p := parallel.Recovered(recover()); p != nil {
		*err = bug(p, os.Args[1:])
	}
	if *err == nil {
		return
	}
	if changed := unchanged(models...); changed != nil {
		*err = changed
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
