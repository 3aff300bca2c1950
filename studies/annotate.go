package studies

import (
	"fmt"
	"strings"
	"unicode"

	"mixmatch/merge/block"
)

// Comment returns a comment, in the notation's terms, that says how close the
// model after the step is: the cosines of the weights and, where there is
// attention to compare, similar.py's number.
func (st *Step) Comment() string {
	var parts []string
	for _, g := range block.Groups() {
		v, ok := st.Similarity[g]
		if !ok {
			continue
		}
		part := fmt.Sprintf("%s %.4f%%", g, 100*v)
		if a, ok := st.Published[g]; ok {
			part += fmt.Sprintf(" (similar.py %.4f%%)", 100*a)
		}
		parts = append(parts, part)
	}
	return "# " + strings.Join(parts, ", ")
}

// printable makes a name from a file harmless in a line of text.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

// Annotated returns the recipe in SuperMerger's notation with the similarity
// after each step as comments. [recipe.Parse] reads it back.
func (s *Summary) Annotated() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s: %s\n", printable(s.Target), s.Verdict)
	for i := range s.Steps {
		fmt.Fprintf(&b, "%s\n", s.Steps[i].Text)
		if len(s.Steps[i].Similarity) > 0 {
			fmt.Fprintf(&b, "%s\n", s.Steps[i].Comment())
		}
	}
	for _, g := range s.Groups {
		fmt.Fprintf(&b, "# %s: ceiling %.4f%%\n", g.Name, 100*g.Ceiling)
	}
	return b.String()
}
