package main

import (
	"fmt"
	"math"

	"repmlp/convert"
)

// A pageOutput is one output that was compared.
type pageOutput struct {
	Name, Shape, Tone, Is, Max, Mean, P99, RMS, Cosine, Ratio, Worst string
	Bars                                                             []pageBin
	Range                                                            string
}

// A pageBin is a bar of a histogram.
type pageBin struct {
	Height float64 // percent
	Over   bool    // beyond the limit
	Says   string
}

type pageStress struct {
	Name, Says string
	Passed     bool
	Outputs    []pageOutput
}

// outputs tells of every output.
func (p *page) outputs() {
	c := p.Check
	p.Outputs, p.Expected = outputsOf(c.Outputs), outputsOf(c.Expected)
	for _, s := range c.Stress {
		p.Stress = append(p.Stress, pageStress{name(s.Name), message(s.Says), s.Passed, outputsOf(s.Outputs)})
	}
}

func outputsOf(list []convert.CheckOutput) (out []pageOutput) {
	for _, o := range list {
		out = append(out, outputOf(o))
	}
	return out
}

func outputOf(o convert.CheckOutput) pageOutput {
	p := pageOutput{Name: name(o.Name), Shape: sizes(o.Shape), Max: fmt.Sprintf("%.3g", float64(o.MaxAbs)), Is: said(o.Is), Tone: toneGood,
		Mean: optional(o.Mean), P99: optional(o.P99), RMS: optional(o.RMS), Cosine: cosine(o.Cosine)}
	if o.Of != "" {
		p.Name += " of the " + o.Of
	}
	switch {
	case o.Is == "not_compared":
		p.Tone = toneFair
	case !o.Passed:
		p.Tone = toneBad
	}
	if o.Limit > 0 {
		p.Ratio = fmt.Sprintf("%.2g", float64(o.Ratio))
	}
	if len(o.Worst) == 2 && o.MaxAbs > 0 {
		p.Worst = fmt.Sprintf("%v: %.6g, %.6g", o.WorstIndex, float64(o.Worst[0]), float64(o.Worst[1]))
	}
	for _, n := range []struct {
		count int64
		says  string
	}{{o.NotFinite, "NaN or infinite in both"}, {o.Opposed, "NaN or infinite in one"}, {o.NotCompared, "left to rounding"}} {
		if n.count > 0 {
			p.Worst += fmt.Sprintf(" %s %s", thousands(n.count), n.says)
		}
	}
	p.histogram(o)
	return p
}

// histogram draws the differences by powers of two, on a logarithmic scale of counts.
func (p *pageOutput) histogram(o convert.CheckOutput) {
	most := int64(0)
	for _, b := range o.Histogram {
		most = max(most, b.Count)
	}
	if most == 0 {
		return
	}
	last := 0.0
	for _, b := range o.Histogram {
		from, to := float64(b.From), float64(b.To)
		if last > 0 { // bins without a difference are not listed
			for x := last; x < from*0.75 && len(p.Bars) < 128; x *= 2 {
				p.Bars = append(p.Bars, pageBin{Says: fmt.Sprintf("%.2g to %.2g: none", x, 2*x)})
			}
		}
		bin := pageBin{Over: o.Limit > 0 && from > float64(o.Limit), Says: fmt.Sprintf("%.2g to %.2g: %s", from, to, thousands(b.Count))}
		if b.Count > 0 {
			bin.Height = 10 + 90*math.Log1p(float64(b.Count))/math.Log1p(float64(most))
		}
		p.Bars = append(p.Bars, bin)
		last = to
	}
	first := float64(o.Histogram[0].From)
	p.Range = fmt.Sprintf("|a − b| from %.2g to %.2g by powers of two, heights on a logarithmic scale; %s of %s elements are the same number", first, last, thousands(o.Equal), thousands(o.Elements))
	if o.Limit > 0 {
		p.Range += fmt.Sprintf("; the limit is %.2g", float64(o.Limit))
	}
}

func optional(n *convert.Number) string {
	if n == nil {
		return ""
	}
	return fmt.Sprintf("%.3g", float64(*n))
}

// cosine is a similarity; what misses to one is what tells.
func cosine(n *convert.Number) string {
	if n == nil {
		return ""
	}
	v := float64(*n)
	if d := 1 - v; d > 0 && d < 1e-4 {
		return fmt.Sprintf("1 − %.1e", d)
	}
	return fmt.Sprintf("%.6g", v)
}
