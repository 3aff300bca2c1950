package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"mixmatch/merge/block"
	"mixmatch/merge/safetext"
	"mixmatch/similarity"
	"mixmatch/similarity/identify"
)

// identifyWidth is how wide the result of a search for sources may be: people paste it
// where lines are short.
const identifyWidth = 80

// Identified writes what was found out about a target from fingerprints: the verdict,
// who is in it, and what else is known. What is missing is told of first.
func Identified(w io.Writer, r *identify.Result) error {
	p := &printer{w: w}
	p.wrapped("", r.Target+": "+identifiedHeadline(r))
	if m := r.Missing; m != nil {
		if m.Subtracted {
			p.wrapped("  ", "What is subtracted is as a rule the base of add differences: name it with --base.")
		} else if len(m.Near) > 0 {
			p.wrapped("  ", "What is missing may be another version of "+either(m.Near)+".")
		}
	}
	p.found("Surely in it", r, similarity.In)
	p.found("Perhaps", r, similarity.Perhaps)
	if len(r.Sources) == 0 {
		p.f("\nNothing there is surely in it, or even perhaps.\n")
	}
	p.licences(r)
	p.answers(r)
	p.f("\n")
	p.wrapped("", identifiedEra(r))
	for _, part := range r.Parts {
		p.wrapped("", partIs(part))
	}
	if r.Itself != "" {
		p.wrapped("", fmt.Sprintf("The target itself is there, as %s: it was left out.", safetext.Line(r.Itself)))
	}
	l := r.Library
	others := ""
	if l.Others > 0 {
		others = fmt.Sprintf(" (%s more of other architectures cannot be in it)", thousands(l.Others))
	}
	p.wrapped("", fmt.Sprintf("Looked through %s%s; read %s of them in full.", plural(l.Records, "fingerprint"), others, thousands(l.Read)))
	for _, n := range r.Notes {
		p.wrapped("", "note: "+safetext.Line(n))
	}
	return p.err
}

// identifiedHeadline says in one sentence what the result proves.
func identifiedHeadline(r *identify.Result) string {
	unknown := ""
	if m := r.Missing; m != nil {
		switch {
		case m.Subtracted:
			unknown = fmt.Sprintf("the recipe subtracts a model that is not there, about %s of it", span(m.Weight, m.Low, m.High))
		case m.Weight == 0:
			unknown = "how much of it is of something else cannot be told from these"
		default:
			unknown = fmt.Sprintf("about %s of it is of something that is not there", span(m.Weight, m.Low, m.High))
		}
	}
	switch r.Verdict {
	case similarity.Exact:
		in := 0
		for _, s := range r.Sources {
			if s.Evidence == similarity.In {
				in++
			}
		}
		if in == 1 {
			return fmt.Sprintf("exact. It is %s: what differs is no more than rounding.", r.Sources[0].Name)
		}
		return "exact. All its sources are there: what they leave is no more than rounding."
	case similarity.Missing:
		if unknown == "" {
			return "a source is missing. What these leave unexplained is far more than rounding."
		}
		return "a source is missing: " + unknown + "."
	}
	if unknown != "" {
		return "nearly all is explained. Little is left, but it is not rounding: " + unknown + "."
	}
	return "nearly all is explained; what is left is little, but more than rounding."
}

func span(v, low, high float64) string {
	digits := 0
	if high < 0.02 {
		digits = 1
	}
	text := func(v float64) string { return fmt.Sprintf("%.*f", digits, 100*v) }
	if text(low) == text(high) {
		return text(v) + " %"
	}
	return fmt.Sprintf("%s %% (%s to %s)", text(v), text(low), text(high))
}

// nameWidth is what is left of a line for a name.
const nameWidth = identifyWidth - len("    -0.1234 + <0.0001  -0.1234 to -0.1234  26 of 26")

// found lists the sources of a standing.
func (p *printer) found(title string, r *identify.Result, of similarity.Standing) {
	like := 0 // that only stand for what is missing
	some := slices.DeleteFunc(slices.Clone(r.Sources), func(s identify.Source) bool {
		idle := s.Evidence == of && of == similarity.Perhaps && s.In == 0 && len(s.Same) == 0
		if idle {
			like++
		}
		return s.Evidence != of || idle
	})
	if like > 0 {
		defer func() {
			if len(some) == 0 {
				p.f("\n%s\n", title)
			}
			p.wrapped("  ", fmt.Sprintf("%s more may be, or are only like what is missing: no block tells", thousands(like)))
		}()
	}
	if len(some) == 0 {
		return
	}
	p.f("\n%-*s   %-17s %-18s  %s\n", nameWidth+2, title, "share", "from block to block", "blocks")
	for _, s := range some {
		name := safetext.Line(s.Name)
		switch {
		case s.LoRA:
			name += " (LoRA)"
		case s.Base:
			name += " (the base)"
		}
		if utf8.RuneCountInString(name) > nameWidth {
			p.f("  %s\n", name)
			name = ""
		}
		numbers := fmt.Sprintf("%7.4f ± %s", s.Share, errorBar(s.Error))
		p.f("  %-*s  %-17s  %7.4f to %7.4f  %2d of %d\n", nameWidth, name, numbers, s.Low, s.High, s.In, s.Of)
		if len(s.Same) > 0 {
			p.wrapped("    ", "cannot be told from "+list(s.Same)+": it may be that as well")
		}
	}
	if of == similarity.In {
		p.wrapped("  ", "A share is the mean over the blocks, each counting by how many numbers it has; the truth is within ± in 95 of 100 cases.")
	}
}

// licences lists which source has which licence.
func (p *printer) licences(r *identify.Result) {
	var names []string
	by := map[string][]string{}
	for _, s := range r.Sources {
		l := safetext.Line(s.Licence)
		if l == "" {
			l = "not known"
		}
		if by[l] == nil {
			names = append(names, l)
		}
		by[l] = append(by[l], safetext.Line(s.Name))
	}
	if len(names) == 0 || len(names) == 1 && names[0] == "not known" {
		return
	}
	p.f("\nLicences\n")
	for _, l := range names {
		p.wrapped("  ", l+": "+strings.Join(by[l], ", "))
	}
}

// answers says of each model that was asked about whether it is in it.
func (p *printer) answers(r *identify.Result) {
	if len(r.Answers) == 0 {
		return
	}
	p.f("\nIs it in here?\n")
	var out []string
	for _, a := range r.Answers {
		name, place := safetext.Line(a.Name), ""
		if len(a.Same) > 0 {
			place = ", or " + list(a.Same) + " in its place"
		}
		switch {
		case a.As != "":
			p.wrapped("  ", fmt.Sprintf("%s: perhaps, since it cannot be told from %s", name, safetext.Line(a.As)))
		case a.Evidence == similarity.In && a.Share < 0:
			p.wrapped("  ", fmt.Sprintf("%s: yes, surely, subtracted%s: %.4f of it, in %s", name, place, a.Share, plural(a.In, "block")))
		case a.Evidence == similarity.In:
			p.wrapped("  ", fmt.Sprintf("%s: yes, surely%s: %.4f of it, in %s", name, place, a.Share, plural(a.In, "block")))
		case a.Evidence == similarity.Perhaps:
			p.wrapped("  ", fmt.Sprintf("%s: perhaps: %.4f ± %.4f", name, a.Share, a.Error))
		default:
			out = append(out, name)
		}
	}
	if len(out) > 0 {
		p.wrapped("  ", "not in it: "+strings.Join(out, ", "))
	}
}

func identifiedEra(r *identify.Result) string {
	mark := "tensors that tell"
	if l, err := block.Default(r.Arch); err == nil && l.EraMark() != "" {
		mark = l.EraMark() + " tensors"
	}
	switch r.EraBy {
	case "recognised":
		return fmt.Sprintf("Block map: %s, recognised by the %s.", r.Era, mark)
	case "only":
		return fmt.Sprintf("Block map: %s.", r.Era)
	}
	return fmt.Sprintf("Block map: %s is assumed; the %s do not tell.", r.Era, mark)
}

func partIs(part identify.Part) string {
	name := strings.ToUpper(part.Part[:1]) + part.Part[1:]
	if len(part.Same) == 0 {
		return name + ": that of none of the models read, bit for bit."
	}
	return fmt.Sprintf("%s: that of %s, bit for bit.", name, list(part.Same))
}
