package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"

	"mixmatch/merge/open"
)

// similarPy prints the layout of sd-cosine-similarity's similar.py, which people
// paste into posts, or the same with SuperMerger's three decimals.
func (r *likeness) similarPy(out io.Writer) error {
	w := &bytes.Buffer{}
	percent := func(v float64) string { return fmt.Sprintf("%9s", attentionPercent(v)) }
	if r.Calculator == "supermerger" {
		percent = func(v float64) string { return fmt.Sprintf("%8.3f%%", v*100) }
	}
	fmt.Fprintf(w, "seed: %d\n\nbase: %s [%s]\n\n", int64(r.Seed), show(fileName(r.Base.Path)), r.Base.Hash)
	for _, m := range r.Models {
		head, line := "| ", "| "
		for _, b := range m.Blocks {
			name := b.Block
			if name == "M00" {
				name = "MID00"
			}
			value := percent(*b.Attention)
			head += fmt.Sprintf("%*s   | ", len(value)-2, fmt.Sprintf("%5s", name))
			line += value + " | "
		}
		fmt.Fprintf(w, "%s\n%s\n\n%s [%s] - %s\n\n", head, line, show(m.Path), m.Hash, percent(*m.Mean))
	}
	_, err := out.Write(w.Bytes())
	return err
}

// fileName returns a path without its folders, of several files that of each.
func fileName(p string) string {
	all := open.Paths(p)
	for i := range all {
		all[i] = path.Base(filepath.ToSlash(all[i]))
	}
	return strings.Join(all, "+")
}

// attentionPercent returns a percentage as similar.py prints it: taken in
// float32, on which the last digit may depend.
func attentionPercent(v float64) string { return fmt.Sprintf("%.4f%%", float32(v)*100) }

// percents returns b's numbers as text, "-" where there is none.
func (b likeBlock) percents() (cosine, explained, attention string) {
	text := func(v *float64, percent func(float64) string) string {
		if v == nil {
			return "-"
		}
		return percent(*v)
	}
	exact := func(v float64) string { return fmt.Sprintf("%.4f%%", v*100) }
	return text(b.Cosine, exact), text(b.Explained, exact), text(b.Attention, attentionPercent)
}

// means returns the means over the blocks that have each number, as a block.
func (m *likeModel) means() likeBlock {
	mean := func(of func(b likeBlock) *float64) *float64 {
		sum, n := 0.0, 0
		for _, b := range m.Blocks {
			if v := of(b); v != nil {
				sum += *v
				n++
			}
		}
		if n == 0 {
			return nil
		}
		sum /= float64(n)
		return &sum
	}
	return likeBlock{
		"mean",
		mean(func(b likeBlock) *float64 { return b.Cosine }),
		mean(func(b likeBlock) *float64 { return b.Explained }),
		m.Mean,
	}
}

// rows returns m's blocks and, after them, their means.
func (m *likeModel) rows() []likeBlock {
	return append(m.Blocks[:len(m.Blocks):len(m.Blocks)], m.means())
}

// table prints a row a block: the numbers side by side.
func (r *likeness) table(out io.Writer) error {
	w := &bytes.Buffer{}
	fmt.Fprintf(w, "base: %s [%s]\n", show(fileName(r.Base.Path)), r.Base.Hash)
	if r.Origin != "" {
		fmt.Fprintf(w, "explained: of what sets it apart from %s\n", show(r.Origin))
	}
	fmt.Fprintf(w, "attention: seed %d, %s\n", int64(r.Seed), r.Calculator)
	for _, m := range r.Models {
		fmt.Fprintf(w, "\n%s [%s]\n", show(m.Path), m.Hash)
		tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintln(tw, "block\tcosine\texplained\tattention\t")
		for _, b := range m.rows() {
			cosine, explained, attention := b.percents()
			fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t\n", b.Block, cosine, explained, attention)
		}
		if err := tw.Flush(); err != nil {
			return err
		}
	}
	_, err := out.Write(w.Bytes())
	return err
}

// markdown prints one table: a row a block, columns for each model.
func (r *likeness) markdown(out io.Writer) error {
	w := &bytes.Buffer{}
	cell := func(s string) string {
		return strings.NewReplacer("|", "\\|", "<", "&lt;", "`", "\\`").Replace(show(s))
	}
	head, rule := "| "+cell(path.Base(r.Base.Path))+" |", "| --- |"
	for _, m := range r.Models {
		name := cell(path.Base(m.Path))
		if r.Metric == "weight" {
			head += " " + name + ": cosine | explained | attention |"
			rule += " ---: | ---: | ---: |"
		} else {
			head += " " + name + " |"
			rule += " ---: |"
		}
	}
	fmt.Fprintf(w, "%s\n%s\n", head, rule)
	// Models may lack blocks that others have; the rows are those of any.
	for _, name := range r.names() {
		line := "| " + name + " |"
		for _, m := range r.Models {
			b := likeBlock{}
			for _, q := range m.rows() {
				if q.Block == name {
					b = q
				}
			}
			cosine, explained, attention := b.percents()
			if r.Metric == "weight" {
				line += " " + cosine + " | " + explained + " | " + attention + " |"
			} else {
				line += " " + attention + " |"
			}
		}
		fmt.Fprintln(w, line)
	}
	// The numbers of other seeds, or of another base, are other numbers.
	fmt.Fprintf(w, "\nattention: seed %d, %s", int64(r.Seed), r.Calculator)
	if r.Origin != "" {
		fmt.Fprintf(w, "; explained: of what sets %s apart from %s", cell(path.Base(r.Base.Path)), cell(r.Origin))
	}
	fmt.Fprintln(w)
	_, err := out.Write(w.Bytes())
	return err
}

// names returns the blocks of all models, in order, and "mean".
func (r *likeness) names() []string {
	var names []string
	for _, m := range r.Models {
		if len(m.Blocks) < len(names) {
			continue
		}
		names = names[:0]
		for _, b := range m.rows() {
			names = append(names, b.Block)
		}
	}
	return names
}

// csv prints a line for each block of each model, numbers between 0 and 1.
func (r *likeness) csv(w io.Writer) error {
	out := csv.NewWriter(w)
	if err := out.Write([]string{"base", "model", "block", "cosine", "explained", "attention", "calculator", "seed", "origin"}); err != nil {
		return err
	}
	text := func(v *float64) string {
		if v == nil {
			return ""
		}
		return strconv.FormatFloat(*v, 'g', 9, 64)
	}
	for _, m := range r.Models {
		for _, b := range m.rows() {
			line := []string{r.Base.Path, m.Path, b.Block, text(b.Cosine), text(b.Explained), text(b.Attention), r.Calculator, strconv.FormatInt(int64(r.Seed), 10), r.Origin}
			if err := out.Write(line); err != nil {
				return err
			}
		}
	}
	out.Flush()
	return out.Error()
}
