package main

// chapter is a part of the menu.
type chapter struct {
	Title string
	pages []string // sources, as patterns of path.Match, in the order of the menu
}

// menu is what the site has; its first page is the start page.
var menu = []chapter{
	{"Use it", []string{"README.md", "docs/start.md", "docs/install.md", "docs/exporting.md", "docs/pipelines.md", "docs/deploying.md", "docs/examples/*.md", "docs/faq.md"}},
	{"Understand it", []string{"docs/verify.md", "docs/report.md", "docs/declines.md", "docs/families.md", "docs/math.md", "docs/walk.md"}},
	{"Commands", []string{"docs/reference/*.md"}},
	{"Measured", []string{"docs/benchmarks.md", "docs/benchmarks/*.md"}},
	{"Work on it", []string{"docs/architecture.md", "docs/development.md", "docs/decisions/*.md", "docs/dependencies.md"}},
	{"Promises", []string{"docs/versioning.md", "SECURITY.md", "CHANGELOG.md"}},
}
