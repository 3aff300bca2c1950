package recovery

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// A column is what a table says of a score.
type column struct {
	head string
	cell func(s *Score) string
}

var columns = []column{
	{"n", func(s *Score) string { return fmt.Sprint(s.N) }},
	{"precision", func(s *Score) string { return number("%.2f", s.Sources.Precision()) }},
	{"recall", func(s *Score) string { return number("%.2f", s.Sources.Recall()) }},
	{"cell precision", func(s *Score) string { return number("%.3f", s.Cells.Precision()) }},
	{"cell recall", func(s *Score) string { return number("%.3f", s.Cells.Recall()) }},
	{"worst error", func(s *Score) string { return number("%.2g", s.Worst) }},
	{"mean error", func(s *Score) string { return number("%.2g", s.Mean()) }},
	{"in bar", func(s *Score) string { return share(s.In1, s.Bars) }},
	{"in 3 bars", func(s *Score) string { return share(s.In3, s.Bars) }},
	{"missing off by", func(s *Score) string { return number("%.2f", median(s.Missing)) }},
	{"verdict", func(s *Score) string { return share(s.Verdicts, s.N) }},
	{"rank", func(s *Score) string { return share(s.Ranks, s.Ranked) }},
	{"as typed", func(s *Score) string { return share(s.Ratios, s.Typed) }},
	{"s each", func(s *Score) string { return number("%.2f", s.Seconds/float64(s.N)) }},
}

// nameWidth is the width of the first column, in which most names have room.
const nameWidth = 34

// Head writes the head of a table in Markdown.
func Head(w io.Writer) {
	fmt.Fprintf(w, "| %-*s |", nameWidth, "situation")
	for _, c := range columns {
		fmt.Fprintf(w, " %s |", c.head)
	}
	fmt.Fprintf(w, "\n| %s |", strings.Repeat("-", nameWidth))
	for _, c := range columns {
		fmt.Fprintf(w, " %s: |", strings.Repeat("-", max(len(c.head)-1, 1)))
	}
	fmt.Fprintln(w)
}

// Row writes a row of a table.
func Row(w io.Writer, name string, s *Score) {
	fmt.Fprintf(w, "| %-*s |", nameWidth, name)
	for _, c := range columns {
		fmt.Fprintf(w, " %*s |", max(len(c.head), 2), c.cell(s))
	}
	fmt.Fprintln(w)
}

// number returns x in the format given, "-" if there was nothing to count.
func number(format string, x float64) string {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return "-"
	}
	return fmt.Sprintf(format, x)
}

// share returns the share of some in all.
func share(some, all int) string { return number("%.2f", float64(some)/float64(all)) }

// median returns the median of x, NaN if x is empty.
func median(x []float64) float64 {
	if len(x) == 0 {
		return math.NaN()
	}
	x = slices.Sorted(slices.Values(x))
	n := len(x)
	return (x[(n-1)/2] + x[n/2]) / 2
}
