package report

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"mixmatch/merge/safetext"
	"mixmatch/similarity"
	"mixmatch/studies"
)

// mostNames is how many names a list has that is printed whole.
const mostNames = 6

// short returns a name in the columns that a terminal has for it beside the rest.
func (p *printer) short(name string) string {
	name = safetext.Line(name)
	if most := p.page.tableWidth() - 52; p.page.Width > 0 && safetext.Columns(name) > most {
		return fit(name, most)
	}
	return name
}

// sources prints who is in the mix, and who is not.
func (p *printer) sources(s *studies.Summary) {
	p.f("Who is in it:\n")
	if p.err == nil {
		tw := tabwriter.NewWriter(p.w, 0, 0, 2, ' ', 0)
		for _, q := range s.Sources {
			if q.Evidence == similarity.Out || q.Evidence == similarity.Perhaps && q.Blocks == 0 {
				continue
			}
			mark := ""
			if q.Evidence == similarity.Perhaps {
				mark = "\tperhaps"
			}
			if q.Blocks == 0 { // no weights: the recipe is not linear
				fmt.Fprintf(tw, "  %s\n", safetext.Line(q.Name))
				continue
			}
			share := fmt.Sprintf("%.4f to %.4f", q.Low, q.High)
			if fmt.Sprintf("%.4f", q.Low) == fmt.Sprintf("%.4f", q.High) {
				share = fmt.Sprintf("%.4f", q.Low)
			}
			blocks := "blocks"
			if q.Blocks == 1 {
				blocks = "block"
			}
			bar := errorBar(q.MaxError)
			if q.Vague {
				bar = "?"
			}
			fmt.Fprintf(tw, "  %s\t%s\t± %s\tin %d %s%s\n", p.short(q.Name), share, bar, q.Blocks, blocks, mark)
		}
		p.err = tw.Flush()
	}
	switch {
	case partless(s):
		p.prose("  ", "These are the weights where nothing is missing. In %s the others stand in for it where they are like it; see show --weights.", where(s.Missing))
	case s.Missing != nil:
		p.prose("  ", "These are the weights of the closest mix. Sources stand in for what is missing where they are like it; the errors say how far the recipe's own weights may be from them.")
	}
	switch out := standing(s, similarity.Out); {
	case len(out) > mostNames && !p.page.Wide:
		p.f("  not in it: %d of %d; --wide lists them\n", len(out), len(s.Sources))
	case len(out) > 0:
		p.prose("  ", "not in it: %s", strings.Join(out, ", "))
	}
	p.same(s)
	for _, t := range s.Twins {
		if t.Difference == 0 {
			p.prose("  ", "%s and %s are the same model: how the share divides between them cannot be told", t.A, t.B)
			continue
		}
		p.prose("  ", "%s and %s differ by %.2g %%: how the share divides between them is a guess", t.A, t.B, 100*t.Difference)
	}
	p.f("\n")
}

// same names the sources that are the same in some blocks, where any of them may
// have what one has.
func (p *printer) same(s *studies.Summary) {
	var sets []string
	blocks := map[string][]string{}
	for _, g := range s.Groups {
		for _, b := range g.Blocks {
			for _, set := range b.Same {
				if sameModel(s, set) { // which is told for all blocks
					continue
				}
				name := strings.Join(set, ", ")
				if blocks[name] == nil {
					sets = append(sets, name)
				}
				blocks[name] = append(blocks[name], b.Name)
			}
		}
	}
	for _, name := range sets {
		p.prose("  ", "the same in %s: %s; what one has there may be any other's, from 0 to all of it", strings.Join(blocks[name], " "), name)
	}
}

// sameModel reports whether set is two sources that do not differ anywhere.
func sameModel(s *studies.Summary, set []string) bool {
	return len(set) == 2 && slices.ContainsFunc(s.Twins, func(t similarity.Twin) bool {
		return t.Difference == 0 && slices.Contains(set, t.A) && slices.Contains(set, t.B)
	})
}
