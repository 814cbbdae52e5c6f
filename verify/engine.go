package verify

import (
	"context"
	"time"

	"repmlp/onnxio"
	"repmlp/verify/internal/engine"
)

// An Engine is the Go engine with one model.
type Engine struct{ m *engine.Engine }

// EngineOptions configure NewEngine. The zero value runs in float32.
type EngineOptions struct {
	Mode  Mode
	Seed  uint64             // of random operators
	Sizes map[string][]int64 // shapes of the graph inputs, for Eval
	Limit int64              // memory budget of the tensors in bytes; 0: most of what this process may use
}

// NewEngine prepares a model. An operator that the engine lacks is an error of
// Supports and of a run.
func NewEngine(m *onnxio.Model, o EngineOptions) (*Engine, error) {
	e, err := engine.New(m, engine.Options{Mode: o.Mode, Seed: o.Seed, Sizes: o.Sizes, Limit: o.Limit})
	if err != nil {
		return nil, err
	}
	return &Engine{e}, nil
}

// Supports reports the first operator that the engine lacks, nil if there is
// none.
func (e *Engine) Supports() error { return e.m.Supports() }

// Run executes the model and returns the graph's outputs by name.
func (e *Engine) Run(ctx context.Context, feeds map[string]*Tensor) (map[string]*Tensor, error) {
	return e.m.Run(ctx, feeds)
}

// Eval computes the wanted values from the fed ones, which may lie anywhere in
// the graph; only the nodes between them run. Sizes computed from values that
// are not fed come from the shapes in EngineOptions.Sizes.
func (e *Engine) Eval(ctx context.Context, feeds map[string]*Tensor, want []string) (map[string]*Tensor, error) {
	return e.m.Eval(ctx, feeds, want)
}

// Random reports whether a random operator has run.
func (e *Engine) Random() bool { return e.m.Random() }

// Profile has every later run report the time of each node.
func (e *Engine) Profile(f func(op string, d time.Duration)) { e.m.Profile(f) }
