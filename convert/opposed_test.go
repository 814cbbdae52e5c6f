package convert

import (
	"math"
	"strings"
	"testing"

	"repmlp/verify"
)

// Infinities of opposite signs are infinite in both models: the sentence said "in one of them
// alone".
func TestOpposedIsTold(t *testing.T) {
	inf := math.Inf(1)
	for _, values := range [][2]float64{{inf, -inf}, {inf, 1}, {math.NaN(), 2}} {
		c := &verify.Comparison{Outputs: []verify.OutputDifference{{Name: "y", Shape: []int{2}, Worst: []int{1}, Values: values, Elements: 2, Opposed: 1}}}
		got := worstOutput(c)
		if !strings.Contains(got, "1 element is NaN or infinite in one of them alone, or infinite with opposite signs; at [1]") {
			t.Errorf("%v: %s", values, got)
		}
	}
}
