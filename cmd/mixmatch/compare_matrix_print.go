package main

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"mixmatch/merge/safetext"
)

// Columns of a terminal, and of a name in it.
const (
	screenWidth = 80
	nameWidth   = 26
	nameLeast   = 12 // what is left of it for a table to fit
)

// table prints the numbers for a terminal: the whole table if it fits, or if wide is
// wanted; else the nearest relatives of each model.
func (r *matrixResult) table(out io.Writer, wide bool) error {
	w := &bytes.Buffer{}
	fmt.Fprintln(w, r.title(safetext.Fit(show(r.Base), nameWidth)))
	first := len(strconv.Itoa(len(r.Models)))
	most, cell := nameWidth, max(4, first+1)
	if r.plain {
		cell = 6
	}
	if room := screenWidth - first - 1 - cell*len(r.Models); wide {
		most = math.MaxInt
	} else if room >= nameLeast {
		most = min(most, room)
	}
	names, widest := make([]string, len(r.Models)), 0
	for i, m := range r.Models {
		names[i] = safetext.Fit(show(m.Name), most)
		widest = max(widest, safetext.Columns(names[i]))
	}
	scale := "in hundredths: 83 is 0.83"
	if r.plain {
		scale = "in ten-thousandths: 9987 is 0.9987"
	}
	if !wide && first+1+widest+cell*len(names) > screenWidth {
		fmt.Fprintf(w, "%s; the nearest of each (--wide for all)\n\n", scale)
		r.nearest(w)
		for _, b := range r.Blocks {
			fmt.Fprintf(w, "\n%s\n", b.Block)
			(&matrixResult{Models: r.Models, Cosines: b.Cosines, plain: r.plain}).nearest(w)
		}
		_, err := out.Write(w.Bytes())
		return err
	}
	fmt.Fprintf(w, "%s; relatives stand beside each other\n\n", scale)
	rows := func(cosines [][]*float64) {
		fmt.Fprint(w, strings.Repeat(" ", first+1+widest))
		for i := range names {
			fmt.Fprintf(w, "%*d", cell, i+1)
		}
		fmt.Fprintln(w)
		for i, name := range names {
			fmt.Fprintf(w, "%*d %s%s", first, i+1, name, strings.Repeat(" ", widest-safetext.Columns(name)))
			for j, v := range cosines[i] {
				text := r.short(v)
				if i == j {
					text = "-"
				}
				fmt.Fprintf(w, "%*s", cell, text)
			}
			fmt.Fprintln(w)
		}
	}
	rows(r.Cosines)
	for _, b := range r.Blocks {
		fmt.Fprintf(w, "\n%s\n", b.Block)
		rows(b.Cosines)
	}
	_, err := out.Write(w.Bytes())
	return err
}

// short returns a number as tables have it, "." for none.
func (r *matrixResult) short(v *float64) string {
	switch {
	case v == nil:
		return "."
	case r.plain:
		return decimals(*v*10000, 0)
	}
	return decimals(*v*100, 0)
}

// decimals writes a number with so many digits behind the point, and no minus before
// zeros.
func decimals(v float64, digits int) string {
	text := strconv.FormatFloat(v, 'f', digits, 64)
	if strings.Trim(text, "-0.") == "" {
		return strings.TrimPrefix(text, "-")
	}
	return text
}

// nearest prints the models that each is most like, the nearest first.
func (r *matrixResult) nearest(w io.Writer) {
	const many, own = 3, 20
	digits, other := 3, 15
	if r.plain {
		digits, other = 5, 13
	}
	fit := func(name string, most int) string {
		name = safetext.Fit(show(name), most)
		return name + strings.Repeat(" ", most-safetext.Columns(name))
	}
	for i, m := range r.Models {
		var by []int
		for j := range r.Models {
			if j != i && r.Cosines[i][j] != nil {
				by = append(by, j)
			}
		}
		slices.SortStableFunc(by, func(a, b int) int { return cmp.Compare(*r.Cosines[i][b], *r.Cosines[i][a]) })
		line := fit(m.Name, own)
		for _, j := range by[:min(many, len(by))] {
			line += fmt.Sprintf("%*s %s", digits+1, r.short(r.Cosines[i][j]), fit(r.Models[j].Name, other))
		}
		if len(by) == 0 {
			line += "   ."
		}
		fmt.Fprintln(w, strings.TrimRight(line, " "))
	}
}

// csv prints a line for each model in each table, numbers between -1 and 1.
func (r *matrixResult) csv(w io.Writer) error {
	out := csv.NewWriter(w)
	head := []string{"blocks", "model"}
	for _, m := range r.Models {
		head = append(head, m.Name)
	}
	if err := out.Write(head); err != nil {
		return err
	}
	for _, b := range append([]matrixBlock{{r.Scope, r.Cosines}}, r.Blocks...) {
		for i, m := range r.Models {
			line := []string{b.Block, m.Name}
			for _, v := range b.Cosines[i] {
				text := ""
				if v != nil {
					text = strconv.FormatFloat(*v, 'g', 9, 64)
				}
				line = append(line, text)
			}
			if err := out.Write(line); err != nil {
				return err
			}
		}
	}
	out.Flush()
	return out.Error()
}

// markdown prints a table for each of those there are.
func (r *matrixResult) markdown(out io.Writer) error {
	w := &bytes.Buffer{}
	fmt.Fprintf(w, "C%s\n", strings.TrimPrefix(r.title(markdownText(r.Base)), "c"))
	tables := append([]matrixBlock{{"", r.Cosines}}, r.Blocks...)
	digits := 2
	if r.plain {
		digits = 4
	}
	for _, b := range tables {
		head, rule := "| "+b.Block+" |", "| --- |"
		for _, m := range r.Models {
			head += " " + markdownText(m.Name) + " |"
			rule += " ---: |"
		}
		fmt.Fprintf(w, "\n%s\n%s\n", head, rule)
		for i, m := range r.Models {
			fmt.Fprintf(w, "| %s |", markdownText(m.Name))
			for j, v := range b.Cosines[i] {
				text := ""
				switch {
				case i == j:
				case v == nil:
					text = "."
				default:
					text = decimals(*v, digits)
				}
				fmt.Fprintf(w, " %s |", text)
			}
			fmt.Fprintln(w)
		}
	}
	for _, n := range r.Notes {
		fmt.Fprintf(w, "\n%s\n", markdownText(n))
	}
	_, err := out.Write(w.Bytes())
	return err
}

// markdownText returns text that means nothing but itself in Markdown and HTML.
func markdownText(s string) string {
	var b strings.Builder
	for _, r := range show(s) {
		switch {
		case strings.ContainsRune("\\`*_[]|~#!", r):
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '&':
			b.WriteString("&amp;")
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
