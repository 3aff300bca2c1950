package report

import (
	"slices"

	"mixmatch/studies"
)

// tables prints each group's blocks as similar.py does: a row of names, a row
// of percentages. The rows are what was achieved, the ceiling and, with a base,
// what is explained.
func (p *printer) tables(s *studies.Summary) {
	for _, g := range s.Groups {
		p.f("%s\n", g.Name)
		width := len("100.0000%")
		for _, b := range g.Blocks {
			width = max(width, len(b.Name))
		}
		for part := range slices.Chunk(g.Blocks, max(1, (p.page.tableWidth()-len("| achieved   |"))/(width+len(" "+" |")))) {
			row := func(label string, cell func(b studies.Block) string) {
				p.f("| %-10s |", label)
				for _, b := range part {
					p.f(" %*s |", width, cell(b))
				}
				p.f("\n")
			}
			row("", func(b studies.Block) string { return center(b.Name, width) })
			row("achieved", func(b studies.Block) string { return percent(b.Achieved) })
			row("ceiling", func(b studies.Block) string { return percent(b.Ceiling) })
			if g.Explained != nil && part[0].Explained != nil {
				row("explained", func(b studies.Block) string { return percent(*b.Explained) })
			}
			if g.Published != nil {
				row("similar.py", func(b studies.Block) string {
					if b.Published == nil {
						return "-"
					}
					return percent(*b.Published)
				})
			}
		}
		p.f("\n%s - %s\n\n", s.Target, percent(g.Achieved))
	}
}
