package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"mixmatch/merge/block"
	"mixmatch/merge/safetext"
	"mixmatch/similarity"
	"mixmatch/studies"
)

// The first screen of a terminal has so many lines, of which lists take what is left.
const (
	screenLines = 24
	mostSources = 6
)

// screen prints what is worth knowing first, in 24 lines of 80 columns.
func (p *printer) screen(s *studies.Summary) {
	count := &lines{w: p.w}
	p.w = count
	p.verdict(s)
	const steps = 5 // lines that are left to them at least
	p.shares(s, min(mostSources, max(2, screenLines-count.n-3-steps)))
	p.growth(s, max(3, screenLines-count.n-3))
	p.w = count.w
	p.raw("\n")
}

// A mean is a source with its mean weight over the blocks.
type mean struct {
	studies.Source
	share float64
}

// means returns the mean weights of those sources that take part, the largest first,
// the sure ones before the others.
func means(s *studies.Summary) []mean {
	sum, blocks := map[string]float64{}, 0
	for _, g := range s.Groups {
		for _, b := range g.Blocks {
			blocks++
			for _, w := range b.Weights {
				sum[w.Source] += w.Weight
			}
		}
	}
	var list []mean
	for _, q := range s.Sources {
		if q.Evidence == similarity.In || q.Evidence == similarity.Perhaps && q.Blocks > 0 {
			list = append(list, mean{q, sum[q.Name] / float64(max(1, blocks))})
		}
	}
	slices.SortStableFunc(list, func(a, b mean) int {
		sure := func(m mean) int {
			if m.Evidence == similarity.In {
				return 0
			}
			return 1
		}
		return cmp.Or(cmp.Compare(sure(a), sure(b)), cmp.Compare(math.Abs(b.share), math.Abs(a.share)))
	})
	return list
}

// shares prints who is in it, with bars: so many at most.
func (p *printer) shares(s *studies.Summary, most int) {
	list := means(s)
	if len(list) == 0 {
		return
	}
	if len(list) == most+1 || p.page.Wide { // no line to say that there is one more
		most = len(list)
	}
	cells := min(20, max(0, p.page.tableWidth()-50)) // names are worth more than bars
	top := 1.0
	for _, m := range list {
		top = max(top, math.Abs(m.share))
	}
	longest := 0 // name
	for _, m := range list[:min(most, len(list))] {
		longest = max(longest, safetext.Columns(safetext.Line(m.Name))+len(" (LoRA)"))
	}
	longest = max(longest, narrow-42)
	p.f("In it, by the mean of its share over all blocks:\n")
	for _, m := range list[:min(most, len(list))] {
		word, hue := "surely ", green
		if m.Evidence == similarity.Perhaps {
			word, hue = "perhaps", yellow
		}
		name := safetext.Line(m.Name)
		if m.LoRA {
			name += " (LoRA)"
		}
		if m.Blocks == 0 { // the recipe has no weights
			p.raw("  " + p.in(hue, word) + "  " + name + "\n")
			continue
		}
		full := int(math.Round(float64(cells) * math.Abs(m.share) / top))
		sign := "█"
		if m.share < 0 {
			sign = "▒"
		}
		bar := strings.Repeat(sign, full) + strings.Repeat(" ", cells-full)
		p.raw(fmt.Sprintf("  %s  %s  %s %7.4f\n", p.in(hue, word), fit(name, min(longest, p.page.tableWidth()-cells-22)), p.in(hue, bar), m.share))
	}
	if n := len(list) - most; n > 0 {
		p.f("  and %d more, below\n", n)
	}
	p.raw("\n")
}

// growth prints the similarity after each step, in so many lines if there are more
// steps.
func (p *printer) growth(s *studies.Summary, room int) {
	var groups []block.Group
	for _, g := range s.Groups {
		groups = append(groups, g.Name)
	}
	const cell = 11
	width := p.page.tableWidth() - 6 - cell*len(groups)
	if width < 20 || len(s.Steps) == 0 { // more groups than fit
		return
	}
	head := "Similarity after each step"
	p.f("%s", fit(head, width+6))
	for _, g := range groups {
		p.raw(fmt.Sprintf("%*s", cell, fit(string(g), min(cell-1, safetext.Columns(string(g))))))
	}
	p.raw("\n")
	line := func(i int) {
		text, _, _ := strings.Cut(s.Steps[i].Text, "\n")
		p.f("%4d  %s", i+1, fit(safetext.Line(text), width))
		for _, g := range groups {
			v, ok := s.Steps[i].Similarity[g]
			if !ok {
				p.raw(fmt.Sprintf("%*s", cell, "-"))
				continue
			}
			p.raw(fmt.Sprintf("%*s", cell, percent(v)))
		}
		p.raw("\n")
	}
	n := len(s.Steps)
	if n <= room || p.page.Wide {
		for i := range n {
			line(i)
		}
		return
	}
	for i := range room - 2 {
		line(i)
	}
	p.f("      and %d more, below\n", n-room+1)
	line(n - 1)
}

// lines counts the lines that are written.
type lines struct {
	w interface{ Write([]byte) (int, error) }
	n int
}

func (l *lines) Write(b []byte) (int, error) {
	l.n += strings.Count(string(b), "\n")
	return l.w.Write(b)
}
