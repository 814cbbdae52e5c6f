package convert

import (
	"context"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"

	"repmlp/onnxio"
	"repmlp/onnxio/graph"
	"repmlp/verify"
)

// Version is the release that wrote a report or a model where Options name none.
const Version = "0.1.0-dev"

// Options of a conversion, an inspection or a comparison. The zero value does what
// the command does without flags, but for the second reader, which importers of
// this package choose to link or not.
type Options struct {
	// What is merged.
	FC              FC
	AllowGrowth     bool // also merges that make the model larger
	FreezeInputs    bool // initializers that are graph inputs count as constants
	FoldDequantize  bool // QuantizeLinear and DequantizeLinear of constants count as constants
	BatchStatistics bool // take training-mode nodes as inference nodes
	StopAfter       int  // make the first merges only, those in bodies of control flow first; 0: all
	// Of the merges only those that match one of Only, if it names any, and none of Skip. A
	// pattern is the ID that a report gives the merge, or one for the names of its nodes: each
	// part between slashes as path.Match has it, and ** for any number of parts. Every one
	// has to match something.
	Only, Skip []string
	Values     bool // Inspect: read the weights too, for the reasons that depend on their values

	// Shapes are those that inputs have from now on, by name: free dimensions become
	// numbers in the result, wherever their names stand.
	Shapes map[string][]int64

	// What is written.
	NoTidy     bool   // leave what is of no use in a merged model as it was
	NoMetadata bool   // no provenance in the result
	Version    string // of whoever converts, in the result and the report; "": Version

	// What is checked. Every merge is proved, then the second reader reads the
	// result, then the whole models are compared.
	Unproved     bool // make no proofs
	Prover       Prover
	SecondReader SecondReader // nil: the report says that it did not run
	NoCheck      bool         // do not run the whole models
	Engine       Engine       // nil: the Go engine
	Strict       bool         // refuse with a *StrictError what does not end as Fused

	// How whole models are compared.
	Seed                     uint64                // of random inputs, and of the rows of the proofs
	Samples                  int                   // random runs; 0: one
	Dims                     map[string]int64      // sizes of named dimensions; what is not here is chosen
	Inputs                   []string              // real inputs instead, see verify.CompareOptions
	Images                   verify.ImageOptions   // how images among them become numbers
	SaveInputs, SaveOutputs  string                // CompareFiles: a .npz and a folder that get what was fed and what came out; "": none
	ByPosition, Cast, Stress bool                  // CompareFiles: see verify.CompareOptions
	Ranges                   map[string][2]float64 // of random inputs: see verify.CompareOptions
	Labels                   string                // CompareFiles: the classes of the rows of real inputs, a .npy; "": none
	Tolerance                *Tolerance            // nil: follow the rounding noise of the original
	Tolerances               map[string]Tolerance  // of single outputs
	MaxMemory                int64                 // bytes of the tensors of a run; 0: what the machine has
	Locate                   bool                  // CompareFiles: of models that differ, name the first value that does
	SaveCase                 string                // and write the smallest piece that shows it into this folder, which is empty or not there yet

	// What the caller hears meanwhile; nil is silent. No two calls run at a time.

	// Began is called as each step of the work begins: planning, merging, proving,
	// checking, saving.
	Began func(step string)
	// Progress is called as a step goes on.
	Progress func(step string, done, total int)
	// Opened is called when a model was read from its file and before any work on it,
	// with what the report says so far. An error ends the run: here is the place to
	// refuse files among Model.Files that the caller is about to write.
	Opened func(m *onnxio.Model, r *Report) error
	// Dump is called with the text of each of Stages as it is reached, again where a
	// plan had to be made anew.
	Dump func(stage, text string) error
	// Commit is called once, after all checks and before the result gets its name:
	// an error ends the run and leaves nothing. The report is complete but for it.
	Commit func(r *Report) error
	// Hashes has the report name the SHA-256 of the files.
	Hashes bool
	// Drawings has the report hold what a page draws of the merges. Where an FC is merged
	// with convs, a conversion folds it three more times for that, once for each kind.
	Drawings bool
	// Arguments are what the caller was started with, for the report.
	Arguments []string

	selection *selection             // of Only and Skip; nil: everything
	prefix    string                 // of the IDs of merges, in bodies
	once      *ground                // what a conversion with another selection started from; nil: none
	reserved  []map[string]bool      // names of the graphs around, which new ones must not shadow
	source    func() (string, error) // SHA-256 of the file that is converted; nil: it is none
	checks    bool                   // check explanations and plans as they are made
	look      bool                   // plan the bodies of control-flow nodes, compute nothing
}

// A Tolerance is what may differ: |a−b| ≤ Absolute + Relative·max|a| for every
// element of an output. Zero allows nothing.
type Tolerance struct{ Absolute, Relative float64 }

// A Prover runs a region's original nodes and its replacement on random rows;
// *verify.Prover is one, and what nil stands for.
type Prover interface {
	Prove(ctx context.Context, claim verify.Claim) (verify.Proof, error)
}

// A SecondReader reads the bytes of a written model with a decoder of its own and
// compares it with the model that was meant. It lists what that decoder cannot read;
// an error means that the two disagree. verify/secondreader has one.
type SecondReader interface {
	Read(written []byte, meant *onnxio.Model) (notCovered []string, err error)
}

// An Engine compares two models by running them on the same inputs; name is what
// the report calls it.
type Engine interface {
	Compare(ctx context.Context, reference, candidate Side, o verify.CompareOptions) (c *verify.Comparison, name string, err error)
}

// A Side is one of two models that are compared. File is the path of a file that
// holds it, made where there is none and valid until the comparison ends.
type Side struct {
	Model *onnxio.Model
	File  func() (path string, err error)
}

// goEngine is the Engine that nil stands for.
type goEngine struct{}

func (goEngine) Compare(ctx context.Context, ref, cand Side, o verify.CompareOptions) (*verify.Comparison, string, error) {
	c, err := verify.Compare(ctx, ref.Model, cand.Model, o)
	return c, "go", err
}

// complete gives options that were left out their values.
func (o Options) complete() (Options, error) {
	if o.Samples < 0 || o.StopAfter < 0 || o.MaxMemory < 0 {
		return o, fmt.Errorf("reading the options: Samples %d, StopAfter %d and MaxMemory %d must not be negative", o.Samples, o.StopAfter, o.MaxMemory)
	}
	tolerances := slices.Collect(maps.Values(o.Tolerances))
	if o.Tolerance != nil {
		tolerances = append(tolerances, *o.Tolerance)
	}
	for _, t := range tolerances {
		for _, v := range []float64{t.Absolute, t.Relative} {
			if !(v >= 0) || math.IsInf(v, 1) {
				return o, fmt.Errorf("reading the options: a tolerance is a finite number that is not negative, not %g", v)
			}
		}
	}
	if o.Version == "" {
		o.Version = Version
	}
	if o.selection == nil {
		var err error
		if o.selection, err = newSelection(o.Only, o.Skip); err != nil {
			return o, fmt.Errorf("reading the options: %w", err)
		}
	}
	if o.Engine == nil {
		o.Engine = goEngine{}
	}
	switch {
	case o.Unproved:
		o.Prover = nil
	case o.Prover == nil:
		o.Prover = &verify.Prover{Seed: o.Seed, Dims: o.Dims}
	}
	return o, nil
}

// graph says what counts as a constant.
func (o Options) graph() graph.Options {
	return graph.Options{FreezeInputs: o.FreezeInputs, FoldDequantize: o.FoldDequantize}
}

// comparison is how whole models are compared.
func (o Options) comparison() verify.CompareOptions {
	c := verify.CompareOptions{Seed: o.Seed, Samples: o.Samples, Dims: o.Dims, Inputs: o.Inputs, Images: o.Images, SaveInputs: o.SaveInputs, SaveOutputs: o.SaveOutputs, ByPosition: o.ByPosition, Cast: o.Cast, Stress: o.Stress, Ranges: o.Ranges, Limit: o.MaxMemory, Progress: o.progress("checking")}
	if t := o.Tolerance; t != nil {
		c.ATol, c.RTol, c.Fixed = t.Absolute, t.Relative, true
	}
	for name, t := range o.Tolerances {
		if c.Tolerances == nil {
			c.Tolerances = map[string]verify.Tolerance{}
		}
		c.Tolerances[name] = verify.Tolerance{RTol: t.Relative, ATol: t.Absolute}
	}
	return c
}

// progress is Progress for one step, nil where it is.
func (o Options) progress(step string) func(done, total int) {
	if o.Progress == nil {
		return nil
	}
	return func(done, total int) { o.Progress(step, done, total) }
}

// begin says that a step begins, unless the context has ended.
func (o Options) begin(ctx context.Context, step string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if o.Began != nil {
		o.Began(step)
	}
	return nil
}

// Reads lists the files that a run reads beside its models: labels and real inputs, of
// which a folder holds several.
func (o Options) Reads() (files []string) {
	if o.Labels != "" {
		files = append(files, o.Labels)
	}
	for _, p := range o.Inputs {
		_, p = verify.InputFile(p)
		files = append(files, p)
		for _, in := range []string{"*", filepath.Join("test_data_set*", "*")} {
			if inside, err := filepath.Glob(filepath.Join(p, in)); err == nil {
				files = append(files, inside...)
			}
		}
	}
	return files
}
