package report

import (
	"fmt"
	"io"
	"strings"

	"mixmatch/merge/safetext"
)

// Markdown writes the block for a model card: the verdict, the sources with their weights
// and hashes, and the recipe.
func (p *View) Markdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "## Recipe of %s\n\n%s\n", cell(p.Target), cell(upper(p.Headline)))
	for _, words := range p.Words {
		fmt.Fprintf(&b, "\n%s\n", cell(words))
	}
	if len(p.Groups) > 0 {
		b.WriteString("\n| blocks | similarity | ceiling | verdict |\n| --- | ---: | ---: | --- |\n")
		for _, g := range p.Groups {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", cell(string(g.Name)), percentOf(g.Achieved), percent(g.Ceiling), cell(string(g.Verdict)))
		}
	}
	if p.Recipe != "" {
		fence := "```"
		for strings.Contains(p.Recipe, fence) {
			fence += "`"
		}
		fmt.Fprintf(&b, "\n### Steps, in SuperMerger's notation\n\n%s\n%s%s\n", fence, safetext.Document([]byte(p.Recipe)), fence)
	}
	b.WriteString("\n### Sources\n\n| model | evidence | weight | file | AutoV2 | SHA-256 | licence |\n| --- | --- | --- | --- | --- | --- | --- |\n")
	row := func(name, evidence, weight string, f File) {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s |\n", cell(name), evidence, weight, cell(f.File), cell(f.SHA256[:min(10, len(f.SHA256))]), cell(f.SHA256), cell(safetext.Short(f.Licence, 200)))
	}
	for _, f := range p.Files {
		if f.Role == "target" {
			row(f.Name, "the target", "", f)
		}
	}
	out := 0
	for _, s := range p.Sources {
		if s.Blocks == 0 && p.Finished && s.Evidence != "in" {
			out++
			continue
		}
		weight := "–"
		if s.Blocks > 0 {
			weight = rangeText(s)
		}
		row(s.Name, evidence(s.Evidence), weight, p.file(s.Name))
	}
	if out > 0 {
		fmt.Fprintf(&b, "\n%d more candidates have no part in it.\n", out)
	}
	for _, n := range p.Notes {
		fmt.Fprintf(&b, "\nNote: %s.\n", cell(n))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// file returns what is known of the file of a source.
func (p *View) file(name string) File {
	for _, f := range p.Files {
		if f.Name == name && f.Role != "target" {
			return f
		}
	}
	return File{}
}

func upper(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// cell returns s as plain text in Markdown, also within a table: no sign of it acts.
func cell(s string) string {
	var b strings.Builder
	for _, r := range safetext.Line(s) {
		if strings.ContainsRune("\\`*_{}[]<>()#|~!&$@", r) {
			if r == '<' {
				b.WriteString("&lt;")
				continue
			}
			if r == '&' {
				b.WriteString("&amp;")
				continue
			}
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
