package convert

import (
	"fmt"
	"slices"
	"strings"
)

// A Family is a kind of re-parameterisation block whose branches become one
// conv. Blocks are recognised by structure, never by name.
type Family struct {
	Name      string
	Structure string // of the training form
	Becomes   string
	Formula   string
	Declined  string // what keeps such a block from merging, with the codes of reasons
	is        func(f *features) bool
}

// Families lists what is recognised, the most specific first.
func Families() []Family {
	const add = "W' = Σ sᵢ·place(Wᵢ), b' = Σ sᵢ·bᵢ + tᵢ; place puts the taps of a smaller kernel where they read"
	return []Family{
		{"RepMixer", "x + l∘(mixer(x) − BN(x)), mixer = depthwise convs, BN (FastViT)", "one depthwise conv",
			"W' = δ + l·(ΣWᵢ − s·δ), δ the identity kernel", "a live BatchNorm (`batch_statistics`)",
			func(f *features) bool { return f.minus && f.depthwise && f.bare > 0 }},
		{"DBB", "K×K, 1×1, 1×1 then K×K, 1×1 then average, each with BN (diverse branch block)", "one K×K conv",
			"series: W₂∗W₁; the inner BN's image of zero is the padding", "zero padding behind an inner BN (`bias_before_zero_padding`)",
			func(f *features) bool { return f.series && f.branches > 1 }},
		{"ACNet", "K×K, 1×K and K×1, each with BN", "one K×K conv", add, "strips cut at another place (`sampling_offset_differs`)",
			func(f *features) bool { return f.strips }},
		{"dilated re-parameterisation", "depthwise K×K beside smaller dilated kernels, each with BN (UniRepLKNet)", "one depthwise K×K conv with sparse taps",
			add, "a dilated kernel wider than K (`kernel_would_grow`)", func(f *features) bool { return f.dilated && f.depthwise && f.branches > 1 }},
		{"RepLKNet", "depthwise K×K beside a smaller depthwise kernel, each with BN, K ≥ 7", "one depthwise K×K conv", add, "–",
			func(f *features) bool { return f.depthwise && f.largest >= 7 && f.kernels > 1 && f.branches > 1 }},
		{"conditional positional encoding", "depthwise K×K(x) + x", "one depthwise K×K conv", "W' = W + δ", "–",
			func(f *features) bool {
				return f.depthwise && f.branches == 2 && f.bare == 1 && f.kernels == 1 && f.after == 0
			}},
		{"RepGhost", "depthwise K×K, BN, beside BN(x)", "one depthwise K×K conv", add, "an activation in a branch (`nonlinear_branch`)",
			func(f *features) bool { return f.depthwise && f.branches == 2 && f.scaledIdentity == 1 }},
		{"RepViT", "depthwise 3×3 and 1×1 and x, perhaps with BN after the sum", "one depthwise 3×3 conv", add, "–",
			func(f *features) bool { return f.depthwise && f.bare > 0 && f.ones > 0 }},
		{"MobileOne", "several convs of the same kernel, a 1×1 and BN(x)", "one conv", add, "the SE gate stays behind the sum",
			func(f *features) bool { return f.repeated }},
		{"constant-scale addition", "s₁∘K×K + s₂∘1×1 + s₃∘x, then BN (RepOpt)", "one K×K conv", add, "a scale along positions",
			func(f *features) bool { return f.scaled && f.after > 0 && f.branches > 1 }},
		{"QARepVGG", "K×K with BN, 1×1, x, then BN", "one K×K conv", add, "average pooling that does not count its padding (`border_dependent_pool`)",
			func(f *features) bool { return f.after > 0 && f.branches > 1 && f.ones > 0 && f.largest > 1 }},
		{"RepVGG", "K×K, 1×1 and BN(x), each with BN", "one K×K conv", add, "identity at a stride (no common kernel)",
			func(f *features) bool { return f.largest > 1 && f.ones > 0 && f.branches > 1 }},
		{"parallel convs", "convs of one map, added", "one conv", add, "more taps than before (`kernel_would_grow`)",
			func(f *features) bool { return f.branches > 1 }},
	}
}

// features are what families are told apart by.
type features struct {
	branches       int
	kernels        int // different kernel sizes above 1×1
	largest        int
	ones           int // branches that are a 1×1 conv
	bare           int // branches that are x itself
	scaledIdentity int // branches that only scale x
	after          int // BatchNorms behind the sum
	depthwise      bool
	dilated        bool
	series         bool // conv or pooling behind a 1×1 conv
	strips         bool
	repeated       bool // one kernel size above 1×1, or 1×1 alone, more than once
	scaled         bool // constants scale convs that have no BN
	minus          bool
	text           []string
}

// A limb is one path from the input of a region to its output.
type limb struct {
	convs []*step
	pools int
	norms int // between the convs and the sum
	muls  int
	coef  float64
}

// findFamilies recognises blocks that become one conv.
func (p *planner) findFamilies() {
	families := Families()
	for _, r := range p.plan.Regions {
		if r.Kind != "conv" || r.seg.count(sumStep) == 0 {
			continue
		}
		f := p.features(r)
		for _, fam := range families {
			if !fam.is(f) {
				continue
			}
			last := r.seg.steps[len(r.seg.steps)-1].node
			for _, s := range r.seg.steps {
				if s.kind == layerStep {
					last = s.node
					break
				}
			}
			becomes := fmt.Sprintf("one Conv %s %d -> %d", dimsText(r.touch.Taps), r.In, r.Out)
			if r.Groups > 1 {
				becomes += fmt.Sprintf(" in %d groups", r.Groups)
			}
			p.plan.Blocks = append(p.plan.Blocks, Block{Name: last.Title(), Kind: fam.Name, Detail: strings.Join(f.text, ", "), Becomes: becomes, Region: r.ID})
			break
		}
	}
}

func (p *planner) features(r *Region) *features {
	limbs, after := p.limbs(r)
	f := &features{branches: len(limbs), after: after, depthwise: r.Groups > 1 && r.Groups == r.In}
	sizes := map[string]int{}
	wide, tall, square := false, false, false
	for _, l := range limbs {
		f.minus = f.minus || l.coef < 0
		if len(l.convs) == 0 && l.pools == 0 {
			switch {
			case l.norms > 0:
				f.scaledIdentity++
				f.text = append(f.text, "identity with BatchNorm")
			case l.muls > 0:
				f.scaledIdentity++
				f.text = append(f.text, "scaled identity")
			default:
				f.bare++
				f.text = append(f.text, "identity")
			}
			continue
		}
		if len(l.convs)+l.pools > 1 {
			first, _ := constShape(l.convs[0].weights[0])
			f.series = f.series || slices.Max(first[2:]) == 1
		}
		var parts []string
		for _, s := range l.convs {
			shape, _ := constShape(s.weights[0])
			k := dimsText(shape[2:])
			if d := s.node.Ints("dilations"); slices.ContainsFunc(d, func(x int64) bool { return x > 1 }) && slices.Max(shape[2:]) > 1 {
				f.dilated = true
				k += fmt.Sprintf(" dilated %d", slices.Max(d))
			}
			parts = append(parts, k)
			if len(l.convs)+l.pools > 1 {
				continue
			}
			f.largest = max(f.largest, slices.Max(shape[2:]))
			if len(shape) == 4 {
				wide, tall = wide || shape[2] == 1 && shape[3] > 1, tall || shape[2] > 1 && shape[3] == 1
				square = square || shape[2] > 1 && shape[3] > 1
			}
			if slices.Max(shape[2:]) == 1 {
				f.ones++
			} else {
				f.kernels++
				if sizes[k] > 0 {
					f.kernels--
				}
			}
			sizes[k]++
			f.scaled = f.scaled || l.muls > 0 && l.norms == 0
		}
		for range l.pools {
			parts = append(parts, "average")
		}
		f.text = append(f.text, strings.Join(parts, " then "))
	}
	f.strips = wide && tall && square
	for k, n := range sizes {
		one := strings.Trim(k, "1×") == ""
		f.repeated = f.repeated || n > 1 && (!one || f.kernels == 0)
	}
	return f
}

// maxLimbs bounds the paths that are looked at.
const maxLimbs = 64

// limbs lists the paths through a region, and counts the BatchNorms behind its
// outermost sum.
func (p *planner) limbs(r *Region) (limbs []limb, after int) {
	at := map[any]*step{}
	for i, v := range r.seg.values {
		at[v] = r.seg.steps[i]
	}
	var walk func(v any, l limb)
	walk = func(v any, l limb) {
		if v == any(r.seg.from) || at[v] == nil {
			limbs = append(limbs, l)
			return
		}
		s := at[v]
		switch {
		case s.kind == sumStep:
			for i, a := range s.args {
				if len(limbs) >= maxLimbs {
					return
				}
				next := l
				next.convs = slices.Clone(l.convs)
				next.coef *= s.coef[i]
				walk(a, next)
			}
			return
		case s.kind == layerStep:
			l.convs = append([]*step{s}, l.convs...)
		case s.rule == "pool":
			l.pools++
		case s.rule == "batchnorm":
			l.norms++
		case s.kind == diagStep:
			l.muls++
		}
		walk(s.args[0], l)
	}
	v := r.seg.to
	for s := at[v]; s != nil && s.kind != sumStep && len(s.args) == 1; s = at[v] {
		if s.rule == "batchnorm" {
			after++
		}
		if s.kind == layerStep { // the sum is inside a series
			break
		}
		v = s.args[0]
	}
	walk(v, limb{coef: 1})
	return limbs, after
}

func dimsText[T int | int64](v []T) string {
	parts := make([]string, len(v))
	for i, d := range v {
		parts[i] = fmt.Sprint(d)
	}
	return strings.Join(parts, "×")
}

// FamiliesPage is docs/families.md.
func FamiliesPage() string {
	var b strings.Builder
	b.WriteString("# Families of blocks\n\nBlocks whose branches exist for training only and become one conv. `repmlp inspect` names them, by structure and never by\n" +
		"name; the most specific name wins. What merges does not depend on the name: any branches that are linear in one map, and\n" +
		"whose kernels fit one grid, are added up ([math.md](math.md)). RepMLP blocks become FC layers and stand in\n" +
		"[architecture.md](architecture.md). This page is made from the table that the code uses (`go test ./convert -run Families -update`).\n" +
		"Operator counts, latencies, and what other tools leave: [benchmarks/families.md](benchmarks/families.md).\n")
	for _, f := range Families() {
		fmt.Fprintf(&b, "\n## %s\n- training form: %s\n- becomes: %s\n- formula: %s\n- what keeps it: %s\n", f.Name, f.Structure, f.Becomes, f.Formula, f.Declined)
	}
	return b.String()
}
