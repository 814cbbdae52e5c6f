package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// A look is how a text looks where it is read. The zero look is that of files and pipes:
// no colours, lines as long as they are.
type look struct {
	width   int // of the terminal; 0: of no matter
	colours bool
}

// A colour is what a terminal is told to begin one.
type colour string

// The colours, by what they say. noColour ends them.
const (
	good     colour = "\x1b[32m"
	bad      colour = "\x1b[1;31m"
	caution  colour = "\x1b[33m"
	faint    colour = "\x1b[2m"
	strong   colour = "\x1b[1m"
	noColour colour = "\x1b[0m"
)

// paint is s in a colour, where there are any.
func (l look) paint(c colour, s string) string {
	if !l.colours || s == "" {
		return s
	}
	return string(c) + s + string(noColour)
}

// lines escapes a finished text but for its line breaks and colours: what was forgotten
// before does no harm.
func (l look) lines(s string) string {
	if !l.colours {
		return lines(s)
	}
	var b strings.Builder
	for {
		at, c := firstColour(s)
		if at < 0 {
			b.WriteString(lines(s))
			return b.String()
		}
		b.WriteString(lines(s[:at]))
		b.WriteString(string(c))
		s = s[at+len(c):]
	}
}

// firstColour finds where the first colour begins or ends, -1 where none does.
func firstColour(s string) (at int, found colour) {
	at = -1
	for _, c := range []colour{good, bad, caution, faint, strong, noColour} {
		if i := strings.Index(s, string(c)); i >= 0 && (at < 0 || i < at) {
			at, found = i, c
		}
	}
	return at, found
}

// appearance decides the look of a stream: by itself colours are for terminals that show
// them, unless NO_COLOR says that nobody wants any.
func appearance(w io.Writer, colours string, env func(string) string) (look, error) {
	l := look{}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		l.colours = env("NO_COLOR") == "" && env("TERM") != "dumb"
		if width, _, err := term.GetSize(int(f.Fd())); err == nil {
			l.width = width
		}
	}
	switch colours {
	case "", "auto":
	case "always":
		l.colours = true
	case "never":
		l.colours = false
	default:
		return l, fmt.Errorf("--color %q: choose auto, always or never", colours)
	}
	return l, nil
}
