package recipe

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Resolve makes every source and LoRA of the recipe one of the known names. A
// name that is not known itself is replaced by the one that is the same file's,
// as [NameOf] sees it: a recipe may say modelA.safetensors for modelA, or the
// other way round. It never takes one model for another: its error names those
// that are not known, or may be two, where each is first used, and the names
// that come near, of the known ones and of what other steps make. See [Options]
// for aliases.
func (r *Recipe) Resolve(known []string) error {
	have := make(map[string]bool, len(known))
	files := map[string][]string{} // by NameOf
	for _, n := range known {
		if !have[n] {
			files[NameOf(n)] = append(files[NameOf(n)], n)
		}
		have[n] = true
	}
	made := map[string]bool{}
	for _, n := range outs(r.Steps) {
		made[n] = true
	}
	sources := r.Sources()
	names := slices.Concat(sources, r.Differences())
	meant := map[string]string{} // known name -> name in the recipe
	for _, n := range names {
		if have[n] {
			meant[n] = n
		}
	}
	const most = 10 // to name
	candidates := slices.Concat(known, outs(r.Steps))
	to := map[string]string{}
	var errs []error
	unknown := 0
	for i, n := range names {
		if have[n] {
			continue
		}
		kind, s := "model", r.firstUse(n)
		if i >= len(sources) {
			kind = "LoRA"
		}
		var err error
		switch same := files[NameOf(n)]; {
		case len(same) > 1:
			err = s.errorf("%s could be %s or %s", quote(n), quote(same[0]), quote(same[1]))
		case len(same) == 1 && meant[same[0]] != "":
			err = s.errorf("%s and %s could both be %s", quote(meant[same[0]]), quote(n), quote(same[0]))
		case len(same) == 1 && made[same[0]]:
			err = s.errorf("%s could be the %s given or what a step makes", quote(n), quote(same[0]))
		case len(same) == 1:
			to[n], meant[same[0]] = same[0], n
		case unknown < most:
			ask := didYouMean(n, candidates)
			if err = s.errorf("unknown %s %s%s", kind, quote(n), ask); ask == "" {
				err = unknownError{err}
			}
		}
		if to[n] != "" {
			continue
		}
		if unknown++; unknown <= most {
			errs = append(errs, err)
		}
	}
	if more := unknown - len(errs); more > 0 {
		errs = append(errs, fmt.Errorf("and %d more unknown models", more))
	}
	if len(errs) == 0 && len(to) > 0 {
		r.rename(to)
	}
	return errors.Join(errs...)
}

// rename calls operands otherwise.
func (r *Recipe) rename(to map[string]string) {
	for i := range r.Steps {
		s := &r.Steps[i]
		for _, n := range []*string{&s.A, &s.B, &s.C} {
			if name, ok := to[*n]; ok {
				*n = name
			}
		}
	}
}

// firstUse returns the first step that takes the model or LoRA called name.
func (r *Recipe) firstUse(name string) *Step {
	for i := range r.Steps {
		if r.Steps[i].LoRA() == name || slices.Contains(r.Steps[i].Operands(), name) {
			return &r.Steps[i]
		}
	}
	return &Step{}
}

// ErrUnknown is wrapped, or among those that are, by the error of [Recipe.Resolve] for a
// name that is none of those known and near none.
var ErrUnknown = errors.New("unknown model")

type unknownError struct{ error }

func (e unknownError) Unwrap() []error { return []error{e.error, ErrUnknown} }

// didYouMean returns a question for an error about an unknown name, "" if no
// candidate comes near.
func didYouMean(name string, candidates []string) string {
	found := Near(name, candidates)
	for i := range found {
		found[i] = quote(found[i])
	}
	if len(found) == 0 {
		return ""
	}
	return ": did you mean " + strings.Join(found, " or ") + "?"
}

// Near returns up to three of the candidates that may be what name should have
// been, the nearest first: those that differ in a few letters, and those of
// which one begins with the other.
func Near(name string, candidates []string) []string {
	type hit struct {
		name     string
		distance int
	}
	fold := strings.ToLower(name)
	letters := utf8.RuneCountInString(fold)
	limit := min(max(1, letters/4), letters-1)
	var hits []hit
	for _, c := range candidates {
		if c == name || c == "" {
			continue
		}
		other := strings.ToLower(c)
		d := distance(fold, other, limit)
		const enough = 4 // letters that a common beginning must have
		if short := min(len(fold), len(other)); d > limit && (short < enough || fold[:short] != other[:short]) {
			continue
		}
		hits = append(hits, hit{c, d})
	}
	slices.SortFunc(hits, func(a, b hit) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.name, b.name))
	})
	hits = slices.Compact(hits)
	var names []string
	for _, h := range hits[:min(3, len(hits))] {
		names = append(names, h.name)
	}
	return names
}

// distance returns the number of letters to insert, delete, replace or swap with their
// neighbour to make b of a (the optimal string alignment), or limit+1 if that is more
// than limit or a name is too long to be worth the work.
func distance(a, b string, limit int) int {
	const longest = 256
	if len(a) > longest || len(b) > longest {
		return limit + 1
	}
	x, y := []rune(a), []rune(b)
	if diff := len(x) - len(y); diff > limit || -diff > limit {
		return limit + 1
	}
	before, row, next := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := range x {
		next[0] = i + 1
		for j := range y {
			replaced := row[j]
			if x[i] != y[j] {
				replaced++
			}
			next[j+1] = min(replaced, row[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && x[i] == y[j-1] && x[i-1] == y[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row, next = row, next, before
	}
	return min(row[len(y)], limit+1)
}
