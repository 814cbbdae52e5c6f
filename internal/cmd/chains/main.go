// Command chains measures how the time and memory of a conversion grow with the
// number of nodes: it writes graphs of one kind in several sizes, lets a binary
// inspect and convert them, and prints a Markdown table.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	o := options{}
	sizes := flag.String("n", "1000,10000,100000", "numbers of nodes")
	names := flag.String("kind", "all", "kinds of graphs, separated by commas: "+strings.Join(kindNames(), ", "))
	commands := flag.String("command", "inspect,convert", "commands to measure")
	flag.DurationVar(&o.limit.time, "time", time.Minute, "limit of the time of one run")
	memory := flag.Int64("memory", 2048, "limit of the memory of one run in MB")
	flag.StringVar(&o.dir, "dir", "", "folder for the models (default a temporary one)")
	flag.StringVar(&o.keep, "write", "", "write the models to this folder and measure nothing")
	flag.Parse()
	o.limit.memory = *memory << 20
	if err := o.parse(*sizes, *names, *commands, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "chains: error:", err)
		fmt.Fprintln(os.Stderr, "usage: chains [-n SIZES] [-kind NAMES] [-command NAMES] [-time LIMIT] [-memory MB] REPMLP")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := o.run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "chains: error:", err)
		os.Exit(1)
	}
}

type options struct {
	sizes     []int
	kinds     []kind
	commands  []string
	limit     limit
	dir, keep string
	binary    string
}

func kindNames() []string {
	var names []string
	for _, k := range kinds() {
		names = append(names, k.name)
	}
	return names
}

func (o *options) parse(sizes, names, commands string, args []string) error {
	for _, s := range strings.Split(sizes, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return fmt.Errorf("%q is no number of nodes", s)
		}
		o.sizes = append(o.sizes, n)
	}
	slices.Sort(o.sizes)
	if names == "all" {
		o.kinds = kinds()
	} else {
		for _, s := range strings.Split(names, ",") {
			k, err := find(s)
			if err != nil {
				return err
			}
			o.kinds = append(o.kinds, k)
		}
	}
	o.commands = strings.Split(commands, ",")
	for _, c := range o.commands {
		if c != "inspect" && c != "convert" {
			return fmt.Errorf("there is no command %q to measure", c)
		}
	}
	if o.keep == "" {
		if len(args) != 1 {
			return errors.New("it takes one program")
		}
		o.binary = args[0]
	}
	return nil
}

// run measures and prints line by line. It is an error where a run did not end
// well.
func (o options) run(ctx context.Context, w io.Writer) error {
	if o.keep != "" {
		return o.write()
	}
	dir, err := os.MkdirTemp(o.dir, "chains-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	heading(w, o.sizes)
	bad := 0
	for _, k := range o.kinds {
		rows, err := o.grow(ctx, dir, k)
		if err != nil {
			return fmt.Errorf("measuring %q: %w", k.name, err)
		}
		for _, r := range rows {
			r.write(w, o.sizes)
			if slices.ContainsFunc(r.costs, func(c *cost) bool { return c != nil && c.failed != "" }) {
				bad++
			}
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d rows have a run that failed or passed a limit", bad)
	}
	return nil
}

// write only writes the models.
func (o options) write() error {
	for _, k := range o.kinds {
		for _, n := range o.sizes {
			m, err := k.model(n)
			if err != nil {
				return err
			}
			if err := m.Save(filepath.Join(o.keep, fmt.Sprintf("%s-%d.onnx", strings.ReplaceAll(k.name, "/", "-"), n))); err != nil {
				return err
			}
		}
	}
	return nil
}

// grow measures one kind from the smallest size to the first that fails.
func (o options) grow(ctx context.Context, dir string, k kind) ([]row, error) {
	rows := make([]row, len(o.commands))
	for i, c := range o.commands {
		rows[i] = row{k.name, c, make([]*cost, len(o.sizes))}
	}
	in, out := filepath.Join(dir, "in.onnx"), filepath.Join(dir, "out.onnx")
	for at, n := range o.sizes {
		m, err := k.model(n)
		if err != nil {
			return nil, err
		}
		if err := m.Save(in); err != nil {
			return nil, err
		}
		for i, c := range o.commands {
			if at > 0 {
				if before := rows[i].costs[at-1]; before == nil || before.failed != "" {
					continue
				}
			}
			args := []string{"inspect", in}
			if c == "convert" {
				args = []string{"convert", "--no-check", "-o", out, in}
			}
			got, err := o.limit.measure(ctx, o.binary, args...)
			if err != nil {
				return nil, err
			}
			rows[i].costs[at] = &got
		}
		if err := errors.Join(os.RemoveAll(in), os.RemoveAll(out)); err != nil {
			return nil, err
		}
	}
	return rows, nil
}
