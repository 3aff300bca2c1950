package report

import (
	"fmt"
	"strings"

	"mixmatch/similarity"
	"mixmatch/studies"
)

// partless reports whether something is missing only where sources have no part that
// may hold it.
func partless(s *studies.Summary) bool {
	return s.Missing != nil && len(s.Missing.Lacking) > 0 && s.LoRA == nil
}

// lacking is the headline where something is missing only where sources have no part.
func lacking(s *studies.Summary) string {
	m := s.Missing
	var exact []string
	for _, g := range s.Groups {
		if g.Verdict == similarity.Exact {
			exact = append(exact, string(g.Name))
		}
	}
	text := "all other blocks are exact"
	if n := len(exact); n > 1 {
		text = strings.Join(exact[:n-1], ", ") + " and " + exact[n-1] + " are exact"
	}
	has := "has"
	if len(m.Lacking) > 1 {
		has = "have"
	}
	what := "no weights there"
	if m.Part != "" {
		what = "no " + m.Part
	}
	return fmt.Sprintf("%s; in %s a part is missing that %s may hold, which %s %s.", text, where(m), either(m.Lacking), has, what)
}

// where lists the blocks in which something is missing.
func where(m *studies.Missing) string {
	const most = 6
	if n := len(m.Blocks); n > most {
		return fmt.Sprintf("%s and %d more", strings.Join(m.Blocks[:most], ", "), n-most)
	}
	return strings.Join(m.Blocks, ", ")
}
