package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"repmlp/convert"
)

// tolerances are what --rtol and --atol ask for: of all outputs, nil where no value
// without a name was given, and of single ones, which take what is not said of them
// from all.
func (s *settings) tolerances() (all *convert.Tolerance, single map[string]convert.Tolerance, err error) {
	type part struct {
		flag  string
		list  []string
		field func(*convert.Tolerance) *float64
	}
	parts := []part{
		{"rtol", s.rtol, func(t *convert.Tolerance) *float64 { return &t.Relative }},
		{"atol", s.atol, func(t *convert.Tolerance) *float64 { return &t.Absolute }},
	}
	named := map[string][]func(*convert.Tolerance){}
	for _, p := range parts {
		for _, text := range p.list {
			name, value := "", text
			if i := strings.LastIndexByte(text, '='); i >= 0 {
				name, value = text[:i], text[i+1:]
				if name == "" {
					return nil, nil, coded(exitUsage, fmt.Errorf("--%s %q names no output; write it as NAME=NUMBER", p.flag, text))
				}
			}
			v, err := strconv.ParseFloat(value, 64)
			if err != nil {
				return nil, nil, coded(exitUsage, fmt.Errorf("--%s %q: it takes a number, or NAME=NUMBER for one output", p.flag, text))
			}
			if !(v >= 0) || math.IsInf(v, 1) {
				return nil, nil, coded(exitUsage, fmt.Errorf("a tolerance is a finite number that is not negative, not %g", v))
			}
			if name == "" {
				if all == nil {
					all = &convert.Tolerance{}
				}
				*p.field(all) = v
				continue
			}
			named[name] = append(named[name], func(t *convert.Tolerance) { *p.field(t) = v })
		}
	}
	for name, sets := range named {
		var t convert.Tolerance
		if all != nil {
			t = *all
		}
		for _, set := range sets {
			set(&t)
		}
		if single == nil {
			single = map[string]convert.Tolerance{}
		}
		single[name] = t
	}
	return all, single, nil
}

// ranges are what --val-range asks for, that of all inputs under no name.
func (s *settings) ranges() (map[string][2]float64, error) {
	var out map[string][2]float64
	for _, text := range s.valRanges {
		name, value := "", text
		i := strings.LastIndexByte(text, '=')
		if i >= 0 {
			name, value = text[:i], text[i+1:]
		}
		low, high, ok := strings.Cut(value, ":")
		from, err := strconv.ParseFloat(low, 64)
		to, also := strconv.ParseFloat(high, 64)
		if !ok || i == 0 || err != nil || also != nil || !(from <= to) || math.IsInf(to-from, 0) {
			return nil, coded(exitUsage, fmt.Errorf("--val-range %q: write it as LOW:HIGH, or INPUT=LOW:HIGH for one input, with finite numbers of which LOW is not the larger", text))
		}
		if out == nil {
			out = map[string][2]float64{}
		}
		out[name] = [2]float64{from, to}
	}
	return out, nil
}
