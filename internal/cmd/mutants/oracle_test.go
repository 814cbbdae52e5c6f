package main

import (
	"math"
	"strings"
	"testing"

	"repmlp/onnxio"
	"repmlp/verify"
)

// The comparison allows rounding and what the original differs from itself, and
// nothing else.
func TestDiffers(t *testing.T) {
	tensor := func(v ...float32) map[string]*verify.Tensor {
		return map[string]*verify.Tensor{"y": {DType: onnxio.Float32, Shape: []int{len(v)}, F32: v}}
	}
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
		name   string
		a, b   map[string]*verify.Tensor
		self   float64
		noise  float64
		differ bool
	}{
		{"equal", tensor(1, 2), tensor(1, 2), 0, 0, false},
		{"rounded", tensor(1, 2), tensor(1, 2+1e-6), 0, 0, false},
		{"far", tensor(1, 2), tensor(1, 2.001), 0, 0, true},
		{"as far as from itself", tensor(1, 2), tensor(1, 2.001), 0.001, 0, false},
		{"as far as rounding", tensor(1, 2), tensor(1, 2.001), 0, 0.0005, false},
		{"not a number in both", tensor(nan, inf), tensor(nan, inf), 0, 0, false},
		{"not a number in one", tensor(1, 2), tensor(1, nan), 0, 0, true},
		{"infinite in one", tensor(1, 2), tensor(1, inf), 1, 0, true},
		{"shape", tensor(1, 2), tensor(1, 2, 3), 1, 0, true},
		{"missing", tensor(1), map[string]*verify.Tensor{}, 1, 0, true},
	} {
		if got := differs(c.a, c.b, map[string]float64{"y": c.self}, c.noise); (got != "") != c.differ {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}

// Messages that differ in names and numbers alone are one kind.
func TestKind(t *testing.T) {
	a, b := kind(`node "a/1" reads 3 channels of [2 3]`), kind(`node "b" reads 14 channels of [1]`)
	if a != b || !strings.Contains(a, "channels") {
		t.Errorf("%q and %q", a, b)
	}
}
