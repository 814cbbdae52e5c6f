package main

import (
	"bytes"
	"fmt"
	"html/template"
	"io/fs"
	"net/url"
	"path"
	"strings"
)

// resolve is where a link of a page goes in the site. Files that are no pages come
// along: pictures and JSON as they are, other texts and folders as pages of their own.
func (s *site) resolve(p *page, link string) (string, error) {
	u, err := url.Parse(link)
	if err != nil {
		return "", err
	}
	if u.Scheme == "https" || u.Scheme == "http" {
		return link, nil // not looked at: the site is built without a network
	}
	if u.Scheme != "" || u.Host != "" || strings.HasPrefix(u.Path, "/") {
		return "", fmt.Errorf("the link %q is neither a path nor of the web", link)
	}
	source := p.source
	if u.Path != "" {
		source = path.Join(path.Dir(p.source), u.Path)
	}
	to, ok := s.pages[source]
	if !ok {
		if u.Fragment != "" {
			return "", fmt.Errorf("the link %q is to a part of what is no page", link)
		}
		return s.bring(p, source)
	}
	if u.Fragment == "" {
		return relative(p.target, to.target), nil
	}
	if !to.ids[u.Fragment] {
		return "", fmt.Errorf("the link %q is to a heading that %s lacks", link, source)
	}
	if to == p {
		return "#" + u.Fragment, nil
	}
	return relative(p.target, to.target) + "#" + u.Fragment, nil
}

// bring takes a file or folder into the site, and is the link to it.
func (s *site) bring(p *page, source string) (string, error) {
	info, err := fs.Stat(s.from, source)
	if err != nil {
		return "", fmt.Errorf("the link to %q: %w", source, err)
	}
	name := strings.TrimPrefix(strings.TrimPrefix(source, "docs/"), ".") // servers hide names with a dot
	if info.IsDir() {
		list, err := fs.ReadDir(s.from, source)
		if err != nil {
			return "", err
		}
		var b bytes.Buffer
		b.WriteString("<ul>\n")
		folder := &page{source: source + "/.", target: name + "/index.html", title: source}
		for _, n := range names(list) {
			title := n
			if q := s.pages[path.Join(source, n)]; q != nil {
				title = q.title
			}
			to, err := s.resolve(folder, n)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(&b, "<li><a href=\"%s\">%s</a></li>\n", template.HTMLEscapeString(to), template.HTMLEscapeString(title))
		}
		b.WriteString("</ul>\n")
		return relative(p.target, folder.target), s.plain(folder, b.String())
	}
	b, err := fs.ReadFile(s.from, source)
	if err != nil {
		return "", err
	}
	if path.Ext(name) == ".json" || !isText(b) {
		s.files[name] = b
		return relative(p.target, name), nil
	}
	file := &page{source: source, target: name + ".html", title: source}
	return relative(p.target, file.target), s.plain(file, "<pre><code>"+template.HTMLEscapeString(string(b))+"</code></pre>\n")
}

// plain adds a page that is on no menu.
func (s *site) plain(p *page, body string) error {
	shape, err := template.New("layout").Parse(layout)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	head := "<h1>" + template.HTMLEscapeString(p.title) + "</h1>\n"
	err = shape.Execute(&b, view{Title: p.title, Root: relative(p.target, ""), Body: template.HTML(head + body), Menu: s.menu(p)})
	s.files[p.target] = b.Bytes()
	return err
}
