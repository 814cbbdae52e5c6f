package main

import (
	"fmt"

	"github.com/schollz/progressbar/v3"
)

// progress returns a callback that draws a bar on standard error, where that is
// a terminal.
func (a *app) progress() (step func(stage string, done, total int), end func()) {
	if a.quiet || a.noProgress || !a.terminal {
		return nil, func() {}
	}
	var bar *progressbar.ProgressBar
	var now string
	return func(stage string, done, total int) {
			if bar == nil || stage != now {
				if bar != nil {
					bar.Clear()
				}
				bar = progressbar.NewOptions(total, progressbar.OptionSetWriter(a.err), progressbar.OptionSetDescription(stage),
					progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(30), progressbar.OptionShowCount())
				now = stage
			}
			bar.Set(done)
		}, func() {
			if bar != nil {
				bar.Clear()
				fmt.Fprint(a.err, "\r")
			}
		}
}
