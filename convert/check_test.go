package convert

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"repmlp/onnxio"
	"repmlp/verify"
)

// foreign is a model with one node of another domain.
func foreign(t *testing.T, domain, op string) *onnxio.Model {
	t.Helper()
	m, err := onnxio.NewModel(onnxio.Parts{
		Inputs:  []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, onnxio.Known(4))},
		Outputs: []*onnxio.ValueInfo{onnxio.NewValue("y", onnxio.Float32, onnxio.Known(4))},
		Nodes:   []*onnxio.Node{onnxio.NewNode(domain, op, []string{"x"}, []string{"y"})},
	})
	if err != nil {
		t.Fatal(err)
	}
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	// The name of a node, field 3, becomes its domain, field 7.
	name := append([]byte{3<<3 | 2, byte(len(domain))}, domain...)
	if bytes.Count(b, name) != 1 {
		t.Fatal("the name of the node is not there once")
	}
	m, err = onnxio.Parse(bytes.Replace(b, name, append([]byte{7<<3 | 2}, name[1:]...), 1), "")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Operators of other domains are told with these.
func TestForeignOperators(t *testing.T) {
	m := foreign(t, "com.acme", "Relu")
	if ops := countOps(m); ops["com.acme.Relu"] != 1 || len(ops) != 1 {
		t.Errorf("%v", ops)
	}
	nodes := m.Graph().Nodes()
	if have := told(t, describeNodes(nodes)); !strings.Contains(have, "'op':'com.acme.Relu'") {
		t.Error(have)
	}
	if have := oneNode(nodes[0]); have.Operator != "com.acme.Relu" {
		t.Errorf("%+v", have)
	}
}

// Every way in which a comparison shows less than it seems to has its word, and nothing else
// has one.
func TestWeaknessesAreTold(t *testing.T) {
	fine := verify.OutputDifference{Name: "y", Finite: true, Elements: 8, Compared: 8}
	with := func(change func(*verify.OutputDifference)) *verify.Comparison {
		o := fine
		change(&o)
		return &verify.Comparison{Outputs: []verify.OutputDifference{fine, o}}
	}
	one := []verify.OutputDifference{fine}
	for _, c := range []struct {
		c    *verify.Comparison
		want string
	}{
		{&verify.Comparison{Outputs: one, NoiseFloor: verify.TellingNoise}, ""},
		{&verify.Comparison{Outputs: one, NoiseFloor: 2 * verify.TellingNoise}, "noisy_model: rounding alone"},
		{&verify.Comparison{Outputs: one, Paired: []string{"a and b"}, Notes: []string{"N is 3"}}, "paired: a and b|declared_sizes: N is 3"},
		{&verify.Comparison{}, "empty_output: the models have no outputs"},
		{&verify.Comparison{Outputs: one, Unread: []string{"1", "2", "3", "4", "5"}}, `unread_input: nothing was taken from ["1" "2" "3" "4" "5"]`},
		{&verify.Comparison{Outputs: one, Unread: []string{"1", "2", "3", "4", "5", "6", "7"}}, `unread_input: nothing was taken from ["1" "2" "3" "4" "5"] and 2 more`},
		{with(func(o *verify.OutputDifference) { o.Finite = false; o.NotFinite = 8 }), `not_finite: output "y" of the original holds no finite number`},
		{with(func(o *verify.OutputDifference) { o.NotFinite = 1 }), `not_finite: 1 of 8 elements of output "y" are NaN or infinite`},
		{with(func(o *verify.OutputDifference) { o.Left = 1 }), `noisy_output: 1 of 8 elements of output "y" were not compared`},
		{with(func(o *verify.OutputDifference) { o.Left = 7 }), `noisy_output: 7 of 8 elements`},
		{with(func(o *verify.OutputDifference) { o.Left = 8 }), `noisy_output: output "y" of the original itself changes everywhere`},
		{with(func(o *verify.OutputDifference) { o.Left = 9 }), `noisy_output: output "y" of the original itself changes everywhere`},
		{with(func(o *verify.OutputDifference) { o.Elements = 0 }), `empty_output: output "y" held no element`},
	} {
		notes := weakness(c.c, verify.CompareOptions{})
		wants := strings.Split(c.want, "|")
		if c.want == "" {
			wants = nil
		}
		ok := len(notes) == len(wants)
		for i := range min(len(notes), len(wants)) {
			ok = ok && strings.HasPrefix(notes[i].Code+": "+notes[i].Message, wants[i])
		}
		if !ok {
			t.Errorf("%+v, want %q", notes, wants)
		}
		if n := c.c.Unread; len(n) == 5 && strings.Contains(notes[0].Message, "more") {
			t.Errorf("%+v", notes)
		}
	}
	if notes := weakness(&verify.Comparison{Outputs: one, NoiseFloor: 1}, verify.CompareOptions{Fixed: true}); len(notes) > 0 {
		t.Errorf("with a tolerance that was asked for: %+v", notes)
	}
}

// The first output that failed is told, in the words of what differs; expected outputs come
// first, stress inputs last.
func TestWorstOutputIsTold(t *testing.T) {
	failed := verify.OutputDifference{Name: "y", MaxAbs: 0.25, MaxRel: 0.125, Worst: []int{3}, Values: [2]float64{1, 1.25}, RTol: 1e-3, Shape: []int{4}}
	with := func(change func(*verify.OutputDifference)) []verify.OutputDifference {
		o := failed
		change(&o)
		return []verify.OutputDifference{{Name: "fine", Passed: true}, o, {Name: "later"}}
	}
	inf := math.Inf(1)
	for _, c := range []struct {
		c    verify.Comparison
		want string
	}{
		{verify.Comparison{Outputs: with(func(o *verify.OutputDifference) {})}, `output "y" differs by 0.25 at [3] (relative to its largest value 0.125, allowed 0.001)`},
		{verify.Comparison{Outputs: with(func(o *verify.OutputDifference) { o.Passed = true })}, `output "later" differs by 0 at [] (relative to its largest value 0, allowed 0)`},
		{verify.Comparison{Outputs: with(func(o *verify.OutputDifference) { o.Other = []int{2} })}, `output "y": its shape is [4] in the reference and [2] in the candidate`},
		{verify.Comparison{Outputs: with(func(o *verify.OutputDifference) { o.Opposed, o.Values[0] = 2, inf })}, `output "y": 2 elements are NaN or infinite in one of them alone, or infinite with opposite signs; at [3] it is +Inf in the reference and 1.25 in the candidate`},
		{verify.Comparison{Outputs: with(func(o *verify.OutputDifference) {}), Expected: with(func(o *verify.OutputDifference) { o.Of = "candidate" })}, `output "y" differs by 0.25 at [3] (relative to its largest value 0.125, allowed 0.001)`},
		{verify.Comparison{Outputs: []verify.OutputDifference{{Passed: true}}, Expected: with(func(o *verify.OutputDifference) { o.Of = "candidate" })}, `output "y" of the candidate against the expected outputs differs by 0.25 at [3] (1.25 instead of 1)`},
		{verify.Comparison{Expected: with(func(o *verify.OutputDifference) { o.Of, o.Other = "reference", []int{2} })}, `output "y" of the reference against the expected outputs: its shape is [4] in the expected outputs and [2] in the reference`},
		{verify.Comparison{Stress: []verify.StressRun{{Name: "a"}, {Name: "b", Says: "large"}}}, ""},
		{verify.Comparison{Outputs: []verify.OutputDifference{{Passed: true}}}, ""},
	} {
		if have := worstOutput(&c.c); have != c.want {
			t.Errorf("%s, want %s", have, c.want)
		}
	}
	for _, c := range []struct {
		atol, rtol float64
		want       string
	}{{0, 0.5, "0.5"}, {0.25, 0, "0.25 absolute"}, {0.25, 0.5, "0.25 absolute and 0.5 of the largest value"}} {
		o, all := CheckOutput{ATol: Number(c.atol), RTol: Number(c.rtol)}, Check{ATol: Number(c.atol), RTol: Number(c.rtol)}
		if o.Allowance() != c.want || all.Allowance() != c.want {
			t.Errorf("%q and %q, want %q", o.Allowance(), all.Allowance(), c.want)
		}
	}
	if e := vacuous(&verify.Comparison{Shown: true}); e != nil {
		t.Error(e)
	}
	for want, c := range map[string]*verify.Comparison{
		"nothing was compared in some outputs: a; b":                       {Shown: true, Vacuous: []string{"a", "b"}},
		"nothing was compared: all outputs of the reference itself change": {},
	} {
		hint, ok := errors.AsType[*onnxio.Hint](vacuous(c))
		if !ok || !strings.HasPrefix(hint.Error(), want) || !strings.Contains(hint.Advice, "--inputs") {
			t.Errorf("%v, want %s", hint, want)
		}
	}
}

// All that a comparison found stands in the report, and what was not measured is absent.
func TestCheckHoldsTheComparison(t *testing.T) {
	d := verify.OutputDifference{Name: "y", Of: "candidate", Shape: []int{2, 3}, MaxAbs: 1, MaxRel: 2, Worst: []int{1, 2}, Values: [2]float64{3, 4}, WorstRun: 5, WorstFrom: "f.npy",
		Elements: 6, NotFinite: 7, Opposed: 8, Left: 9, Passed: true, Is: verify.Rounding, Explained: true, Limit: 10, Ratio: 11, RTol: 12, ATol: 13, Rule: "so",
		Noise: 14, OwnNoise: 15, Compared: 16, Equal: 17, Mean: 18, P99: 19, RMS: 20, Cosine: 0.5, Histogram: []verify.Bin{{From: 1, To: 2, Count: 3}}, NaN: [2]int64{0, 21}, Infinite: [2]int64{22, 0}}
	full := "{'name':'y','shape':[2,3],'max_abs':1,'max_rel':2,'worst_index':[1,2],'worst_values':[3,4],'worst_run':5,'worst_from':'f.npy','of':'candidate'," +
		"'elements':6,'not_finite':7,'opposed':8,'not_compared':9,'passed':true,'is':'rounding','explained':true,'limit':10,'limit_ratio':11,'rtol':12,'atol':13,'rule':'so'," +
		"'noise_floor':14,'candidate_noise':15,'compared':16,'equal':17,'mean_abs':18,'p99_abs':19,'rms':20,'cosine':0.5,'histogram':[{'from':1,'to':2,'count':3}],'nan':[0,21],'infinite':[22,0]}"
	bare := verify.OutputDifference{Name: "z", Shape: []int{0}, Is: verify.NotCompared, Mean: math.NaN(), P99: math.NaN(), RMS: math.NaN(), Cosine: math.NaN()}
	empty := "{'name':'z','shape':[0],'max_abs':0,'max_rel':0,'worst_run':0,'elements':0,'passed':false,'is':'not_compared','explained':false,'limit':0,'limit_ratio':0,'rtol':0,'atol':0,'rule':''," +
		"'noise_floor':0,'compared':0,'equal':0}"
	c := &verify.Comparison{Passed: true, Runs: 2, Samples: 3, RTol: 4, ATol: 5, NoiseFloor: 6, Rule: "rule", Outputs: []verify.OutputDifference{d, bare}, Expected: []verify.OutputDifference{d},
		Stress: []verify.StressRun{{Name: "large", Says: "much", Passed: true, Outputs: []verify.OutputDifference{bare}}},
		Scores: []verify.ScoreAgreement{{Output: "y", Classes: 4, Rows: 7, Top1: 6, Top5: -1}, {Output: "w", Classes: 9, Rows: 7, Top1: 6, Top5: 0, Labels: 5, RefTop1: 1, RefTop5: 2, CandTop1: 3, CandTop5: 4},
			{Output: "v", Classes: 4, Rows: 7, Top1: 6, Top5: -1, Labels: 1, RefTop1: 1, RefTop5: -1, CandTop5: -1}}}
	want := fmt.Sprintf("{'engine':'go','seed':8,'runs':2,'samples':3,'inputs':['i.npz'],'rtol':4,'atol':5,'rule':'rule','passed':true,'noise_floor':6,'outputs':[%s,%s],'expected':[%s],"+
		"'stress':[{'name':'large','says':'much','passed':true,'outputs':[%s]}],'scores':[{'name':'y','classes':4,'rows':7,'top1_agree':6},"+
		"{'name':'w','classes':9,'rows':7,'top1_agree':6,'top5_agree':0,'labels':{'rows':5,'reference':{'top1':1,'top5':2},'candidate':{'top1':3,'top5':4}}},"+
		"{'name':'v','classes':4,'rows':7,'top1_agree':6,'labels':{'rows':1,'reference':{'top1':1},'candidate':{'top1':0}}}]}", full, empty, full, empty)
	if have := told(t, describeCheck(c, "go", verify.CompareOptions{Seed: 8, Inputs: []string{"i.npz"}})); have != want {
		t.Errorf("%s, want\n%s", have, want)
	}
}

// What is said of a file that could not be read is its path; sizes and numbers print as they
// are.
func TestFacts(t *testing.T) {
	if have := told(t, &FileFacts{Path: "a", Bytes: 7}); have != "{'path':'a'}" {
		t.Error(have)
	}
	if have := told(t, &FileFacts{Path: "a", Bytes: 7, Opset: map[string]int64{"": 13}}); have != "{'path':'a','bytes':7,'opset':{'':13},'nodes':0,'parameters':0}" {
		t.Error(have)
	}
	for s, want := range map[Size]string{{Value: 3, Known: true}: "3", {Name: "N"}: "N", {}: "?", {Known: true}: "0"} {
		if s.String() != want {
			t.Errorf("%q, want %q", s, want)
		}
	}
	m := loadedModel(t, drawn(t, "x : N 4\na = Conv(x, ?2x3x1x1)\ny = Add(a, ?4)"))
	if f := factsOf(m); f.Parameters != 10 || f.Nodes != 2 || f.Opset[""] != 17 || len(f.Inputs) != 1 || len(f.Outputs) != 1 {
		t.Errorf("%+v", f)
	}
}
