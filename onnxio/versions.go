package onnxio

// The newest versions whose meaning this module knows: those of ONNX 1.20. Newer
// ones are read all the same, since they rarely change what is there already.
const (
	NewestIR    = 13
	NewestOpset = 25 // of ai.onnx
)
