package main

import (
	"html/template"
	"io"

	"repmlp/convert"
)

// page is a report that opens without a network connection. html/template
// escapes every name.
var page = template.Must(template.New("report").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>repmlp {{.Command}}</title>
<style>body{font:15px sans-serif;max-width:70em;margin:2em auto;padding:0 1em}table{border-collapse:collapse;width:100%}
td,th{border-bottom:1px solid #ccc;padding:.3em .6em;text-align:left;vertical-align:top}.n{text-align:right}code{overflow-wrap:anywhere}</style></head><body>
<h1>repmlp {{.Command}}: {{.Verdict}}</h1>
{{with .Input}}<p><code>{{.Path}}</code>: {{.Nodes}} nodes, {{.Parameters}} parameters, SHA-256 <code>{{.SHA256}}</code></p>{{end}}
{{with .Output}}<p>wrote <code>{{.Path}}</code>: {{.Nodes}} nodes, {{.Parameters}} parameters, SHA-256 <code>{{.SHA256}}</code></p>{{end}}
{{if .Blocks}}<h2>Blocks</h2><table><tr><th>kind</th><th>name</th><th>structure</th><th>becomes</th></tr>
{{range .Blocks}}<tr><td>{{.Kind}}</td><td><code>{{.Name}}</code></td><td>{{.Detail}}</td><td>{{.Becomes}}</td></tr>{{end}}</table>{{end}}
{{if .Regions}}<h2>Merges</h2><table><tr><th></th><th>value</th><th>layer</th><th class="n">parameters</th><th>derivation</th><th class="n">difference / bound</th></tr>
{{range .Regions}}<tr><td>{{.ID}}</td><td><code>{{.Value}}</code></td><td>{{.Kind}} {{.Inputs}} → {{.Outputs}}, {{.Groups}} group(s)</td><td class="n">{{.Before}} → {{.After}}</td><td>{{.Derivation}}</td><td class="n">{{with .Proof}}{{printf "%.2g" .Bound}}{{end}}</td></tr>{{end}}</table>{{end}}
{{if .Declined}}<h2>Left as it is</h2><table><tr><th>code</th><th>node</th><th>why</th></tr>
{{range .Declined}}<tr><td>{{.Code}}</td><td><code>{{.Node}}</code></td><td>{{.Message}}</td></tr>{{end}}</table>{{end}}
{{if .Warnings}}<h2>Notes</h2><ul>{{range .Warnings}}<li>{{.Code}}: {{.Message}}</li>{{end}}</ul>{{end}}
{{with .Check}}<h2>Whole model</h2><p>{{if .Passed}}The outputs agree{{else}}The outputs differ{{end}}: {{.Samples}} run(s), seed {{.Seed}}, allowed {{printf "%.3g" .RTol}}, float32 noise of the original {{printf "%.3g" .NoiseFloor}}.</p>
<table><tr><th>output</th><th class="n">largest difference</th><th class="n">relative</th></tr>
{{range .Outputs}}<tr><td><code>{{.Name}}</code></td><td class="n">{{printf "%.3g" .MaxAbs}}</td><td class="n">{{printf "%.3g" .MaxRel}}</td></tr>{{end}}</table>{{end}}
</body></html>
`))

func writeHTML(w io.Writer, r *convert.Report) error { return page.Execute(w, r) }
