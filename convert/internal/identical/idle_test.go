package identical

import (
	"testing"

	"repmlp/internal/sketch"
	"repmlp/onnxio/graph"
)

// A node that gives what it reads has the number of that, to the bit; others have one of
// their own.
func TestIdle(t *testing.T) {
	for text, want := range map[string]bool{
		"x : N 4\ny = Identity(x)":                             true,
		"x : N 4\ny = Relu(x)":                                 false,
		"x : N 4\ny = Dropout(x)":                              true,
		"x : N 4\ny = Cast(x) to=11":                           true,
		"x : N 4\ny = Cast(x) to=1":                            false,
		"x : N 4\ny = CastLike(x, x)":                          true,
		"x : N 4\nw : float64 3\ny = CastLike(x, w)":           true,
		"x : N 4\nw : float32 3\ny = CastLike(x, w)":           false,
		"x : N 4\ny = Concat(x) axis=1":                        true,
		"x : N 4\ny = Concat(x, x) axis=1":                     false,
		"x : N 4\ny = Max(x)":                                  true,
		"x : N 4\ny = Sum(x, x)":                               false,
		"x : N 4 2 2\ny = DepthToSpace(x) blocksize=1":         true,
		"x : N 4 2 2\ny = DepthToSpace(x) blocksize=2":         false,
		"x : N 4\ny = Split(x, #4) axis=1":                     true,
		"x : N 4\ny, z = Split(x, #2_2) axis=1\n> y z":         false,
		"x : N 4\ny = Pad(x, #0_0_0_0)":                        true,
		"x : N 4\ny = Pad(x, #0_0_0_1)":                        false,
		"opset 18\nx : ?\ny = Pad(x, #0_0, -, #1)":             false,
		"opset 18\nx : N 4\ny = Pad(x, #0_0, -, #1)":           true,
		"x : N 4\ny = Tile(x, #1_1)":                           true,
		"x : N 4\ny = Tile(x, #1_2)":                           false,
		"x : N 4\nr : int64 2\ny = Tile(x, r)":                 false,
		"x : N 4\ny = Expand(x, #1_4)":                         true,
		"x : N 4\ny = Expand(x, #2_1_4)":                       false,
		"x : 3 1\ny = Expand(x, #3_2)":                         false,
		"x : N 4\ny = Slice(x, #0, #4, #1)":                    true,
		"x : N 4\ny = Slice(x, #0, #3, #1)":                    false,
		"x : N 4\ny = Slice(x, #1, #4, #1)":                    false,
		"x : N 4\ny = Slice(x, #-1, #-5, #1, #-1)":             false,
		"x : N 4\ny = Slice(x, #0, #2147483647, #0)":           true,
		"x : N 4\ny = Slice(x, #0, #2147483646, #0)":           false,
		"x : N 4\ny = Slice(x, #1, #2147483647, #0)":           false,
		"x : N 4\ny = Slice(x, #0_0, #2147483647_3, #0_1)":     false,
		"x : N 4\nb : int64 1\ny = Slice(x, b, #4, #1)":        false,
		"x : N 4\ny = Mul(x, =1)":                              true,
		"x : N 4\ny = Mul(x, =1:4)":                            true,
		"x : N 4\ny = Mul(x, =1_1_1_2:4)":                      false,
		"x : N 65536\ny = Mul(x, =1:65536)":                    true,
		"x : N 65537\ny = Mul(x, =1:65537)":                    false, // too many to look at
		"x : N 4\ny = Mul(x, =2)":                              false,
		"x : N 4\ny = Div(x, =1:1x4)":                          true,
		"x : N 4\ny = Div(=1, x)":                              false,
		"x : N 4\ny = Add(x, =0)":                              true,
		"x : N 4\ny = Add(x, =1)":                              false,
		"x : N 4\ny = Sub(x, =0:4)":                            true,
		"x : 4\ny = Sub(x, =0:2x4)":                            false,
		"x : N 4\ny = Mul(x, =0)":                              false,
		"x : N 4\nk = Add(=0.5, =0.5)\ny = Mul(x, k)":          true,
		"x : ?\ny = Mul(x, =1:4)":                              false, // which may repeat it
		"x : ?\ny = Add(=0:4, x)":                              false,
		"x : N 4\ny = Mul(x, x)":                               false,
		"x : N 4\nr = RandomNormal() shape=@4\ny = Add(x, r)":  false, // which reads nothing
		"x : N 4\nr = RandomUniform() shape=@4\ny = Mul(r, x)": false,
	} {
		g, err := graph.New(sketch.Model(t, text), graph.Options{Sure: true})
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		s, err := NewTable().Number(g, nil)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if have := s.Named("y") == s.Named("x"); have != want || s.Named("x") == 0 {
			t.Errorf("%s: the same %v", text, have)
		}
	}
}
