// Package report says in words and tables what a study found out.
//
// The tables keep the layout of similar.py, the similarity calculator that
// people quote, because they are pasted into posts.
package report

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"

	"mixmatch/merge/block"
	"mixmatch/similarity"
	"mixmatch/studies"
)

// Text writes the whole story of a run: first what fits on a screen, that is what it
// proves, who is in it and how the similarity grows; then the steps, the per-block
// tables, all weights and notes. [Next] goes on.
func Text(w io.Writer, s *studies.Summary, page Page) error {
	p := &printer{w: w, page: page}
	p.screen(s)
	p.recipe(s)
	p.tables(s)
	p.sources(s)
	p.notes(s)
	return p.err
}

// recipe prints the steps, each with the similarity of the model after it.
func (p *printer) recipe(s *studies.Summary) {
	p.f("Recipe, in SuperMerger's notation, with the cosine similarity after each step:\n\n")
	for i, st := range s.Steps {
		if i == s.Sure() && i > 0 {
			p.f("# %s\n", studies.Doubtful)
		}
		p.f("%s\n", st.Text)
		if len(st.Similarity) > 0 {
			p.f("%s\n", s.Comment(i))
		}
	}
	if r, err := s.Parse(); err == nil && len(r.Sources()) == 1 && len(r.Differences()) == 0 {
		p.prose("", "There is one model in it: the step makes a copy of that.")
	}
	p.f("\n")
}

// notes prints what else was found out.
func (p *printer) notes(s *studies.Summary) {
	l, err := block.For(s.Arch, s.Era)
	if err != nil {
		p.err = errors.Join(p.err, err)
		return
	}
	_, blends := l.MergesVAE()
	switch s.EraBy {
	case "recognised":
		by := "recognised: the %s tensors go with one block"
		if slices.ContainsFunc(s.Eras, func(e studies.EraFit) bool { return e.Block == similarity.TheirBlocks }) {
			by = "recognised by the %s tensors"
		}
		var off []string
		for _, e := range s.Eras {
			off = append(off, fmt.Sprintf("%s %.3g", e.Block, e.Noise))
		}
		p.prose("", "Block map: %s, "+by+" (off by, in roundings: %s).", s.Era, l.EraMark(), strings.Join(off, ", "))
	case "assumed":
		p.prose("", "Block map: %s, assumed: the target does not tell; --era sets another.", s.Era)
	case "only":
		p.prose("", "Block map: %s, of %s.", s.Era, s.Arch)
	default:
		p.prose("", "Block map: %s, as given.", s.Era)
	}
	switch v := s.VAE; {
	case v.Other:
		p.f("VAE: to the bit that of none of the sources; how near one comes, fingerprints do not tell.\n")
	case v.Source == "":
		p.prose("", "VAE: none to compare.")
	case v.Same && !blends:
		p.prose("", "VAE: that of %s.", v.Source)
	case v.Same:
		p.prose("", "VAE: that of %s. SuperMerger blends the VAE with the BASE ratio: bake this one in afterwards.", v.Source)
	case v.Blended:
		p.prose("", "VAE: blended with the BASE ratios, as SuperMerger does.")
	default:
		p.prose("", "VAE: of none of the sources; the nearest is that of %s, %.2f %% off.", v.Source, 100*v.Difference)
	}
	for _, n := range s.Notes {
		p.prose("", "Note: %s.", n)
	}
	p.f("%d trials.\n", s.Trials)
}

// Weights writes each block's weights with their errors, within which the truth lies in 95 of 100 cases.
func Weights(w io.Writer, s *studies.Summary, page Page) error {
	p := &printer{w: w, page: page}
	for _, g := range s.Groups {
		for _, b := range g.Blocks {
			p.f("%s\n", b.Name)
			width := 0
			for _, q := range b.Weights {
				width = max(width, len(q.Source))
			}
			for _, q := range b.Weights {
				bar := errorBar(q.Error)
				if q.Vague {
					bar = "anything (it has a twin)"
				}
				p.f("  %-*s  %9.4f ± %s\n", width, q.Source, q.Weight, bar)
			}
		}
	}
	return p.err
}

// errorBar prints an error: four decimals where they say something.
func errorBar(e float64) string {
	if e != 0 && e < 0.00005 {
		return "<0.0001"
	}
	return fmt.Sprintf("%.4f", e)
}

// percent prints a similarity as similar.py does.
func percent(v float64) string { return fmt.Sprintf("%.4f%%", 100*v) }

// center puts s in the middle of width characters.
func center(s string, width int) string {
	left := (max(0, width-len(s)) + 1) / 2
	return fmt.Sprintf("%*s%-*s", left, "", width-left, s)
}

// Quote returns s as a word for a shell, in quotes if it needs them, and not to
// be taken for a flag.
func Quote(s string) string {
	if strings.HasPrefix(s, "-") {
		s = "./" + s
	}
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./+,:=@%", r)
	}
	if s != "" && strings.TrimFunc(s, plain) == "" {
		return s
	}
	if runtime.GOOS == "windows" { // where file names have no quotes
		return `"` + s + `"`
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
