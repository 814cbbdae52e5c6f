package main

import (
	"fmt"

	"repmlp/onnxio"
)

// A link is what a kind of graph repeats: it reads and makes a map of
// [batch, channels, side, side].
type link struct {
	name  string
	nodes int // those in bodies included
	add   func(b *builder, x string) string
}

// A kind is one way in which a graph grows: links behind each other, or side by
// side where join says how they come together: in a node, in as many outputs, or in
// a Sum of as many inputs.
type kind struct {
	name string
	link link
	join string // Sum, Concat, outputs or inputs; a chain if empty
}

var links = []link{
	{"identity", 1, func(b *builder, x string) string { return b.node("Identity", x) }},
	{"add-constant", 1, func(b *builder, x string) string {
		return b.node("Add", x, b.floats(0.01, channels, 1, 1))
	}},
	{"add-self", 1, func(b *builder, x string) string { return b.node("Add", x, x) }},
	{"reshape", 2, func(b *builder, x string) string {
		return b.node("Reshape", b.node("Reshape", x, "rows"), "map")
	}},
	{"reshape-by-shape", 5, func(b *builder, x string) string {
		batch := b.node("Gather", b.node("Shape", x), "first")
		return b.node("Reshape", b.node("Reshape", x, b.node("Concat", batch, "features")), "map")
	}},
	{"conv-bn", 2, func(b *builder, x string) string { return b.convNorm(x, 1) }},
	{"conv-bn-relu", 3, func(b *builder, x string) string { return b.node("Relu", b.convNorm(x, 3)) }},
	{"if", 5, func(b *builder, x string) string { // whose sizes are known behind the Reshape
		return b.node("Reshape", b.choice(x), "map")
	}},
	{"residual", 7, func(b *builder, x string) string {
		inner := b.node("Relu", b.convNorm(x, 3))
		return b.node("Relu", b.node("Add", b.convNorm(inner, 3), x))
	}},
	{"repvgg", 8, func(b *builder, x string) string {
		sum := b.node("Add", b.convNorm(x, 3), b.convNorm(x, 1))
		return b.node("Relu", b.node("Add", sum, b.norm(x)))
	}},
}

// kinds are the chains of all links, and what of them stands side by side.
func kinds() []kind {
	var out []kind
	for _, l := range links {
		out = append(out, kind{l.name, l, ""})
	}
	for _, l := range links {
		switch l.name {
		case "residual", "repvgg":
		default:
			out = append(out, kind{l.name + "/sum", l, "Sum"})
		}
		if l.name == "identity" {
			out = append(out, kind{l.name + "/inputs", l, "inputs"}, kind{l.name + "/outputs", l, "outputs"})
		}
		if l.name == "conv-bn" {
			out = append(out, kind{l.name + "/concat", l, "Concat"})
		}
	}
	return out
}

const (
	channels = 4
	side     = 6
)

// model has about n nodes, at least one link.
func (k kind) model(n int) (*onnxio.Model, error) {
	b := &builder{inits: []*onnxio.Tensor{
		onnxio.NewInts("rows", []int64{2}, []int64{-1, channels * side * side}),
		onnxio.NewInts("map", []int64{4}, []int64{-1, channels, side, side}),
		onnxio.NewInts("first", []int64{1}, []int64{0}),
		onnxio.NewInts("features", []int64{1}, []int64{channels * side * side}),
	}}
	count := max(n/k.link.nodes, 1)
	dims := []onnxio.Dim{onnxio.Named("batch"), onnxio.Known(channels), onnxio.Known(side), onnxio.Known(side)}
	value := func(name string) *onnxio.ValueInfo { return onnxio.NewValue(name, onnxio.Float32, dims...) }
	inputs := []*onnxio.ValueInfo{value("x")}
	if k.link.name == "if" {
		inputs = append(inputs, onnxio.NewValue("choice", onnxio.Bool))
	}
	var ends []string
	if k.join == "" {
		last := "x"
		for range count {
			last = k.link.add(b, last)
		}
		ends = []string{last}
	} else {
		for i := range count {
			from := "x"
			if k.join == "inputs" && i > 0 {
				from = fmt.Sprintf("x%d", i)
				inputs = append(inputs, value(from))
			}
			ends = append(ends, k.link.add(b, from))
		}
	}
	switch k.join {
	case "Concat":
		ends = []string{b.op("Concat", ends, onnxio.IntAttr("axis", 1))}
		dims[1] = onnxio.Known(int64(channels * count))
	case "Sum", "inputs":
		ends = []string{b.op("Sum", ends)}
	}
	var outputs []*onnxio.ValueInfo
	for _, e := range ends {
		outputs = append(outputs, value(e))
	}
	if b.err != nil {
		return nil, b.err
	}
	return onnxio.NewModel(onnxio.Parts{Inputs: inputs, Outputs: outputs, Nodes: b.nodes, Inits: b.inits})
}

// find is the kind called name.
func find(name string) (kind, error) {
	for _, k := range kinds() {
		if k.name == name {
			return k, nil
		}
	}
	return kind{}, fmt.Errorf("there is no kind %q", name)
}
