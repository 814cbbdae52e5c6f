package convert_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"repmlp/convert"
	"repmlp/onnxio"
	"repmlp/verify"
	"repmlp/verify/secondreader"
)

// Convert a file. The report says what was done; its writer runs before the model
// gets its name, so that a full disk leaves neither.
func ExampleFile() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	opts := convert.Options{
		SecondReader: secondreader.Reader{}, // links onnx-go
		Commit: func(r *convert.Report) error {
			b, err := json.Marshal(r)
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(dir, "report.json"), b, 0o644)
		},
	}
	r, err := convert.File(context.Background(), "../testdata/digits/digits_legacy.onnx", filepath.Join(dir, "digits.onnx"), opts)
	switch {
	case errors.Is(err, convert.ErrNotEquivalent):
		log.Fatal("please report the model: ", err)
	case err != nil:
		log.Fatal(err)
	}
	fmt.Printf("%s: %d -> %d nodes, outputs agree: %v\n", r.Verdict, r.Input.Nodes, r.Output.Nodes, r.Check.Passed)
	for _, b := range r.Blocks {
		fmt.Println(b.Kind, "becomes", b.Becomes)
	}
	// Output:
	// fused: 78 -> 39 nodes, outputs agree: true
	// RepMLP becomes one FC3 128 -> 128 in 2 groups, beside FC1 and FC2
	// RepMLP becomes one FC3 128 -> 128 in 2 groups, beside FC1 and FC2
}

// Convert a trained classifier in memory and compare its accuracy on real images
// before and after.
func ExampleModel() {
	ctx := context.Background()
	trained, err := onnxio.Load("../testdata/digits/digits_legacy.onnx")
	if err != nil {
		log.Fatal(err)
	}
	defer trained.Close()
	made, r, err := convert.Model(ctx, trained, convert.Options{})
	if err != nil {
		log.Fatal(err)
	}
	images, err := verify.ReadNumpy("../testdata/digits/digits_test_x.npy")
	if err != nil {
		log.Fatal(err)
	}
	labels, err := verify.ReadNumpy("../testdata/digits/digits_test_y.npy")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s: %d merges, all proved\n", r.Verdict, len(r.Regions))
	for _, m := range []*onnxio.Model{trained, made} {
		e, err := verify.NewEngine(m, verify.EngineOptions{})
		if err != nil {
			log.Fatal(err)
		}
		out, err := e.Run(ctx, map[string]*verify.Tensor{m.Graph().Inputs()[0].Name(): images})
		if err != nil {
			log.Fatal(err)
		}
		logits := out[m.Graph().Outputs()[0].Name()]
		right := 0
		for i, label := range labels.I {
			best := 0
			for k := range 10 {
				if logits.Float(10*i+k) > logits.Float(10*i+best) {
					best = k
				}
			}
			if best == int(label) {
				right++
			}
		}
		fmt.Printf("%3d nodes: %d of %d images right (%.2f %%)\n", len(m.Graph().Nodes()), right, len(labels.I), 100*float64(right)/float64(len(labels.I)))
	}
	// Output:
	// fused: 5 merges, all proved
	//  78 nodes: 447 of 450 images right (99.33 %)
	//  39 nodes: 447 of 450 images right (99.33 %)
}
