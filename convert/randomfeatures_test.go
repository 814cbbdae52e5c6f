package convert_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"repmlp/convert"
	"repmlp/onnxio"
)

// A tally counts the models that have a feature. A feature is "sort: what", read off the
// model, off what became of it, or named by its kind.
type tally map[string]int

func (c tally) add(lists ...[]string) {
	for _, f := range slices.Compact(slices.Sorted(slices.Values(slices.Concat(lists...)))) {
		c[f]++
	}
}

// String has a line for each sort.
func (c tally) String() string {
	sorts := map[string][]string{}
	for _, f := range slices.Sorted(maps.Keys(c)) {
		sort, what, _ := strings.Cut(f, ": ")
		sorts[sort] = append(sorts[sort], fmt.Sprintf("%s %d", what, c[f]))
	}
	var b strings.Builder
	for _, sort := range slices.Sorted(maps.Keys(sorts)) {
		fmt.Fprintf(&b, "  %s: %s\n", sort, strings.Join(sorts[sort], ", "))
	}
	return b.String()
}

// lacking lists the features that did not occur, of lists "sort: what, what".
func (c tally) lacking(lists []string) []string {
	var out []string
	for _, list := range lists {
		sort, all, _ := strings.Cut(list, ": ")
		for what := range strings.SplitSeq(all, ", ") {
			if f := sort + ": " + what; c[f] == 0 {
				out = append(out, f)
			}
		}
	}
	return out
}

// A feature that never occurs is told.
func TestMissingFeatureIsTold(t *testing.T) {
	c := tally{}
	c.add([]string{"layer: Conv", "join: Concat"}, []string{"layer: Conv"})
	if have := fmt.Sprint(c.lacking([]string{"layer: Conv, Einsum", "join: Concat", "rank: 4"})); have != "[layer: Einsum rank: 4]" {
		t.Error(have)
	}
	if have := c.String(); have != "  join: Concat 1\n  layer: Conv 1\n" {
		t.Error(have)
	}
	for _, k := range randomKinds {
		if len(k.shows) == 0 || k.broken != nil && len(k.breaks) == 0 {
			t.Errorf("%s says no feature that must occur", k.name)
		}
	}
}

// sortsOf says under which word an operator on data counts.
var sortsOf = func() map[string]string {
	out := map[string]string{}
	for sort, ops := range map[string]string{
		"layer":     "Conv ConvTranspose Gemm MatMul Einsum BatchNormalization",
		"norm":      "InstanceNormalization LayerNormalization GroupNormalization RMSNormalization",
		"join":      "Concat Sum Mean Max Min",
		"selection": "Split Slice Gather DepthToSpace SpaceToDepth",
		"passed":    "MaxPool AveragePool GlobalAveragePool GlobalMaxPool ReduceMean ReduceSum Resize Expand Tile Pad Neg",
		"view":      "Reshape Flatten Squeeze Unsqueeze Transpose Identity",
		"activated": "Relu Sigmoid Tanh LeakyRelu PRelu Clip Pow Softmax Dropout",
	} {
		for op := range strings.FieldsSeq(ops) {
			out[op] = sort
		}
	}
	return out
}()

// features reads off a model what it has.
func features(m *onnxio.Model) []string {
	g := m.Graph()
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	opset := int64(0)
	for _, o := range m.Opsets() {
		if o.Domain == "" {
			opset = o.Version
		}
	}
	say("opset: %d", opset)
	inits := map[string]*onnxio.Tensor{}
	constant := map[string]bool{"": true}
	for _, t := range g.Inits() {
		inits[t.Name()], constant[t.Name()] = t, true
	}
	sources := 0
	for _, x := range g.Inputs() {
		if constant[x.Name()] {
			continue
		}
		sources++
		say("type: %v", x.Elem())
		say("rank: %d", len(x.Dims()))
		sizes := "known"
		for i, d := range x.Dims() {
			if !d.Known && i == 0 {
				sizes = "named batch"
			} else if !d.Known {
				sizes = "named"
			}
		}
		say("sizes: %s", sizes)
	}
	if sources > 1 {
		say("sources: several")
	}
	if len(g.Outputs()) > 1 {
		say("outputs: several")
	}
	reads := map[string]int{}
	for _, n := range g.Nodes() {
		op, count := n.OpType(), 0
		for _, in := range n.Inputs() {
			if !constant[in] {
				count++
				reads[in]++
			}
		}
		if count == 0 {
			for _, o := range n.Outputs() {
				constant[o] = true
			}
			say("constant through: %s", op)
			continue
		}
		switch {
		case op == "Conv" || op == "ConvTranspose":
			w := inits[n.Inputs()[1]]
			group, kind := n.Int("group", 1), "dense"
			if group > 1 {
				kind = "grouped"
			}
			if w != nil {
				axes := len(w.Dims()) - 2
				if in := w.Dims()[1]; op == "Conv" && group > 1 && in == 1 {
					kind = "depthwise"
				}
				say("layer: %s %d-d", op, axes)
			}
			say("layer: %s %s", op, kind)
		case slices.Contains([]string{"Add", "Sub", "Mul", "Div", "Pow"}, op) && count < 2:
			say("constant beside: %s", op)
		case slices.Contains([]string{"Add", "Sub", "Mul", "Div"}, op):
			say("join: %s", op)
		case op == "Pad":
			say("passed: Pad %s", n.Str("mode", "constant"))
		case sortsOf[op] != "":
			say("%s: %s", sortsOf[op], op)
		}
		if op == "LeakyRelu" && n.Float("alpha", 0.01) == 1 || op == "Clip" && len(n.Inputs()) == 1 || op == "Dropout" {
			say("activated: identity %s", op)
		}
	}
	for _, k := range reads {
		if k > 1 {
			say("readers: several")
		}
	}
	return out
}

// outcomes reads off a conversion what became of the model.
func outcomes(res *convert.Result) []string {
	out := []string{"verdict: " + string(res.Verdict)}
	for _, r := range res.Plan.Regions {
		out = append(out, "merged into: "+r.Kind)
		if strings.Contains(r.Derivation, "moved") {
			out = append(out, "merged into: what moved")
		}
	}
	for _, d := range res.Plan.Declined {
		out = append(out, "declined: "+d.Code)
	}
	for _, l := range res.Plan.Left {
		out = append(out, "left: "+l.Code)
	}
	return out
}
