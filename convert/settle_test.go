package convert_test

import (
	"context"
	"math/rand/v2"
	"testing"

	"repmlp/convert"
	"repmlp/onnxio"
	"repmlp/verify"
)

// Linear layers as LeViT has them: MatMul, Flatten, BatchNormalization and a Reshape
// back to the shape of the product, which the next layer and a residual sum both
// read. A region that started in front of the Reshape kept the first MatMul beside
// the merged one.
func TestSharedViewBetweenLayers(t *testing.T) {
	for name, readers := range map[string]func(b *graphBuilder, flat, y string) string{
		"sum": func(b *graphBuilder, _, y string) string { return y },
		"output": func(b *graphBuilder, _, y string) string {
			b.outs = append(b.outs, onnxio.Untyped(y, b.elem))
			return "x4"
		},
		"flat": func(b *graphBuilder, flat, y string) string { return b.op("Relu", []string{b.reshape(flat, -1, 4, 6)}) },
	} {
		b := &graphBuilder{rng: newRand(), elem: onnxio.Float32}
		layer := func(x string, in, out int) (flat, y string) {
			p := b.op("MatMul", []string{x, b.normal(in, out)})
			flat = b.norm(b.op("Flatten", []string{p}, onnxio.IntAttr("axis", 2)), out)
			return flat, b.op("Reshape", []string{flat, b.op("Shape", []string{p})})
		}
		flat, y := layer("x", 16, 6)
		_, up := layer(y, 6, 12)
		_, down := layer(b.op("HardSwish", []string{up}), 12, 6)
		other := readers(b, flat, y)
		if other == "x4" {
			other = b.op("Relu", []string{y})
		}
		out := b.op("Add", []string{other, down})
		m, err := onnxio.NewModel(onnxio.Parts{Nodes: b.nodes, Inits: b.inits, Outputs: append(b.outs, onnxio.Untyped(out, b.elem)),
			Inputs: []*onnxio.ValueInfo{onnxio.NewValue("x", b.elem, onnxio.Named("N"), onnxio.Known(4), onnxio.Known(16))}})
		if err != nil {
			t.Fatal(err)
		}
		res := convertModel(t, m)
		sameModel(t, name, 1, m, res.Model)
		if have, want := layerWeights(res.Model), layerWeights(m); have > want {
			t.Errorf("%s: %d weights of layers, %d before", name, have, want)
		}
		if ops := countOps(res.Model); name != "flat" && (ops["BatchNormalization"] > 0 || res.Verdict != convert.Fused) {
			t.Errorf("%s: verdict %s, %v", name, res.Verdict, ops)
		}
	}
}

// A layer whose activation is added to what is merged with it stays needed: merged
// into a part of the sum, it would be computed twice.
func TestActivationThatComesBack(t *testing.T) {
	b := &graphBuilder{rng: rand.New(rand.NewPCG(8, 1)), elem: onnxio.Float32}
	y := b.op("MatMul", []string{"x", b.normal(8, 8)})
	sum := b.op("Add", []string{b.op("Sub", []string{y, b.op("Add", []string{"x", "x"})}), b.op("Tanh", []string{y})})
	m, err := onnxio.NewModel(onnxio.Parts{Inputs: []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, onnxio.Known(2), onnxio.Known(8))},
		Outputs: []*onnxio.ValueInfo{onnxio.NewValue(sum, onnxio.Float32)}, Nodes: b.nodes, Inits: b.inits})
	if err != nil {
		t.Fatal(err)
	}
	r, err := convert.Convert(context.Background(), m, convert.Options{Prover: &verify.Prover{}})
	if err != nil {
		t.Fatal(err)
	}
	if have := layerWeights(r.Model); have > 64 {
		t.Errorf("%d weights of layers, 64 before", have)
	}
}
