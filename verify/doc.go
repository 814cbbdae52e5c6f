// Package verify runs models and decides whether two of them are equivalent.
//
// It shares nothing with the converter: a pure-Go engine executes ONNX in
// float32 or float64, proofs run a region's original nodes and its replacement
// on random rows, and whole models are compared on random and real inputs with
// a tolerance that takes the model's own rounding noise as its scale.
package verify
