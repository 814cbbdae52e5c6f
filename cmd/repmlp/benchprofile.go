package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"repmlp/onnxio"
)

// profileRuns is how often a model runs under its engine's profiler.
const profileRuns = 5

// profile sums the time of each operator over one run.
func (f benchmark) profile(ctx context.Context, path string, m *onnxio.Model, dims map[string]int64, batch int64) (map[string]float64, error) {
	dir, err := os.MkdirTemp("", "repmlp-profile-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	s, engine, err := f.open(ctx, path, m, filepath.Join(dir, "p"))
	if err != nil {
		return nil, err
	}
	total := map[string]float64{}
	if g, ok := s.(*goSession); ok {
		g.engine.Profile(func(op string, d time.Duration) { total[op] += d.Seconds() / profileRuns })
	}
	feeds, _, err := f.feeds(m, dims, batch)
	if err != nil {
		return nil, err
	}
	run, done, err := s.Prepare(feeds)
	if err != nil {
		return nil, err
	}
	for range profileRuns {
		if err := run(); err != nil {
			return nil, err
		}
	}
	done()
	if err := s.Close(); err != nil {
		return nil, err
	}
	if engine == "go" {
		return total, nil
	}
	files, err := filepath.Glob(filepath.Join(dir, "p*.json"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("profiling %q: the engine wrote no profile", path)
	}
	return readProfile(files[0])
}

// readProfile sums the kernel times of a profile that ONNX Runtime wrote.
func readProfile(file string) (map[string]float64, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var events []struct {
		Cat, Name string
		Dur       float64 // microseconds
		Args      struct {
			Op string `json:"op_name"`
		}
	}
	if err := json.Unmarshal(b, &events); err != nil {
		return nil, fmt.Errorf("reading profile %q: %w", file, err)
	}
	total := map[string]float64{}
	for _, e := range events {
		if e.Cat == "Node" && strings.HasSuffix(e.Name, "_kernel_time") {
			total[e.Args.Op] += e.Dur / 1e6 / profileRuns
		}
	}
	return total, nil
}
