// Package onnxio reads and writes ONNX files without loss.
//
// A [Model] is an immutable view of a file: every protobuf message keeps the
// bytes it was read from, so a model that was not edited is written back
// byte for byte and an [Edit] changes only the messages it names. Weights
// stay in the mapped file until a [Tensor] is asked for its values.
//
// onnxio is the only package that knows protobuf. Field numbers are those of
// the ONNX schema (onnx.proto, IR version 13).
package onnxio
