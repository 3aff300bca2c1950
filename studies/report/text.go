// Package report says in words and tables what a study found out.
//
// The tables keep the layout of similar.py, the similarity calculator that
// people quote, because they are pasted into posts.
package report

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode"

	"mixmatch/similarity"
	"mixmatch/studies"
)

// columns is how many blocks a table has side by side, so that it fits a
// terminal of 100 characters.
const columns = 7

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
			args[i] = clean(s)
		}
	}
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

// clean makes names from files harmless to a terminal.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

// verdict says in one paragraph what the result proves.
func (p *printer) verdict(s *studies.Summary) {
	p.f("%s: %s\n", s.Target, Headline(s))
	p.missing(s)
	for _, g := range s.Groups {
		p.f("  %-8s %9s   ceiling %9s", g.Name, percent(g.Achieved), percent(g.Ceiling))
		if g.Explained != nil {
			p.f("   explained %9s", percent(*g.Explained))
		}
		if g.Published != nil {
			p.f("   similar.py %9s", percent(*g.Published))
		}
		p.f("   %s\n", g.Verdict)
	}
	p.attention(s)
	if where := unexplained(s); where != "" {
		p.f("  unexplained: %s\n", where)
	}
	p.f("\n")
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

// Headline says in one sentence what the result proves.
func Headline(s *studies.Summary) string {
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
	if m.Weight == 0 {
		return "an unknown source, how much of it cannot be told from so few"
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
		p.f("  A LoRA of rank %d was baked in: it is in %d of %d matrices looked at.\n", l.Rank, l.In, l.Of)
	}
	list := func(label string, names []string) {
		if len(names) > 0 {
			p.f("  %-15s %s\n", label, strings.Join(names, ", "))
		}
	}
	list("surely in it:", standing(s, similarity.In))
	list("perhaps:", standing(s, similarity.Perhaps))
	if n := len(standing(s, similarity.Out)); n > 0 {
		p.f("  %-15s %d of the sources\n", "not in it:", n)
	}
	if m.Subtracted {
		p.f("  What is subtracted is as a rule the base of add differences: name it with --base.\n")
	}
	if m.WithBase != nil && !m.Subtracted {
		p.f("  %s and what is missing weigh %.2f together: how that divides between them cannot be seen.\n", s.Base, *m.WithBase)
	}
	if len(m.Near) > 0 {
		p.f("  What is missing may be another version of %s.\n", strings.Join(m.Near, " or "))
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

// recipe prints the steps, each with the similarity of the model after it.
func (p *printer) recipe(s *studies.Summary) {
	p.f("Recipe, in SuperMerger's notation, with the cosine similarity after each step:\n\n")
	for i, st := range s.Steps {
		if i == s.Sure() && i > 0 {
			p.f("# %s\n", studies.Doubtful)
		}
		p.f("%s\n", st.Text)
		if len(st.Similarity) > 0 {
			p.f("%s\n", st.Comment())
		}
	}
	p.f("\n")
}

// tables prints each group's blocks as similar.py does: a row of names, a row
// of percentages. The rows are what was achieved, the ceiling and, with a base,
// what is explained.
func (p *printer) tables(s *studies.Summary) {
	for _, g := range s.Groups {
		p.f("%s\n", g.Name)
		for part := range slices.Chunk(g.Blocks, columns) {
			row := func(label string, cell func(b studies.Block) string) {
				p.f("| %-10s |", label)
				for _, b := range part {
					p.f(" %9s |", cell(b))
				}
				p.f("\n")
			}
			row("", func(b studies.Block) string { return center(b.Name, 9) })
			row("achieved", func(b studies.Block) string { return percent(b.Achieved) })
			row("ceiling", func(b studies.Block) string { return percent(b.Ceiling) })
			if g.Explained != nil && part[0].Explained != nil {
				row("explained", func(b studies.Block) string { return percent(*b.Explained) })
			}
			if g.Published != nil {
				row("similar.py", func(b studies.Block) string {
					if b.Published == nil {
						return "-"
					}
					return percent(*b.Published)
				})
			}
		}
		p.f("\n%s - %s\n\n", s.Target, percent(g.Achieved))
	}
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
				fmt.Fprintf(tw, "  %s\n", clean(q.Name))
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
			fmt.Fprintf(tw, "  %s\t%s\t± %s\tin %d %s%s\n", clean(q.Name), share, bar, q.Blocks, blocks, mark)
		}
		p.err = tw.Flush()
	}
	if s.Missing != nil {
		p.f("  These are the weights of the closest mix. Sources stand in for what is missing where they are like it; the\n" +
			"  errors say how far the recipe's own weights may be from them.\n")
	}
	if out := standing(s, similarity.Out); len(out) > 0 {
		p.f("  not in it: %s\n", strings.Join(out, ", "))
	}
	p.same(s)
	for _, t := range s.Twins {
		p.f("  %s and %s differ by %.2g %%: how the share divides between them is a guess\n", t.A, t.B, 100*t.Difference)
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
				name := strings.Join(set, ", ")
				if blocks[name] == nil {
					sets = append(sets, name)
				}
				blocks[name] = append(blocks[name], b.Name)
			}
		}
	}
	for _, name := range sets {
		p.f("  the same in %s: %s; what one has there may be any other's, from 0 to all of it\n", strings.Join(blocks[name], " "), name)
	}
}

// notes prints what else was found out.
func (p *printer) notes(s *studies.Summary) {
	switch s.EraBy {
	case "recognised":
		p.f("Block map: %s, recognised: the time_embed tensors go with one block (off by, in roundings:", s.Era)
		for i, e := range s.Eras {
			if i > 0 {
				p.f(",")
			}
			p.f(" %s %.3g", e.Block, e.Noise)
		}
		p.f(").\n")
	case "assumed":
		p.f("Block map: %s, assumed: the target does not tell; --era sets another.\n", s.Era)
	default:
		p.f("Block map: %s, as given.\n", s.Era)
	}
	switch v := s.VAE; {
	case v.Source == "":
		p.f("VAE: none to compare.\n")
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

// Next says what to do with the result of the study in folder dir, in commands
// to type.
func Next(w io.Writer, s *studies.Summary, dir string) error {
	p := &printer{w: w}
	dir = Quote(dir)
	p.f("\nNext:\n")
	p.f("  mixmatch export %s > recipe.txt\n", dir)
	p.f("  mixmatch merge %s -o %s\n", dir, Quote(s.Target+"-rebuilt.safetensors"))
	p.f("  mixmatch show %s --weights\n", dir)
	if s.Missing != nil {
		if s.LoRA != nil {
			p.f("  mixmatch missing %s -o %s --lora\n", dir, Quote(s.Target+"-lora.safetensors"))
		} else {
			p.f("  mixmatch missing %s -o %s\n", dir, Quote(s.Target+"-missing.safetensors"))
		}
		p.f("  and with a model that you suspect:  mixmatch optimize NEW-STUDY ... --source SUSPECT.safetensors\n")
	}
	return p.err
}

// Weights writes each block's weights with their standard errors.
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

// errorBar prints a standard error: four decimals where they say something.
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
