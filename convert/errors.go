package convert

import (
	"context"
	"errors"
	"fmt"

	"repmlp/onnxio"
	"repmlp/verify"
)

// The kinds of errors that programs may want to tell apart with errors.Is. The
// error itself says more, and wraps the type that it comes from: errors.As finds
// *onnxio.NotONNX, *onnxio.Invalid, *onnxio.Unsupported, *onnxio.Exceeded,
// *onnxio.Modified, *onnxio.Refusal, *verify.Unsupported and *StrictError. What a
// context ended wraps the context's error and has no kind.
var (
	ErrNotONNX       = errors.New("not an ONNX model")           // another format, truncated, or a model that contradicts itself
	ErrUnsupported   = errors.New("not supported")               // valid ONNX that is not known here, such as an operator that the engine lacks
	ErrBudget        = errors.New("beyond a budget")             // of memory, nodes, constants or depth
	ErrNotEquivalent = errors.New("not equivalent")              // a proof or a comparison failed
	ErrStrict        = errors.New("something was left unmerged") // with Options.Strict
)

// A StrictError says what Options.Strict refused.
type StrictError struct {
	Verdict string
	First   *Decline // nil where nothing declined
}

func (e *StrictError) Error() string {
	s := fmt.Sprintf("--strict: the verdict is %q, nothing was written", e.Verdict)
	if e.First != nil {
		s += fmt.Sprintf("; first decline: %s: %s", e.First.Code, e.First.Message)
	}
	return s
}

// Is makes errors.Is find ErrStrict.
func (e *StrictError) Is(target error) bool { return target == ErrStrict }

// A kindError is an error with its kind.
type kindError struct {
	kind error
	error
}

func (e *kindError) Unwrap() error        { return e.error }
func (e *kindError) Is(target error) bool { return target == e.kind }

// classified gives an error its kind, where it has one.
func classified(err error) error {
	kind := func(kind error) error { return &kindError{kind, err} }
	switch {
	case err == nil, errors.Is(err, ErrNotEquivalent), errors.Is(err, ErrStrict), ended(err):
		return err
	case is[*onnxio.NotONNX](err), is[*onnxio.Invalid](err):
		return kind(ErrNotONNX)
	case is[*onnxio.Exceeded](err):
		return kind(ErrBudget)
	case is[*onnxio.Unsupported](err), is[*verify.Unsupported](err):
		return kind(ErrUnsupported)
	}
	return err
}

func is[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}

// ended reports whether an error is that of a context.
func ended(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// advised gives an error about a missing operator a hint.
func advised(err error, advice string) error {
	if is[*verify.Unsupported](err) {
		return &onnxio.Hint{Err: err, Advice: advice}
	}
	return err
}
