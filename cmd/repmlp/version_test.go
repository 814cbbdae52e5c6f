package main

import (
	"runtime/debug"
	"strings"
	"testing"
)

func TestBuiltFrom(t *testing.T) {
	info := &debug.BuildInfo{Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "abc123"}, {Key: "vcs.modified", Value: "true"}}}
	for _, c := range []struct {
		info *debug.BuildInfo
		ok   bool
		want string
	}{{info, true, "commit        abc123, with changes\n"}, {nil, false, "commit        not known\n"}} {
		if have := builtFrom(c.info, c.ok); !strings.HasPrefix(have, c.want) {
			t.Errorf("%q, want %q first", have, c.want)
		}
	}
}
