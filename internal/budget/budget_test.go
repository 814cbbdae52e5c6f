package budget

import (
	"errors"
	"math"
	"strings"
	"testing"
	"testing/fstest"
)

func TestAskNamesPlaceNeedAndLimit(t *testing.T) {
	err := Limits{}.Ask(Nodes, DefaultNodes+1, "call_7")
	e, ok := errors.AsType[*Exceeded](err)
	if !ok {
		t.Fatalf("Ask = %v", err)
	}
	for _, want := range []string{"call_7", "262145", "262144"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %s", err, want)
		}
	}
	if e.Advice() == "" {
		t.Error("no advice")
	}
	if err := (Limits{}).Ask(Nodes, DefaultNodes, ""); err != nil {
		t.Errorf("the limit itself is refused: %v", err)
	}
	if err := (Limits{Nodes: 5}).Ask(Nodes, 6, ""); err == nil {
		t.Error("a limit that is set is not looked at")
	}
	if err := (Limits{}).Ask(Memory, math.MaxInt64, ""); err != nil {
		t.Errorf("memory has no default here: %v", err)
	}
	if err := (Limits{}).Ask(Memory, -1, "n"); err == nil {
		t.Error("more than can be counted is allowed")
	}
}

func TestBytesDoesNotOverflow(t *testing.T) {
	for _, c := range []struct {
		shape []int64
		want  int64
	}{
		{nil, 8},
		{[]int64{3, 5}, 120},
		{[]int64{1 << 40, 1 << 40, 0}, 0},
		{[]int64{1 << 40, 1 << 40}, -1},
		{[]int64{-2, -2}, -1},
		{[]int64{1 << 59, 8}, -1},
	} {
		if got := Bytes(8, c.shape...); got != c.want {
			t.Errorf("Bytes(8, %v) = %d, want %d", c.shape, got, c.want)
		}
	}
}

func TestMeterCountsTogether(t *testing.T) {
	m := Limits{Memory: 100}.Meter(Memory)
	if err := m.Take(60, "a"); err != nil {
		t.Fatal(err)
	}
	if err := m.Take(60, "b"); err == nil {
		t.Fatal("120 of 100 are given")
	}
	m.Give(30)
	if err := m.Take(60, "c"); err != nil || m.Used() != 90 {
		t.Fatalf("used %d, %v", m.Used(), err)
	}
	if err := m.Take(-1, "d"); err == nil || m.Used() != 90 {
		t.Fatal("a size that cannot be counted is given")
	}
	var none *Meter
	if err := none.Take(1<<40, ""); err != nil {
		t.Fatal(err)
	}
}

func TestMachineTakesTheSmallestLimit(t *testing.T) {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	info := file("MemTotal:       1000 kB\nMemFree: 5 kB\n")
	for _, c := range []struct {
		name string
		fs   fstest.MapFS
		want int64
	}{
		{"nothing", fstest.MapFS{}, 0},
		{"machine", fstest.MapFS{"proc/meminfo": info}, 1000 << 10},
		{"v2, no limit", fstest.MapFS{"proc/meminfo": info, "sys/fs/cgroup/memory.max": file("max\n")}, 1000 << 10},
		{"v2, root of the container", fstest.MapFS{"proc/meminfo": info, "sys/fs/cgroup/memory.max": file("4096\n")}, 4096},
		{"v2, outer group", fstest.MapFS{"proc/meminfo": info, "proc/self/cgroup": file("0::/a/b\n"), "sys/fs/cgroup/a/b/memory.max": file("max"), "sys/fs/cgroup/a/memory.max": file("8192")}, 8192},
		{"v1", fstest.MapFS{"proc/meminfo": info, "proc/self/cgroup": file("4:cpu,memory:/x\n"), "sys/fs/cgroup/memory/x/memory.limit_in_bytes": file("9000")}, 9000},
		{"v1, no limit", fstest.MapFS{"proc/meminfo": info, "sys/fs/cgroup/memory/memory.limit_in_bytes": file("9223372036854771712")}, 1000 << 10},
	} {
		if got := Machine(c.fs); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}
