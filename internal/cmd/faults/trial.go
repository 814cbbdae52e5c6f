package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"repmlp/onnxio"
)

// A trial is two models that are converted to one output.
type trial struct {
	binary string
	dir    string // of the output, which holds nothing else
	inputs [2]string
	hashes map[[32]byte]bool // of the results
	takes  time.Duration     // one conversion
}

// found is what a round came upon.
type found struct {
	reads    int // by the reader beside it
	mixed    int // reads of something else than one of the results
	lost     int // times without a readable output afterwards
	stale    int // files left after the next run
	finished int // conversions that ended before they were killed
}

func (f found) bad() int { return f.mixed + f.lost + f.stale }

func (f found) String() string {
	return fmt.Sprintf("%d mixed in %d reads, %d lost, %d left after the next run; %d conversions were faster", f.mixed, f.reads, f.lost, f.stale, f.finished)
}

// newTrial converts both models once.
func newTrial(ctx context.Context, binary, dir string, inputs [2]string) (*trial, error) {
	t := &trial{binary: binary, dir: filepath.Join(dir, "out"), inputs: inputs, hashes: map[[32]byte]bool{}}
	if err := os.Mkdir(t.dir, 0o755); err != nil {
		return nil, err
	}
	for i := range inputs {
		start := time.Now()
		if out, err := t.convert(ctx, i).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("converting: %w: %s", err, out)
		}
		t.takes = time.Since(start)
		h, err := t.read()
		if err != nil {
			return nil, err
		}
		t.hashes[h] = true
	}
	if len(t.hashes) != 2 {
		return nil, errors.New("the two results are one")
	}
	return t, nil
}

func (t *trial) output() string { return filepath.Join(t.dir, "out.onnx") }

func (t *trial) convert(ctx context.Context, i int) *exec.Cmd {
	return exec.CommandContext(ctx, t.binary, "convert", t.inputs[i%2], "-o", t.output(), "--no-check", "-q")
}

// read loads the output, with its data, and returns the hash of the model.
func (t *trial) read() (hash [32]byte, err error) {
	m, err := onnxio.Load(t.output())
	if err != nil {
		return hash, err
	}
	defer m.Close()
	if err := m.CheckData(context.Background()); err != nil {
		return hash, err
	}
	return sha256.Sum256(m.FileBytes()), nil
}

// round does n attempts beside a reader, and one run at the end that nobody
// disturbs.
func (t *trial) round(ctx context.Context, n int, do func(ctx context.Context, i int) error) (f found, err error) {
	if n == 0 {
		return f, nil
	}
	done := make(chan struct{})
	var reader sync.WaitGroup
	var mixed, reads int
	reader.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			h, err := t.read()
			reads++
			if err != nil || !t.hashes[h] {
				mixed++
				fmt.Fprintln(os.Stderr, "read:", err)
			}
			time.Sleep(20 * time.Millisecond) // the others want to work too
		}
	})
	for i := range n {
		err := do(ctx, i)
		if errors.Is(err, errFaster) {
			f.finished++
			err = nil
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			close(done)
			reader.Wait()
			return f, err
		}
		if h, err := t.read(); err != nil || !t.hashes[h] {
			f.lost++
		}
	}
	close(done)
	reader.Wait()
	f.reads, f.mixed = reads, mixed
	if out, err := t.convert(ctx, n).CombinedOutput(); err != nil {
		return f, fmt.Errorf("the next run: %w: %s", err, out)
	}
	m, err := onnxio.Load(t.output())
	if err != nil {
		return f, err
	}
	defer m.Close()
	wanted := append(m.ExternalFiles(), filepath.Base(t.output()))
	entries, err := os.ReadDir(t.dir)
	for _, e := range entries {
		if !slices.Contains(wanted, e.Name()) {
			f.stale++
			fmt.Fprintln(os.Stderr, "left:", e.Name())
		}
	}
	return f, err
}

var errFaster = errors.New("the conversion ended before it was killed")

// end waits for a process that was killed.
func end(cmd *exec.Cmd) error {
	err := cmd.Wait()
	if err == nil {
		return errFaster
	}
	if x, ok := errors.AsType[*exec.ExitError](err); ok && x.ExitCode() == -1 {
		return nil // by a signal
	}
	return err
}

// randomly kills conversions at random moments.
func (t *trial) randomly(seed uint64) func(ctx context.Context, i int) error {
	rng := rand.New(rand.NewPCG(seed, 0))
	return func(ctx context.Context, i int) error {
		cmd := t.convert(ctx, i)
		if err := cmd.Start(); err != nil {
			return err
		}
		time.Sleep(time.Duration(rng.Float64() * 1.1 * float64(t.takes)))
		cmd.Process.Kill()
		return end(cmd)
	}
}

// atTheSwitch kills a conversion as soon as a file appears or changes beside the
// output: its data, a temporary name, the output itself.
func (t *trial) atTheSwitch(ctx context.Context, i int) error {
	before := t.listing()
	cmd := t.convert(ctx, i)
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- end(cmd) }()
	for {
		select {
		case err := <-ended:
			return err
		default:
		}
		if t.listing() != before {
			cmd.Process.Kill()
			return <-ended
		}
	}
}

// listing is what is in the folder of the output.
func (t *trial) listing() string {
	s := ""
	entries, _ := os.ReadDir(t.dir)
	for _, e := range entries {
		s += e.Name() + "\n"
	}
	return s
}

// together runs two conversions of one output at once.
func (t *trial) together(ctx context.Context, _ int) error {
	a, b := t.convert(ctx, 0), t.convert(ctx, 1)
	if err := a.Start(); err != nil {
		return err
	}
	if err := b.Start(); err != nil {
		return errors.Join(err, a.Wait())
	}
	return errors.Join(a.Wait(), b.Wait())
}
