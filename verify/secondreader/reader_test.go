package secondreader_test

import (
	"bytes"
	"slices"
	"testing"

	"repmlp/convert"
	"repmlp/onnxio"
	"repmlp/verify/secondreader"
)

// The second reader refuses a file whose bytes are not those that were meant.
func TestSecondReaderRefusesCorruptedBytes(t *testing.T) {
	m, err := onnxio.Load("../../testdata/cases/v1_preserve_13/model.onnx")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	made, _, err := convert.Model(t.Context(), m, convert.Options{Unproved: true, NoCheck: true, NoMetadata: true})
	if err != nil {
		t.Fatal(err)
	}
	b, err := made.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (secondreader.Reader{}).Read(b, made); err != nil {
		t.Fatalf("the untouched bytes are refused: %v", err)
	}
	for _, word := range []string{"Gemm", "MatMul", "perm", "transB", "Relu"} {
		i := bytes.Index(b, []byte(word))
		if i < 0 {
			t.Fatalf("%q is not in the file", word)
		}
		bad := slices.Clone(b)
		bad[i]++
		if _, err := (secondreader.Reader{}).Read(bad, made); err == nil {
			t.Errorf("a corrupted %q was not noticed", word)
		}
	}
	for i := range 50 { // anywhere in the node list
		bad := b[:len(b)-1-i*7]
		if _, err := (secondreader.Reader{}).Read(bad, made); err == nil {
			t.Errorf("a file cut at %d was not noticed", len(bad))
		}
	}
}
