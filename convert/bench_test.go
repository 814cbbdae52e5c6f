package convert_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"repmlp/convert"
	"repmlp/internal/skeleton"
	"repmlp/onnxio"
	"repmlp/verify"
)

// benchNet is a whole network with random weights; REPMLP_NET chooses another one.
func benchNet(b *testing.B) (string, int64) {
	b.Helper()
	name := os.Getenv("REPMLP_NET")
	if name == "" {
		name = "repmlpnet_b224"
	}
	file := filepath.Join(b.TempDir(), "net.onnx")
	if err := skeleton.Fill("../testdata/nets", name, file, skeleton.Options{}); err != nil {
		b.Fatal(err)
	}
	st, err := os.Stat(file)
	if err != nil {
		b.Fatal(err)
	}
	return file, st.Size()
}

func open(b *testing.B, file string) *onnxio.Model {
	b.Helper()
	m, err := onnxio.Load(file)
	if err != nil {
		b.Fatal(err)
	}
	return m
}

func BenchmarkLoad(b *testing.B) {
	file, _ := benchNet(b)
	for b.Loop() {
		open(b, file).Close()
	}
}

func BenchmarkPlan(b *testing.B) {
	file, _ := benchNet(b)
	m := open(b, file)
	defer m.Close()
	for b.Loop() {
		if _, err := convert.PlanModel(m, convert.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkToFile folds and writes; with proofs it also proves. The bytes are
// those of the model.
func BenchmarkToFile(b *testing.B) {
	file, size := benchNet(b)
	run := func(name string, prover func() convert.Prover) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(size)
			for b.Loop() {
				m := open(b, file)
				opts := convert.Options{}
				if prover != nil {
					opts.Prover = prover()
				}
				res, pending, err := convert.ToFile(context.Background(), m, file+".out", opts)
				if err != nil {
					b.Fatal(err)
				}
				res.Written.Close()
				pending.Discard()
				m.Close()
			}
		})
	}
	run("fold", nil)
	run("fold+proof", func() convert.Prover { return &verify.Prover{} })
}

func BenchmarkCommit(b *testing.B) {
	file, size := benchNet(b)
	m := open(b, file)
	defer m.Close()
	b.SetBytes(size)
	for b.Loop() {
		if err := m.Save(file + ".out"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompare(b *testing.B) {
	file, _ := benchNet(b)
	m := open(b, file)
	defer m.Close()
	for b.Loop() {
		if _, err := verify.Compare(context.Background(), m, m, verify.CompareOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}
