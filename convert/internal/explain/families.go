package explain

import (
	"fmt"
	"slices"
	"strings"

	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/layer"
	"repmlp/convert/internal/plan"
	"repmlp/onnxio/graph"
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
			func(f *features) bool { return f.after > 0 && f.largest > 1 && f.ones > 0 }},
		{"RepVGG", "K×K, 1×1 and BN(x), each with BN", "one K×K conv", add, "identity at a stride (no common kernel)",
			func(f *features) bool { return f.largest > 1 && f.ones > 0 }},
		{"parallel transposed convs", "transposed convs of one map with one stride, added, with BN in or behind the branches", "one transposed conv",
			"W'[c,o,·] = Σ sᵢ[o]·place(Wᵢ[c,o,·]), b' = Σ sᵢ·bᵢ + tᵢ; place by pads and output_padding", "strides that differ (`sampling_offset_differs`), a BN before one (`bias_before_zero_padding`)",
			func(f *features) bool { return f.spread && f.branches > 1 }},
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
	spread         bool // some are transposed; then sizes say nothing about the family
	text           []string
}

// A limb is one path from the input of a region to its output.
type limb struct {
	convs []*affine.Affine
	pools int
	norms int // between the convs and the sum
	muls  int
	coef  float64
}

// familyBlocks recognises blocks that become one conv.
func familyBlocks(p *plan.Plan) []Block {
	families := Families()
	var blocks []Block
	for _, r := range p.Regions {
		op, taps := "Conv", []int(nil)
		switch l := r.Layer.(type) {
		case *layer.Conv:
			taps = l.Touch.Taps
		case *layer.ConvTranspose:
			op, taps = "ConvTranspose", l.Touch.Taps
		}
		if taps == nil || r.Segment.Count(affine.IsSum) == 0 {
			continue
		}
		f := featuresOf(r)
		for _, fam := range families {
			if !fam.is(f) {
				continue
			}
			shape := r.Layer.Shape()
			becomes := fmt.Sprintf("one %s %s %d -> %d%s", op, affine.Cross(taps), shape.In, shape.Out, inGroups(shape.Groups))
			blocks = append(blocks, Block{Name: firstLayer(r.Segment).Title(), Kind: fam.Name, Detail: strings.Join(f.text, ", "), Becomes: becomes, Region: r.ID})
			break
		}
	}
	return blocks
}

// firstLayer is the node of the first layer of a segment, the last node where there
// is none.
func firstLayer(s *affine.Segment) *graph.Node {
	for _, a := range s.Steps {
		if affine.IsLayer(a.Op) {
			return a.Node()
		}
	}
	return s.Last().Node()
}

func featuresOf(r *plan.Region) *features {
	limbs, after := limbsOf(r.Segment)
	shape := r.Layer.Shape()
	if r.Segment.Count(affine.IsTransposed) > 0 {
		return spreadFeatures(limbs)
	}
	f := &features{branches: len(limbs), after: after, depthwise: shape.Groups > 1 && shape.Groups == shape.In}
	seen := kernels{sizes: map[string]int{}}
	for _, l := range limbs {
		f.minus = f.minus || l.coef < 0
		if len(l.convs) == 0 && l.pools == 0 {
			f.identity(l)
			continue
		}
		f.layered(l, &seen)
	}
	f.strips = seen.wide && seen.tall && seen.square
	for k, n := range seen.sizes {
		one := strings.Trim(k, "1×") == ""
		f.repeated = f.repeated || n > 1 && (!one || f.kernels == 0)
	}
	return f
}

// spreadFeatures are those of branches with transposed convs.
func spreadFeatures(limbs []limb) *features {
	f := &features{branches: len(limbs), spread: true}
	for _, l := range limbs {
		var parts []string
		for _, a := range l.convs {
			parts = append(parts, a.Op.String())
		}
		if len(parts) == 0 {
			parts = []string{"no layer"}
		}
		f.text = append(f.text, strings.Join(parts, " then "))
	}
	return f
}

// identity takes in a branch without a layer.
func (f *features) identity(l limb) {
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
}

// kernels are those of the branches so far.
type kernels struct {
	sizes              map[string]int
	wide, tall, square bool
}

// pointwise reports whether a layer reads one position of a map at a time.
func pointwise(op affine.Op) bool {
	conv, ok := op.(*affine.Conv)
	return !ok || conv.Pointwise()
}

// dilation is the largest one of a layer.
func dilation(op affine.Op) int64 {
	if conv, ok := op.(*affine.Conv); ok {
		return slices.Max(conv.Win.Dilation)
	}
	return 1
}

// layered takes in a branch with layers.
func (f *features) layered(l limb, seen *kernels) {
	series := len(l.convs)+l.pools > 1
	if series && len(l.convs) > 0 {
		f.series = f.series || pointwise(l.convs[0].Op)
	}
	var parts []string
	for _, a := range l.convs {
		taps := []int{1, 1} // of a matrix over channels
		if conv, ok := a.Op.(*affine.Conv); ok {
			taps = conv.Shape[2:]
		}
		k := affine.Cross(taps)
		if d := dilation(a.Op); d > 1 && !pointwise(a.Op) {
			f.dilated = true
			k += fmt.Sprintf(" dilated %d", d)
		}
		parts = append(parts, k)
		if series {
			continue
		}
		f.largest = max(f.largest, slices.Max(taps))
		if len(taps) == 2 {
			seen.wide, seen.tall = seen.wide || taps[0] == 1 && taps[1] > 1, seen.tall || taps[0] > 1 && taps[1] == 1
			seen.square = seen.square || taps[0] > 1 && taps[1] > 1
		}
		if pointwise(a.Op) {
			f.ones++
		} else if seen.sizes[k] == 0 {
			f.kernels++
		}
		seen.sizes[k]++
		f.scaled = f.scaled || l.muls > 0 && l.norms == 0
	}
	for range l.pools {
		parts = append(parts, "average")
	}
	f.text = append(f.text, strings.Join(parts, " then "))
}

// maxLimbs bounds the paths that are looked at.
const maxLimbs = 64

// limbsOf lists the paths through a segment, and counts the BatchNorms behind its
// outermost sum.
func limbsOf(s *affine.Segment) (limbs []limb, after int) {
	at := map[*graph.Value]*affine.Affine{}
	for _, a := range s.Steps {
		at[a.Out] = a
	}
	var walk func(v *graph.Value, l limb)
	walk = func(v *graph.Value, l limb) {
		for {
			a := at[v]
			if v == s.From || a == nil {
				limbs = append(limbs, l)
				return
			}
			if sum, ok := a.Op.(*affine.Sum); ok {
				for i, x := range a.Args {
					if len(limbs) >= maxLimbs {
						return
					}
					next := l
					next.convs = slices.Clone(l.convs)
					next.coef *= sum.Coef[i]
					walk(x, next)
				}
				return
			}
			l.pass(a)
			v = a.Args[0]
		}
	}
	v := s.To
	for a := at[v]; a != nil && !affine.IsSum(a.Op) && len(a.Args) == 1; a = at[v] {
		if affine.IsNorm(a.Op) {
			after++
		}
		if affine.IsLayer(a.Op) { // the sum is inside a series
			break
		}
		v = a.Args[0]
	}
	walk(v, limb{coef: 1})
	return limbs, after
}

// pass notes a step of the path.
func (l *limb) pass(a *affine.Affine) {
	switch {
	case affine.IsLayer(a.Op):
		l.convs = append([]*affine.Affine{a}, l.convs...)
	case affine.IsPool(a.Op):
		l.pools++
	case affine.IsNorm(a.Op):
		l.norms++
	case affine.IsScale(a.Op) && a.Op.(*affine.Diagonal).Scales():
		l.muls++
	}
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
	b.WriteString(kindredPage())
	return b.String()
}
