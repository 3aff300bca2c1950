package report

import (
	"fmt"
	"slices"
	"strings"

	"mixmatch/merge/safetext"
	"mixmatch/similarity"
	"mixmatch/studies"
)

// verdict says what the result proves.
func (p *printer) verdict(s *studies.Summary) {
	p.headline(s)
	p.missing(s)
	width := len("outputs") + 1
	published, explained := false, false
	for _, g := range s.Groups {
		width = max(width, len(g.Name))
		published = published || g.Published != nil
		explained = explained || g.Explained != nil
	}
	cell := func(there bool, text string) string {
		if !there {
			return ""
		}
		return fmt.Sprintf("  %10s", text)
	}
	value := func(v *float64) string {
		if v == nil {
			return "-"
		}
		return percent(*v)
	}
	p.raw(fmt.Sprintf("\n  %-*s%s%s%s%s\n", width, "", cell(true, "similarity"), cell(true, "ceiling"), cell(explained, "explained"), cell(published, "similar.py")))
	for _, g := range s.Groups {
		p.f("  %-*s%s%s%s%s", width, string(g.Name), cell(true, percent(g.Achieved)), cell(true, percent(g.Ceiling)), cell(explained, value(g.Explained)), cell(published, value(g.Published)))
		p.raw("  " + p.in(verdictColour(g.Verdict), string(g.Verdict)) + "\n")
	}
	p.attention(s)
	if where := unexplained(s); where != "" {
		p.prose("  ", "unexplained: %s", where)
	}
	p.f("\n")
}

// headline prints what the result proves in one sentence.
func (p *printer) headline(s *studies.Summary) {
	text := fmt.Sprintf("%s: %s", safetext.Line(s.Target), safetext.Line(Headline(s)))
	for _, l := range broken(text, "  ", p.page.Width) {
		p.raw(p.in(bold, l) + "\n")
	}
}

func verdictColour(v similarity.Verdict) colour {
	switch v {
	case similarity.Exact, similarity.Best:
		return green
	case similarity.Missing:
		return red
	}
	return yellow
}

// attention says what a search for the attention similarity came to.
func (p *printer) attention(s *studies.Summary) {
	for _, g := range s.Groups {
		if a := g.Attention; a != nil {
			p.f("  %-8s attention %s as similar.py prints it (by weights alone %s);\n", g.Name, percent(a.Published), percent(a.ByWeights.Published))
			p.f("           on the inputs it was fitted to %s (%s), on others %s (%s)\n",
				percent(a.Fitted), percent(a.ByWeights.Fitted), percent(a.HeldOut), percent(a.ByWeights.HeldOut))
		}
	}
}

// either joins names by commas and an "or".
func either(names []string) string {
	last := len(names) - 1
	if last < 1 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// Headline says in one sentence what the result proves.
func Headline(s *studies.Summary) string {
	if partless(s) {
		return lacking(s)
	}
	switch s.Verdict {
	case similarity.Exact:
		in := standing(s, similarity.In)
		if len(in) == 1 {
			return fmt.Sprintf("exact. It is %s: what differs is no more than rounding.", in[0])
		}
		return "exact. What this recipe leaves unexplained is no more than rounding."
	case similarity.Best:
		if s.Missing != nil {
			return "best possible. No mix of these sources comes closer. Little is left, but it is not rounding: " + unknown(s) + "."
		}
		return "best possible. No mix of these sources comes closer, and little is left unexplained."
	case similarity.Short:
		return "held back by the recipe. Other ratios than it allows would come closer; see the ceiling."
	}
	if s.Missing != nil {
		return "a source is missing: " + unknown(s) + "."
	}
	return "a source is missing. No mix of these sources comes closer than the ceiling, and what it leaves unexplained is far more than rounding."
}

// unknown says what is missing in a few words.
func unknown(s *studies.Summary) string {
	m := s.Missing
	if s.LoRA != nil {
		return fmt.Sprintf("a LoRA of rank %d was baked in", s.LoRA.Rank)
	}
	if m.Subtracted {
		return fmt.Sprintf("the recipe subtracts a model that is none of these, about %s of it", share(m))
	}
	switch {
	case m.Weight == 0 && s.Verdict == similarity.Best:
		return "something that is too little to weigh"
	case m.Weight == 0:
		return "an unknown source, and how much of it cannot be told from these"
	}
	return "an unknown source of about " + share(m)
}

func share(m *studies.Missing) string {
	digits := 0
	if m.High < 0.02 {
		digits = 1
	}
	text := func(v float64) string { return fmt.Sprintf("%.*f", digits, 100*v) }
	if text(m.Low) == text(m.High) {
		return text(m.Weight) + " %"
	}
	return fmt.Sprintf("%s %% (%s to %s)", text(m.Weight), text(m.Low), text(m.High))
}

// standing returns the sources of a standing.
func standing(s *studies.Summary, want similarity.Standing) (names []string) {
	for _, q := range s.Sources {
		if q.Evidence == want {
			names = append(names, q.Name)
		}
	}
	return names
}

// missing says who is in the target though not everybody is there.
func (p *printer) missing(s *studies.Summary) {
	m := s.Missing
	if m == nil {
		return
	}
	if l := s.LoRA; l != nil {
		p.prose("  ", "A LoRA of rank %d was baked in: it is in %d of %d matrices looked at.", l.Rank, l.In, l.Of)
	}
	if n := len(standing(s, similarity.Out)); n > 0 {
		p.f("  not in it: %d of the sources\n", n)
	}
	if partless(s) {
		p.prose("  ", "A whole file of %s may explain the rest.", either(m.Lacking))
		return
	}
	if m.Subtracted {
		p.prose("  ", "What is subtracted is as a rule the base of add differences: name it with --base.")
	}
	if m.WithBase != nil && !m.Subtracted {
		p.prose("  ", "%s and what is missing weigh %.2f together: how that divides between them cannot be seen.", s.Base, *m.WithBase)
	}
	if len(m.Near) > 0 && !m.Subtracted {
		p.prose("  ", "What is missing may be another version of %s.", either(m.Near))
	}
}

// unexplained lists the blocks with more left over than rounding, worst first.
func unexplained(s *studies.Summary) string {
	var bad []studies.Block
	for _, g := range s.Groups {
		for _, b := range g.Blocks {
			if b.Verdict != similarity.Exact {
				bad = append(bad, b)
			}
		}
	}
	slices.SortStableFunc(bad, func(a, b studies.Block) int {
		switch {
		case a.Unexplained > b.Unexplained:
			return -1
		case a.Unexplained < b.Unexplained:
			return 1
		}
		return 0
	})
	var parts []string
	for i, b := range bad {
		if i == 6 {
			parts = append(parts, fmt.Sprintf("and %d more", len(bad)-6))
			break
		}
		mark := ""
		if b.Verdict == similarity.Short && b.Attention == nil {
			mark = " (held back)"
		}
		parts = append(parts, fmt.Sprintf("%s %.2f %%%s", b.Name, 100*b.Unexplained, mark))
	}
	if len(parts) == 0 {
		return ""
	}
	from := s.Base
	if from == "" {
		from = "the nearest source"
	}
	return strings.Join(parts, ", ") + " of what separates the target from " + from
}
