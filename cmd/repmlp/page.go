package main

import (
	"cmp"
	"fmt"
	"html/template"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"repmlp/convert"
)

// A page is a report as the HTML page shows it: everything in words, names escaped.
type page struct {
	*convert.Report
	frame
	Tone, Headline, Proof string
	Was                   string // merged, in words
	Cards                 []pageCard
	Bars                  []pageBar
	OpChanges             []pageOp
	Counted               string
	Timings               *pageTimings
	Contrast              string // how two models differ
	Kinds                 []pageKind
	Stays                 []pageReason
	Outputs, Expected     []pageOutput
	Stress                []pageStress
	Where                 []string
	Proofs                []pageRow
	ProofSummary          string
	CommandLine           string
	Facts                 []pageFact
	Ramp                  template.HTML
	Searchable            bool
}

// The tones of what a reader should feel.
const (
	toneGood = "ok"
	toneFair = "warn"
	toneBad  = "bad"
)

type (
	pageCard struct {
		Label, Value, Tone string
		Lines              []string
	}
	pageBar struct {
		What, Change, Before, After, ExactBefore, ExactAfter string
		Old, New                                             float64 // percent
	}
	pageOp struct {
		Op            string
		Before, After int
	}
	pageReason struct {
		Code, Tone, When, Advice string
		Count                    int
		Open                     bool
		Rows                     []pageWhy
	}
	pageWhy  struct{ Node, Why string }
	pageFact struct {
		Key, Value string
		Code       bool
	}
	// A pageRow is one merge.
	pageRow struct {
		ID, Value, Block, Layer, Parameters, Work, Proved, Ratio, MaxAbs, Derivation string
		Nodes                                                                        int
		worst                                                                        float64
	}
)

// pageOf makes the page of a report.
func pageOf(r *convert.Report) *page {
	p := &page{Report: r, frame: newFrame(), Was: "was"}
	if r.Command == "inspect" {
		p.Was = "would be"
	}
	p.head()
	p.glance()
	p.kinds()
	p.stays()
	p.proofs()
	if r.Check != nil {
		p.outputs()
	}
	p.Where = whereOf(r)
	if r.Timings != nil {
		p.Timings = timingsOf(r.Timings)
	}
	p.again()
	if r.Difference != nil {
		p.Contrast = differenceText(r)
	} else {
		p.cards()
	}
	p.Ramp = ramp()
	p.Searchable = len(p.Kinds)+len(p.Stays)+len(p.Outputs) > 0
	return p
}

// head says what came of it.
func (p *page) head() {
	r := p.Report
	headline := map[string][2]string{
		convert.Fused:          {"Merged and proved", toneGood},
		convert.Partial:        {"Merged and proved, but for some places", toneGood},
		convert.Declined:       {"Nothing could be merged", toneFair},
		convert.Unchanged:      {"Nothing is left to merge", ""},
		convert.Failed:         {"Failed", toneBad},
		convert.NotEquivalent:  {"Not equivalent", toneBad},
		convert.Equivalent:     {"Equivalent", toneGood},
		convert.Proved:         {"Proved for all inputs", toneGood},
		convert.Compared:       {"Proved in part, compared on samples in part", toneFair},
		convert.Same:           {"The same", toneGood},
		convert.Different:      {"Different", toneFair},
		convert.WouldFuse:      {"Everything would merge", toneGood},
		convert.WouldBePartial: {"Most would merge", toneGood},
	}[r.Verdict]
	p.Headline, p.Tone = headline[0], headline[1]
	if p.Headline == "" {
		p.Headline = upperFirst(said(r.Verdict))
	}
	switch {
	case refused(r):
		p.Headline, p.Tone = "Refused by --strict", toneBad
	case r.Verdict == convert.Partial && len(r.Regions) > 0:
		p.Headline = fmt.Sprintf("Merged and proved, %s left", plural(p.places(), "place"))
	case r.Verdict == convert.WouldBePartial:
		p.Headline = fmt.Sprintf("Would merge, %s left", plural(p.places(), "place"))
	}
	p.Proof = p.sentence()
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// places are those that declined, but for size.
func (p *page) places() (n int) {
	for _, d := range p.Declined {
		if !d.Growth() {
			n++
		}
	}
	return n
}

// sentence says how the result is known to be right.
func (p *page) sentence() string {
	r := p.Report
	var parts []string
	e := evidenceOf(r)
	switch {
	case len(r.Regions) == 0 || r.Command == "inspect":
	case e.proved == len(r.Regions):
		parts = append(parts, e.sentences())
	default:
		parts = append(parts, fmt.Sprintf("%d of %s were proved.", e.proved, plural(len(r.Regions), "merge")))
	}
	if c := r.Check; c != nil {
		word := "agree"
		switch {
		case unexpected(c):
			word = "agree, but do not give what was expected"
		case !c.Passed:
			word = "do not agree"
		}
		parts = append(parts, fmt.Sprintf("Compared on %s, the whole models %s: they are %.2g of the largest output apart at most, allowed %s%s.", runs(c), word, farthestOff(c), c.Allowance(), inOne(c)))
	} else if r.Command == "convert" && r.Error == nil && len(r.Regions) > 0 {
		parts = append(parts, "The whole models were not compared (--no-check).")
	}
	if r.Command == "inspect" && r.Error == nil && r.Difference == nil {
		parts = append(parts, "Nothing was written: this is what convert would do.")
	}
	return strings.Join(parts, " ")
}

// inOne counts what is no number in one of two models alone, which no distance tells.
func inOne(c *convert.Check) string {
	var n int64
	for _, o := range c.Outputs {
		n += o.Opposed
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", and %s NaN or infinite in one of them alone", countOpposed(n))
}

// cards answer what was merged, whether that is proved, what stays, and whether it is
// faster.
func (p *page) cards() {
	r := p.Report
	if r.Command != "verify" {
		c := pageCard{Label: "merged", Value: "nothing"}
		if r.Command == "inspect" {
			c.Label = "would merge"
		}
		if n := len(r.Regions); n > 0 {
			nodes := map[string]bool{}
			for _, g := range r.Regions {
				for _, m := range g.Merged {
					nodes[m] = true
				}
			}
			c.Value, c.Tone = fmt.Sprintf("%s of %s", plural(n, "merge"), plural(len(nodes), "node")), toneGood
			kinds := map[string]int{}
			for _, k := range p.Kinds {
				kinds[k.Title] += len(k.Rows)
			}
			names := slices.SortedFunc(maps.Keys(kinds), func(a, b string) int { return cmp.Or(kinds[b]-kinds[a], strings.Compare(a, b)) })
			var parts []string
			for i, k := range names {
				if i == 3 && len(names) > 4 {
					parts = append(parts, fmt.Sprintf("%d kinds more", len(names)-i))
					break
				}
				parts = append(parts, fmt.Sprintf("%d × %s", kinds[k], k))
			}
			c.Lines = append(c.Lines, strings.Join(parts, ", "))
		}
		p.Cards = append(p.Cards, c)
	}
	p.Cards = append(p.Cards, p.proofCard())
	if r.Command != "verify" {
		p.Cards = append(p.Cards, p.staysCard())
	}
	if c, ok := p.whereCard(); ok {
		p.Cards = append(p.Cards, c)
	}
	if r.Command != "verify" || r.Timings != nil {
		p.Cards = append(p.Cards, p.speedCard())
	}
}

// whereCard says of two models that were compared how far rounding alone goes, and
// where they begin to differ.
func (p *page) whereCard() (pageCard, bool) {
	switch r := p.Report; {
	case r.Command != "verify" || r.Check == nil:
		return pageCard{}, false
	case r.Located != nil:
		return pageCard{Label: "first value that differs", Value: name(r.Located.Value), Tone: toneBad, Lines: []string{apart(r.Located)}}, true
	default:
		return pageCard{Label: "compared", Value: runs(r.Check), Lines: []string{noise(r.Check)}}, true
	}
}

func (p *page) proofCard() pageCard {
	r := p.Report
	c := pageCard{Label: "proof", Value: "none was needed"}
	if r.Command == "verify" {
		c.Label, c.Value = "outputs", "not compared"
	}
	e := evidenceOf(r)
	proved := e.proved
	switch {
	case r.Command == "inspect":
		c.Value = "convert proves each merge"
	case e.failed > 0:
		c.Value, c.Tone = plural(e.failed, "proof")+" failed", toneBad
	case proved > 0 && proved == len(r.Regions):
		c.Value, c.Tone = fmt.Sprintf("%d of %d proved", proved, len(r.Regions)), toneGood
		switch {
		case e.complete == proved:
			c.Lines = append(c.Lines, "for all inputs")
		case e.complete > 0:
			c.Lines = append(c.Lines, fmt.Sprintf("%d for all inputs", e.complete))
		}
		if e.complete < proved {
			c.Lines = append(c.Lines, fmt.Sprintf("worst: %.2g of the rounding bound", e.worst))
		}
	case len(r.Regions) > 0:
		c.Value, c.Tone = fmt.Sprintf("%d of %d proved", proved, len(r.Regions)), toneBad
	}
	if k := r.Check; k != nil {
		allowed := fmt.Sprintf("%.2g", float64(k.RTol))
		if k.ATol > 0 {
			allowed = k.Allowance()
		}
		said := fmt.Sprintf("outputs within %.2g, allowed %s", farthestOff(k), allowed)
		if !k.Passed {
			said = fmt.Sprintf("outputs %.2g apart%s, allowed %s", farthestOff(k), inOne(k), allowed)
		}
		switch {
		case unexpected(k):
			c.Value, c.Tone = "not as expected", toneBad
		case !k.Passed:
			c.Tone = toneBad
			if r.Command == "verify" {
				c.Value = "they differ"
			} else {
				c.Value = "the models differ"
			}
		case r.Command == "verify":
			c.Value, c.Tone = "they agree", toneGood
		}
		c.Lines = append(c.Lines, said)
		if unexpected(k) {
			c.Lines = append(c.Lines, notExpected(k))
		}
	}
	if r.Verdict == convert.Failed {
		c.Value, c.Tone = "not reached", toneBad
		if proved > 0 {
			c.Value = fmt.Sprintf("%d of %d proved", proved, len(r.Regions))
		}
	}
	return c
}

func (p *page) staysCard() pageCard {
	r := p.Report
	c := pageCard{Label: "stays", Value: "nothing that could merge", Tone: toneGood}
	if n := p.places(); n > 0 {
		c.Value, c.Tone = plural(n, "place"), toneFair
		if n == 1 {
			c.Value = "1 place"
		}
	}
	count := func(list []string) string {
		n := map[string]int{}
		var codes []string
		for _, code := range list {
			if n[code]++; n[code] == 1 {
				codes = append(codes, code)
			}
		}
		for i, code := range codes {
			codes[i] = strings.ReplaceAll(name(code), "_", " ")
			if n[code] > 1 {
				codes[i] += fmt.Sprintf(" (%d)", n[code])
			}
		}
		if len(codes) > 3 {
			codes = append(codes[:3], fmt.Sprintf("%d reasons more", len(codes)-3))
		}
		return strings.Join(codes, ", ")
	}
	var places, size, left []string
	for _, d := range r.Declined {
		if d.Growth() {
			size = append(size, d.Code)
		} else {
			places = append(places, d.Code)
		}
	}
	for _, x := range r.Left {
		left = append(left, x.Code)
	}
	if len(places) > 0 {
		c.Lines = append(c.Lines, count(places))
	}
	if len(size) > 0 {
		c.Lines = append(c.Lines, fmt.Sprintf("%s would make it larger", plural(len(size), "merge")))
	}
	if len(left) > 0 {
		them := "them"
		if len(left) == 1 {
			them = "it"
		}
		c.Lines = append(c.Lines, fmt.Sprintf("%s without a layer that takes %s: %s", plural(len(left), "node"), them, count(left)))
	}
	if r.Verdict == convert.Failed {
		c.Tone = ""
		if len(places)+len(size)+len(left) == 0 {
			c.Value = "not known"
		}
	}
	return c
}

func (p *page) speedCard() pageCard {
	r := p.Report
	c := pageCard{Label: "speed", Value: "not timed"}
	if t := r.Timings; t != nil {
		for _, x := range t.Results {
			if x.Ratio == nil {
				continue
			}
			said := fmt.Sprintf("%.2f× as fast", x.Ratio.Value)
			if len(c.Lines) == 0 {
				c.Value = said
				switch {
				case x.Ratio.Low > 1:
					c.Tone = toneGood
				case x.Ratio.High < 1:
					c.Tone = toneBad
				default: // the interval holds 1
					c.Value = "no clear difference"
				}
			}
			c.Lines = append(c.Lines, fmt.Sprintf("batch %d: %.2f× (%.2f to %.2f), %s", x.Batch, x.Ratio.Value, x.Ratio.Low, x.Ratio.High, name(t.Engine)))
		}
	}
	if t := r.Totals; t != nil && t.MultiplyAdds != nil && t.MultiplyAdds.Before > 0 {
		c.Lines = append(c.Lines, fmt.Sprintf("multiply-adds %s → %s (%s)", short(t.MultiplyAdds.Before), short(t.MultiplyAdds.After), grown(t.MultiplyAdds.Before, t.MultiplyAdds.After)))
	}
	if r.Timings == nil && r.Command == "convert" && r.Output != nil && len(r.Regions) > 0 {
		c.Lines = append(c.Lines, "--bench times both models")
	}
	return c
}

// short is a count in three digits.
func short(n int64) string {
	v, unit := float64(n), ""
	for _, u := range []string{" k", " M", " G", " T"} {
		if math.Abs(v) < 999.5 {
			break
		}
		v, unit = v/1000, u
	}
	if unit == "" {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%.3g%s", v, unit)
}

// grown is by how much a number changed.
func grown(before, after int64) string {
	switch {
	case before == after:
		return "the same"
	case before == 0:
		return "new"
	}
	return strings.ReplaceAll(percent(convert.Change{Before: before, After: after}), "-", "−")
}

// glance compares the sizes of the models.
func (p *page) glance() {
	t := p.Totals
	if t == nil || p.Output == nil && p.Command != "inspect" {
		return
	}
	bar := func(what string, c convert.Change) {
		if c.Before == 0 && c.After == 0 {
			return
		}
		most := float64(max(c.Before, c.After))
		p.Bars = append(p.Bars, pageBar{What: what, Change: grown(c.Before, c.After), Before: short(c.Before), After: short(c.After),
			ExactBefore: thousands(c.Before), ExactAfter: thousands(c.After), Old: 100 * float64(c.Before) / most, New: 100 * float64(c.After) / most})
	}
	bar("nodes", t.Nodes)
	bar("parameters", t.Parameters)
	if m := t.MultiplyAdds; m != nil {
		bar("multiply-adds", convert.Change{Before: m.Before, After: m.After})
		var sizes []string
		for _, in := range m.Inputs {
			var dims []string
			for _, d := range in.Shape {
				dims = append(dims, fmt.Sprint(d))
			}
			sizes = append(sizes, fmt.Sprintf("%s %s", name(in.Name), strings.Join(dims, "×")))
		}
		if len(sizes) > 0 {
			p.Counted = "Multiply-adds of one run with " + strings.Join(sizes, ", ") + "."
		}
		if len(m.NotCounted) > 0 {
			var ops []string
			for _, op := range slices.Sorted(maps.Keys(m.NotCounted)) {
				ops = append(ops, fmt.Sprintf("%s (%d)", name(op), m.NotCounted[op]))
			}
			p.Counted += " Not counted, before and after: " + strings.Join(ops, ", ") + "."
		}
	}
	if t.Bytes.Before > 0 {
		bar("bytes", t.Bytes)
	}
	if p.Ops != nil {
		both := maps.Clone(p.Ops.Before)
		maps.Copy(both, p.Ops.After)
		for _, op := range slices.Sorted(maps.Keys(both)) {
			if a, b := p.Ops.Before[op], p.Ops.After[op]; a != b {
				p.OpChanges = append(p.OpChanges, pageOp{name(op), a, b})
			}
		}
	}
}

// stays groups what was left by its reason.
func (p *page) stays() {
	at := map[string]int{}
	catalogue := map[string]convert.Reason{}
	for _, x := range convert.Reasons() {
		catalogue[x.Code] = x
	}
	add := func(code, tone, node, why string) {
		k, ok := at[code]
		if !ok {
			k = len(p.Stays)
			at[code] = k
			p.Stays = append(p.Stays, pageReason{Code: name(code), Tone: tone, When: catalogue[code].When, Advice: strings.ReplaceAll(catalogue[code].Advice, "`", "")})
		}
		p.Stays[k].Count++
		p.Stays[k].Rows = append(p.Stays[k].Rows, pageWhy{name(node), message(why)})
	}
	for _, d := range p.Declined {
		tone := toneFair
		if d.Growth() {
			tone = ""
		}
		add(d.Code, tone, d.Node, d.Message)
	}
	for _, x := range p.Left {
		add(x.Code, "", x.Node, x.Message)
	}
	for i := range p.Stays {
		p.Stays[i].Open = p.Stays[i].Tone == toneFair && p.Stays[i].Count <= 12
	}
}

// row tells of one merge.
func (p *page) row(g convert.RegionReport) pageRow {
	row := pageRow{ID: name(g.ID), Value: name(g.Value), Layer: layer(g), Nodes: len(g.Merged), Derivation: message(g.Derivation),
		Parameters: fmt.Sprintf("%s → %s", thousands(int64(g.Before)), thousands(int64(g.After)))}
	if m := g.MultiplyAdds; m != nil {
		row.Work = fmt.Sprintf("%s → %s", short(m.Before), short(m.After))
	}
	if g.Proof != nil {
		row.Proved, row.worst = proofOf(g.Proof), float64(g.Proof.Bound)
		row.MaxAbs, row.Ratio = fmt.Sprintf("%.3g", float64(g.Proof.MaxAbs)), ofBound(float64(g.Proof.Bound))
		if !(g.Proof.Bound < 1) {
			row.Ratio = "NOT PROVED: " + row.Ratio
			row.worst = math.Inf(1)
		}
	}
	return row
}

// proofs are the merges that were proved, the worst first.
func (p *page) proofs() {
	for _, g := range p.Regions {
		if g.Proof != nil {
			p.Proofs = append(p.Proofs, p.row(g))
		}
	}
	slices.SortStableFunc(p.Proofs, func(a, b pageRow) int { return cmp.Compare(b.worst, a.worst) })
	if n := len(p.Proofs); n > 0 {
		p.ProofSummary = fmt.Sprintf("%s, the worst %s", plural(n, "proof"), p.Proofs[0].Ratio)
	}
}

// again is what somebody needs who wants to see the same.
func (p *page) again() {
	r := p.Report
	if len(r.Arguments) > 0 {
		words := []string{"repmlp"}
		for _, a := range r.Arguments {
			words = append(words, shellWord(a))
		}
		p.CommandLine = message(strings.Join(words, " "))
	}
	fact := func(key, value string, code bool) {
		if value != "" {
			p.Facts = append(p.Facts, pageFact{key, value, code})
		}
	}
	fact("tool", name(r.Tool.Name)+" "+name(r.Tool.Version), false)
	for i, f := range []*convert.FileFacts{r.Input, r.Output} {
		if f == nil {
			continue
		}
		role := [2]string{"input", "output"}[i]
		if r.Command == "verify" {
			role = [2]string{"reference", "candidate"}[i]
		}
		fact(role, name(f.Path), true)
		fact("", "", false)
		if f.SHA256 != "" {
			fact("SHA-256", f.SHA256, true)
		}
		if f.Opset == nil {
			continue
		}
		about := fmt.Sprintf("%s, %s, %s bytes, opset %d, IR %d", counted(int64(f.Nodes), "node"), counted(f.Parameters, "parameter"), thousands(f.Bytes), f.Opset[""], f.IRVersion)
		if f.Producer != "" {
			about += ", by " + name(f.Producer)
		}
		fact("", about, false)
		if len(f.External) > 0 {
			fact("external data", names(f.External), true)
		}
	}
	if c := r.Check; c != nil {
		fact("seed", fmt.Sprint(c.Seed), false)
		fact("engine", name(c.Engine), false)
		if len(c.Inputs) > 0 {
			fact("inputs", names(c.Inputs), true)
		}
	}
	if len(r.Seconds) > 0 {
		var parts []string
		for _, stage := range slices.Sorted(maps.Keys(r.Seconds)) {
			parts = append(parts, fmt.Sprintf("%s %.2f", stage, r.Seconds[stage]))
		}
		fact("seconds", strings.Join(parts, ", "), false)
	}
}

// shellWord is an argument as a shell reads it.
func shellWord(s string) string {
	plain := s != ""
	for _, r := range s {
		plain = plain && (alphanumeric(r) || r == '\\' && filepath.Separator == '\\' || strings.ContainsRune("-_./=:,+@%", r) || r >= 0x80)
	}
	if plain {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
