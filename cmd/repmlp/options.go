package main

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"repmlp/convert"
	"repmlp/onnxio"
)

// options turns the flags of a command into options; cmd tells which were given.
// A wrong value is a usage error.
func (a *app) options(cmd *cobra.Command, s *settings) (convert.Options, error) {
	o := convert.Options{
		AllowGrowth: s.growth, FreezeInputs: s.freeze, FoldDequantize: s.dequantize, BatchStatistics: s.asInfer, Values: s.values,
		NoTidy: s.noTidy, NoMetadata: s.noMetadata, Version: version, SecondReader: secondReader(), NoCheck: s.noCheck, Strict: s.strict,
		Engine: &engine{a, s}, Seed: s.seed, Inputs: s.inputs, Labels: s.labels, Hashes: s.wanted(), Locate: s.locate || s.saveCase != "", SaveCase: s.saveCase,
		Drawings: s.pictured(), Arguments: a.args,
	}
	given := cmd.Flags().Changed
	switch s.fc {
	case "", "auto": // "": the command has no such flag
	case "gemm":
		o.FC = convert.FCGemm
	case "conv":
		o.FC = convert.FCConv
	default:
		return o, coded(exitUsage, fmt.Errorf("--fc %q: choose auto, gemm or conv", s.fc))
	}
	if given("stop-after") {
		if s.stopAfter < 1 {
			return o, coded(exitUsage, fmt.Errorf("--stop-after is %d, it must be at least 1", s.stopAfter))
		}
		o.StopAfter = s.stopAfter
	}
	if given("dump") && s.dump == "" {
		return o, coded(exitUsage, errors.New("--dump: an empty name; name a folder"))
	}
	if given("samples") {
		if s.samples < 1 {
			return o, coded(exitUsage, fmt.Errorf("--samples is %d, it must be at least 1", s.samples))
		}
		if len(s.inputs) > 0 {
			return o, wrongUse(cmd, errors.New("--samples is the number of random runs; with --inputs everything that they hold is run"))
		}
		o.Samples = s.samples
	}
	if err := s.feeding(cmd, &o); err != nil {
		return o, err
	}
	for _, flag := range []string{"inputs", "samples", "rtol", "atol", "val-range", "mean", "std", "size", "layout", "engine", "ort-lib"} {
		if s.noCheck && given(flag) {
			return o, wrongUse(cmd, fmt.Errorf("--%s is for the run of the whole model, which --no-check skips", flag))
		}
	}
	if given("save-case") && s.saveCase == "" {
		return o, coded(exitUsage, errors.New("--save-case: an empty name; name a folder"))
	}
	o.Only, o.Skip = s.only, s.skip
	for flag, patterns := range map[string][]string{"only": s.only, "skip": s.skip} {
		for _, p := range patterns {
			if err := convert.CheckPattern(p); err != nil {
				return o, coded(exitUsage, fmt.Errorf("--%s: %w", flag, err))
			}
		}
	}
	var err error
	if o.Tolerance, o.Tolerances, err = s.tolerances(); err != nil {
		return o, err
	}
	if o.Ranges, err = s.ranges(); err != nil {
		return o, err
	}
	if o.Dims, err = parseDims(s.dims); err != nil {
		return o, err
	}
	if o.Shapes, err = parseShapes(s.shapes); err != nil {
		return o, err
	}
	if cmd.Flags().Lookup("engine") != nil {
		if _, err := s.engineName(); err != nil {
			return o, err
		}
	}
	if s.maxMemory != "" {
		if o.MaxMemory, err = parseSize(s.maxMemory); err != nil {
			return o, coded(exitUsage, err)
		}
	}
	if err := s.checkReports(); err != nil {
		return o, err
	}
	if a.prover != nil {
		o.Prover = a.prover(o.Seed, o.Dims)
	}
	o.Began = func(step string) {
		switch step {
		case "checking":
			collect(relaxed)
		case "saving":
			collect(thrifty)
		}
	}
	return o, nil
}

// spares has a run refuse to write over files that it reads.
func spares(w targets) func(*onnxio.Model, *convert.Report) error {
	return func(m *onnxio.Model, _ *convert.Report) error { return w.spare(m.Files()) }
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

// parseShapes reads shapes of inputs.
func parseShapes(list []string) (map[string][]int64, error) {
	shapes := map[string][]int64{}
	for _, arg := range list {
		at := strings.LastIndex(arg, "=") // a name may have one
		var sizes []int64
		for _, size := range strings.Split(arg[at+1:], "x") {
			n, err := strconv.ParseInt(size, 10, 32)
			if at < 1 || err != nil || n < 1 {
				return nil, coded(exitUsage, fmt.Errorf("--shape %q is not of the form NAME=SIZES, as image=1x3x224x224, with sizes from 1 to %d", arg, math.MaxInt32))
			}
			sizes = append(sizes, n)
		}
		if _, twice := shapes[arg[:at]]; twice {
			return nil, coded(exitUsage, fmt.Errorf("--shape gives %q two shapes", arg[:at]))
		}
		shapes[arg[:at]] = sizes
	}
	return shapes, nil
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
