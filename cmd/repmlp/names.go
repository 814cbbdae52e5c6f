package main

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// How many characters of something that a file's author chose are printed. Names
// of exporters stay below the first even in deep models; a message quotes several.
const (
	nameLength    = 160
	messageLength = 4000
	wordLength    = 500
)

// name is how a name from a file reaches people: on one line, with everything
// escaped that moves a cursor, hides, or speaks to the machine that shows it, and
// cut in the middle where it is long. Every name goes through it.
func name(s string) string { return cut(escape(cut(s, nameLength)), nameLength) }

// listedNames is how many names of a list are printed; JSON has all of them.
const listedNames = 200

// names is name for a list.
func names(list []string) string {
	out := make([]string, 0, min(len(list), listedNames))
	for i, s := range list {
		if i == listedNames {
			return fmt.Sprintf("%s and %d more", strings.Join(out, ", "), len(list)-i)
		}
		out = append(out, name(s))
	}
	return strings.Join(out, ", ")
}

// message is name for a sentence with names in it, such as an error.
func message(s string) string {
	s = cut(s, messageLength)
	if len(s) > wordLength {
		words := strings.Split(s, " ")
		for i, w := range words {
			words[i] = cut(w, wordLength)
		}
		s = strings.Join(words, " ")
	}
	return escape(s)
}

// sentence is an error on one line: of several errors joined, which have lines of
// their own, one sentence.
func sentence(err error) string {
	for inner := err; inner != nil && inner.Error() == err.Error(); inner = errors.Unwrap(inner) {
		joined, ok := inner.(interface{ Unwrap() []error })
		if !ok {
			continue
		}
		var parts, own []string
		for _, e := range joined.Unwrap() {
			parts, own = append(parts, sentence(e)), append(own, e.Error())
		}
		if strings.Join(own, "\n") == err.Error() {
			return strings.Join(parts, "; ")
		}
		break
	}
	return message(err.Error())
}

// cut takes the middle out of what has more than n characters.
func cut(s string, n int) string {
	if len(s) <= n || utf8.RuneCountInString(s) <= n {
		return s
	}
	from, to := 0, len(s)
	for range n / 2 {
		_, size := utf8.DecodeRuneInString(s[from:])
		from += size
	}
	for range n - n/2 - 1 {
		_, size := utf8.DecodeLastRuneInString(s[:to])
		to -= size
	}
	return s[:from] + "…" + s[to:]
}

// escape writes what is not seen as \x1b, \u202e or \U000e0041. Build servers
// take lines that begin with :: and text after ## for commands, so these are
// escaped too.
func escape(s string) string {
	var b strings.Builder
	start := true // nothing but spaces so far
	last := rune(0)
	for i, r := range s {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case !seen(r), r == '#' && last == '#', r == ':' && start && strings.HasPrefix(s[i:], "::"):
			b.WriteString(escaped(r))
		default:
			b.WriteRune(r)
		}
		start = start && r == ' '
		last = r
	}
	return b.String()
}

// seen reports whether a character leaves a mark of its own, or is a space.
func seen(r rune) bool {
	return unicode.IsPrint(r) && r != '\u2800' && !unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

func escaped(r rune) string {
	switch {
	case r == '\n':
		return `\n`
	case r == '\t':
		return `\t`
	case r == '\r':
		return `\r`
	case r < 0x80 && r != '#' && r != ':':
		return fmt.Sprintf(`\x%02x`, r)
	case r < 0x10000:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\U%08x`, r)
}

// lines escapes a finished text and keeps its line breaks: what was forgotten
// above does no harm.
func lines(s string) string {
	parts := strings.Split(s, "\n")
	for i, p := range parts {
		parts[i] = escape(p)
	}
	return strings.Join(parts, "\n")
}
