package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"mixmatch/merge/safetext"
	"mixmatch/similarity"
	"mixmatch/similarity/identify"
)

// IdentifiedBlocks writes each block's weights with their errors, a few sources at a
// time.
func IdentifiedBlocks(w io.Writer, r *identify.Result) error {
	const cell = len("-0.1234 ± <0.0001")
	p := &printer{w: w}
	width := len("block")
	for _, b := range r.Blocks {
		width = max(width, len(b.Name))
	}
	var names []string
	for _, s := range r.Sources {
		names = append(names, s.Name)
	}
	for i, n := range names {
		p.f("  %s  %s\n", letters(i), safetext.Line(n))
	}
	first := true
	for start := 0; first || start < len(names); {
		left := identifyWidth - width
		if first {
			left -= len("  100.0000%  exact")
		}
		some := names[start:min(len(names), start+max(1, left/(cell+2)))]
		head := fmt.Sprintf("%-*s", width, "block")
		if first {
			head += "     cosine"
		}
		for i := range some {
			head += fmt.Sprintf("  %-*s", cell, letters(start+i))
		}
		p.f("\n%s\n", strings.TrimRight(head, " "))
		for _, b := range r.Blocks {
			row := fmt.Sprintf("%-*s", width, b.Name)
			if first {
				row += fmt.Sprintf("  %9s", percent(b.Cosine))
			}
			for _, n := range some {
				row += fmt.Sprintf("  %-*s", cell, blockWeight(b, n))
			}
			if first && b.Verdict == similarity.Exact {
				row += "exact"
			}
			p.f("%s\n", strings.TrimRight(row, " "))
		}
		start, first = start+len(some), false
	}
	return p.err
}

func blockWeight(b identify.Block, source string) string {
	at := slices.IndexFunc(b.Weights, func(w identify.Weight) bool { return w.Source == source })
	if at < 0 {
		return "-"
	}
	if w := b.Weights[at]; !w.Vague {
		return fmt.Sprintf("%.4f ± %s", w.Weight, errorBar(w.Error))
	}
	return "anything" // it has a twin
}

// letters names number i of sources: A to Z, then AA and on.
func letters(i int) string {
	if i < 26 {
		return string(rune('A' + i))
	}
	return letters(i/26-1) + letters(i%26)
}
