package convert_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"repmlp/convert"
	"repmlp/onnxio"
)

// selected converts with a selection, proves and runs all of it, and lists the merges that
// were made and those that were left out.
func selected(t *testing.T, m *onnxio.Model, o convert.Options) (made, skipped []string, r *convert.Report) {
	t.Helper()
	_, r, err := convert.Model(context.Background(), m, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range r.Regions {
		made = append(made, g.ID)
	}
	for _, d := range r.Declined {
		if d.Code == "skipped" {
			id, _, _ := strings.Cut(strings.TrimPrefix(d.Message, "merge "), " ")
			skipped = append(skipped, id)
		}
	}
	return made, skipped, r
}

// Each merge can be left out, and made alone, and has one name in all runs.
func TestSkipEachMerge(t *testing.T) {
	for _, name := range []string{"v1_preserve_13", "kin_mobileone_timm_net_13", "kin_concat_13", "dyn_bottleneck", "kin_fcbn_mlp_13"} {
		m := testCase{Name: name}.load(t)
		all, none, r := selected(t, m, convert.Options{})
		if len(all) < 2 || len(none) > 0 {
			t.Errorf("%s: made %v, left out %v", name, all, none)
		}
		for _, region := range r.Regions {
			made, skipped, r := selected(t, m, convert.Options{Skip: []string{region.ID}})
			if !slices.Equal(skipped, []string{region.ID}) || slices.Contains(made, region.ID) || len(made) != len(all)-1 || r.Verdict != convert.Partial {
				t.Errorf("%s without %s: made %v, left out %v, %s", name, region.ID, made, skipped, r.Verdict)
			}
			made, skipped, _ = selected(t, m, convert.Options{Only: []string{region.ID}})
			if !slices.Equal(made, []string{region.ID}) || len(skipped) != len(all)-1 {
				t.Errorf("%s with %s alone: made %v, left out %v", name, region.ID, made, skipped)
			}
		}
		made, skipped, r := selected(t, m, convert.Options{Skip: all})
		if len(made) > 0 || !slices.Equal(skipped, all) || r.Verdict != convert.Declined || !r.Output.Identical {
			t.Errorf("%s without any: made %v, left out %v, %s", name, made, skipped, r.Verdict)
		}
	}
}

// What a merge is chosen by: its ID, or a pattern for one of its nodes.
func TestPatterns(t *testing.T) {
	m := testCase{Name: "kin_mobileone_timm_net_13"}.load(t)
	for _, c := range []struct {
		only, skip string
		want       string
	}{
		{"/0/conv_scale/conv/Conv", "", "r1"}, {"/0/*/*/Conv", "", "r1"}, {"**/Conv", "", "r1 r2 r3 r4"}, {"/[02]/**", "", "r1 r3"}, {"**", "r3", "r1 r2 r4"},
		{"", "/?/conv_scale/conv/*", "r2 r4"}, {"r1 r2", "/0/**", "r2"}, {"/**/2/conv_scale/**", "", "r3"},
	} {
		made, _, _ := selected(t, m, convert.Options{Only: strings.Fields(c.only), Skip: strings.Fields(c.skip)})
		if got := strings.Join(made, " "); got != c.want {
			t.Errorf("only %q, skip %q: made %s, want %s", c.only, c.skip, got, c.want)
		}
	}
	for pattern, want := range map[string]string{"r9": "no merge has this ID", "q*": "no merge has this ID", "*": "no merge has this ID", "b1.r1": "no merge has this ID", "/*/conv_scale": "no merge", "[a": "not well-formed", "": "is empty", `a/\`: "not well-formed"} {
		for _, o := range []convert.Options{{Skip: []string{pattern}}, {Only: []string{"r1", pattern}}} {
			_, r, err := convert.Model(context.Background(), m, o)
			if err == nil || !strings.Contains(err.Error(), want) || r.Verdict != convert.Failed {
				t.Errorf("%q: %v", pattern, err)
			}
			if _, err = convert.Inspect(context.Background(), m, o); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("inspecting with %q: %v", pattern, err)
			}
		}
	}
	relu := near(t, onnxio.Float32, func(b *graphBuilder) string {
		return b.op("Relu", []string{b.norm(b.conv("x", 4, 4, 3, 1), 4)})
	})
	title := relu.Graph().Nodes()[len(relu.Graph().Nodes())-1].Title()
	if _, _, err := convert.Model(context.Background(), relu, convert.Options{Skip: []string{strings.ReplaceAll(title, ">", "?")}}); err == nil || !strings.Contains(err.Error(), "part of no merge") {
		t.Errorf("%q: %v", title, err)
	}
}

// A merge that is left out is no success of --strict.
func TestSkippedIsNotStrict(t *testing.T) {
	m := testCase{Name: "v1_preserve_13"}.load(t)
	if _, _, err := convert.Model(context.Background(), m, convert.Options{Strict: true}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := convert.Model(context.Background(), m, convert.Options{Strict: true, Skip: []string{"r1"}}); !errors.Is(err, convert.ErrStrict) || !strings.Contains(err.Error(), "skipped") {
		t.Errorf("%v", err)
	}
}

// IDs do not depend on what numbers forbid: a merge that goes back leaves its number.
func TestIDsStay(t *testing.T) {
	m := near(t, onnxio.Float32, func(b *graphBuilder) string {
		x := "x"
		for i := range 3 {
			x = b.norm(b.conv(x, 4, 4, 3, 1), 4)
			if i == 0 {
				b.inits[0] = nonFinite(t, b.inits[0])
			}
			x = b.op("Relu", []string{x})
		}
		return x
	})
	o := convert.Options{NoCheck: true}
	if all, _, _ := selected(t, m, o); !slices.Equal(all, []string{"r2", "r3"}) {
		t.Fatalf("made %v", all)
	}
	o.Skip = []string{"r2"}
	if made, skipped, _ := selected(t, m, o); !slices.Equal(made, []string{"r3"}) || !slices.Equal(skipped, []string{"r2"}) {
		t.Errorf("made %v, left out %v", made, skipped)
	}
}

// nonFinite is a tensor with an infinity in it.
func nonFinite(t *testing.T, x *onnxio.Tensor) *onnxio.Tensor {
	v, err := x.Float64s()
	if err != nil {
		t.Fatal(err)
	}
	v = slices.Clone(v)
	v[0] = math.Inf(1)
	b, err := onnxio.EncodeFloat64(v, x.DType())
	if err != nil {
		t.Fatal(err)
	}
	out, err := onnxio.NewTensor(x.Name(), x.DType(), x.Dims(), b)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// A norm behind a join goes into the layers of all parts, or stays where it is.
func TestSkipWhereScalesMove(t *testing.T) {
	m := near(t, onnxio.Float32, func(b *graphBuilder) string {
		a := b.op("Relu", []string{b.norm(b.conv("x", 4, 4, 3, 1), 4)})
		y := b.op("Concat", []string{b.conv(a, 4, 4, 3, 1), b.conv(a, 4, 4, 1, 0)}, onnxio.IntAttr("axis", 1))
		return b.norm(y, 8)
	})
	all, _, r := selected(t, m, convert.Options{})
	if len(all) != 3 || r.Verdict != convert.Fused {
		t.Fatalf("made %v, %s", all, r.Verdict)
	}
	for _, id := range all[1:] {
		made, skipped, r := selected(t, m, convert.Options{Skip: []string{id}})
		if !slices.Equal(made, all[:1]) || !slices.Contains(skipped, id) || r.Ops.After["BatchNormalization"] != 1 || r.Ops.After["Mul"]+r.Ops.After["Add"] > 0 {
			t.Errorf("without %s: made %v, left out %v, %v", id, made, skipped, r.Ops.After)
		}
	}
}

// Merges in bodies have names of their own, which stay when others are left out.
func TestSkipInBodies(t *testing.T) {
	m := branchModel(t)
	made, _, _ := selected(t, m, convert.Options{})
	if !slices.Equal(made, []string{"b1.r1"}) {
		t.Fatalf("made %v", made)
	}
	made, skipped, r := selected(t, m, convert.Options{Skip: made})
	if len(made) > 0 || !slices.Equal(skipped, []string{"b1.r1"}) || r.Verdict != convert.Declined {
		t.Errorf("made %v, left out %v, %s", made, skipped, r.Verdict)
	}
}
