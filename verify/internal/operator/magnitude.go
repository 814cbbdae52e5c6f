package operator

import "math"

// In Absolute mode values are what errors are measured by, u·|w|·|x| and sums of it. Some
// operators pass an error on otherwise than they pass such a number.

// onMagnitudes runs another kernel in Absolute mode on floats.
func onMagnitudes(k, other Kernel) Kernel {
	return func(c *Call) ([]*Value, error) {
		if c.Run.Mode == Absolute && len(c.In) > 0 && c.In[0] != nil && c.In[0].DType.IsFloat() {
			return other(c)
		}
		return k(c)
	}
}

// steepest is what a leaky activation makes of a magnitude: its larger slope times it.
func steepest(c *Call) func(float64) float64 {
	a := math.Max(1, math.Abs(c.number("alpha")))
	return func(x float64) float64 { return a * x }
}
