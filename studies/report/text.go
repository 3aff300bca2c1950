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
	"mixmatch/merge/safetext"
	"mixmatch/similarity"
	"mixmatch/studies"
)

// tableWidth is how wide a table may be, so that it fits a terminal.
const tableWidth = 100

// Text writes the whole story of a run: what it proves, the steps with the
// similarity after each, the per-block tables, and who is in it. [Next] goes on.
func Text(w io.Writer, s *studies.Summary) error {
	p := &printer{w: w}
	p.verdict(s)
	p.recipe(s)
	p.tables(s)
	p.sources(s)
	p.notes(s)
	return p.err
}

// A printer remembers the first error, so that each line need not.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) f(format string, args ...any) {
	for i, a := range args {
		if s, ok := a.(string); ok {
			args[i] = safetext.Text(s)
		}
	}
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
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
		p.f("Block map: %s, "+by+" (off by, in roundings:", s.Era, l.EraMark())
		for i, e := range s.Eras {
			if i > 0 {
				p.f(",")
			}
			p.f(" %s %.3g", e.Block, e.Noise)
		}
		p.f(").\n")
	case "assumed":
		p.f("Block map: %s, assumed: the target does not tell; --era sets another.\n", s.Era)
	case "only":
		p.f("Block map: %s, of %s.\n", s.Era, s.Arch)
	default:
		p.f("Block map: %s, as given.\n", s.Era)
	}
	switch v := s.VAE; {
	case v.Other:
		p.f("VAE: to the bit that of none of the sources; how near one comes, fingerprints do not tell.\n")
	case v.Source == "":
		p.f("VAE: none to compare.\n")
	case v.Same && !blends:
		p.f("VAE: that of %s.\n", v.Source)
	case v.Same:
		p.f("VAE: that of %s. SuperMerger blends the VAE with the BASE ratio: bake this one in afterwards.\n", v.Source)
	case v.Blended:
		p.f("VAE: blended with the BASE ratios, as SuperMerger does.\n")
	default:
		p.f("VAE: of none of the sources; the nearest is that of %s, %.2f %% off.\n", v.Source, 100*v.Difference)
	}
	for _, n := range s.Notes {
		p.f("Note: %s.\n", n)
	}
	p.f("%d trials.\n", s.Trials)
}

// Weights writes each block's weights with their errors, within which the truth lies in 95 of 100 cases.
func Weights(w io.Writer, s *studies.Summary) error {
	p := &printer{w: w}
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
