package verify

import (
	"fmt"
	"maps"
	"slices"

	"repmlp/onnxio"
)

// A Tolerance is what may differ in an output: |a−b| ≤ ATol + RTol·max|a| for every
// element.
type Tolerance struct{ RTol, ATol float64 }

// fixed reports whether the caller set the tolerance of all outputs.
func (o *CompareOptions) fixed() bool { return o.Fixed || o.RTol != 0 || o.ATol != 0 }

// tolerance is what the caller allows an output; ok is false where it follows the noise.
func (o *CompareOptions) tolerance(output string) (t Tolerance, ok bool) {
	if t, ok = o.Tolerances[output]; ok {
		return t, true
	}
	return Tolerance{o.RTol, o.ATol}, o.fixed()
}

// checkTolerances refuses one for an output that there is not.
func (o *CompareOptions) checkTolerances(m *onnxio.Model) error {
	var have []string
	for _, v := range m.Graph().Outputs() {
		have = append(have, v.Name())
	}
	for _, name := range slices.Sorted(maps.Keys(o.Tolerances)) {
		if !slices.Contains(have, name) {
			return fmt.Errorf("allowing a tolerance: the reference has no output %q; its outputs are %q", name, have)
		}
	}
	return nil
}

// An allowance is what one run of an output is judged by.
type allowance struct {
	limit      float64 // of |a−b|
	rtol, atol float64 // that it follows from
	explained  float64 // by rounding, of |a−b|
	noise      float64 // of the reference, relative to its largest value, where it was measured
	own        float64 // of a candidate that rounds more coarsely, likewise
	leave      []bool  // the elements that show nothing; nil: none
	rule       string
	asked      bool // the caller set the limit
	measured   bool // the noise is of a float output that is not zero everywhere
	blind      bool // nothing says how far the reference differs from itself
}

// leaves are the elements that are not compared, as judge has them.
func (f finding) leaves() []bool {
	if !anyFinite(f.a) {
		return nil
	}
	return f.leave
}

const (
	ruleAsked = "as asked for"
	ruleEach  = "each output has its own"
)

// allowed is what may differ in one run of an output.
func (c *comparing) allowed(name string, s, own *scatter, blind bool) (w allowance) {
	rounding, leave := s.noise(c.variety.jumpy, c.granted*s.scale)
	w = allowance{leave: leave, blind: blind, measured: s.base.DType.IsFloat() && s.scale > 0}
	if w.measured {
		w.noise = rounding / s.scale
	}
	switch {
	case !s.base.DType.IsFloat():
		w.rule = "integers have to be the same"
	case blind:
		w.explained = foreignTolerance(c.roundoff) * s.scale
	case c.coarse && own == nil:
		w.explained = foreignTolerance(c.roundoff) * s.scale
	default:
		if own != nil {
			more, _ := own.noise(c.variety.jumpy, c.granted*s.scale)
			more = max(more, c.moved[name]*s.scale)
			rounding += more
			if w.measured {
				w.own = more / s.scale
			}
		}
		w.explained = multiple(c.roundoff)*rounding + c.granted*s.scale
	}
	if t, ok := c.o.tolerance(name); ok {
		w.asked, w.rtol, w.atol, w.rule = true, t.RTol, t.ATol, ruleAsked
		w.limit = t.ATol + t.RTol*s.scale
		return w
	}
	w.limit = w.explained
	if w.measured {
		w.rtol = w.limit / s.scale
	}
	if w.rule == "" {
		w.rule = c.rule(blind)
	}
	return w
}

// Tolerances of the ONNX project's own node tests (onnx.backend.test.runner), which
// expected outputs that come with inputs are held to at least.
const (
	conformanceRTol = 1e-3
	conformanceATol = 1e-7
	// 16-bit results may differ in the last place.
	conformanceRTol16 = 2e-2
)

// conforming is what an output may differ by from what its inputs came with.
func (c *comparing) conforming(w allowance, s *scatter) allowance {
	if w.asked || !s.base.DType.IsFloat() {
		return w
	}
	rtol := conformanceRTol
	if c.roundoff > 0x1p-24 {
		rtol = conformanceRTol16
	}
	if limit := conformanceATol + rtol*s.scale; limit > w.limit {
		w.limit, w.rtol, w.atol, w.explained = limit, rtol, conformanceATol, limit
		w.rule = "that of the node tests of ONNX"
	}
	return w
}

// rule says where a limit comes from that the caller did not set.
func (c *comparing) rule(blind bool) string {
	switch {
	case blind:
		return "fixed, since inputs of integers cannot be moved to measure the noise of the original"
	case c.coarse && c.own == nil:
		return "fixed for the type that the candidate rounds to, since this engine cannot measure the noise of that"
	case c.own != nil:
		return fmt.Sprintf("%g times the rounding noise of the original and that of the candidate, which rounds more coarsely, and %.2g", multiple(c.roundoff), c.granted)
	case c.runners[1] != nil:
		return fmt.Sprintf("%g times the rounding noise of the original, and %.2g", multiple(c.roundoff), c.granted)
	}
	return fmt.Sprintf("%g times what the original differs from itself, optimised and with inputs moved by a rounding, and %.2g", multiple(c.roundoff), c.granted)
}
