package main

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// The companion is found beside the command, also where that is a link; a folder of the
// name is none.
func TestCompanion(t *testing.T) {
	dir := t.TempDir()
	self, beside := filepath.Join(dir, "repmlp"), filepath.Join(dir, companionName)
	if runtime.GOOS == "windows" {
		beside += ".exe"
	}
	write := func(path string) {
		t.Helper()
		if err := os.WriteFile(path, []byte("x"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(self)
	if got := companion(self); got != "" {
		t.Errorf("nothing is there, found %q", got)
	}
	if err := os.Mkdir(beside, 0o755); err != nil {
		t.Fatal(err)
	}
	if got := companion(self); got != "" {
		t.Errorf("a folder is there, found %q", got)
	}
	if err := os.Remove(beside); err != nil {
		t.Fatal(err)
	}
	write(beside)
	want, _ := filepath.EvalSymlinks(beside)
	if got := companion(self); got != want {
		t.Errorf("found %q, want %q", got, want)
	}
	link := filepath.Join(t.TempDir(), "repmlp")
	if err := os.Symlink(self, link); err != nil || !linked(t.TempDir()) {
		t.Skip("this system makes no links: ", err)
	}
	if got := companion(link); got != want {
		t.Errorf("by a link found %q, want %q", got, want)
	}
}

// A run that is handed over prints nothing and has no exit code of its own; where the
// companion does not start, that is an error.
func TestHandOver(t *testing.T) {
	err := coded(exitHandedOver, &handOver{filepath.Join(t.TempDir(), "gone")})
	h, ok := handedOver(err)
	if !ok || exitCode(context.Background(), err) != exitHandedOver {
		t.Fatalf("%v is not handed over", err)
	}
	if code, err := h.run(nil); err == nil || code != exitFailed {
		t.Errorf("a companion that is not there: %d, %v", code, err)
	}
}
