package main

import (
	"encoding/binary"
	"fmt"
	"math"

	"repmlp/onnxio"
)

// A builder collects nodes and weights under numbered names.
type builder struct {
	prefix string
	nodes  []*onnxio.Node
	inits  []*onnxio.Tensor
	drawn  uint64 // random numbers so far
	err    error  // the first one
}

// node adds a node with the attributes that its operator needs here.
func (b *builder) node(op string, inputs ...string) string {
	if op == "Concat" {
		return b.op(op, inputs, onnxio.IntAttr("axis", 0))
	}
	return b.op(op, inputs)
}

func (b *builder) op(op string, inputs []string, attrs ...*onnxio.Attr) string {
	out := fmt.Sprintf("%sv%d", b.prefix, len(b.nodes))
	b.nodes = append(b.nodes, onnxio.NewNode(out+"."+op, op, inputs, []string{out}, attrs...))
	return out
}

// floats adds a tensor of small numbers around mean.
func (b *builder) floats(mean float64, shape ...int64) string {
	n := int64(1)
	for _, d := range shape {
		n *= d
	}
	data := make([]byte, 0, 4*n)
	for range n {
		b.drawn++
		x := mean + 0.1*math.Sin(float64(b.drawn))
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(float32(x)))
	}
	name := fmt.Sprintf("%sw%d", b.prefix, len(b.inits))
	t, err := onnxio.NewTensor(name, onnxio.Float32, shape, data)
	if err != nil && b.err == nil {
		b.err = err
	}
	b.inits = append(b.inits, t)
	return name
}

// norm adds a BatchNormalization.
func (b *builder) norm(x string) string {
	return b.node("BatchNormalization", x, b.floats(1, channels), b.floats(0, channels), b.floats(0, channels), b.floats(1, channels))
}

// convNorm adds a conv with a square window that keeps the map's size, and a
// BatchNormalization.
func (b *builder) convNorm(x string, window int64) string {
	p := window / 2
	conv := b.op("Conv", []string{x, b.floats(0, channels, channels, window, window)},
		onnxio.IntsAttr("kernel_shape", []int64{window, window}), onnxio.IntsAttr("pads", []int64{p, p, p, p}))
	return b.norm(conv)
}

// choice adds an If between a conv with its norm and nothing.
func (b *builder) choice(x string) string {
	body := func(name string, fill func(in *builder) string) *onnxio.Attr {
		in := &builder{prefix: fmt.Sprintf("%s%s%d.", b.prefix, name, len(b.nodes)), drawn: b.drawn}
		out := fill(in)
		b.drawn = in.drawn
		dims := []onnxio.Dim{onnxio.Named("batch"), onnxio.Known(channels), onnxio.Known(side), onnxio.Known(side)}
		a, err := onnxio.GraphAttr(name+"_branch", onnxio.Parts{Outputs: []*onnxio.ValueInfo{onnxio.NewValue(out, onnxio.Float32, dims...)}, Nodes: in.nodes, Inits: in.inits})
		if err == nil {
			err = in.err
		}
		if err != nil && b.err == nil {
			b.err = err
		}
		return a
	}
	yes := body("then", func(in *builder) string { return in.convNorm(x, 1) })
	no := body("else", func(in *builder) string { return in.node("Identity", x) })
	if b.err != nil {
		return x
	}
	return b.op("If", []string{"choice"}, yes, no)
}
