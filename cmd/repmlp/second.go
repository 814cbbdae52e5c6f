//go:build 386 || amd64 || arm || arm64 || wasm

package main

import (
	"repmlp/convert"
	"repmlp/verify/secondreader"
)

// secondReader reads what was written with a decoder of others.
func secondReader() convert.SecondReader { return secondreader.Reader{} }
