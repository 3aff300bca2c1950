package dialect

import (
	"fmt"
	"slices"
	"strings"

	"mixmatch/merge/checkpoint"
)

// dialects says which parts have other names than in single files.
func (m *model) dialects() []checkpoint.Dialect {
	var all []checkpoint.Dialect
	for _, roots := range m.roots {
		for _, r := range roots {
			d := checkpoint.Dialect{Part: r.part.String(), Names: r.names, Prefix: r.prefix}
			if r.old {
				d.Names += " without text_model"
			}
			if m.used[r] && (r.foreign() || r.old) && !slices.Contains(all, d) {
				all = append(all, d)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b checkpoint.Dialect) int { return strings.Compare(a.Part+a.Prefix, b.Part+b.Prefix) })
	return all
}

// notes counts what is not as single files have it.
func (m *model) notes() []string {
	var notes []string
	say := func(names []string, format string, args ...any) {
		if n := len(names); n > 0 {
			names := "tensor " + checkpoint.Short(names[0])
			if n > 1 {
				names = fmt.Sprintf("%d tensors such as %s", n, strings.TrimPrefix(names, "tensor "))
			}
			notes = append(notes, names+" "+fmt.Sprintf(format, args...))
		}
	}
	for _, roots := range m.roots {
		for _, r := range roots {
			say(m.strange[r], "of the %s: single files have nothing like it, so the name stays", r.part)
		}
	}
	say(m.dropped, "left out: single files have nothing like it")
	for _, two := range m.twice[:min(1, len(m.twice))] {
		notes = append(notes, fmt.Sprintf("%d tensors are there under two names with the same numbers, such as %s and %s", len(m.twice), checkpoint.Short(two[0]), checkpoint.Short(two[1])))
	}
	for i, path := range m.paths {
		say(m.passed[i], "of %s passed over: a file before it has one of that name", path)
	}
	return notes
}
