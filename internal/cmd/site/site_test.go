package main

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// The project's own pages make a site: every page is written, refers to nothing on the
// network but by links, and comes out the same twice.
func TestSite(t *testing.T) {
	files, err := build(os.DirFS("../../.."), menu)
	if err != nil {
		t.Fatal(err)
	}
	again, err := build(os.DirFS("../../.."), menu)
	if err != nil || !maps.EqualFunc(files, again, bytes.Equal) {
		t.Errorf("the second run differs (%v)", err)
	}
	loads := regexp.MustCompile(`(?i)(src=|<link[^>]*href=|url\()"?([a-z]+:|//)|<script`)
	local := regexp.MustCompile(`(?:href|src)="([^":#]+)`)
	for name, b := range files {
		if m := loads.Find(b); m != nil && filepath.Ext(name) == ".html" {
			t.Errorf("%s loads something: %s", name, m)
		}
		if filepath.Ext(name) != ".html" {
			continue
		}
		for _, m := range local.FindAllStringSubmatch(string(b), -1) {
			if _, ok := files[filepath.ToSlash(filepath.Join(filepath.Dir(name), m[1]))]; !ok {
				t.Errorf("%s names %s, which was not written", name, m[1])
			}
		}
	}
	for _, want := range []string{"index.html", "install.html", "reference/repmlp_convert.html", "images/report.png", "report.schema.json", "ci/convert.sh.html", "patches/index.html"} {
		if files[want] == nil {
			t.Errorf("there is no %s among %d files", want, len(files))
		}
	}
	if text := string(files["reference/repmlp_convert.html"]); !strings.Contains(text, `href="../reference/repmlp.html"`) || !strings.Contains(text, `href="../style.css"`) {
		t.Error("links from a folder do not lead out of it")
	}
}

// Each thing that must not be is found, and named.
func TestWrong(t *testing.T) {
	whole := fstest.MapFS{
		"README.md":   {Data: []byte("# One\n[two](docs/two.md#part-b) [there](#one) ![p](docs/p.png) [f](ci/f.sh) [all](docs)\n<!-- not seen -->\n")},
		"docs/two.md": {Data: []byte("# Two\n## Part `b`\n## Part b\n[back](../README.md) [web](https://example.org) [second](#part-b-1)\n\n    repmlp a <b>\n    printed\n")},
		"docs/p.png":  {Data: []byte{0, 1}},
		"ci/f.sh":     {Data: []byte("echo <b>")},
	}
	list := []chapter{{"All", []string{"README.md", "docs/*.md"}}}
	files, err := build(whole, list)
	if err != nil {
		t.Fatal(err)
	}
	if text := string(files["index.html"]); !strings.Contains(text, `href="two.html#part-b"`) || strings.Contains(text, "not seen") {
		t.Errorf("the start page is\n%s", text)
	}
	if text := string(files["two.html"]); !strings.Contains(text, "<b>repmlp a &lt;b&gt;</b>\nprinted") {
		t.Errorf("the page is\n%s", text)
	}
	if text := string(files["ci/f.sh.html"]); !strings.Contains(text, "echo &lt;b&gt;") {
		t.Errorf("the file is\n%s", text)
	}
	for text, want := range map[string]string{
		"[a](docs/three.md)":        "docs/three.md",
		"[a](docs/two.md#part-c)":   `heading that docs/two.md lacks`,
		"[a](#nowhere)":             `heading that README.md lacks`,
		"[a](ci/g.sh)":              "ci/g.sh",
		"[a](ci/f.sh#x)":            "what is no page",
		"[a](/ci/f.sh)":             "neither a path",
		"![a](docs/q.png)":          "docs/q.png",
		"![a](https://a.b/c.png)":   "on the network",
		"a <b>c</b>":                "HTML within a text",
		"<div>\na\n</div>":          "has HTML",
		"<!-- a -->\n\n<!-- b\n-->": "",
	} {
		m := maps.Clone(whole)
		m["README.md"] = &fstest.MapFile{Data: []byte("# One\n" + text + "\n")}
		_, err := build(m, list)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, list := range [][]chapter{{{"All", []string{"README.md"}}}, {{"All", []string{"README.md", "docs/*.md", "docs/gone.md"}}}} {
		if _, err := build(whole, list); err == nil {
			t.Errorf("%v was taken for the whole menu", list)
		}
	}
}

// A folder that somebody else filled stays as it is.
func TestWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "site")
	for _, files := range []map[string][]byte{{"a/b.html": []byte("1")}, {"c.html": []byte("2")}} {
		if err := write(dir, files); err != nil {
			t.Fatal(err)
		}
		list, err := filepath.Glob(filepath.Join(dir, "*", "*.html"))
		top, _ := filepath.Glob(filepath.Join(dir, "*.html"))
		if list = slices.Concat(list, top); err != nil || len(list) != 1 {
			t.Errorf("there are %q (%v)", list, err)
		}
	}
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "mine"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := write(other, nil); err == nil {
		t.Error("another folder was replaced")
	}
}
