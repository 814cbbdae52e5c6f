package main

import (
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// settings are what the flags of a command say.
type settings struct {
	// what is merged
	fc                                          string
	growth, freeze, dequantize, asInfer, values bool
	stopAfter                                   int
	only, skip                                  []string
	check, certificate                          string
	timeout                                     time.Duration
	// what is written
	output     string
	outDir     string
	jobs       int
	pairs      bool
	noMetadata bool
	noTidy     bool
	dump       string
	reports    []string
	json       bool
	// what is checked
	dryRun          bool
	strict, noCheck bool
	seed            uint64
	samples         int
	dims, inputs    []string
	shapes          []string
	rtol, atol      []string
	valRanges       []string
	labels          string
	// real inputs, what is kept of a run, what belongs together
	mean, std, size, layout string
	saveInputs, saveOutputs string
	match                   string
	castInputs, stress      bool
	maxMemory               string
	locate                  bool
	saveCase                string
	engine, ortLib          string
	// what is timed
	batches               string
	runs, warmup, threads int
	bench, perOp          bool
}

// A flagLine is a line of the table of flags.
type flagLine struct {
	on      string // the commands that have it
	name    string // and its letter, as "output,o"
	define  func(fl *pflag.FlagSet, name, letter, usage string)
	usage   string
	offered cobra.CompletionFunc // what may follow; nil: file names, or nothing
}

// flags are the flags of all commands, a line for each, or two where it means
// something else for another command.
func (s *settings) flags() []flagLine {
	return []flagLine{
		{"convert inspect bisect", "fc", stringFlag(&s.fc, "auto"), "`SPELLING` of a merged FC: auto, gemm (Gemm or batched MatMul) or conv (grouped 1×1 Conv)", words("auto", "gemm", "conv")},
		{"convert inspect bisect", "allow-growth", boolFlag(&s.growth), "also make merges that are exact but make the model larger", nil},
		{"convert inspect prove bisect", "freeze-inputs", boolFlag(&s.freeze), "initializers that are also graph inputs count as constants and stop being inputs", nil},
		{"convert inspect prove bisect", "fold-dequantize", boolFlag(&s.dequantize), "QuantizeLinear and DequantizeLinear of constants count as constants", nil},
		{"convert inspect prove bisect", "batch-stats-as-inference", boolFlag(&s.asInfer), "take BatchNormalization and Dropout nodes left in training mode as inference nodes", nil},
		{"convert inspect bisect", "only", listFlag(&s.only), "make no merges but those that match a `PATTERN`: an ID as r3, or names of nodes with * ? [a-z] and, between slashes, **; repeatable", words()},
		{"convert inspect bisect", "skip", listFlag(&s.skip), "leave merges out that match a `PATTERN`, as --only has it; repeatable", words()},
		{"convert", "stop-after", intFlag(&s.stopAfter, 0), "make the first `NUMBER` of merges only (default: all)", words()},
		{"inspect", "values", boolFlag(&s.values), "also read the weights, for the reasons that depend on their values", nil},

		{"bisect", "check", stringFlag(&s.check, ""), "`COMMAND` to run on each file, which {} stands for, as 'python test.py {}'", words()},
		{"prove", "certificate", stringFlag(&s.certificate, ""), "write what was proved, with the hashes of the files, into `FILE`, a .json", extensions("json")},
		{"prove", "check", stringFlag(&s.check, ""), "prove again what the certificate in `FILE` says, of its files or of those that are named", extensions("json")},
		{"bisect", "timeout", durationFlag(&s.timeout), "`TIME` that a run may take, as 90s or 5m; then it is bad (default: any)", words()},

		{"convert", "output,o", stringFlag(&s.output, ""), "`FILE` to write (default MODEL.inference.onnx beside the input)", extensions("onnx")},
		{"verify", "pairs", boolFlag(&s.pairs), "compare every model with what convert made of it", nil},
		{"convert verify", "out-dir", stringFlag(&s.outDir, ""), "`DIR` for the results of several models (default: each beside its model)", folders},
		{"convert verify", "jobs", intFlag(&s.jobs, 1), "`NUMBER` of models that are worked on at a time", words()},
		{"convert inspect bisect", "shape", listFlag(&s.shapes), "shape that an input has from now on, `NAME=SIZES`, as image=1x3x224x224; repeatable", words()},
		{"convert", "no-tidy", boolFlag(&s.noTidy), "leave nodes and constants of no use in a merged model as they were", nil},
		{"convert", "no-metadata", boolFlag(&s.noMetadata), "write no provenance into the model", nil},
		{"convert", "dump", stringFlag(&s.dump, ""), "also write what each stage made as text into the folder `DIR`", folders},
		{"convert inspect verify prove bench", "report", listFlag(&s.reports), "also write a report to `FILE`, by extension " + reportExtensions() + "; repeatable", extensions(reportKinds()...)},
		{"convert inspect verify prove bench bisect", "json", boolFlag(&s.json), "print the JSON report instead of text", nil},

		{"convert", "dry-run", boolFlag(&s.dryRun), "say what would be merged with these flags, as inspect --values does, and write no model", nil},
		{"convert", "strict", boolFlag(&s.strict), "exit 4 and write nothing unless every candidate was merged and there was one", nil},
		{"prove", "strict", boolFlag(&s.strict), "exit 4 unless everything is proved for all inputs", nil},
		{"convert", "no-check", boolFlag(&s.noCheck), "skip the run of the whole model; the proofs of the merges always run", nil},
		{"convert verify prove bench", "seed", uintFlag(&s.seed, 0), "`SEED` of the random inputs, and of the rows of proofs", words()},
		{"convert verify", "samples", intFlag(&s.samples, 1), "`NUMBER` of random runs", words()},
		{"prove", "samples", intFlag(&s.samples, 1), "`NUMBER` of random runs of what is not linear", words()},
		{"convert inspect verify prove bench bench-memory", "dim", listFlag(&s.dims), "value of a named dimension, `NAME=SIZE`, as batch=4; repeatable", words()},
		{"convert verify", "inputs", listFlag(&s.inputs), "real inputs, a `PATH`: .npy, .npz, NAME=FILE of one input, a test_data_set folder or a folder of images; repeatable", extensions("npy", "npz", "pb", "png", "jpg", "jpeg")},
		{"convert verify", "mean", stringFlag(&s.mean, ""), "of images among the inputs: `NUMBERS` that are subtracted from channels of 0 to 1, as 0.485,0.456,0.406", words()},
		{"convert verify", "std", stringFlag(&s.std, ""), "of images among the inputs: `NUMBERS` that channels are divided by after that", words()},
		{"convert verify", "size", stringFlag(&s.size, ""), "of images among the inputs: `HEIGHTxWIDTH` (default: what the model declares)", words()},
		{"convert verify", "layout", stringFlag(&s.layout, ""), "of images among the inputs: `LAYOUT` nchw or nhwc (default: where the model declares 1 or 3 channels)", words("nchw", "nhwc")},
		{"bench bench-memory", "inputs", listFlag(&s.inputs), "real inputs, a `PATH`, of which the first run's are taken: .npy, .npz or a test_data_set folder", extensions("npy", "npz")},
		{"convert verify", "rtol", listFlag(&s.rtol), "relative `TOLERANCE` of the whole-model comparison, or NAME=TOLERANCE of one output; repeatable (default: follows the noise floor)", words()},
		{"convert verify", "atol", listFlag(&s.atol), "absolute `TOLERANCE` of the whole-model comparison, or NAME=TOLERANCE of one output; repeatable", words()},
		{"convert verify", "val-range", listFlag(&s.valRanges), "random inputs lie evenly in `LOW:HIGH`, or INPUT=LOW:HIGH for one of them; repeatable (default: standard normal)", words()},
		{"verify", "labels", stringFlag(&s.labels, ""), "`FILE` of the right class for each row of --inputs, a .npy: reports the accuracy of both models", extensions("npy")},
		{"verify", "stress", boolFlag(&s.stress), "also compare on zeros, ones, large, tiny and denormal numbers, and one channel alone", nil},
		{"verify", "match", stringFlag(&s.match, "name"), "pair inputs and outputs by `WHAT`: name or position", words("name", "position")},
		{"verify", "cast-inputs", boolFlag(&s.castInputs), "compare models whose types differ: both are fed the same numbers, rounded to the candidate's types", nil},
		{"verify", "save-inputs", stringFlag(&s.saveInputs, ""), "write what was fed into `FILE`, a .npz that --inputs reads", extensions("npz")},
		{"verify", "save-outputs", stringFlag(&s.saveOutputs, ""), "write what both models gave into the folder `DIR`, as reference.npz and candidate.npz", folders},
		{"verify", "locate", boolFlag(&s.locate), "name the first value that differs, and the nodes that make it", nil},
		{"verify", "save-case", stringFlag(&s.saveCase, ""), "with --locate: write the smallest piece that differs into the new folder `DIR`", folders},
		{"convert verify prove", "max-memory", stringFlag(&s.maxMemory, ""), "memory budget of a model run, a `SIZE` as 8GB", words()},
		{"convert verify bench bench-memory", "engine", stringFlag(&s.engine, "auto"), "`ENGINE` that runs the models: auto, go or ort (ONNX Runtime)", words("auto", "go", "ort")},
		{"convert verify bench bench-memory engines", "ort-lib", stringFlag(&s.ortLib, ""), "`FILE` of the ONNX Runtime library (default: where it is found, see repmlp engines)", nil},

		{"convert", "bench", boolFlag(&s.bench), "also time both models side by side, as the bench command does", nil},
		{"convert bench bench-memory", "batch", stringFlag(&s.batches, "1"), "batch `SIZES`, as 1,8,32", words()},
		{"convert bench", "runs", intFlag(&s.runs, 20), "counted `RUNS` of each model at each batch size", words()},
		{"convert bench", "warmup", intFlag(&s.warmup, 3), "`RUNS` before that are not counted", words()},
		{"convert bench bench-memory", "threads", intFlag(&s.threads, 0), "`THREADS` within an operator, ONNX Runtime only (default: the number of cores)", words()},
		{"bench", "per-op", boolFlag(&s.perOp), "also report the time of each operator", nil},
	}
}

// flagged gives a command its flags.
func flagged(cmd *cobra.Command) *settings {
	s := &settings{}
	for _, f := range s.flags() {
		if !slices.Contains(strings.Fields(f.on), cmd.Name()) {
			continue
		}
		name, letter, _ := strings.Cut(f.name, ",")
		f.define(cmd.Flags(), name, letter, f.usage)
		if f.offered != nil {
			complete(cmd, name, f.offered)
		}
	}
	return s
}

// The kinds of values.

func stringFlag(p *string, def string) func(*pflag.FlagSet, string, string, string) {
	return func(fl *pflag.FlagSet, name, letter, usage string) { fl.StringVarP(p, name, letter, def, usage) }
}

func listFlag(p *[]string) func(*pflag.FlagSet, string, string, string) {
	return func(fl *pflag.FlagSet, name, letter, usage string) { fl.StringArrayVarP(p, name, letter, nil, usage) }
}

func boolFlag(p *bool) func(*pflag.FlagSet, string, string, string) {
	return func(fl *pflag.FlagSet, name, letter, usage string) { fl.BoolVarP(p, name, letter, false, usage) }
}

func intFlag(p *int, def int) func(*pflag.FlagSet, string, string, string) {
	return func(fl *pflag.FlagSet, name, letter, usage string) { fl.IntVarP(p, name, letter, def, usage) }
}

func uintFlag(p *uint64, def uint64) func(*pflag.FlagSet, string, string, string) {
	return func(fl *pflag.FlagSet, name, letter, usage string) { fl.Uint64VarP(p, name, letter, def, usage) }
}

func durationFlag(p *time.Duration) func(*pflag.FlagSet, string, string, string) {
	return func(fl *pflag.FlagSet, name, letter, usage string) { fl.DurationVarP(p, name, letter, 0, usage) }
}
