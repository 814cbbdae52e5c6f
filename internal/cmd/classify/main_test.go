package main

import (
	"strings"
	"testing"
)

const digits = "../../../testdata/digits/"

// The figures of the README.
func TestClassify(t *testing.T) {
	var out strings.Builder
	models := []string{digits + "digits_legacy.onnx", digits + "digits_dynamo.onnx"}
	if err := classify(t.Context(), &out, digits+"digits_test_x.npy", digits+"digits_test_y.npy", models); err != nil {
		t.Fatal(err)
	}
	want := models[0] + ": 447 of 450 right (99.33 %)\n"
	if !strings.HasPrefix(out.String(), want) || strings.Count(out.String(), "\n") != 2 {
		t.Errorf("%q, want %q first", out.String(), want)
	}
	if err := classify(t.Context(), &out, digits+"digits_test_y.npy", digits+"digits_test_y.npy", models); err == nil {
		t.Error("labels as images are no error")
	}
}
