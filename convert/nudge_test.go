package convert_test

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"testing"

	"repmlp/convert"
	"repmlp/onnxio"
	"repmlp/verify"
)

// A nudger moves one merged weight by 1e-3 of its layer's largest before the
// proof sees it.
type nudger struct {
	verify.Prover
	region string
	nudged *onnxio.Model
}

const nudgeSize = 1e-3

func (n *nudger) Prove(ctx context.Context, c verify.Claim) (verify.Proof, error) {
	if c.ID == n.region {
		if n.nudged == nil {
			n.nudged = nudgeWeight(c.After, c.Output+".weight")
		}
		c.After = n.nudged
	}
	return n.Prover.Prove(ctx, c)
}

// nudgeWeight moves the middle element of an initializer by 1e-3 of its largest.
func nudgeWeight(m *onnxio.Model, name string) *onnxio.Model {
	i := slices.IndexFunc(m.Graph().Inits(), func(t *onnxio.Tensor) bool { return t.Name() == name })
	if i < 0 {
		panic("no weight " + name)
	}
	t := m.Graph().Inits()[i]
	v, err := t.Float64s()
	if err != nil {
		panic(err)
	}
	top := 0.0
	for _, x := range v {
		top = max(top, math.Abs(x))
	}
	k := len(v) / 2
	b, _ := t.Bytes()
	b = slices.Clone(b)
	switch t.DType() {
	case onnxio.Float32:
		binary.LittleEndian.PutUint32(b[4*k:], math.Float32bits(float32(v[k]+nudgeSize*top)))
	case onnxio.Float16:
		binary.LittleEndian.PutUint16(b[2*k:], onnxio.Float16Bits(v[k]+nudgeSize*top))
	}
	moved, err := onnxio.NewTensor(name, t.DType(), t.Dims(), b)
	if err != nil {
		panic(err)
	}
	out, err := m.Apply(onnxio.Edit{DropInits: []*onnxio.Tensor{t}, AddInits: []*onnxio.Tensor{moved}})
	if err != nil {
		panic(err)
	}
	return out
}

// One weight off by 1e-3 of its layer's largest never passes, in any region.
func TestNudgedWeightFailsItsProof(t *testing.T) {
	for _, name := range []string{"v1_preserve_13", "v2_dynN_13", "leg_v1_preserve_20_dynN", "dyn_light", "v2_unit", "kin_repvgg_timm_net_17", "kin_replk_13"} {
		m := testCase{Name: name}.load(t)
		for _, r := range convertModel(t, m).Plan.Regions {
			_, err := convert.Convert(context.Background(), m, convert.Options{Prover: &nudger{region: r.ID}})
			if !errors.Is(err, convert.ErrNotEquivalent) {
				t.Errorf("%s: region %s (%s) passed with a nudged weight: %v", name, r.ID, r.Value, err)
			}
		}
	}
}

// For 16-bit types the stored weights are compared element by element.
func TestNudgedHalfWeight(t *testing.T) {
	res := convertModel(t, testCase{Name: "dyn_v1_f16"}.load(t))
	var weight *onnxio.Tensor
	for _, x := range res.Model.Graph().Inits() {
		if x.DType() == onnxio.Float16 && (weight == nil || x.Len() > weight.Len()) {
			weight = x
		}
	}
	v, err := weight.Float64s()
	if err != nil {
		t.Fatal(err)
	}
	exact := map[string]func() ([]float64, error){weight.Name(): func() ([]float64, error) { return v, nil }}
	if err := verify.CheckRounded(res.Model, exact); err != nil {
		t.Fatalf("the stored weight is not its own rounding: %v", err)
	}
	if err := verify.CheckRounded(nudgeWeight(res.Model, weight.Name()), exact); err == nil {
		t.Error("a nudged 16-bit weight was not noticed")
	}
}
