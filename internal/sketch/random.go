package sketch

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// Random is a random graph on maps of 4 channels: layers, scales, views there and
// back, sums of earlier values, activations, values that are outputs too. Of
// 11 + activations steps so many are activations.
func Random(seed uint64, steps, activations int) string {
	rng := rand.New(rand.NewPCG(seed, 77))
	var b strings.Builder
	b.WriteString("x : 2 4 3 3\n")
	values := []string{"x"}
	outs := "> "
	for i := range steps {
		last := values[len(values)-1]
		name := fmt.Sprintf("v%d", i)
		switch rng.IntN(11 + activations) {
		case 0, 1:
			fmt.Fprintf(&b, "%s = Conv(%s, ?4x4x1x1, ?4)\n", name, last)
		case 2:
			fmt.Fprintf(&b, "%s = Conv(%s, ?4x4x3x3) pads=1,1,1,1\n", name, last)
		case 3:
			fmt.Fprintf(&b, "%s = BatchNormalization(%s, ?4, ?4, ?4, !4)\n", name, last)
		case 4:
			fmt.Fprintf(&b, "%s = Mul(%s, ?4x1x1)\n", name, last)
		case 5:
			fmt.Fprintf(&b, "%s = Add(%s, ?3x3)\n", name, last)
		case 6:
			fmt.Fprintf(&b, "%sa = Transpose(%s) perm=0,2,3,1\n%sb = MatMul(%sa, ?4x4)\n%s = Transpose(%sb) perm=0,3,1,2\n", name, last, name, name, name, name)
		case 7:
			fmt.Fprintf(&b, "%sr = Reshape(%s, #2_36)\n%s = Reshape(%sr, #2_4_3_3)\n", name, last, name, name)
		case 8, 9, 10:
			op := []string{"Add", "Sub", "Sum"}[rng.IntN(3)]
			other := values[max(0, len(values)-1-rng.IntN(4))]
			fmt.Fprintf(&b, "%s = %s(%s, %s)\n", name, op, last, other)
			if rng.IntN(8) == 0 {
				outs += other + " "
			}
		default:
			fmt.Fprintf(&b, "%s = Relu(%s)\n", name, last)
		}
		values = append(values, name)
	}
	outs = strings.TrimSpace(outs)
	last := values[len(values)-1]
	names := slices.Compact(slices.Sorted(slices.Values(append(strings.Fields(outs)[1:], last))))
	names = slices.DeleteFunc(names, func(s string) bool { return s == "x" })
	return b.String() + "> " + strings.Join(names, " ") + "\n"
}
