package convert_test

import (
	"context"
	"fmt"
	"log"

	"repmlp/convert"
	"repmlp/onnxio"
	"repmlp/verify"
)

// Convert a trained classifier, prove every merge, and compare its accuracy on
// real images before and after.
func Example() {
	ctx := context.Background()
	trained, err := onnxio.Load("../testdata/digits/digits_legacy.onnx")
	if err != nil {
		log.Fatal(err)
	}
	defer trained.Close()
	res, err := convert.Convert(ctx, trained, convert.Options{Prover: &verify.Prover{}})
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
	fmt.Printf("%s: %d merges, all proved\n", res.Verdict, len(res.Proofs))
	for _, m := range []*onnxio.Model{trained, res.Model} {
		e, err := verify.NewEngine(m, verify.EngineOptions{})
		if err != nil {
			log.Fatal(err)
		}
		out, err := e.Run(ctx, map[string]*verify.Tensor{m.Graph.Inputs[0].Name: images})
		if err != nil {
			log.Fatal(err)
		}
		logits := out[m.Graph.Outputs[0].Name]
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
		fmt.Printf("%3d nodes: %d of %d images right (%.2f %%)\n", len(m.Graph.Nodes), right, len(labels.I), 100*float64(right)/float64(len(labels.I)))
	}
	// Output:
	// fused: 5 merges, all proved
	//  78 nodes: 447 of 450 images right (99.33 %)
	//  43 nodes: 447 of 450 images right (99.33 %)
}
