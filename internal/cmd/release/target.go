package main

import (
	"fmt"
	"runtime"
	"strings"
)

// A target is a system that releases are made for.
type target struct {
	os, arch string
	wheel    string // platform tag: a static binary runs with any C library, or with none
}

// targets in the order of their names. Go 1.26 needs macOS 12.
var targets = []target{
	{"darwin", "amd64", "macosx_12_0_x86_64"},
	{"darwin", "arm64", "macosx_12_0_arm64"},
	{"linux", "amd64", "manylinux_2_17_x86_64.manylinux2014_x86_64.musllinux_1_1_x86_64"},
	{"linux", "arm64", "manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64"},
	{"windows", "amd64", "win_amd64"},
	{"windows", "arm64", "win_arm64"},
}

func (t target) name() string { return t.os + "/" + t.arch }

// program is the name of a command's file.
func (t target) program(name string) string {
	if t.os == "windows" {
		return name + ".exe"
	}
	return name
}

func choose(names string) ([]target, error) {
	if names == "all" {
		return targets, nil
	}
	var out []target
	for name := range strings.SplitSeq(names, ",") {
		if name == "host" {
			name = runtime.GOOS + "/" + runtime.GOARCH
		}
		found := false
		for _, t := range targets {
			if t.name() == name {
				out, found = append(out, t), true
			}
		}
		if !found {
			return nil, fmt.Errorf("-targets: no releases are made for %q; -list lists the systems", name)
		}
	}
	return out, nil
}
