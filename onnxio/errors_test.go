package onnxio

import (
	"errors"
	"strings"
	"testing"
)

// Programs tell the kinds of errors apart by their types, whatever they say.
func TestErrorsHaveTypes(t *testing.T) {
	as := map[string]func(error) bool{
		"NotONNX":     func(err error) bool { _, ok := errors.AsType[*NotONNX](err); return ok },
		"Invalid":     func(err error) bool { _, ok := errors.AsType[*Invalid](err); return ok },
		"Unsupported": func(err error) bool { _, ok := errors.AsType[*Unsupported](err); return ok },
		"Exceeded":    func(err error) bool { _, ok := errors.AsType[*Exceeded](err); return ok },
	}
	parsed := func(b []byte) error { _, err := Parse(b, t.TempDir()); return err }
	good := calling([]*Node{NewNode("r", "Relu", []string{"x"}, []string{"y"})})
	words, err := NewTensor("w", Float4E2M1, []int64{2}, []byte{1})
	if err != nil {
		t.Fatal(err)
	}
	_, notNumbers := words.Int64s()
	_, noWeights := EncodeFloat64([]float64{1}, Int8)
	_, wrongLength := NewTensor("w", Float32, []int64{2}, []byte{1})
	m, err := parse(calling([]*Node{call("c", "f", "x", "y")}, twice("f", "Relu", "t", "")), nil, Limits{Nodes: 1})
	if err != nil {
		t.Fatal(err)
	}
	_, tooMany := m.Inline()
	for name, c := range map[string]struct {
		err  error
		kind string
	}{
		"empty":               {parsed(nil), "NotONNX"},
		"another format":      {parsed([]byte("PK\x03\x04 and so on")), "NotONNX"},
		"cut":                 {parsed(good[:len(good)-3]), "NotONNX"},
		"no value":            {parsed(calling([]*Node{NewNode("r", "Relu", []string{"ghost"}, []string{"y"})})), "Invalid"},
		"a recursive call":    {parsed(calling([]*Node{call("c", "f", "x", "y")}, twice("f", "f", "t", "my"))), "Invalid"},
		"a storage too short": {wrongLength, "Invalid"},
		"a segment":           {parsed(message(nil, 7, message(nil, 5, message(nil, 3, nil)))), "Unsupported"},
		"numbers of 4 bits":   {notNumbers, "Unsupported"},
		"weights of integers": {noWeights, "Unsupported"},
		"functions":           {tooMany, "Exceeded"},
	} {
		for kind, is := range as {
			if is(c.err) != (kind == c.kind) {
				t.Errorf("%s: %v is %s: %v, want %s", name, c.err, kind, is(c.err), c.kind)
			}
		}
		if c.kind == "NotONNX" && Advice(c.err) == "" {
			t.Errorf("%s: no advice", name)
		}
	}
	if _, err := Load("/nowhere/at.onnx"); err == nil || !strings.Contains(err.Error(), "/nowhere/at.onnx") {
		t.Errorf("a file that is not there: %v", err)
	} else {
		for kind, is := range as {
			if is(err) {
				t.Errorf("a file that is not there is %s", kind)
			}
		}
	}
}
