// Command accuracy prints, for every model of a folder in the layout of
// testdata/cases, the error of the original and of the converted model in
// float32 against the original in float64, relative to the largest output.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sort"

	"repmlp/convert"
	"repmlp/onnxio"
	"repmlp/verify"
)

func main() {
	samples := flag.Int("samples", 8, "random runs of each model")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: accuracy [-samples N] FOLDER")
		os.Exit(2)
	}
	files, err := filepath.Glob(filepath.Join(flag.Arg(0), "*", "model.onnx"))
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("%q holds no */model.onnx", flag.Arg(0))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "accuracy: error:", err)
		os.Exit(1)
	}
	sort.Strings(files)
	fmt.Println("| case | original RMS | converted RMS | original max | converted max |")
	fmt.Println("|---|---|---|---|---|")
	for _, file := range files {
		a, ok, err := measure(file, *samples)
		if err != nil {
			fmt.Fprintf(os.Stderr, "accuracy: %s: %v\n", file, err)
			continue
		}
		if ok {
			fmt.Printf("| %s | %.1e | %.1e | %.1e | %.1e |\n", filepath.Base(filepath.Dir(file)), a.RefRMS, a.CandRMS, a.RefMax, a.CandMax)
		}
	}
}

// measure reports false for a model that is not fused.
func measure(file string, samples int) (verify.Accuracy, bool, error) {
	m, err := onnxio.Load(file)
	if err != nil {
		return verify.Accuracy{}, false, err
	}
	defer m.Close()
	ctx := context.Background()
	made, report, err := convert.Model(ctx, m, convert.Options{NoCheck: true})
	if err != nil || report.Verdict != convert.Fused {
		return verify.Accuracy{}, false, err
	}
	a, err := verify.MeasureAccuracy(ctx, m, made, verify.CompareOptions{Samples: samples})
	return a, true, err
}
