package sketch

import (
	"os"
	"strings"
	"testing"
)

// A Case is a text with a name.
type Case struct{ Name, Text string }

// Listed reads a file of texts, each behind a line "# NAME".
func Listed(t testing.TB, file string) []Case {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out []Case
	for part := range strings.SplitSeq("\n"+string(data), "\n# ") {
		if name, text, _ := strings.Cut(part, "\n"); name != "" {
			out = append(out, Case{name, strings.TrimSpace(text)})
		}
	}
	if len(out) == 0 {
		t.Fatalf("%s holds no text", file)
	}
	return out
}
