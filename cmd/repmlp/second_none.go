//go:build !(386 || amd64 || arm || arm64 || wasm)

package main

import "repmlp/convert"

// secondReader is none where a module that the decoder needs (github.com/chewxy/math32) has
// no code for the processor.
func secondReader() convert.SecondReader { return nil }
