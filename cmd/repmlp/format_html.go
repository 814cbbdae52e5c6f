package main

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"io"

	"repmlp/convert"
)

// htmlFormat is for browsers.
var htmlFormat = format{
	extension: "html", media: "text/html; charset=utf-8",
	report: func(w io.Writer, r *convert.Report) error {
		return pageTemplates.ExecuteTemplate(w, "page.html", pageOf(r))
	},
	bench: func(w io.Writer, r *benchReport) error {
		return pageTemplates.ExecuteTemplate(w, "bench.html", benchPageOf(r))
	},
}

//go:embed page
var pageFiles embed.FS

// pageTemplates are the reports that open without a network connection. html/template escapes
// markup; name and message do what they do for text.
var pageTemplates = template.Must(template.New("").Funcs(template.FuncMap{"name": name, "message": message, "outcome": outcome, "noise": noise, "agreement": agreement, "runs": runs}).
	ParseFS(pageFiles, "page/*.html"))

// A frame is what all pages are made with. Nothing is loaded, and no script runs but
// the page's own.
type frame struct {
	Policy string
	Style  template.CSS
	Script template.JS
}

func newFrame() frame {
	text := func(file string) string {
		b, err := pageFiles.ReadFile("page/" + file)
		if err != nil {
			panic(err)
		}
		return string(b)
	}
	script := text("script.js")
	sum := sha256.Sum256([]byte(script))
	return frame{
		Policy: "default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'",
		Style:  template.CSS(text("style.css")), Script: template.JS(script),
	}
}
