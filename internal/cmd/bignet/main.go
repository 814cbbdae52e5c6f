// Command bignet writes a model of any size by repeating RepMLP blocks, for
// measuring time and memory. Above protobuf's 2 GB limit the weights go to
// OUT.onnx.HASH.data.
package main

import (
	"encoding/binary"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"

	"repmlp/onnxio"
)

// A block works on one tile of 64 channels and 8×8 positions: FC3 of one group
// has 4096×4096 weights, 64 MB.
const (
	channels = 64
	side     = 8
	features = channels * side * side
)

func main() {
	blocks := flag.Int("blocks", 16, "number of blocks, 64 MB each")
	flag.Parse()
	if flag.NArg() != 1 || *blocks < 1 {
		fmt.Fprintln(os.Stderr, "usage: bignet [-blocks N] OUT.onnx")
		os.Exit(2)
	}
	if err := write(flag.Arg(0), *blocks); err != nil {
		fmt.Fprintln(os.Stderr, "bignet: error:", err)
		os.Exit(1)
	}
}

// weights draws a tensor from a distribution that depends on its seed alone.
type weights struct {
	seed      uint64
	n         int64
	mean, dev float64
	uniform   bool // around the mean, instead of normal
}

const piece = 1 << 18

func (w weights) Pieces() int { return int((w.n + piece - 1) / piece) }

func (w weights) Piece(i int) (from, to int64) {
	return 4 * int64(i) * piece, 4 * min(int64(i+1)*piece, w.n)
}

func (w weights) Fill(i int, dst []byte) error {
	rng := rand.New(rand.NewPCG(w.seed, uint64(i)))
	for k := 0; k < len(dst); k += 4 {
		x := w.mean + w.dev*rng.NormFloat64()
		if w.uniform {
			x = w.mean + w.dev*(2*rng.Float64()-1)
		}
		binary.LittleEndian.PutUint32(dst[k:], math.Float32bits(float32(x)))
	}
	return nil
}

func write(path string, blocks int) error {
	dims := []onnxio.Dim{onnxio.Named("batch"), onnxio.Known(channels), onnxio.Known(side), onnxio.Known(side)}
	start := onnxio.NewNode("start", "Identity", []string{"x"}, []string{"y"})
	base, err := onnxio.NewModel(onnxio.Parts{
		Inputs:  []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, dims...)},
		Outputs: []*onnxio.ValueInfo{onnxio.NewValue("y", onnxio.Float32, dims...)},
		Nodes:   []*onnxio.Node{start},
	})
	if err != nil {
		return err
	}
	var e onnxio.Edit
	e.DropNodes = base.Graph().Nodes()
	add := func(op, out string, in []string, attrs ...*onnxio.Attr) string {
		e.AddNodes = append(e.AddNodes, onnxio.Placed{Node: onnxio.NewNode(out+".node", op, in, []string{out}, attrs...)})
		return out
	}
	seed := uint64(0)
	tensor := func(name string, mean, dev float64, uniform bool, shape ...int64) string {
		n := int64(1)
		for _, d := range shape {
			n *= d
		}
		seed++
		t, err := onnxio.NewComputed(name, onnxio.Float32, shape, weights{seed, n, mean, dev, uniform})
		if err != nil {
			panic(err) // the pieces cover the shape
		}
		e.AddInits = append(e.AddInits, t)
		return name
	}
	norm := func(name, x string) string {
		return add("BatchNormalization", name, []string{x,
			tensor(name+".weight", 1, 0.2, true, channels), tensor(name+".bias", 0, 0.1, false, channels),
			tensor(name+".mean", 0, 0.1, false, channels), tensor(name+".var", 1, 0.5, true, channels)})
	}
	e.AddInits = append(e.AddInits, onnxio.NewInts("rows", []int64{4}, []int64{-1, features, 1, 1}), onnxio.NewInts("map", []int64{4}, []int64{-1, channels, side, side}))
	x := "x"
	for i := range blocks {
		p := fmt.Sprintf("b%d.", i)
		rows := add("Reshape", p+"rows", []string{x, "rows"})
		fc := add("Conv", p+"fc3", []string{rows, tensor(p+"fc3.weight", 0, 1/math.Sqrt(features), false, features, features, 1, 1)}, onnxio.IntsAttr("kernel_shape", []int64{1, 1}))
		fc = norm(p+"fc3.bn", add("Reshape", p+"fc3.map", []string{fc, "map"}))
		sum := fc
		for _, k := range []int64{1, 3} {
			name := fmt.Sprintf("%sconv%d", p, k)
			pads := []int64{k / 2, k / 2, k / 2, k / 2}
			c := add("Conv", name, []string{x, tensor(name+".weight", 0, 1/math.Sqrt(float64(channels*k*k)), false, channels, channels, k, k)},
				onnxio.IntsAttr("kernel_shape", []int64{k, k}), onnxio.IntsAttr("pads", pads))
			sum = add("Add", name+".sum", []string{sum, norm(name+".bn", c)})
		}
		out := p + "y"
		if i == blocks-1 {
			out = "y"
		}
		x = add("Relu", out, []string{sum})
	}
	m, err := base.Apply(e)
	if err != nil {
		return err
	}
	return m.Save(path)
}
