package main

import (
	"fmt"
	"regexp"
	"strings"
)

// mdCode is a name from a file as code in a cell of a Markdown table, after name.
// Where it holds what ends code or a cell, it is written as HTML entities.
func mdCode(s string) string {
	s = name(s)
	switch {
	case strings.TrimSpace(s) == "":
		return ""
	case s == strings.TrimSpace(s) && !strings.ContainsAny(s, "`|\\<>&"):
		return "`" + s + "`"
	}
	return "<code>" + entities(s) + "</code>"
}

// quoted are the names in a sentence, as %q writes them, and words that Markdown
// pages turn into links or mentions.
var quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|\S*(?:@|://|www\.)\S*`)

// mdText is a sentence with names in it as Markdown, after message: what it quotes
// is code, the rest holds no markup.
func mdText(s string) string {
	s = message(s)
	var b strings.Builder
	from := 0
	for _, at := range quoted.FindAllStringIndex(s, -1) {
		b.WriteString(mdEscaped(s[from:at[0]]))
		word := s[at[0]:at[1]]
		if len(word) > 2 && word[0] == '"' && word[len(word)-1] == '"' {
			word = word[1 : len(word)-1]
		}
		b.WriteString(mdCode(word))
		from = at[1]
	}
	b.WriteString(mdEscaped(s[from:]))
	return b.String()
}

// mdEscaped writes everything that Markdown could take for markup as entities.
func mdEscaped(s string) string {
	var b strings.Builder
	for i, r := range s {
		if strings.ContainsRune("\\`*[]<|&~#$", r) || r == '_' && !inWord(s, i) || r == '>' && (i == 0 || s[i-1] != '-') {
			fmt.Fprintf(&b, "&#%d;", r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// inWord reports whether s[i] stands between letters or digits, where Markdown takes
// an underscore for what it is.
func inWord(s string, i int) bool {
	plain := func(k int) bool { return k >= 0 && k < len(s) && alphanumeric(rune(s[k])) }
	return plain(i-1) && plain(i+1)
}

func alphanumeric(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z'
}

// entities writes everything but letters, digits and spaces as entities.
func entities(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r < 0x80 && r != ' ' && !alphanumeric(r) {
			fmt.Fprintf(&b, "&#%d;", r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}
