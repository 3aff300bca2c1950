package report

import (
	"fmt"
	"strings"

	"mixmatch/similarity"
	"mixmatch/studies"
)

// say fills in the headline and the words, of a summary or, of a study that has none
// yet, of what there is.
func (p *View) say(s *studies.Summary) {
	if s == nil {
		p.sayUnfinished()
		return
	}
	p.Headline = Headline(s)
	p.standings()
	if l := s.LoRA; l != nil {
		p.word("A LoRA of rank %d was baked in: it is in %d of %d matrices looked at. \"mixmatch missing STUDY -o FILE --lora\" writes it as a file.", l.Rank, l.In, l.Of)
	}
	if m := s.Missing; m != nil {
		p.sayMissing(s, m)
	}
	if where := unexplained(s); where != "" {
		p.word("Unexplained are %s.", where)
	}
	switch v := s.VAE; {
	case v.Source == "":
	case v.Same:
		p.word("The VAE is that of %s.", v.Source)
	case v.Blended:
		p.word("The VAE is a blend with the ratios of BASE, as SuperMerger makes it.")
	default:
		p.word("The VAE is that of none of the sources; the nearest is that of %s, %.2f %% off.", v.Source, 100*v.Difference)
	}
	for _, t := range s.Twins {
		if t.Difference == 0 {
			p.word("%s and %s are the same model: how the share divides between them cannot be told.", t.A, t.B)
		} else {
			p.word("%s and %s differ by %.2g %%: how the share divides between them is a guess.", t.A, t.B, 100*t.Difference)
		}
	}
}

func (p *View) word(format string, args ...any) {
	p.Words = append(p.Words, fmt.Sprintf(format, args...))
}

func (p *View) sayMissing(s *studies.Summary, m *studies.Missing) {
	if partless(s) {
		p.word("A whole file of %s may explain the rest.", either(m.Lacking))
		return
	}
	if s.LoRA == nil {
		p.word("The sources stand in for what is missing where they are like it, so their weights are those of the closest mix; the errors say how far the recipe's own may be from them. With a model that you suspect: mixmatch optimize NEW --from STUDY --source SUSPECT.")
	}
	switch {
	case m.Subtracted:
		p.word("What is subtracted is as a rule the base of add differences: name it with --base.")
	case m.WithBase != nil:
		p.word("%s and what is missing weigh %.2f together: how that divides between them cannot be seen.", s.Base, *m.WithBase)
	}
	if len(m.Near) > 0 && !m.Subtracted {
		p.word("What is missing may be another version of %s.", either(m.Near))
	}
}

// standings says who is in it.
func (p *View) standings() {
	for _, q := range []struct {
		of   similarity.Standing
		text string
	}{{similarity.In, "Surely in it: "}, {similarity.Perhaps, "Perhaps, or only like something that is: "}} {
		if names := p.of(q.of); len(names) > 0 {
			p.word("%s%s.", q.text, strings.Join(names, ", "))
		}
	}
	if n := len(p.of(similarity.Out)); n > 0 {
		p.word("Nothing speaks for %d of the %d sources.", n, len(p.Sources))
	}
}

// of returns the names of the sources of a standing.
func (p *View) of(want similarity.Standing) (names []string) {
	for _, q := range p.Sources {
		if q.Evidence == want {
			names = append(names, q.Name)
		}
	}
	return names
}

// sayUnfinished says how far a study is.
func (p *View) sayUnfinished() {
	const goOn = "\"mixmatch resume STUDY\" goes on with it."
	if len(p.Blocks) == 0 {
		p.Headline = "not finished: the models have not been read yet, so nothing is known of the recipe."
		p.word("This page shows what there is so far. %s", goOn)
		return
	}
	begun := 0
	for _, b := range p.Blocks {
		if b.Achieved != nil {
			begun++
		}
	}
	p.Headline = fmt.Sprintf("not finished: the models have been read, and %d of %d blocks have been searched or are being searched.", begun, len(p.Blocks))
	p.word("This page shows what there is so far: the weights are those of the closest mix of all sources, which the recipe's may not keep to, and there is no recipe yet. %s", goOn)
	p.standings()
}
