package convert_test

import (
	"runtime"
	"testing"

	"repmlp/convert"
	"repmlp/onnxio"
)

// What a plan needs follows the number of nodes, not the sizes of maps, pads,
// kernels and dilations. A conv over half a minute of sound once took 3.8 GB to plan:
// what each position reads was listed before anybody looked at how many there are.
func TestPlanningLongAxes(t *testing.T) {
	const long = 1 << 30
	for name, f := range map[string]func(b *graphBuilder) string{
		"conv": func(b *graphBuilder) string {
			return b.op("Neg", []string{b.op("Conv", []string{"x", b.normal(4, 4, 251)})})
		},
		"dilation": func(b *graphBuilder) string {
			return b.op("Neg", []string{b.op("Conv", []string{"x", b.normal(4, 4, 2)}, onnxio.IntsAttr("dilations", []int64{long / 2}))})
		},
		"far taps": func(b *graphBuilder) string {
			y := b.op("Conv", []string{"x", b.normal(4, 4, 2)}, onnxio.IntsAttr("dilations", []int64{long/2 - 1}))
			return b.op("Conv", []string{y, b.normal(4, 4, 3)}, onnxio.IntsAttr("dilations", []int64{7}))
		},
		"branches": func(b *graphBuilder) string {
			y := b.op("Conv", []string{"x", b.normal(4, 4, 3)}, onnxio.IntsAttr("pads", []int64{long, long}), onnxio.IntsAttr("dilations", []int64{long}))
			return b.op("Add", []string{y, b.op("Conv", []string{"x", b.normal(4, 4, 1)})})
		},
		"pads": func(b *graphBuilder) string {
			return b.op("Neg", []string{b.op("Conv", []string{"x", b.normal(4, 4, 3)}, onnxio.IntsAttr("pads", []int64{1e12, 1e12}))})
		},
		"stride": func(b *graphBuilder) string {
			return b.op("Neg", []string{b.op("Conv", []string{"x", b.normal(4, 4, 3)}, onnxio.IntsAttr("strides", []int64{1 << 40}))})
		},
		"mean": func(b *graphBuilder) string { return b.op("GlobalAveragePool", []string{b.norm("x", 4)}) },
		"pool": func(b *graphBuilder) string {
			return b.op("AveragePool", []string{b.norm("x", 4)}, onnxio.IntsAttr("kernel_shape", []int64{long - 1}))
		},
		"pad": func(b *graphBuilder) string {
			return b.norm(b.op("Pad", []string{"x", b.ints(0, 0, 1<<20, 0, 0, 1<<20)}), 4)
		},
		"slice": func(b *graphBuilder) string {
			return b.norm(b.op("Slice", []string{"x", b.ints(1), b.ints(long - 1), b.ints(2)}), 4)
		},
		"split": func(b *graphBuilder) string {
			return b.norm(b.outputs("Split", 2, []string{"x", b.ints(long/2, long/2)}, onnxio.IntAttr("axis", 2))[0], 4)
		},
		"concat": func(b *graphBuilder) string {
			return b.norm(b.op("Concat", []string{"x", "x"}, onnxio.IntAttr("axis", 2)), 4)
		},
	} {
		b := &graphBuilder{rng: newRand(), elem: onnxio.Float32}
		out := f(b)
		m, err := onnxio.NewModel(onnxio.Parts{Nodes: b.nodes, Inits: b.inits, Outputs: []*onnxio.ValueInfo{onnxio.Untyped(out, b.elem)},
			Inputs: []*onnxio.ValueInfo{onnxio.NewValue("x", b.elem, onnxio.Known(1), onnxio.Known(4), onnxio.Known(long))}})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := convert.PlanModel(m, convert.Options{AllowGrowth: true}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 8<<20 {
			t.Errorf("%s: planning took %d MiB", name, used>>20)
		}
	}
}
