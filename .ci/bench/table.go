package main

import (
	"fmt"
	"strings"
)

const tableHead = "| work | mixmatch | beside it | which took | ratio | goal | reached |\n| --- | --- | --- | --- | --- | --- | --- |\n"

// A goal is a bound of something measured.
type goal struct {
	text string // such as "<= 2.2"
	met  func(ours, theirs series) bool
}

// atMost is the goal that mixmatch takes no more than r of what stands beside it.
func atMost(r float64) goal {
	text := fmt.Sprintf("<= %.3g", r)
	if r < 1 {
		text = fmt.Sprintf("<= 1/%.3g", 1/r)
	}
	return goal{text, func(ours, theirs series) bool { return len(theirs) > 0 && ratio(ours, theirs) <= r }}
}

// under is the goal that the median of a number is under bound.
func under(bound float64, of func(sample) float64, text string) goal {
	return goal{text, func(ours, _ series) bool {
		x := median(ours.each(of))
		return x > 0 && x < bound
	}}
}

// A result is a row measured.
type result struct {
	work   string
	ours   series
	failed string // why there are no figures
	beside []beside
	goals  []goal // of mixmatch's figures alone
}

// beside is a rival's part of a result.
type beside struct {
	name    string
	theirs  series
	skipped string // why there are no figures
	goal    *goal
}

// String returns the lines of the table: one a rival and one a goal.
func (r result) String() string {
	var s strings.Builder
	work, figures := r.work, r.ours.String()
	if r.failed != "" {
		figures = r.failed
	}
	line := func(cells ...string) {
		for i, c := range append([]string{work, figures}, cells...) {
			if i == 0 {
				s.WriteByte('|')
			}
			fmt.Fprintf(&s, " %s |", strings.ReplaceAll(c, "|", "/"))
		}
		s.WriteByte('\n')
		work, figures = "", ""
	}
	for _, b := range r.beside {
		switch {
		case b.skipped != "":
			line(b.name, b.figures(), "", "", "")
		case b.goal == nil:
			line(b.name, b.theirs.String(), fraction(ratio(r.ours, b.theirs)), "", "")
		default:
			line(b.name, b.theirs.String(), fraction(ratio(r.ours, b.theirs)), b.goal.text, r.verdict(*b.goal, b.theirs))
		}
	}
	for _, g := range r.goals {
		line("", "", "", g.text, r.verdict(g, nil))
	}
	if work != "" {
		line("", "", "", "", "")
	}
	return s.String()
}

// verdict says whether a goal is reached.
func (r result) verdict(g goal, theirs series) string {
	switch {
	case len(r.ours) == 0:
		return ""
	case g.met(r.ours, theirs):
		return "yes"
	}
	return "no"
}
