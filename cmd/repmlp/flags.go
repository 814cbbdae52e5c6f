package main

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"repmlp/convert"
	"repmlp/verify"
)

// checkFlags are the flags of a whole-model comparison.
type checkFlags struct {
	seed       uint64
	samples    int
	dims       []string
	inputs     []string
	rtol, atol float64
	maxMemory  string
	engineFlags
}

func (f *checkFlags) add(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.Uint64Var(&f.seed, "seed", 0, "`SEED` of the random inputs and rows")
	fl.IntVar(&f.samples, "samples", 1, "`NUMBER` of random runs")
	fl.StringArrayVar(&f.dims, "dim", nil, "value of a named dimension, `NAME=SIZE`, as batch=4; repeatable")
	fl.StringArrayVar(&f.inputs, "inputs", nil, "real inputs, a `PATH`: .npy, .npz or a test_data_set folder; repeatable")
	fl.Float64Var(&f.rtol, "rtol", 0, "relative `TOLERANCE` of the whole-model comparison (default: follows the noise floor)")
	fl.Float64Var(&f.atol, "atol", 0, "absolute `TOLERANCE` of the whole-model comparison")
	f.engineFlags.add(cmd)
	complete(cmd, "inputs", extensions("npy", "npz"))
	complete(cmd, "dim", words())
	fl.StringVar(&f.maxMemory, "max-memory", "", "memory budget of a model run, a `SIZE` as 8GB")
}

// options turns the flags into options; cmd tells which were given.
func (f *checkFlags) options(cmd *cobra.Command) (verify.CompareOptions, error) {
	o := verify.CompareOptions{Seed: f.seed, Samples: f.samples, Inputs: f.inputs, RTol: f.rtol, ATol: f.atol}
	o.Fixed = cmd.Flags().Changed("rtol") || cmd.Flags().Changed("atol")
	if f.samples < 1 {
		return o, coded(exitUsage, fmt.Errorf("--samples is %d, it must be at least 1", f.samples))
	}
	for _, v := range []float64{f.rtol, f.atol} {
		if !(v >= 0) || math.IsInf(v, 1) {
			return o, coded(exitUsage, fmt.Errorf("a tolerance is a finite number that is not negative, not %g", v))
		}
	}
	if len(f.inputs) > 0 && cmd.Flags().Changed("samples") {
		return o, wrongUse(cmd, errors.New("--samples is the number of random runs; with --inputs everything that they hold is run"))
	}
	var err error
	if o.Dims, err = parseDims(f.dims); err != nil {
		return o, err
	}
	if _, err := f.engineFlags.name(); err != nil {
		return o, err
	}
	if f.maxMemory != "" {
		n, err := parseSize(f.maxMemory)
		if err != nil {
			return o, coded(exitUsage, err)
		}
		o.Limit = n
	}
	return o, nil
}

// reads lists the files that a comparison reads beside the models.
func (f *checkFlags) reads() []string {
	files := inputFiles(f.inputs)
	if f.ortLib != "" {
		files = append(files, f.ortLib)
	}
	return files
}

// parseDims reads bindings of dimensions.
func parseDims(list []string) (map[string]int64, error) {
	dims := map[string]int64{}
	for _, d := range list {
		name, value, ok := strings.Cut(d, "=")
		n, err := strconv.ParseInt(value, 10, 32)
		if !ok || err != nil || n < 0 || name == "" {
			return nil, coded(exitUsage, fmt.Errorf("--dim %q is not of the form NAME=SIZE with a SIZE from 0 to %d", d, math.MaxInt32))
		}
		dims[name] = n
	}
	return dims, nil
}

// parseSize reads a size such as 512MB or 8G.
func parseSize(s string) (int64, error) {
	t := strings.ToUpper(strings.TrimSpace(s))
	t = strings.TrimSuffix(strings.TrimSuffix(t, "B"), "I")
	shift := 0
	for i, unit := range []string{"K", "M", "G", "T"} {
		if strings.HasSuffix(t, unit) {
			t, shift = strings.TrimSuffix(t, unit), 10*(i+1)
		}
	}
	v, err := strconv.ParseFloat(strings.TrimSpace(t), 64)
	if err != nil || !(v > 0) || v*float64(int64(1)<<shift) > 1<<60 {
		return 0, fmt.Errorf("--max-memory %q is no size; write it as 512MB or 8GB", s)
	}
	return int64(v * float64(int64(1)<<shift)), nil
}

// planFlags are the flags that change what is merged.
type planFlags struct {
	fc                                  string
	growth, freeze, dequantize, asInfer bool
}

func (f *planFlags) add(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.fc, "fc", "auto", "`SPELLING` of a merged FC: auto, gemm (Gemm or batched MatMul) or conv (grouped 1×1 Conv)")
	complete(cmd, "fc", words("auto", "gemm", "conv"))
	fl.BoolVar(&f.growth, "allow-growth", false, "also make merges that are exact but make the model larger")
	fl.BoolVar(&f.freeze, "freeze-inputs", false, "initializers that are also graph inputs count as constants and stop being inputs")
	fl.BoolVar(&f.dequantize, "fold-dequantize", false, "DequantizeLinear of constants counts as a constant")
	fl.BoolVar(&f.asInfer, "batch-stats-as-inference", false, "take BatchNormalization and Dropout nodes left in training mode as inference nodes")
}

func (f *planFlags) options() (convert.Options, error) {
	o := convert.Options{AllowGrowth: f.growth, FreezeInputs: f.freeze, FoldDequantize: f.dequantize, BatchStatistics: f.asInfer, Version: version}
	switch f.fc {
	case "auto":
	case "gemm":
		o.FC = convert.FCGemm
	case "conv":
		o.FC = convert.FCConv
	default:
		return o, coded(exitUsage, fmt.Errorf("--fc %q: choose auto, gemm or conv", f.fc))
	}
	return o, nil
}
