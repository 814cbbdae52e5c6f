package main

import "html/template"

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
