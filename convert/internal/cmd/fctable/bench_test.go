package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"repmlp/internal/sketch"
	"repmlp/onnxio"
	"repmlp/verify"
)

// A workshop is a bench whose clock goes on by what a run would take: by what begins a run,
// and for each node by what is fed, on several threads at a time.
type workshop struct {
	bench
	clock        time.Time
	out, log     strings.Builder
	open, opened int
	runs         map[*desk]int
	fail         string
}

func newWorkshop() *workshop {
	w := &workshop{runs: map[*desk]int{}}
	w.bench = bench{out: &w.out, log: &w.log, now: func() time.Time { return w.clock }, open: func(m *onnxio.Model, threads int) (session, error) {
		if w.opened++; w.fail == "open" {
			return nil, errors.New("no open")
		}
		w.open++
		return &desk{w, m, threads}, nil
	}}
	return w
}

type desk struct {
	*workshop
	m       *onnxio.Model
	threads int
}

func (d *desk) Close() error { d.workshop.open--; return nil }

func (d *desk) Prepare(feeds map[string]*verify.Tensor) (func() error, func(), error) {
	if d.fail == "prepare" {
		return nil, nil, errors.New("no prepare")
	}
	x := feeds["x"]
	if x == nil || len(x.F32) != x.Len() || x.F32[1%x.Len()] < 0 || x.F32[16%x.Len()] > 1 {
		return nil, nil, fmt.Errorf("the input is %+v", x)
	}
	d.workshop.open++
	return func() error {
		if d.runs[d]++; d.fail == fmt.Sprint("run ", d.runs[d]) {
			return errors.New("no run")
		}
		// Every fourth run is disturbed, and so is the first.
		took := time.Duration(10+len(d.m.Graph().Nodes())*x.Len()/d.threads) * time.Microsecond
		if d.runs[d]%4 == 1 {
			took *= 4
		}
		d.clock = d.clock.Add(took)
		return nil
	}, func() { d.workshop.open-- }, nil
}

// The printed tables are Go, and hold what the clock says, whatever disturbs single runs.
func TestTables(t *testing.T) {
	w := newWorkshop()
	if err := w.table(grid{features: []int{16, 256}, rows: []int{1, 3}}, 2, []string{"timesRows", "timesConv"}, "1.2"); err != nil {
		t.Fatal(err)
	}
	if w.open != 0 || w.opened != 4 || w.log.String() != "16 features in 64 groups done\n256 features in 16 groups done\n" {
		t.Errorf("%d stay open of %d, %s", w.open, w.opened, w.log.String())
	}
	sketch.Golden(t, "table.txt", w.out.String())
	w = newWorkshop()
	at := grid{groups: []int{1, 3, 64}, features: []int{256, 4}, rows: []int{1, 8}, threads: []int{1, 2}}
	if err := w.flat(at, []string{"besideRows", "besideSplit"}, "1.2"); err != nil {
		t.Fatal(err)
	}
	// One group and 64 are not split, and 64 of 256 are too large.
	if w.open != 0 || w.opened != 2*(2+2+3+3+2) || w.log.String() != "1 groups done\n3 groups done\n64 groups done\n" {
		t.Errorf("%d stay open of %d, %s", w.open, w.opened, w.log.String())
	}
	sketch.Golden(t, "flat.txt", w.out.String())
	w = newWorkshop()
	if err := w.table(grid{features: []int{16}, rows: []int{1}}, 2, []string{"timesRows"}, ""); err != nil || !strings.HasPrefix(w.out.String(), "var timesRows = &rates{") {
		t.Errorf("a column: %v, %s", err, w.out.String())
	}
	w = newWorkshop()
	if err := w.flat(grid{groups: []int{1}, features: []int{4}, rows: []int{1}, threads: []int{1}}, []string{"besideRows"}, ""); err != nil || !strings.HasPrefix(w.out.String(), "var besideRows = &ratios{") {
		t.Errorf("a column: %v, %s", err, w.out.String())
	}
}

// How often a session runs follows from what a run takes, between two bounds.
func TestRounds(t *testing.T) {
	for rows, want := range map[int]int{1: 60, 60: 47, 100: 28, 1200: 10} { // 3e9 multiply-adds, of 4·512² for a row
		w := newWorkshop()
		if err := w.table(grid{features: []int{512}, rows: []int{rows}}, 1, []string{"timesConv"}, ""); err != nil {
			t.Fatal(err)
		}
		for _, n := range w.runs {
			if n != 1+3+want {
				t.Errorf("%d rows: %d runs, want %d", rows, n, 1+3+want)
			}
		}
	}
	// 30 ms, of four times 20 µs and 16 and 32 nodes of 1 µs for a sample.
	for _, c := range []struct{ samples, threads, want int }{{1, 1, 110}, {3, 1, 45}, {40, 1, 12}, {1, 4, 150}} {
		w := newWorkshop()
		if err := w.flat(grid{groups: []int{1}, features: []int{1}, rows: []int{c.samples}, threads: []int{c.threads}}, []string{"besideRows"}, ""); err != nil {
			t.Fatal(err)
		}
		for _, n := range w.runs {
			if n != 1+3+c.want {
				t.Errorf("%+v: %d runs", c, n)
			}
		}
	}
}

// What fails ends the measurement, and nothing stays open.
func TestMeasurementsThatFail(t *testing.T) {
	small := grid{groups: []int{1}, features: []int{4}, rows: []int{1}, threads: []int{1}}
	for _, fail := range []string{"open", "prepare", "run 1", "run 3"} {
		for name, measure := range map[string]func(w *workshop) error{
			"table": func(w *workshop) error { return w.table(small, 1, []string{"timesRows"}, "") },
			"flat":  func(w *workshop) error { return w.flat(small, []string{"besideRows"}, "") },
		} {
			w := newWorkshop()
			w.fail = fail
			if err := measure(w); err == nil || w.open != 0 || w.out.Len() > 0 {
				t.Errorf("%s, %s: %v, %d stay open, printed %q", name, fail, err, w.open, w.out.String())
			}
		}
	}
	w := newWorkshop()
	if err := w.table(small, 1, []string{"timesNothing"}, ""); err == nil {
		t.Error("a column that there is not")
	}
}
