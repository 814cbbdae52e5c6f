package main

import (
	"bytes"
	"fmt"
	"html"
	"html/template"
	"path"
	"regexp"
	"strings"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// page is one source as it was read.
type page struct {
	source string // its path in the project
	target string // its path in the site
	title  string
	parts  []part // headings of the second level
	ids    map[string]bool
	text   []byte
	tree   ast.Node
}

type part struct{ ID, Title string }

// target is where a source stands in the site: pages of docs at the top, the README as
// the start page.
func target(source string) string {
	if source == "README.md" {
		return "index.html"
	}
	name := strings.TrimPrefix(source, "docs/")
	if name == source {
		name = strings.ToLower(name)
	}
	return strings.TrimSuffix(name, ".md") + ".html"
}

func markdown() goldmark.Markdown {
	return goldmark.New(
		goldmark.WithExtensions(extension.Table),
		goldmark.WithParserOptions(parser.WithAutoHeadingID()),
		goldmark.WithRendererOptions(renderer.WithNodeRenderers(util.Prioritized(wide{}, 100))))
}

// parse reads a page. HTML in it is an error, comments apart, which no reader sees.
func parse(source string, b []byte) (*page, error) {
	p := &page{source: source, target: target(source), text: b, ids: map[string]bool{}}
	p.tree = markdown().Parser().Parse(text.NewReader(b), parser.WithContext(parser.NewContext(parser.WithIDs(slugs{p.ids}))))
	err := ast.Walk(p.tree, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Heading:
			if p.title == "" {
				p.title = plain(n, b)
			} else if id, ok := n.AttributeString("id"); ok && n.Level <= 2 {
				p.parts = append(p.parts, part{string(id.([]byte)), plain(n, b)})
			}
		case *ast.RawHTML:
			return 0, fmt.Errorf("%s has HTML within a text: %q", source, n.Segments.Value(b))
		case *ast.HTMLBlock:
			if raw := strings.TrimSpace(string(n.Lines().Value(b))); n.HTMLBlockType != ast.HTMLBlockType2 || strings.Count(raw, "<!--") != 1 {
				return 0, fmt.Errorf("%s has HTML: %q", source, raw)
			}
		}
		return ast.WalkContinue, nil
	})
	if err == nil && p.title == "" {
		err = fmt.Errorf("%s has no heading", source)
	}
	return p, err
}

// plain is the text of a heading.
func plain(n ast.Node, b []byte) string {
	var s strings.Builder
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if t, ok := c.(*ast.Text); ok {
			s.Write(t.Segment.Value(b))
			continue
		}
		s.WriteString(plain(c, b))
	}
	return html.UnescapeString(s.String())
}

// html writes the page's text, with links as resolve says.
func (p *page) html(resolve func(link string) (string, error)) (template.HTML, error) {
	err := ast.Walk(p.tree, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		var err error
		switch n := n.(type) {
		case *ast.Link:
			var to string
			to, err = resolve(string(n.Destination))
			n.Destination = []byte(to)
		case *ast.Image:
			var to string
			if to, err = resolve(string(n.Destination)); strings.Contains(to, "://") {
				err = fmt.Errorf("the picture %q is on the network", to)
			}
			n.Destination = []byte(to)
		}
		if err != nil {
			err = fmt.Errorf("%s: %w", p.source, err)
		}
		return ast.WalkContinue, err
	})
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	err = markdown().Renderer().Render(&b, p.text, p.tree)
	return template.HTML(b.String()), err
}

// slugs names headings as GitHub does, so that links hold in both places.
type slugs struct{ taken map[string]bool }

func (s slugs) Generate(value []byte, _ ast.NodeKind) []byte {
	var b strings.Builder
	for _, r := range strings.ToLower(string(value)) {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
			b.WriteRune(r)
		case r == ' ':
			b.WriteByte('-')
		}
	}
	id := b.String()
	for i := 1; s.taken[id]; i++ {
		id = fmt.Sprintf("%s-%d", b.String(), i)
	}
	s.taken[id] = true
	return []byte(id)
}

func (s slugs) Put(value []byte) { s.taken[string(value)] = true }

// wide lets tables scroll by themselves, tells commands in code from what they print, and
// drops comments.
type wide struct{}

// command is a line that somebody types.
var command = regexp.MustCompile(`^(repmlp|go|git|pip|python3?|docker|npm|trtexec|bash|[A-Z_]+=\S+ \w+) `)

func code(w util.BufWriter, b []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	w.WriteString("<pre tabindex=\"0\"><code>")
	for _, s := range n.Lines().Sliced(0, n.Lines().Len()) {
		line := string(s.Value(b))
		text := html.EscapeString(line)
		if command.MatchString(line) {
			text = "<b>" + strings.TrimSuffix(text, "\n") + "</b>\n"
		}
		w.WriteString(text)
	}
	_, err := w.WriteString("</code></pre>\n")
	return ast.WalkSkipChildren, err
}

// span keeps short names in one line: browsers cut --flags behind the hyphens.
func span(w util.BufWriter, b []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		_, err := w.WriteString("</code>")
		return ast.WalkContinue, err
	}
	class := ""
	if len(plain(n, b)) <= 24 {
		class = ` class="short"`
	}
	_, err := w.WriteString("<code" + class + ">")
	return ast.WalkContinue, err
}

func (wide) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	tables := extension.NewTableHTMLRenderer()
	tables.RegisterFuncs(around{r})
	r.Register(ast.KindCodeSpan, span)
	r.Register(ast.KindCodeBlock, code)
	r.Register(ast.KindFencedCodeBlock, code)
	r.Register(ast.KindHTMLBlock, func(util.BufWriter, []byte, ast.Node, bool) (ast.WalkStatus, error) {
		return ast.WalkSkipChildren, nil
	})
}

type around struct {
	renderer.NodeRendererFuncRegisterer
}

func (a around) Register(kind ast.NodeKind, f renderer.NodeRendererFunc) {
	if kind.String() != "Table" {
		a.NodeRendererFuncRegisterer.Register(kind, f)
		return
	}
	a.NodeRendererFuncRegisterer.Register(kind, func(w util.BufWriter, b []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			w.WriteString("<div class=\"table\" tabindex=\"0\">\n") // a bufio.Writer, which keeps its error
		}
		status, err := f(w, b, n, entering)
		if !entering {
			w.WriteString("</div>\n")
		}
		return status, err
	})
}

// relative is a path of the site as seen from a page of it.
func relative(from, to string) string {
	return strings.Repeat("../", strings.Count(path.Clean(from), "/")) + to
}
