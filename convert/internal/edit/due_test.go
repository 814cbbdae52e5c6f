package edit

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"repmlp/convert/internal/layer"
	"repmlp/convert/internal/move"
	"repmlp/convert/internal/plan"
	"repmlp/convert/internal/rules"
	"repmlp/internal/sketch"
	"repmlp/onnxio"
	"repmlp/verify"
)

// Where scales and shifts moved, what is to be proved lies between values that both models
// have; it holds, and every region is part of it.
func TestDues(t *testing.T) {
	var text strings.Builder
	for _, c := range slices.Concat(sketch.Listed(t, "../move/testdata/graphs.txt"), sketch.Listed(t, "testdata/moved.txt")) {
		base := sketch.Graph(t, c.Text)
		p := plan.New(rules.Explain(base, nil, nil), plan.Options{})
		names := layer.NewWriter(base, nil)
		for _, across := range []bool{false, true} {
			moves, _ := move.Find(p, nil, across, names.Fresh)
			if len(moves) == 0 {
				continue
			}
			elsewhere := map[string]bool{}
			for _, m := range moves {
				for _, v := range m.Elsewhere {
					elsewhere[v] = true
				}
			}
			w, err := move.Write(base, moves, names.Fresh)
			if err != nil {
				t.Fatal(err)
			}
			moved, err := base.Model.Apply(w.Edit)
			if err != nil {
				t.Fatal(err)
			}
			g, err := base.Of(moved)
			if err != nil {
				t.Fatal(err)
			}
			next := plan.New(rules.Explain(g, nil, nil), plan.Options{})
			r, err := Write(next, Options{Elsewhere: elsewhere})
			if err != nil {
				t.Fatal(err)
			}
			after, err := moved.Apply(r.Edit)
			if err != nil {
				t.Fatal(err)
			}
			if err := after.Compute(context.Background()); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&text, "\n# %s: %v\n", c.Name, moves[0])
			told := map[*plan.Region]bool{}
			for _, due := range r.Due(next.Regions, base) {
				k := due.Claim
				fmt.Fprintf(&text, "%s: %v -> %s, the same %v, reach %v, %d roundings, rows %v\n", k.ID, k.Inputs, k.Output, k.Same, k.Reach, k.Roundings, k.Rows != nil)
				for _, name := range append(slices.Clone(k.Inputs), k.Output) {
					if base.Value(name) == nil || g.Value(name) == nil {
						t.Errorf("%s: %s claims something of %q, which only one model has", c.Name, k.ID, name)
					}
				}
				for _, region := range due.Regions {
					told[region] = true
				}
				k.Before, k.After = base.Model, after
				proof, err := (&verify.Prover{}).Prove(context.Background(), k)
				holds := err == nil && proof.Bound < 1
				farther, ok := r.Farther(due, base)
				if ok { // the merges may rest on that alone
					fmt.Fprintf(&text, "  holds %v, farther: %v -> %s\n", holds, farther.Inputs, farther.Output)
					farther.Before, farther.After = base.Model, after
					proof, err = (&verify.Prover{}).Prove(context.Background(), farther)
					holds = err == nil && proof.Bound < 1
				}
				if !holds {
					t.Errorf("%s: proving %s %q of %q (%d roundings): %+v, %v", c.Name, k.ID, k.Output, k.Inputs, k.Roundings, proof, err)
				}
			}
			for _, region := range next.Regions {
				if !told[region] {
					t.Errorf("%s: nothing is claimed of %s", c.Name, region.ID)
				}
			}
		}
	}
	sketch.Golden(t, "dues.txt", text.String())
}

// Weights of 16 bits, and shifts that moved, are compared with what they were rounded
// from.
func TestWeightsBeforeRounding(t *testing.T) {
	m := merge(t, "x : float16 N 4\na = Gemm(x, ?4x4)\ny = Gemm(a, ?4x4)", plan.Options{}, Options{})
	for _, init := range m.after.Graph().Inits() {
		if init.DType() == onnxio.Float16 && m.result.Exact[init.Name()] == nil {
			t.Errorf("%q is known as it was rounded only", init.Name())
		}
	}
	for dtype, want := range map[onnxio.DType]bool{onnxio.Float16: true, onnxio.Float32: false} {
		g := sketch.Graph(t, fmt.Sprintf("x : float32 N 4\na = Gemm(x, ?4x4)\nb = Gemm(a, ?4x4)\nc = Cast(b) to=%d\ns = Cast(?4) to=%d\nd = Relu(c)\ny = Add(d, s)", dtype, dtype))
		shift, err := onnxio.NewUnrounded("shift", dtype, []int64{4}, []float64{0.1, 0.2, 0.3, 0.4})
		if err != nil {
			t.Fatal(err)
		}
		model, err := g.Model.Apply(onnxio.Edit{AddInits: []*onnxio.Tensor{shift}})
		if err != nil {
			t.Fatal(err)
		}
		if g, err = g.Of(model); err != nil {
			t.Fatal(err)
		}
		r, err := Write(plan.New(rules.Explain(g, nil, nil), plan.Options{}), Options{})
		if err != nil {
			t.Fatal(err)
		}
		exact := r.Exact["shift"]
		if (exact != nil) != want {
			t.Errorf("a shift of type %v: %v, want %v", dtype, exact != nil, want)
		}
		if exact != nil {
			if v, err := exact(); err != nil || !slices.Equal(v, []float64{0.1, 0.2, 0.3, 0.4}) {
				t.Errorf("%v, %v", v, err)
			}
		}
	}
}

// Nodes that read weights of a merge say what they were merged from, in plain JSON; where
// none does, all nodes say it.
func TestNotes(t *testing.T) {
	notes := func(m merged) (told, silent []string) {
		for _, n := range m.after.Graph().Nodes() {
			if _, v, ok := strings.Cut(n.DocString(), MergedFrom+": "); ok { // of a format without metadata
				told = append(told, n.OpType()+" "+v)
			} else if list := n.Metadata(); len(list) == 1 && list[0].Key == MergedFrom {
				told = append(told, n.OpType()+" "+list[0].Value)
			} else {
				silent = append(silent, n.OpType())
			}
		}
		return told, silent
	}
	rows := "x : N 4 3\na = MatMul(x, ?3x3)\nb = Transpose(a) perm=0,2,1\nc = Reshape(b, #0_12)\ny = Gemm(c, ?12x2)"
	if told, _ := notes(merge(t, rows, plan.Options{}, Options{})); len(told) > 0 {
		t.Errorf("without being asked: %q", told)
	}
	for text, want := range map[string]string{
		rows: `["MatMul_a","Transpose_b","Reshape_c","Gemm_y"]`,
		"x : N 4 8 8\na = Conv(x, ?4x4x3x3)\ny = BatchNormalization(a, ?4, ?4, ?4, !4)": `["Conv_a","BatchNormalization_y"]`,
	} {
		told, silent := notes(merge(t, text, plan.Options{}, Options{Notes: true}))
		if len(told) != 1 || !strings.HasSuffix(told[0], " "+want) {
			t.Errorf("told %q, silent %q, want %s", told, silent, want)
		}
	}
	odd := func(*plan.Region) []string { return []string{"a<b>&c", "d"} }
	if told, _ := notes(merge(t, rows, plan.Options{}, Options{Notes: true, Origin: odd})); len(told) != 1 || !strings.HasSuffix(told[0], ` ["a<b>&c","d"]`) {
		t.Errorf("%q", told)
	}
	idle := "x : N 3 4 4\na = Mul(x, =1:3x1x1)\nb = Add(a, =0)\ny = Relu(b)"
	if told, silent := notes(merge(t, idle, plan.Options{}, Options{Notes: true})); !slices.Equal(told, []string{`Identity ["Mul_a","Add_b"]`}) || !slices.Equal(silent, []string{"Relu"}) {
		t.Errorf("told %q, silent %q", told, silent)
	}
}
