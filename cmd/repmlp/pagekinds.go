package main

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"
	"html/template"
	"image"
	"image/color"
	"image/png"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"repmlp/convert"
	"repmlp/internal/drawing"
	"repmlp/internal/layered"
)

// A pageKind is the merges of one structure.
type pageKind struct {
	Title, Count, Says, Detail, Of string
	Open                           bool
	Before, After                  template.HTML
	Reach                          [][]pageReach
	Rows                           []pageRow

	drawing drawing.Region
	known   bool // a block that people have a name for
	work    int64
}

// Folded reports whether the rows are many.
func (k pageKind) Folded() bool { return len(k.Rows) > foldedRows }

type pageReach struct {
	Title   string
	Picture template.HTML
}

// Of many kinds the first ones are drawn, and fewer are open: a page stays small.
const (
	drawnKinds = 40
	openKinds  = 3
	foldedRows = 4
)

// kinds gathers the merges by their structure. Those that nobody drew, as of bodies,
// are listed together.
func (p *page) kinds() {
	blocks := map[string]convert.Block{}
	for _, b := range p.Blocks {
		if _, ok := blocks[b.Region]; !ok {
			blocks[b.Region] = b
		}
	}
	regions := map[string]convert.RegionReport{}
	for _, g := range p.Regions {
		regions[g.ID] = g
	}
	drawn := map[string]bool{}
	row := func(g convert.RegionReport) pageRow {
		r := p.row(g)
		if b := blocks[g.ID]; b.Kind != "" {
			r.Block = name(b.Kind)
			if b.Name != g.Value {
				r.Block += " " + name(b.Name)
			}
		}
		return r
	}
	for _, d := range p.Drawings {
		first := regions[d.IDs[0]]
		k := pageKind{Title: title(d, blocks[first.ID]), Count: fmt.Sprintf("× %d", len(d.IDs)), Says: "→ " + layer(first), Of: name(first.Value), Detail: message(blocks[first.ID].Detail)}
		if k.Detail == "" {
			k.Detail = message(first.Derivation)
		}
		for _, id := range d.IDs {
			drawn[id] = true
			k.Rows = append(k.Rows, row(regions[id]))
			if m := regions[id].MultiplyAdds; m != nil {
				k.work += m.Before
			}
		}
		k.drawing, k.known = d, blocks[first.ID].Kind != ""
		p.Kinds = append(p.Kinds, k)
	}
	slices.SortStableFunc(p.Kinds, func(a, b pageKind) int { // what people look for first
		return cmp.Or(compareBool(len(b.drawing.Reach) > 0, len(a.drawing.Reach) > 0), compareBool(b.known, a.known), cmp.Compare(b.work, a.work))
	})
	for i := range min(len(p.Kinds), drawnKinds) {
		k := &p.Kinds[i]
		k.Open = i < openKinds
		k.Before, k.After = graphSVG(k.drawing.Before), graphSVG(k.drawing.After)
		for _, r := range k.drawing.Reach {
			k.Reach = append(k.Reach, reachOf(r))
		}
	}
	var rest pageKind
	for _, g := range p.Regions {
		if !drawn[g.ID] {
			rest.Rows = append(rest.Rows, row(g))
		}
	}
	if n := len(rest.Rows); n > 0 {
		rest.Title, rest.Count, rest.Open = "Merges", fmt.Sprintf("× %d", n), n <= foldedRows
		if len(p.Kinds) > 0 {
			rest.Title = "Merges in bodies of control flow"
		}
		p.Kinds = append(p.Kinds, rest)
	}
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// title is what people call a merge: its block, or the layers that it was.
func title(d drawing.Region, b convert.Block) string {
	if b.Kind != "" {
		return name(b.Kind)
	}
	var parts []string
	count := map[string]int{}
	for _, x := range d.Before.Boxes {
		if x.Kind != drawing.Layer && x.Kind != drawing.Norm && x.Kind != drawing.Other {
			continue
		}
		what, _, _ := strings.Cut(x.Title, " ")
		if count[what]++; count[what] == 1 {
			parts = append(parts, what)
		}
	}
	if len(parts) == 0 {
		return "Views"
	}
	for i, what := range parts {
		parts[i] = name(what)
		if n := count[what]; n > 1 {
			parts[i] += fmt.Sprintf(" ×%d", n)
		}
	}
	return strings.Join(parts, " + ")
}

// The sizes of a drawing, in pixels of the page. The widths of characters are those of
// common sans-serif fonts, rounded up.
const (
	boxHeight, boxHeightOf2 = 24, 36
	titleWidth, detailWidth = 6.9, 6.3
	boxPadding              = 16
	longestLine             = 34
)

// graphSVG draws a piece of a model.
func graphSVG(g drawing.Graph) template.HTML {
	if len(g.Boxes) == 0 {
		return ""
	}
	type words struct{ title, detail string }
	var text []words
	var boxes []layered.Box
	for _, b := range g.Boxes {
		w := words{cut(escape(b.Title), longestLine), cut(escape(b.Detail), longestLine)}
		width := max(titleWidth*float64(utf8.RuneCountInString(w.title)), detailWidth*float64(utf8.RuneCountInString(w.detail))) + boxPadding
		height := float64(boxHeight)
		if w.detail != "" {
			height = boxHeightOf2
		}
		text, boxes = append(text, w), append(boxes, layered.Box{Width: math.Ceil(width), Height: height})
	}
	var edges []layered.Edge
	for _, a := range g.Arrows {
		edges = append(edges, layered.Edge{From: a[0], To: a[1]})
	}
	l := layered.Place(boxes, edges, layered.Gaps{X: 14, Y: 22})
	var s strings.Builder
	fmt.Fprintf(&s, `<svg class="graph" viewBox="-2 -2 %.0f %.0f" width="%.0f" height="%.0f" role="img" aria-label="%d boxes">`+"\n", l.Width+4, l.Height+4, l.Width+4, l.Height+4, len(boxes))
	for _, points := range l.Edges {
		fmt.Fprintf(&s, `<path marker-end="url(#tip)" d="M%.1f %.1f`, points[0].X, points[0].Y)
		for i := 1; i < len(points); i++ {
			a, b := points[i-1], points[i]
			half := (b.Y - a.Y) / 2
			fmt.Fprintf(&s, " C%.1f %.1f %.1f %.1f %.1f %.1f", a.X, a.Y+half, b.X, b.Y-half, b.X, b.Y)
		}
		s.WriteString(`"/>` + "\n")
	}
	for i, b := range g.Boxes {
		at, w := l.Boxes[i], boxes[i]
		middle := at.X + w.Width/2
		fmt.Fprintf(&s, `<g class="%s"><title>%s</title><rect x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, b.Kind, template.HTMLEscapeString(names(b.Nodes)), at.X, at.Y, w.Width, w.Height)
		fmt.Fprintf(&s, `<text x="%.1f" y="%.1f">%s</text>`, middle, at.Y+16, template.HTMLEscapeString(text[i].title))
		if text[i].detail != "" {
			fmt.Fprintf(&s, `<text class="d" x="%.1f" y="%.1f">%s</text>`, middle, at.Y+29.5, template.HTMLEscapeString(text[i].detail))
		}
		s.WriteString("</g>\n")
	}
	s.WriteString("</svg>")
	return template.HTML(s.String())
}

// reachOf draws how far a layer reaches, all pictures of one position on one scale.
func reachOf(r drawing.Reach) (row []pageReach) {
	most := 0.0
	for _, of := range r.Of {
		for _, v := range of.Mean {
			most = max(most, v)
		}
	}
	for _, of := range r.Of {
		row = append(row, pageReach{name(of.Title), reachSVG(r, of.Mean, most)})
	}
	return row
}

// The scale of a picture: how far it goes down from the largest value, and in how many
// colours.
const (
	decades = 2
	levels  = 48

	outlined = 45 // the width of a picture in widths of an outline
)

func reachSVG(r drawing.Reach, mean []float64, most float64) template.HTML {
	m := image.NewPaletted(image.Rect(0, 0, r.Width, r.Height), palette())
	for i, v := range mean {
		level := 0.0
		if v > 0 && most > 0 {
			level = max(0, 1+math.Log10(v/most)/decades)
		}
		m.Pix[i] = uint8(math.Round((levels - 1) * min(level, 1)))
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		return "" // of a size that PNG has not
	}
	return template.HTML(fmt.Sprintf(`<svg viewBox="0 0 %d %d" role="img" aria-label="|W| over the input tile"><image href="data:image/png;base64,%s" width="%d" height="%d" preserveAspectRatio="none" style="image-rendering:pixelated"/><rect x="%d" y="%d" width="1" height="1" fill="none" stroke="#fff" stroke-width="%.2g"/></svg>`,
		r.Width, r.Height, base64.StdEncoding.EncodeToString(b.Bytes()), r.Width, r.Height, r.X, r.Y, float64(max(r.Width, r.Height))/outlined))
}

// stops are colours of growing lightness that people who see few colours tell apart:
// matplotlib's viridis (van der Walt and Smith, CC0).
var stops = []color.RGBA{{0x44, 0x01, 0x54, 0xff}, {0x3b, 0x52, 0x8b, 0xff}, {0x21, 0x91, 0x8c, 0xff}, {0x5e, 0xc9, 0x62, 0xff}, {0xfd, 0xe7, 0x25, 0xff}}

func palette() color.Palette {
	p := make(color.Palette, levels)
	for i := range p {
		at := float64(i) / (levels - 1) * float64(len(stops)-1)
		k := min(int(at), len(stops)-2)
		f := at - float64(k)
		mix := func(a, b uint8) uint8 { return uint8(math.Round(float64(a)*(1-f) + float64(b)*f)) }
		p[i] = color.RGBA{mix(stops[k].R, stops[k+1].R), mix(stops[k].G, stops[k+1].G), mix(stops[k].B, stops[k+1].B), 0xff}
	}
	return p
}

// ramp shows the colours.
func ramp() template.HTML {
	var parts []string
	for _, c := range stops {
		parts = append(parts, fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B))
	}
	return template.HTML(`<span class="ramp" style="background:linear-gradient(90deg,` + strings.Join(parts, ",") + `)"></span>`)
}
