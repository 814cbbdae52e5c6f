package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"github.com/google/renameio/v2"

	"repmlp/convert"
)

func checkReportNames(paths []string) error {
	for _, p := range paths {
		switch filepath.Ext(p) {
		case ".json", ".txt", ".html":
		default:
			return coded(exitUsage, fmt.Errorf("--report %q: the extension must be .json, .html or .txt", p))
		}
	}
	return nil
}

func (a *app) writeReports(paths []string, r *convert.Report) error {
	for _, p := range paths {
		var b bytes.Buffer
		var err error
		switch filepath.Ext(p) {
		case ".json":
			err = printJSON(&b, r)
		case ".html":
			err = writeHTML(&b, r)
		default:
			err = writeText(&b, r, true)
		}
		if err == nil {
			err = renameio.WriteFile(p, b.Bytes(), 0o644)
		}
		if err != nil {
			return fmt.Errorf("writing report %q: %w", p, err)
		}
	}
	return nil
}

func printJSON(w io.Writer, r any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// writeText prints a report for people.
func writeText(w io.Writer, r *convert.Report, verbose bool) error {
	var b strings.Builder
	if r.Input != nil {
		fmt.Fprintf(&b, "%s: %d nodes, %s parameters, opset %d%s\n", r.Input.Path, r.Input.Nodes, thousands(r.Input.Parameters), r.Input.Opset[""], producer(r.Input.Producer))
	}
	for _, bl := range r.Blocks {
		fmt.Fprintf(&b, "  block %s: %s\n", bl.Kind, bl.Name)
		if bl.Detail != "" {
			fmt.Fprintf(&b, "      %s\n", bl.Detail)
		}
		if bl.Becomes != "" {
			fmt.Fprintf(&b, "      becomes %s\n", bl.Becomes)
		}
	}
	shown := r.Regions
	for i, g := range shown {
		if !verbose && i == 12 && len(shown) > 14 {
			fmt.Fprintf(&b, "  ... and %d more (-v lists all)\n", len(shown)-i)
			break
		}
		verb := "merged"
		if r.Command == "inspect" {
			verb = "would merge"
		}
		fmt.Fprintf(&b, "  %s %s %d nodes into %s: %s", g.ID, verb, len(g.Merged), layer(g), g.Value)
		if g.Proof != nil {
			fmt.Fprintf(&b, "   proved (%.2g of the bound)", g.Proof.Bound)
		}
		fmt.Fprintln(&b)
		if verbose {
			fmt.Fprintf(&b, "      %s; parameters %d -> %d\n", g.Derivation, g.Before, g.After)
			fmt.Fprintf(&b, "      %s\n", strings.Join(g.Merged, ", "))
		}
	}
	for _, d := range r.Declined {
		fmt.Fprintf(&b, "  left %s: %s\n", d.Code, d.Message)
	}
	for _, x := range r.Warnings {
		if verbose || x.Code != "second_reader" {
			fmt.Fprintf(&b, "  note %s: %s\n", x.Code, x.Message)
		}
	}
	if r.Check != nil {
		c := r.Check
		word := "agree"
		if !c.Passed {
			word = "DIFFER"
		}
		fmt.Fprintf(&b, "whole model: outputs %s", word)
		for _, o := range c.Outputs {
			fmt.Fprintf(&b, "; %s within %.2g of its largest value", o.Name, float64(o.MaxRel))
		}
		fmt.Fprintf(&b, " (allowed %.2g, %s, %d run(s))\n", float64(c.RTol), noise(c), c.Samples)
	}
	if r.Ops != nil && r.Output != nil && len(r.Regions) > 0 {
		fmt.Fprintf(&b, "operators: %s\n", opChanges(r.Ops))
	}
	switch {
	case r.Command == "inspect" && len(r.Regions) == 0:
		fmt.Fprintln(&b, "nothing to merge")
	case r.Output != nil && len(r.Regions) == 0:
		fmt.Fprintf(&b, "nothing left to merge; wrote %s with the same bytes\n", r.Output.Path)
	case r.Output != nil:
		fmt.Fprintf(&b, "wrote %s: %s, %d -> %d nodes\n", r.Output.Path, r.Verdict, r.Input.Nodes, r.Output.Nodes)
	}
	if verbose && len(r.Seconds) > 0 {
		fmt.Fprint(&b, "seconds:")
		for _, stage := range slices.Sorted(maps.Keys(r.Seconds)) {
			fmt.Fprintf(&b, " %s %.3f", stage, r.Seconds[stage])
		}
		fmt.Fprintln(&b)
	}
	_, err := io.WriteString(w, printable(b.String()))
	return err
}

// noise says what the tolerance is made of.
func noise(c *convert.Check) string {
	if math.IsNaN(float64(c.NoiseFloor)) {
		return "by " + c.Engine
	}
	return fmt.Sprintf("float32 noise of the original %.2g", float64(c.NoiseFloor))
}

func producer(p string) string {
	if p == "" {
		return ""
	}
	return ", by " + p
}

func layer(g convert.RegionReport) string {
	switch g.Kind {
	case "scale":
		return "one scale and shift"
	case "conv":
		return fmt.Sprintf("one Conv %d -> %d%s", g.Inputs, g.Outputs, groups(g.Groups))
	}
	return fmt.Sprintf("one FC %d -> %d%s", g.Inputs, g.Outputs, groups(g.Groups))
}

func groups(n int) string {
	if n <= 1 {
		return ""
	}
	return fmt.Sprintf(" in %d groups", n)
}

func thousands(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func opChanges(o *convert.OpCounts) string {
	var names []string
	for op := range o.Before {
		names = append(names, op)
	}
	for op := range o.After {
		if _, ok := o.Before[op]; !ok {
			names = append(names, op)
		}
	}
	sort.Strings(names)
	var parts []string
	for _, op := range slices.Compact(names) {
		if o.Before[op] != o.After[op] {
			parts = append(parts, fmt.Sprintf("%s %d -> %d", op, o.Before[op], o.After[op]))
		}
	}
	return strings.Join(parts, ", ")
}
