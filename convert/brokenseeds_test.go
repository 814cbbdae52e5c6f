package convert_test

import "testing"

// Random models that once ended in an error or in another output.
func TestModelsThatFailedOnce(t *testing.T) {
	for _, m := range []struct {
		what string
		of   func(seed uint64) randomCase
		seed uint64
	}{
		{"a bias, and a ConvTranspose along an axis that a view adds", graphKind.exact, 3009671},
		{"a scale over a product whose factor is one number of rank 0", treeKind.broken, 3000998},
		{"the same with several readers", fanKind.broken, 3003566},
		{"padding with the image of zero, in a sum that is proved with the layer of another input", kinKind.broken, 3000863},
		{"a value that is a scale of another, and a layer that reads both", graphKind.exact, 12000279},
		{"a value that two merges keep for each other, and nothing reads", blockKind.broken, 12003525},
		{"the same in a tree", treeKind.broken, 12001972},
		{"an output inside views that are one step, behind a layer that was doubled", treeKind.broken, 12005466},
		{"the same behind a ConvTranspose", treeKind.broken, 12006774},
		{"scales of one value that undo each other, before a layer", graphKind.exact, 393},
		{"two equal scales before a Concat, and a scale behind it", graphKind.exact, 24001778},
		{"a map, and the same turned, of which one axis was made anew", graphKind.exact, 24017284},
		{"a value that another node makes too, once nobody reads it", graphKind.exact, 23013586},
		{"a merge that begins at an equal value, which the original does not compute its result from", graphKind.exact, 30000546},
		{"the same once more", graphKind.exact, 30013678},
		{"shifts of two operands that take each other away, behind a small scale", graphKind.exact, 30002363},
		{"a scale of a value and of the same behind an activation that goes", graphKind.exact, 31005158},
		{"a layer that was doubled, and a merge that starts behind it", treeKind.broken, 12009108},
		{"the same in float16", treeKind.broken, 13001718},
		{"zeros around a map that another node makes too", treeKind.exact, 23003640},
	} {
		s := &total{seen: tally{}}
		if s.try(t, m.of(m.seed), m.seed); s.bad() > 0 {
			t.Errorf("%s: %v", m.what, s)
		}
	}
}
