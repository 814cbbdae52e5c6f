package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// npm installs both packages without a network, and npx runs the command of this system:
// its output, its exit code. Without the package of the system it says so.
func TestNPM(t *testing.T) {
	if _, err := exec.LookPath("npm"); err != nil || runtime.GOOS == "windows" {
		t.Skip("no npm, or no shell for it: ", err)
	}
	host, err := choose("host")
	if err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	program := filepath.Join(dir, "program")
	if err := os.WriteFile(program, []byte("#!/bin/sh\necho \"ran $*\"\nexit 3\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	r := &release{out: dir, version: "1.2.3-dev", root: filepath.Join("..", "..", "..")}
	if err := errors.Join(r.npm(host[0], program), r.npmCommand()); err != nil {
		t.Fatal(err)
	}
	command, system := "./npm-repmlp-1.2.3-dev.tgz", "./npm-"+host[0].npmName()+"-1.2.3-dev.tgz"
	run := func(args ...string) (string, int) {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "HOME="+dir, "npm_config_cache="+filepath.Join(dir, "cache"), "npm_config_offline=true", "npm_config_update_notifier=false")
		out, err := cmd.CombinedOutput()
		if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
			t.Fatal(err)
		}
		return string(out), cmd.ProcessState.ExitCode()
	}
	if err := os.WriteFile(filepath.Join(dir, "package.json"), []byte(`{"private": true}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, code := run("npm", "install", "--no-audit", "--no-fund", system, command); code != 0 {
		t.Fatalf("exit %d: %s", code, out)
	}
	if out, code := run("npx", "repmlp", "version", "a b"); code != 3 || out != "ran version a b\n" {
		t.Errorf("exit %d: %s", code, out)
	}
	if err := os.RemoveAll(filepath.Join(dir, "node_modules", host[0].npmName())); err != nil {
		t.Fatal(err)
	}
	if out, code := run("npx", "repmlp", "version"); code != 1 || !strings.Contains(out, host[0].npmName()+" is not installed") {
		t.Errorf("without the package of the system: exit %d: %s", code, out)
	}
}
