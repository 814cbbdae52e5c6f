//go:build unix

package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A pipe, a socket and a link, to a folder or to nothing, are not written over.
func TestTargetsThatAreNoFiles(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	if err := syscall.Mkfifo(in("pipe.json"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir) // names of sockets are short
	socket, err := net.Listen("unix", "socket.json")
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	for link, to := range map[string]string{"folder.json": dir, "nothing.json": in("nothing")} {
		if err := os.Symlink(to, in(link)); err != nil {
			t.Fatal(err)
		}
	}
	model := in("m.onnx")
	b, err := os.ReadFile(sample)
	if err == nil {
		err = os.WriteFile(model, b, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	before := listing(t, dir)
	for _, name := range []string{"pipe.json", "socket.json", "folder.json", "nothing.json"} {
		for _, args := range [][]string{
			{"convert", model, "-o", in(name)},
			{"convert", model, "-o", in("o.onnx"), "--report", in(name)},
			{"verify", model, model, "--report", in(name)},
		} {
			code, out, errw := repmlp(args...)
			if code != exitFailed || out != "" || !strings.Contains(errw, name) {
				t.Errorf("%v: exit %d, %q, %q", args, code, out, errw)
			}
		}
	}
	if after := listing(t, dir); after != before {
		t.Errorf("the folder held\n%s\nand holds\n%s", before, after)
	}
}

// listing is what a folder holds, with the kinds of files.
func listing(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, e := range entries {
		lines = append(lines, e.Type().String()+" "+e.Name())
	}
	return strings.Join(lines, "\n")
}
