package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// tellBench prints the report and writes the files that were asked for.
func (a *app) tellBench(s *settings, r *benchReport) error {
	return s.publish(func(w io.Writer, f format) error { return f.bench(w, r) }, nil, func() error {
		if s.json {
			return printJSON(a.out, r)
		}
		return writeBench(a.out, r)
	})
}

func writeBench(w io.Writer, r *benchReport) error {
	var b strings.Builder
	fmt.Fprintf(&b, "engine %s, %d runs after %d for warming up\n", r.Engine, r.Runs, r.Warmup)
	width := 0
	for _, m := range r.Models {
		width = max(width, utf8.RuneCountInString(name(m.Path)))
	}
	for _, m := range r.Models {
		fmt.Fprintf(&b, "  %-*s  session %.2f s", width, name(m.Path), m.Session)
		if m.Peak > 0 {
			fmt.Fprintf(&b, ", peak memory %d MiB", m.Peak>>20)
		}
		fmt.Fprintln(&b)
	}
	last := int64(-1)
	for _, x := range r.Results {
		if x.Batch != last {
			fmt.Fprintf(&b, "batch %d\n", x.Batch)
			last = x.Batch
		}
		fmt.Fprintf(&b, "  %-*s  median %8.2f ms  p10 %8.2f  p90 %8.2f  %9.1f/s", width, name(x.Path), x.MedianMS, x.P10MS, x.P90MS, x.PerSecond)
		if x.Ratio != nil {
			fmt.Fprintf(&b, "  %.2f× as fast as the first (%.2f to %.2f)", x.Ratio.Value, x.Ratio.Low, x.Ratio.High)
		}
		fmt.Fprintln(&b)
	}
	for _, m := range r.Models {
		if len(m.PerOp) == 0 {
			continue
		}
		fmt.Fprintf(&b, "operators of %s, ms\n", name(m.Path))
		ops := make([]string, 0, len(m.PerOp))
		for op := range m.PerOp {
			ops = append(ops, op)
		}
		slices.SortFunc(ops, func(x, y string) int {
			return cmp.Or(cmp.Compare(m.PerOp[y], m.PerOp[x]), strings.Compare(x, y))
		})
		for _, op := range ops {
			fmt.Fprintf(&b, "  %-24s %9.3f\n", name(op), 1e3*m.PerOp[op])
		}
	}
	_, err := io.WriteString(w, lines(b.String()))
	return err
}
