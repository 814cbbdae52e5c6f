package convert

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"repmlp/internal/sketch"
	"repmlp/onnxio"
	"repmlp/verify"
)

// A bounded prover says of every merge that it differs by so much of what rounding allows.
type bounded float64

func (b bounded) Prove(context.Context, verify.Claim) (verify.Proof, error) {
	return verify.Proof{Rows: 1, MaxAbs: 0.25, Bound: float64(b)}, nil
}

// What differs by less than rounding allows is proved, and by exactly so much is not: a
// merge is refused, one that hangs on numbers goes back.
func TestProofsAtTheirBound(t *testing.T) {
	layers := sketch.Model(t, "x : float32 N 4\na = Gemm(x, ?4x4)\ny = Gemm(a, ?4x4)")
	undone := sketch.Model(t, "x : float32 N 4 6 6\na = Conv(x, ?4x4x1x1)\nb = Add(a, =1.5:4x1x1)\nc = Sub(b, =1.5:4x1x1)\ny = Conv(c, ?3x4x3x3) pads=1,1,1,1")
	for _, c := range []struct {
		bound  bounded
		proved bool
	}{{0, true}, {0.999, true}, {1, false}, {2, false}} {
		_, r, err := Model(t.Context(), layers, Options{Prover: c.bound, NoCheck: true})
		if c.proved != (err == nil) || !c.proved && (!errors.Is(err, ErrNotEquivalent) || !strings.Contains(err.Error(), "differs by 0.25")) {
			t.Errorf("%g: %v", c.bound, err)
		}
		if c.proved && (len(r.Regions) != 1 || r.Regions[0].Proof == nil || float64(r.Regions[0].Proof.Bound) != float64(c.bound)) {
			t.Errorf("%g: %+v", c.bound, r.Regions)
		}
		_, r, err = Model(t.Context(), undone, Options{Prover: c.bound, NoCheck: true})
		back := slices.ContainsFunc(r.Declined, func(d Decline) bool { return d.Code == "bias_before_zero_padding" })
		if c.proved && (err != nil || back || len(r.Regions) != 1 || len(r.Regions[0].Merged) != 4) || !c.proved && !back {
			t.Errorf("%g, a bias that is taken away: %v, %+v, %v", c.bound, err, r.Regions, r.Declined)
		}
	}
}

// What calculates with data is told from what makes constants of constants.
func TestReached(t *testing.T) {
	value := func(name string) *onnxio.ValueInfo { return onnxio.NewValue(name, onnxio.Float32, onnxio.Known(2)) }
	m, err := onnxio.NewModel(onnxio.Parts{
		Inputs:  []*onnxio.ValueInfo{value("f"), value("x"), value("d")}, // the first and the last one with a default
		Outputs: []*onnxio.ValueInfo{onnxio.NewValue("y", onnxio.Float32)},
		Inits:   []*onnxio.Tensor{small(t, "f"), small(t, "w"), small(t, "d")},
		Nodes: []*onnxio.Node{
			onnxio.NewNode("list", "Constant", nil, []string{"k"}, onnxio.FloatsAttr("value_floats", []float32{1, 2})),
			onnxio.NewNode("random", "RandomNormal", nil, []string{"r"}, onnxio.IntsAttr("shape", []int64{2})),
			onnxio.NewNode("of constants", "Add", []string{"k", "w"}, []string{"a"}),
			onnxio.NewNode("of that", "Clip", []string{"a", "", "k"}, []string{"b"}),
			onnxio.NewNode("of chance", "Neg", []string{"r"}, []string{"c"}),
			onnxio.NewNode("of a default", "Neg", []string{"d"}, []string{"e"}),
			onnxio.NewNode("of the other default", "Neg", []string{"f"}, []string{"g"}),
			onnxio.NewNode("of data", "Sum", []string{"x", "b", "c", "e", "g"}, []string{"y"}),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	var have []string
	fed := reached(m.Graph())
	for _, n := range m.Graph().Nodes() {
		if fed[n] {
			have = append(have, n.Name())
		}
	}
	if want := []string{"random", "of chance", "of a default", "of the other default", "of data"}; !slices.Equal(have, want) {
		t.Errorf("%q calculate with data, want %q", have, want)
	}
}

func small(t *testing.T, name string) *onnxio.Tensor {
	t.Helper()
	raw, err := onnxio.EncodeFloat64([]float64{1, 2}, onnxio.Float32)
	if err != nil {
		t.Fatal(err)
	}
	w, err := onnxio.NewTensor(name, onnxio.Float32, []int64{2}, raw)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// A model that lies in no file is saved for the engines that want one.
func TestBaselineFile(t *testing.T) {
	m := sketch.Model(t, "x : float32 N 4\ny = Relu(x)")
	path := drawn(t, "x : float32 N 4\ny = Relu(x)")
	stored, err := onnxio.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	defer stored.Close()
	for _, c := range []struct {
		m     *onnxio.Model
		same  bool // the baseline is the model
		opts  Options
		saved bool
	}{
		{m, true, Options{}, true},
		{m, false, Options{}, true},
		{stored, true, Options{}, false},
		{stored, true, Options{BatchStatistics: true, FreezeInputs: true}, false},
		{stored, false, Options{}, false},
		{stored, false, Options{BatchStatistics: true}, true},
		{stored, false, Options{FreezeInputs: true}, true},
	} {
		folder := &lazyFolder{in: t.TempDir()}
		baseline := c.m
		if !c.same {
			baseline = sketch.Model(t, "x : float32 N 4\ny = Relu(x)")
		}
		have, err := newJob("convert", c.opts).baselineFile(&result{Baseline: baseline}, c.m, folder)()
		if err != nil || (have != path) != c.saved {
			t.Errorf("%+v: %s, %v", c, have, err)
		}
		if m, err := onnxio.Load(have); err != nil {
			t.Error(err)
		} else {
			m.Close()
		}
		folder.remove()
	}
}
