package onnxio

import (
	"errors"
	"fmt"

	"repmlp/internal/budget"
	"repmlp/internal/output"
)

// Errors of this package wrap one of the types below where a program may want to
// tell them apart with errors.As. All others are those of the system, or of a
// caller that asks for what a model does not have.

// NotONNX says that a file is no ONNX model: empty, another format, truncated.
type NotONNX struct {
	Err    error
	advice string
}

func (e *NotONNX) Error() string { return e.Err.Error() }
func (e *NotONNX) Unwrap() error { return e.Err }

// Advice says what the error's reader can do about it.
func (e *NotONNX) Advice() string { return e.advice }

// Invalid says that an ONNX model contradicts itself: a name without a value, a
// value with two producers, a cycle, a tensor whose storage has another length
// than its type and shape ask for.
type Invalid struct{ Err error }

func (e *Invalid) Error() string { return e.Err.Error() }
func (e *Invalid) Unwrap() error { return e.Err }

// Unsupported says that a model asks for something that ONNX has and this module
// does not do.
type Unsupported struct{ Err error }

func (e *Unsupported) Error() string { return e.Err.Error() }
func (e *Unsupported) Unwrap() error { return e.Err }

// Modified says that a file changed while it was read.
type Modified struct{ Path, how string }

func (e *Modified) Error() string {
	return fmt.Sprintf("the file %q changed while it was read%s", e.Path, e.how)
}

// Limits say how much a file may make the module use; the zero value is their
// defaults. An Exceeded error names what needs more and the limit.
type (
	Limits   = budget.Limits
	Exceeded = budget.Exceeded
)

// A Refusal says why a file is not written, or not read: a device, a pipe, a link,
// a file that the same run reads.
type Refusal = output.Refusal

// A Hint is an error that knows what its reader can do about it.
type Hint struct {
	Err    error
	Advice string
}

func (h *Hint) Error() string { return h.Err.Error() }
func (h *Hint) Unwrap() error { return h.Err }

// Advice returns what the error's reader can do about it, "" if nobody knows.
func Advice(err error) string {
	if h, ok := errors.AsType[*Hint](err); ok {
		return h.Advice
	}
	if e, ok := errors.AsType[interface {
		error
		Advice() string
	}](err); ok {
		return e.Advice()
	}
	if r, ok := errors.AsType[*Refusal](err); ok {
		return r.Advice
	}
	return ""
}
