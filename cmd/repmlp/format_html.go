package main

import (
	"html/template"
	"io"

	"repmlp/convert"
)

// htmlFormat is for browsers.
var htmlFormat = format{
	extension: "html", media: "text/html; charset=utf-8",
	report: func(w io.Writer, r *convert.Report) error { return page.Execute(w, r) },
	bench:  func(w io.Writer, r *benchReport) error { return benchPage.Execute(w, r) },
}

// page is a report that opens without a network connection. html/template
// escapes markup; name and message do what they do for text.
var page = template.Must(template.New("report").Funcs(template.FuncMap{"name": name, "message": message, "outcome": outcome, "noise": noise, "runs": runs}).Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>repmlp {{.Command}}</title>
<style>body{font:15px sans-serif;max-width:70em;margin:2em auto;padding:0 1em}table{border-collapse:collapse;width:100%}
td,th{border-bottom:1px solid #ccc;padding:.3em .6em;text-align:left;vertical-align:top}.n{text-align:right}code{overflow-wrap:anywhere}</style></head><body>
<h1>repmlp {{.Command}}: {{.Verdict}}</h1>
<p>{{outcome .}}</p>
{{with .Error}}{{with .Hint}}<p>Hint: {{message .}}</p>{{end}}{{end}}
{{with .Input}}<p>{{if eq $.Command "verify"}}reference{{else}}input{{end}} <code>{{name .Path}}</code>{{template "facts" .}}</p>{{end}}
{{with .Output}}<p>{{if eq $.Command "verify"}}candidate{{else}}wrote{{end}} <code>{{name .Path}}</code>{{template "facts" .}}</p>{{end}}
{{if .Blocks}}<h2>Blocks</h2><table><tr><th>kind</th><th>name</th><th>structure</th><th>becomes</th></tr>
{{range .Blocks}}<tr><td>{{name .Kind}}</td><td><code>{{name .Name}}</code></td><td>{{message .Detail}}</td><td>{{message .Becomes}}</td></tr>{{end}}</table>{{end}}
{{if .Regions}}<h2>Merges</h2><table><tr><th></th><th>value</th><th>layer</th><th class="n">parameters</th><th>derivation</th><th class="n">difference / bound</th></tr>
{{range .Regions}}<tr><td>{{.ID}}</td><td><code>{{name .Value}}</code></td><td>{{.Kind}} {{.Inputs}} → {{.Outputs}}, {{.Groups}} group(s)</td><td class="n">{{.Before}} → {{.After}}</td><td>{{message .Derivation}}</td><td class="n">{{with .Proof}}{{printf "%.2g" .Bound}}{{end}}</td></tr>{{end}}</table>{{end}}
{{if .Declined}}<h2>Left as it is</h2><table><tr><th>code</th><th>node</th><th>why</th></tr>
{{range .Declined}}<tr><td>{{.Code}}</td><td><code>{{name .Node}}</code></td><td>{{message .Message}}</td></tr>{{end}}</table>{{end}}
{{if .Left}}<h2>Nothing could take it</h2><table><tr><th>code</th><th>node</th><th>why</th></tr>
{{range .Left}}<tr><td>{{.Code}}</td><td><code>{{name .Node}}</code></td><td>{{message .Message}}</td></tr>{{end}}</table>{{end}}
{{if .Warnings}}<h2>Notes</h2><ul>{{range .Warnings}}<li>{{.Code}}: {{message .Message}}</li>{{end}}</ul>{{end}}
{{with .Check}}<h2>Whole model</h2><p>{{if .Passed}}The outputs agree{{else}}The outputs differ{{end}}: {{runs .}}, seed {{.Seed}}, allowed {{printf "%.3g" .RTol}}, {{noise .}}.</p>
<table><tr><th>output</th><th class="n">largest difference</th><th class="n">relative</th></tr>
{{range .Outputs}}<tr><td><code>{{name .Name}}</code></td><td class="n">{{printf "%.3g" .MaxAbs}}</td><td class="n">{{printf "%.3g" .MaxRel}}</td></tr>{{end}}</table>{{end}}
</body></html>
{{define "facts"}}{{if .Opset}}: {{.Nodes}} nodes, {{.Parameters}} parameters{{with .SHA256}}, SHA-256 <code>{{.}}</code>{{end}}{{end}}{{end}}
`))

// benchPage is a bench report that opens without a network connection.
var benchPage = template.Must(template.New("bench").Funcs(template.FuncMap{"name": name}).Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>repmlp bench</title>
<style>body{font:15px sans-serif;max-width:70em;margin:2em auto;padding:0 1em}table{border-collapse:collapse;width:100%}
td,th{border-bottom:1px solid #ccc;padding:.3em .6em;text-align:left}.n{text-align:right}code{overflow-wrap:anywhere}</style></head><body>
<h1>repmlp bench</h1>
<p>Engine {{.Engine}}, {{.Runs}} runs after {{.Warmup}} for warming up{{range .Inputs}}, inputs <code>{{name .}}</code>{{end}}.</p>
<table><tr><th>model</th><th class="n">session, s</th><th class="n">peak memory, bytes</th></tr>
{{range .Models}}<tr><td><code>{{name .Path}}</code></td><td class="n">{{printf "%.2f" .Session}}</td><td class="n">{{with .Peak}}{{.}}{{end}}</td></tr>{{end}}</table>
<table><tr><th>model</th><th class="n">batch</th><th class="n">median, ms</th><th class="n">p10</th><th class="n">p90</th><th class="n">per second</th><th class="n">times as fast as the first</th></tr>
{{range .Results}}<tr><td><code>{{name .Path}}</code></td><td class="n">{{.Batch}}</td><td class="n">{{printf "%.2f" .MedianMS}}</td><td class="n">{{printf "%.2f" .P10MS}}</td><td class="n">{{printf "%.2f" .P90MS}}</td><td class="n">{{printf "%.1f" .PerSecond}}</td><td class="n">{{with .Ratio}}{{printf "%.2f (%.2f to %.2f)" .Value .Low .High}}{{end}}</td></tr>{{end}}</table>
{{range .Models}}{{if .PerOp}}<h2>Operators of <code>{{name .Path}}</code></h2><table><tr><th>operator</th><th class="n">seconds</th></tr>
{{range $op, $s := .PerOp}}<tr><td>{{name $op}}</td><td class="n">{{printf "%.6f" $s}}</td></tr>{{end}}</table>{{end}}{{end}}
</body></html>
`))
