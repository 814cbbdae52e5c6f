package sketch

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the texts that tests compare with")

// Updating reports whether the tests rewrite the texts that they compare with.
func Updating() bool { return *update }

// Golden compares text with testdata/NAME.
func Golden(t testing.TB, name, text string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != text {
		t.Errorf("%s is not what is made now; run with -update and look at the difference\n%s", file, firstDifference(string(want), text))
	}
}

// firstDifference is the first line in which two texts differ.
func firstDifference(want, have string) string {
	line := 1
	for i := 0; ; i++ {
		if i == len(want) || i == len(have) || want[i] != have[i] {
			return fmt.Sprintf("line %d: %q, want %q", line, rest(have, i), rest(want, i))
		}
		if want[i] == '\n' {
			line++
		}
	}
}

// rest is the line of s that holds position i.
func rest(s string, i int) string {
	from := strings.LastIndexByte(s[:i], '\n') + 1
	line, _, _ := strings.Cut(s[from:], "\n")
	return line
}
