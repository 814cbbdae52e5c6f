package main

import (
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	pretty "github.com/jedib0t/go-pretty/v6/text"
)

// A grid is a table of text. Its cells hold no line breaks.
type grid struct {
	columns []column
	rows    [][]string
}

// A column of a grid.
type column struct {
	title string
	right bool // numbers
	cuts  bool // long cells lose their middle where the terminal is narrow
}

// add adds a row; cells that it lacks are empty.
func (g *grid) add(cells ...string) { g.rows = append(g.rows, cells) }

// least is how narrow a column that can be cut becomes.
const least = 16

// titled reports whether the first line of the grid names its columns.
func (g *grid) titled() bool {
	return slices.ContainsFunc(g.columns, func(c column) bool { return c.title != "" })
}

// lines are the grid with its columns aligned, a line for each row, each behind indent. Columns that
// can be cut, the first before the others, give way where it is wider than width; what is
// still too wide stays so.
// Without titles there is no line for them, and a column that is empty is left out.
func (g *grid) lines(indent string, width int) []string {
	if len(g.rows) == 0 {
		return nil
	}
	t := table.NewWriter()
	t.SetStyle(table.Style{Name: "plain", Box: table.BoxStyle{PaddingRight: "  "}})
	t.SuppressEmptyColumns()
	t.SuppressTrailingSpaces()
	if g.titled() {
		head := table.Row{}
		for _, c := range g.columns {
			head = append(head, c.title)
		}
		t.AppendHeader(head)
	}
	for _, cells := range g.rows {
		row := table.Row{}
		for i := range g.columns {
			if i < len(cells) {
				row = append(row, cells[i])
			} else {
				row = append(row, "")
			}
		}
		t.AppendRow(row)
	}
	t.SetColumnConfigs(g.configs(width - len(indent)))
	lines := strings.Split(t.Render(), "\n")
	for i, line := range lines {
		lines[i] = indent + line
	}
	return lines
}

// configs says how columns stand, and how wide they are at most in a width that is not 0.
func (g *grid) configs(width int) []table.ColumnConfig {
	widths := make([]int, len(g.columns))
	sum := 0
	for i, c := range g.columns {
		widths[i] = pretty.StringWidthWithoutEscSequences(c.title)
		for _, row := range g.rows {
			if i < len(row) {
				widths[i] = max(widths[i], pretty.StringWidthWithoutEscSequences(row[i]))
			}
		}
		sum += widths[i] + 2
	}
	list := make([]table.ColumnConfig, len(g.columns))
	for i, c := range g.columns {
		list[i] = table.ColumnConfig{Number: i + 1, Align: pretty.AlignLeft, AlignHeader: pretty.AlignLeft}
		if c.right {
			list[i].Align, list[i].AlignHeader = pretty.AlignRight, pretty.AlignRight
		}
		if over := sum - 2 - width; c.cuts && width > 0 && over > 0 {
			n := max(min(least, widths[i]), widths[i]-over)
			sum -= widths[i] - n
			list[i].WidthMax, list[i].WidthMaxEnforcer = n, cut
		}
	}
	return list
}
