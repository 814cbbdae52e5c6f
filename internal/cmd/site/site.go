package main

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

var (
	//go:embed layout.html
	layout string
	//go:embed style.css
	style []byte
)

// site is what is known of all pages before one is written.
type site struct {
	from     fs.FS
	chapters []chapter
	pages    map[string]*page // by source
	order    []*page          // as in the menu
	files    map[string][]byte
}

// build makes the files of the site, by their path. Everything that is wrong is said
// at once.
func build(from fs.FS, menu []chapter) (map[string][]byte, error) {
	s := &site{from: from, chapters: menu, pages: map[string]*page{}, files: map[string][]byte{"style.css": style}}
	if err := s.read(); err != nil {
		return nil, err
	}
	shape, err := template.New("layout").Parse(layout)
	if err != nil {
		return nil, err
	}
	var wrong []error
	for i, p := range s.order {
		body, err := p.html(func(link string) (string, error) { return s.resolve(p, link) })
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		v := view{Title: p.title, Root: relative(p.target, ""), Body: body, Menu: s.menu(p)}
		if i > 0 {
			v.Before = s.entry(p, s.order[i-1])
		}
		if i+1 < len(s.order) {
			v.After = s.entry(p, s.order[i+1])
		}
		var b bytes.Buffer
		if err := shape.Execute(&b, v); err != nil {
			return nil, err
		}
		s.files[p.target] = b.Bytes()
	}
	return s.files, errors.Join(wrong...)
}

// view is what a page shows.
type view struct {
	Title, Root   string
	Body          template.HTML
	Menu          []group
	Before, After *entry
}

type group struct {
	Title   string
	Entries []*entry
}

type entry struct {
	Title, Link string
	Here        bool
	Parts       []part // of the page that is shown
}

func (s *site) entry(from, to *page) *entry {
	e := &entry{Title: to.title, Link: relative(from.target, to.target), Here: from == to}
	if e.Here {
		e.Parts = to.parts
	}
	return e
}

func (s *site) menu(here *page) []group {
	var list []group
	at := 0
	for _, c := range s.chapters {
		g := group{Title: c.Title}
		for range c.pages {
			g.Entries = append(g.Entries, s.entry(here, s.order[at]))
			at++
		}
		list = append(list, g)
	}
	return list
}

// read parses all pages of the menu, whose patterns become paths, and misses none of
// those that the project has.
func (s *site) read() error {
	var wrong []error
	chapters := slices.Clone(s.chapters)
	for i, c := range chapters {
		var paths []string
		for _, pattern := range c.pages {
			list, err := fs.Glob(s.from, pattern)
			if err != nil || len(list) == 0 {
				wrong = append(wrong, fmt.Errorf("the menu names %q, and there is no such page", pattern))
			}
			paths = append(paths, list...)
		}
		chapters[i].pages = paths
		for _, source := range paths {
			b, err := fs.ReadFile(s.from, source)
			if err != nil {
				return err
			}
			p, err := parse(source, b)
			if err != nil {
				wrong = append(wrong, err)
				continue
			}
			s.pages[source] = p
			s.order = append(s.order, p)
		}
	}
	s.chapters = chapters
	if err := errors.Join(wrong...); err != nil {
		return err
	}
	return fs.WalkDir(s.from, "docs", func(name string, _ fs.DirEntry, err error) error {
		if err == nil && path.Ext(name) == ".md" && s.pages[name] == nil {
			err = fmt.Errorf("%s is on no menu", name)
		}
		return err
	})
}

// mark stands in a folder that write made.
const mark = ".made-by-site"

// write replaces a folder that an earlier run made, and no other.
func write(dir string, files map[string][]byte) error {
	list, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(list) > 0 {
		if _, err := os.Stat(filepath.Join(dir, mark)); err != nil {
			return fmt.Errorf("%q is not empty, and no site was made there", dir)
		}
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, mark), nil, 0o644); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		to := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(to, files[name], 0o644); err != nil {
			return err
		}
	}
	return nil
}

// isText says that a browser can show the file as text.
func isText(b []byte) bool { return !bytes.Contains(b, []byte{0}) }

// Lines of a listing of a folder, sorted.
func names(list []fs.DirEntry) []string {
	var out []string
	for _, e := range list {
		if !strings.HasPrefix(e.Name(), ".") && !e.IsDir() {
			out = append(out, e.Name())
		}
	}
	return out
}
