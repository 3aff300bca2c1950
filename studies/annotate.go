package studies

import (
	"fmt"
	"strings"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
	"mixmatch/merge/safetext"
	"mixmatch/similarity"
)

// Comment returns a comment, in the notation's terms, that says how close the
// model after step i is: the cosines of the weights and, where there is
// attention to compare, similar.py's number.
func (s *Summary) Comment(i int) string {
	st := &s.Steps[i]
	l, err := block.For(s.Arch, s.Era)
	if err != nil { // a summary that was read is of some layout
		return "# " + err.Error()
	}
	var parts []string
	for _, g := range l.Groups() {
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

// Annotated returns the recipe in SuperMerger's notation with the similarity
// after each step as comments, and a line before the steps that are in doubt. [recipe.Parse] reads it back.
func (s *Summary) Annotated() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s: %s\n", safetext.Line(s.Target), s.Verdict)
	for i := range s.Steps {
		if i == s.Sure() && i > 0 {
			fmt.Fprintf(&b, "# %s\n", Doubtful)
		}
		fmt.Fprintf(&b, "%s\n", s.Steps[i].Text)
		if len(s.Steps[i].Similarity) > 0 {
			fmt.Fprintf(&b, "%s\n", s.Comment(i))
		}
	}
	for _, g := range s.Groups {
		fmt.Fprintf(&b, "# %s: ceiling %.4f%%\n", g.Name, 100*g.Ceiling)
	}
	return b.String()
}

// Doubtful is said between the steps whose sources are surely in the target and
// those that come after.
const Doubtful = "The steps from here on come closer, but what they bring in may only be like what is missing."

// Sure returns how many steps from the first on bring in nothing but sources that
// are surely in the target. It is all of them if the doubtful ones cannot be cut off:
// if the steps are no chain, or sure sources come after.
func (s *Summary) Sure() int {
	n := s.doubt()
	r, err := s.Parse()
	if err != nil || len(r.Steps) != len(s.Steps) {
		return len(s.Steps)
	}
	for i := range s.Steps {
		if i > 0 && r.Steps[i].A != r.Steps[i-1].Out || i > n && s.Steps[i].Evidence == similarity.In {
			return len(s.Steps)
		}
	}
	return n
}

// doubt returns the first step that brings in a source that is not surely in the
// target, or the number of steps.
func (s *Summary) doubt() int {
	for i := range s.Steps {
		if e := s.Steps[i].Evidence; e != "" && e != similarity.In {
			return i
		}
	}
	return len(s.Steps)
}

// Aims are what a recipe is wanted for: to come as close as can be, or to hold
// nothing but what is surely in the target.
const (
	Closest = "closest"
	Surely  = "surely"
)

// Aimed returns the recipe of s for an aim. The error says so if there is none.
func (s *Summary) Aimed(aim string) (*recipe.Recipe, error) {
	r, err := s.Parse()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	switch aim {
	case "", Closest:
		return r, nil
	case Surely:
		n := s.Sure()
		if n > s.doubt() {
			return nil, fmt.Errorf("the steps are no chain that has the sure sources first, so that what is in doubt cannot be cut off: use --aim %s, or compose them with --style fewest", Closest)
		}
		if n == 0 {
			return nil, fmt.Errorf("no step would be left, since the sources of the first are not surely in it: use --aim %s", Closest)
		}
		return &recipe.Recipe{Layout: r.Layout, Steps: r.Steps[:n]}, nil
	}
	return nil, fmt.Errorf("there is no aim %q: choose %s or %s", aim, Closest, Surely)
}
