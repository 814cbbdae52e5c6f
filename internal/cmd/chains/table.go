package main

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// A row is one command on the sizes of one kind; runs that were not made are nil.
type row struct {
	kind, command string
	costs         []*cost
}

// heading begins the Markdown table.
func heading(w io.Writer, sizes []int) {
	fmt.Fprint(w, "| graph | command |")
	for _, n := range sizes {
		fmt.Fprintf(w, " %s |", thousands(n))
	}
	fmt.Fprintf(w, " grows as |\n|---|---|%s---|\n", strings.Repeat("---|", len(sizes)))
}

// write is the row as a line of the table: seconds on the clock, in brackets those of
// all processors, and memory.
func (r row) write(w io.Writer, sizes []int) {
	fmt.Fprintf(w, "| %s | %s |", r.kind, r.command)
	for _, c := range r.costs {
		switch {
		case c == nil:
			fmt.Fprint(w, " – |")
		case c.failed != "":
			fmt.Fprintf(w, " %s |", strings.ReplaceAll(c.failed, "\n", " "))
		default:
			fmt.Fprintf(w, " %.2f s (%.2f), %d MB |", c.seconds, c.cpu, c.bytes>>20)
		}
	}
	fmt.Fprintf(w, " %s |\n", r.growth(sizes))
}

// growth is the exponent of the processors' time between the two largest sizes that
// ended well; what else runs on the machine does not count.
func (r row) growth(sizes []int) string {
	var done []int
	for i, c := range r.costs {
		if c != nil && c.failed == "" {
			done = append(done, i)
		}
	}
	if len(done) < 2 {
		return "–"
	}
	a, b := done[len(done)-2], done[len(done)-1]
	e := math.Log(r.costs[b].cpu/r.costs[a].cpu) / math.Log(float64(sizes[b])/float64(sizes[a]))
	return fmt.Sprintf("n^%.2f", e)
}

// thousands is a number with commas.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
