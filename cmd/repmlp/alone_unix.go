//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// alone gives a command a process group, which ends with it when its context does.
func alone(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
}
