//go:build !cgo

package ort

import (
	"context"
	"errors"

	"repmlp/onnxio"
	"repmlp/verify"
)

// Available reports whether this build can use the library.
const Available = false

var errNoCgo = &onnxio.Hint{Err: errors.New("this build of repmlp has no cgo, which ONNX Runtime needs"), Advice: "install the wheel (pip install repmlp), build with a C compiler and CGO_ENABLED=1, or use --engine go"}

// A Library is a loaded ONNX Runtime.
type Library struct{ Path, Version string }

// Open loads the library; this build cannot.
func Open([]Place) (*Library, error) { return nil, errNoCgo }

// A Session is a model that is ready to run.
type Session struct{}

// Session prepares a model file.
func (*Library) Session(string, *onnxio.Model, Options) (*Session, error) { return nil, errNoCgo }

// Run executes the model.
func (*Session) Run(context.Context, map[string]*verify.Tensor) (map[string]*verify.Tensor, error) {
	return nil, errNoCgo
}

// Prepare makes the inputs ready.
func (*Session) Prepare(map[string]*verify.Tensor) (func() error, func(), error) {
	return nil, nil, errNoCgo
}

// Close releases the session.
func (*Session) Close() error { return nil }
