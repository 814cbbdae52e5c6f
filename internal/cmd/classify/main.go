// Command classify counts how many samples classifiers get right.
//
//	go run ./internal/cmd/classify IMAGES.npy LABELS.npy MODEL.onnx [OTHER.onnx ...]
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"repmlp/onnxio"
	"repmlp/verify"
)

func main() {
	if len(os.Args) < 4 {
		fmt.Fprintln(os.Stderr, "usage: classify IMAGES.npy LABELS.npy MODEL.onnx [OTHER.onnx ...]")
		os.Exit(2)
	}
	if err := classify(context.Background(), os.Stdout, os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, "classify:", err)
		os.Exit(1)
	}
}

// classify prints a line for each model: of its first output the largest score of
// a row is its answer for the sample.
func classify(ctx context.Context, w io.Writer, images, labels string, models []string) error {
	truth, err := verify.ReadNumpy(labels)
	if err != nil {
		return err
	}
	for _, path := range models {
		right, err := count(ctx, path, images, truth.I)
		if err != nil {
			return fmt.Errorf("running %q: %w", path, err)
		}
		if _, err := fmt.Fprintf(w, "%s: %d of %d right (%.2f %%)\n", path, right, len(truth.I), 100*float64(right)/float64(len(truth.I))); err != nil {
			return err
		}
	}
	return nil
}

// count runs one model on all samples.
func count(ctx context.Context, path, images string, labels []int64) (right int, err error) {
	m, err := onnxio.Load(path)
	if err != nil {
		return 0, err
	}
	defer m.Close()
	e, err := verify.NewEngine(m, verify.EngineOptions{})
	if err != nil {
		return 0, err
	}
	feeds, err := verify.Inputs(m, []string{images})
	if err != nil {
		return 0, err
	}
	for _, feed := range feeds {
		out, err := e.Run(ctx, feed)
		if err != nil {
			return 0, err
		}
		scores := out[m.Graph().Outputs()[0].Name()]
		if len(scores.Shape) != 2 || scores.Shape[0] > len(labels) {
			return 0, errors.New("the first output does not hold a row of scores for every label")
		}
		rows, classes := scores.Shape[0], scores.Shape[1]
		for i := range rows {
			best := 0
			for k := range classes {
				if scores.Float(classes*i+k) > scores.Float(classes*i+best) {
					best = k
				}
			}
			if labels[i] == int64(best) {
				right++
			}
		}
		labels = labels[rows:]
	}
	if len(labels) > 0 {
		return 0, fmt.Errorf("%d labels have no sample", len(labels))
	}
	return right, nil
}
