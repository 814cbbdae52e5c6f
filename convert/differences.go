package convert

import (
	"context"
	"fmt"
	"math"
	"slices"

	"repmlp/convert/internal/differ"
	"repmlp/onnxio"
)

// A Difference says what two models have in common and what not. Nodes are found by the
// values that they make and by structure, whatever they are called.
type Difference struct {
	Inputs  []ValueDifference `json:"inputs,omitempty"`  // that are not the same in both
	Outputs []ValueDifference `json:"outputs,omitempty"` // likewise
	Nodes   NodeDifference    `json:"nodes"`
	// Initializers are compared to the bit.
	Initializers InitDifference `json:"initializers"`
}

// A ValueDifference is an input or output of which the models declare something else, or
// that one of them has not.
type ValueDifference struct {
	First  *ValueFacts `json:"first,omitempty"`
	Second *ValueFacts `json:"second,omitempty"`
}

// A NodeDifference compares the nodes of the main graphs, but for Constants that hold a
// tensor: these count as initializers.
type NodeDifference struct {
	Equal   int           `json:"equal"`
	Changed []ChangedNode `json:"changed,omitempty"` // the same operator in the same place
	First   []OneNode     `json:"only_in_first,omitempty"`
	Second  []OneNode     `json:"only_in_second,omitempty"`
}

// A ChangedNode is in both models, with other attributes or reading other values.
type ChangedNode struct {
	First      OneNode            `json:"first"`
	Second     OneNode            `json:"second"`
	Attributes []AttributeChange  `json:"attributes,omitempty"`
	Inputs     []ChangedNodeInput `json:"inputs,omitempty"` // that are other values
}

// An AttributeChange is an attribute with its two values as text: the default where a node
// leaves it out, "" where there is none.
type AttributeChange struct {
	Name   string `json:"name"`
	First  string `json:"first"`
	Second string `json:"second"`
}

// A ChangedNodeInput is an input of a node: its place from 0, and the values that are read.
type ChangedNodeInput struct {
	Index  int    `json:"index"`
	First  string `json:"first"`
	Second string `json:"second"`
}

// OneNode is a node of one model.
type OneNode struct {
	Operator string `json:"operator"`
	Name     string `json:"name"` // or its operator and first output
}

// An InitDifference compares the initializers of the main graphs.
type InitDifference struct {
	Equal   int           `json:"equal"`
	Renamed int           `json:"renamed"` // of these, under another name
	Changed []ChangedInit `json:"changed,omitempty"`
	First   []OneInit     `json:"only_in_first,omitempty"`
	Second  []OneInit     `json:"only_in_second,omitempty"`
}

// A ChangedInit is in both models, with another type, another shape or other numbers.
type ChangedInit struct {
	First  OneInit `json:"first"`
	Second OneInit `json:"second"`
	// MaxAbs is the largest difference of the numbers, absent where shapes differ or one is
	// a number and the other none; Largest is the largest absolute value in the first.
	MaxAbs  *Number `json:"max_abs,omitempty"`
	Largest *Number `json:"largest,omitempty"`
}

// OneInit is an initializer of one model.
type OneInit struct {
	Name  string  `json:"name"`
	Type  string  `json:"type"`
	Shape []int64 `json:"shape"`
	Bytes int64   `json:"bytes"`
}

// Same reports whether nothing differs.
func (d *Difference) Same() bool {
	n, i := d.Nodes, d.Initializers
	return max(len(d.Inputs), len(d.Outputs), len(n.Changed), len(n.First), len(n.Second), len(i.Changed), len(i.First), len(i.Second)) == 0
}

// DifferFiles says how the models in two files differ, without running them. The report's
// Input describes the first and its Output the second; its verdict is Same or Different.
func DifferFiles(ctx context.Context, first, second string, opts Options) (*Report, error) {
	j := newJob("inspect", opts)
	j.report.Input, j.report.Output = &FileFacts{Path: first}, &FileFacts{Path: second}
	return j.end(j.guarded(func() error { return j.differ(ctx) }))
}

func (j *job) differ(ctx context.Context) error {
	if j.invalid != nil {
		return j.invalid
	}
	var m [2]*onnxio.Model
	for i, facts := range []**FileFacts{&j.report.Input, &j.report.Output} {
		var err error
		if m[i], err = j.openHashed(ctx, facts); err != nil {
			return err
		}
	}
	found, err := differ.Of(ctx, m[0], m[1])
	if err == nil {
		err = j.unchanged()
	}
	if err != nil {
		return fmt.Errorf("comparing %q with %q: %w", j.report.Input.Path, j.report.Output.Path, err)
	}
	r := j.report
	d := &Difference{Nodes: nodeDifference(found, m[0], m[1]), Initializers: initDifference(found)}
	d.Inputs, d.Outputs = valueDifference(r.Input.Inputs, r.Output.Inputs), valueDifference(r.Input.Outputs, r.Output.Outputs)
	r.Difference, r.Ops = d, &OpCounts{Before: countOps(m[0]), After: countOps(m[1])}
	if n := found.FirstSparse + found.SecondSparse; n > 0 {
		r.Warnings = append(r.Warnings, Warning{Code: "not_compared", Message: fmt.Sprintf("%d sparse initializers were not compared", n)})
	}
	r.Verdict = Different
	if d.Same() && fmt.Sprint(r.Input.Opset) == fmt.Sprint(r.Output.Opset) && found.FirstSparse+found.SecondSparse == 0 && len(m[0].Functions())+len(m[1].Functions()) == 0 {
		r.Verdict = Same
	}
	if n := len(m[0].Functions()) + len(m[1].Functions()); n > 0 {
		r.Warnings = append(r.Warnings, Warning{Code: "not_compared", Message: fmt.Sprintf("%d model-local functions were not compared", n)})
	}
	return nil
}

// valueDifference pairs declared values by name, or where no name is the same by place.
func valueDifference(a, b []ValueFacts) (list []ValueDifference) {
	other := map[string]int{}
	for i, v := range b {
		other[v.Name] = i
	}
	byName := slices.ContainsFunc(a, func(v ValueFacts) bool { _, ok := other[v.Name]; return ok }) || len(a) != len(b)
	taken := map[int]bool{}
	for i, v := range a {
		k, ok := other[v.Name]
		if !byName {
			k, ok = i, true
		}
		if !ok {
			list = append(list, ValueDifference{First: &a[i]})
			continue
		}
		taken[k] = true
		if w := b[k]; v.Name != w.Name || v.Type != w.Type || (v.Shape == nil) != (w.Shape == nil) || !slices.Equal(v.Shape, w.Shape) {
			list = append(list, ValueDifference{&a[i], &b[k]})
		}
	}
	for k := range b {
		if !taken[k] {
			list = append(list, ValueDifference{Second: &b[k]})
		}
	}
	return list
}

func nodeDifference(found *differ.Result, a, b *onnxio.Model) (d NodeDifference) {
	for _, p := range found.Pairs {
		if !p.Changed() {
			d.Equal++
			continue
		}
		c := ChangedNode{First: oneNode(p.First), Second: oneNode(p.Second)}
		for _, name := range p.Attrs {
			c.Attributes = append(c.Attributes, AttributeChange{name, differ.Attribute(p.First, name, a.Opset(p.First.Domain())), differ.Attribute(p.Second, name, b.Opset(p.Second.Domain()))})
		}
		for _, i := range p.Inputs {
			x := ChangedNodeInput{Index: i}
			if in := p.First.Inputs(); i < len(in) {
				x.First = in[i]
			}
			if in := p.Second.Inputs(); i < len(in) {
				x.Second = in[i]
			}
			c.Inputs = append(c.Inputs, x)
		}
		d.Changed = append(d.Changed, c)
	}
	for _, n := range found.First {
		d.First = append(d.First, oneNode(n))
	}
	for _, n := range found.Second {
		d.Second = append(d.Second, oneNode(n))
	}
	return d
}

func oneNode(n *onnxio.Node) OneNode { return OneNode{operator(n), n.Title()} }

func initDifference(found *differ.Result) (d InitDifference) {
	for _, p := range found.Tensors {
		if p.Equal {
			d.Equal++
			if p.First.Name != p.Second.Name {
				d.Renamed++
			}
			continue
		}
		c := ChangedInit{First: oneInit(p.First), Second: oneInit(p.Second)}
		if !math.IsNaN(p.MaxAbs) {
			most, largest := Number(p.MaxAbs), Number(p.Largest)
			c.MaxAbs, c.Largest = &most, &largest
		}
		d.Changed = append(d.Changed, c)
	}
	for _, t := range found.FirstInits {
		d.First = append(d.First, oneInit(t))
	}
	for _, t := range found.SecondInits {
		d.Second = append(d.Second, oneInit(t))
	}
	return d
}

func oneInit(t *differ.Init) OneInit {
	return OneInit{t.Name, t.DType().String(), append([]int64{}, t.Dims()...), (t.Len()*int64(t.DType().Bits()) + 7) / 8}
}
