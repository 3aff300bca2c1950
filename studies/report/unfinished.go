package report

import (
	"fmt"
	"io"
	"slices"

	"mixmatch/studies"
)

// Unfinished writes what the study called name, in folder dir, has found so far: the
// best of each search that it has begun. Running says that a process works on it.
func Unfinished(w io.Writer, name, dir string, searches []studies.SearchRecord, running bool, page Page) error {
	p := &printer{w: w, page: page}
	trials := 0
	searches = slices.DeleteFunc(slices.Clone(searches), func(s studies.SearchRecord) bool { return len(s.Trials) == 0 })
	for _, s := range searches {
		trials += len(s.Trials)
	}
	if trials == 0 {
		p.f("%s: not finished, and nothing tried yet.\n", name)
	} else {
		p.f("%s: not finished. %d trials so far; the best of each search:\n\n", name, trials)
		width := len("100.0000%")
		for _, s := range searches {
			width = max(width, len(s.Name))
		}
		for part := range slices.Chunk(searches, max(1, (page.tableWidth()-len("| similarity |"))/(width+len("  |")))) {
			row := func(label string, cell func(s studies.SearchRecord) string) {
				p.f("| %-10s |", label)
				for _, s := range part {
					p.f(" %*s |", width, cell(s))
				}
				p.f("\n")
			}
			row("", func(s studies.SearchRecord) string { return center(s.Name, width) })
			row("similarity", func(s studies.SearchRecord) string { return percent(1 - s.Trials[s.Best()].Value) })
			row("ceiling", func(s studies.SearchRecord) string {
				if !s.Bounded {
					return "-"
				}
				return percent(1 - s.Ceiling)
			})
			row("trials", func(s studies.SearchRecord) string { return fmt.Sprint(len(s.Trials)) })
		}
	}
	if running {
		p.f("\nIt runs. Follow it with:\n  mixmatch show %s --watch\n", Quote(dir))
	} else {
		p.f("\nNobody works on it. Go on with:\n  mixmatch resume %s\n", Quote(dir))
	}
	return p.err
}
