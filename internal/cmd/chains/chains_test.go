package main

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"

	"repmlp/convert"
	"repmlp/onnxio"
)

// Every kind makes a valid model of about as many nodes as asked for, which a
// conversion proves.
func TestKinds(t *testing.T) {
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			const n = 16
			m, err := k.model(n)
			if err != nil {
				t.Fatal(err)
			}
			if got := nodes(m.Graph()); got < n-k.link.nodes || got > n+1 {
				t.Errorf("%d nodes instead of about %d", got, n)
			}
			if _, _, err := convert.Model(t.Context(), m, convert.Options{NoCheck: true}); err != nil {
				t.Error(err)
			}
		})
	}
}

// nodes counts those of bodies too.
func nodes(g *onnxio.Graph) int {
	count := len(g.Nodes())
	for _, n := range g.Nodes() {
		for _, s := range n.Subgraphs() {
			count += nodes(s)
		}
	}
	return count
}

func TestTable(t *testing.T) {
	var out strings.Builder
	sizes := []int{1000, 10000, 1000000}
	heading(&out, sizes)
	row{"identity", "inspect", []*cost{{seconds: 0.5, cpu: 0.25, bytes: 3 << 20}, {seconds: 50, cpu: 2.5, bytes: 30 << 20}, {failed: "> 60 s"}}}.write(&out, sizes)
	row{"if", "convert", []*cost{{failed: "exit status 1: first\nsecond"}, nil, nil}}.write(&out, sizes)
	want := `| graph | command | 1,000 | 10,000 | 1,000,000 | grows as |
|---|---|---|---|---|---|
| identity | inspect | 0.50 s (0.25), 3 MB | 50.00 s (2.50), 30 MB | > 60 s | n^1.00 |
| if | convert | exit status 1: first second | – | – | – |
`
	if out.String() != want {
		t.Errorf("%s\nwant\n%s", out.String(), want)
	}
}

func TestArguments(t *testing.T) {
	for _, c := range [][4]string{{"10,x", "all", "inspect", "BIN"}, {"0", "all", "inspect", "BIN"}, {"10", "none", "inspect", "BIN"}, {"10", "all", "verify", "BIN"}, {"10", "all", "inspect", ""}} {
		var o options
		var args []string
		if c[3] != "" {
			args = []string{c[3]}
		}
		if err := o.parse(c[0], c[1], c[2], args); err == nil {
			t.Errorf("%q is no error", c)
		}
	}
	var o options
	if err := o.parse("100,10", "if,identity/sum", "convert", []string{"BIN"}); err != nil || o.sizes[0] != 10 || len(o.kinds) != 2 || o.binary != "BIN" {
		t.Errorf("%+v: %v", o, err)
	}
}

// A run that fails or passes a limit says so; an interrupt is an error.
func TestLimits(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	run := func(l limit, script string) string {
		t.Helper()
		c, err := l.measure(t.Context(), sh, "-c", script)
		if err != nil {
			t.Fatal(err)
		}
		return c.failed
	}
	if got := run(limit{time: time.Minute, memory: 1 << 30}, "sleep 0.05"); got != "" {
		t.Errorf("a run within its limits: %q", got)
	}
	if got := run(limit{time: 50 * time.Millisecond}, "exec sleep 60"); got != "> 0 s" {
		t.Errorf("beyond the time: %q", got)
	}
	if got := run(limit{memory: 1 << 20}, "sleep 0.1; exec sleep 60"); got != "> 1 MB" {
		t.Errorf("beyond the memory: %q", got)
	}
	if got := run(limit{}, "echo no >&2; exit 3"); got != "exit status 3: no" {
		t.Errorf("a failure: %q", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (limit{}).measure(ctx, sh, "-c", "exec sleep 60"); !errors.Is(err, context.Canceled) {
		t.Errorf("an interrupt: %v", err)
	}
}
