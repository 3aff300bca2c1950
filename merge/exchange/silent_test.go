package exchange

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
)

// TestNothingInSilence changes one thing in documents that can be read: a field
// is gone, of another type, or has another value, a list is shorter. What is read
// then must be an error, or have a note on it, or be the same merge; only where
// one valid value stands in the place of another may it be another one, and that
// must be what the document says now.
func TestNothingInSilence(t *testing.T) {
	count := 0
	for _, d := range soundDocuments(t) {
		t.Run(d.name, func(t *testing.T) {
			before, notes, err := Import(d.text, d.format, d.layout, d.opt)
			if err != nil {
				t.Fatal(err)
			}
			tree, encode := takeApart(t, d.format, d.text)
			all := mutations(tree)
			most := 500 // of a document
			if testing.Short() {
				most = 50
			}
			for i := 0; i < len(all); i += 1 + len(all)/most {
				m := all[i]
				text := encode(m.tree)
				after, more, err := Import(text, d.format, d.layout, d.opt)
				count++
				if err != nil || about(m, notes, more) || about(m, more, notes) || sameMerge(before, after) || said(m, before, after) ||
					d.format == "mergekit" && normalized(t, m.tree, after) {
					continue
				}
				t.Errorf("%v, and in silence\n%s\nbecame\n%s\nnotes %q", m, before, after, more)
			}
		})
	}
	t.Logf("%d changes of documents", count)
	if count < 3000 {
		t.Error("too few changes")
	}
}

// about reports whether there is a note after that was not there before, and that
// names the field changed, or the value that it had or has.
func about(m mutation, before, after []string) bool {
	words := slices.Clone(m.path)
	for _, v := range []any{m.old, m.now} {
		if s := fmt.Sprint(v); len(s) >= 3 && len(s) < 200 {
			words = append(words, recipe.NameOf(s))
		} else if s != "" {
			words = append(words, strconv.Quote(s))
		}
	}
	for _, n := range after {
		if slices.Contains(before, n) {
			continue
		}
		for _, w := range words {
			if len(w) > 10 {
				w = w[:10] // as hashes are shown
			}
			if w != "" && strings.Contains(n, w) {
				return true
			}
		}
		if len(m.path) > 0 { // of a table
			at, err := strconv.Atoi(m.path[0])
			if err == nil && (at == 0 && strings.HasPrefix(n, "no column of the table") || strings.Contains(n, fmt.Sprintf("row %d", at)) || strings.Contains(n, fmt.Sprintf("line %d:", at+1)) || strings.Contains(n, fmt.Sprintf("line %d is", at+1)) ||
				strings.HasPrefix(n, "outside") && strings.HasSuffix(n, fmt.Sprintf("line %d", at+1)) || strings.Contains(n, fmt.Sprintf("result of row %d ", at-1))) {
				return true
			}
		}
	}
	return false
}

// sameMerge reports whether two recipes come to the same weights of the same
// sources, or are the same text where they are not linear.
func sameMerge(a, b *recipe.Recipe) bool {
	if a.Layout != b.Layout || !slices.Equal(sorted(a.Sources()), sorted(b.Sources())) || !slices.Equal(sorted(a.Differences()), sorted(b.Differences())) {
		return false
	}
	if !a.Linear() || !b.Linear() || hasHoles(a) || hasHoles(b) {
		return a.String() == b.String()
	}
	for id := range a.Layout.Blocks().All() {
		x, y := flat(a, id), flat(b, id)
		for _, n := range append(a.Sources(), a.Differences()...) {
			if math.Abs(x[n]-y[n]) > 1e-9 {
				return false
			}
		}
	}
	return true
}

func hasHoles(r *recipe.Recipe) bool {
	return slices.ContainsFunc(slices.Collect(r.Layout.Blocks().All()), func(id block.ID) bool { return len(r.Holes(id)) > 0 })
}

func sorted(list []string) []string { slices.Sort(list); return list }

// said reports whether after is before with the one value changed that was
// changed in the document: a number, everywhere in one row, or a name.
func said(m mutation, before, after *recipe.Recipe) bool {
	_, removed := m.now.(gone)
	if slices.Contains(m.path, modelsKey) && m.path[len(m.path)-1] == recipeKey { // of a model, which is a source now
		return slices.Contains([]string{"{}", "[]", "<nil>"}, fmt.Sprint(m.now)) && len(after.Steps) < len(before.Steps) &&
			!slices.ContainsFunc(after.Steps, func(s recipe.Step) bool {
				return !strings.Contains(before.String(), (&recipe.Recipe{Layout: after.Layout, Steps: []recipe.Step{s}}).String())
			})
	}
	if len(m.path) == 1 && (removed || fmt.Sprint(m.now) == "[]") && strings.HasPrefix(fmt.Sprint(m.old), "[merge ") {
		return slices.Equal(after.Sources(), before.Sources()[:len(after.Sources())]) // sd-mecha's last instruction
	}
	if isStep(m) && len(after.Steps) < len(before.Steps) { // a whole step, with what it made
		return removed || slices.Contains([]string{"[]", ""}, fmt.Sprint(m.now))
	}
	if removed || before.Layout != after.Layout || len(before.Steps) != len(after.Steps) {
		return false
	}
	was, ok1 := lastNumber(m.old)
	is, ok2 := lastNumber(m.now)
	to := map[string]string{} // names
	var named []string        // results that have another name
	rows, places, outs, twice := 0, 0, true, false
	for i := range before.Steps {
		x, y := &before.Steps[i], &after.Steps[i]
		if x.Mode != y.Mode || x.Calc != y.Calc || x.Gamma != y.Gamma {
			return false
		}
		if outs = outs && x.A == y.A && x.B == y.B && x.C == y.C; x.Out != y.Out {
			named = append(named, x.Out)
		}
		for k, n := range []string{x.A, x.B, x.C, x.Out} {
			other := []string{y.A, y.B, y.C, y.Out}[k]
			if have, ok := to[n]; ok && have != other {
				twice = true
			}
			if to[n] = other; n != other {
				places++
			}
		}
		for k, row := range []recipe.Row{x.Alpha, x.Beta} {
			other := []recipe.Row{y.Alpha, y.Beta}[k]
			differs := false
			for id := range row {
				if d := other[id].Value - row[id].Value; math.Abs(d) > 1e-12 {
					differs = true
					if !ok2 || math.Abs(other[id].Value-is) > 1e-9 && (!ok1 || math.Abs(d-(is-was)) > 1e-9) {
						return false
					}
				}
				if other[id].Hole != row[id].Hole {
					return false
				}
			}
			if differs {
				rows++
			}
		}
	}
	renamed := 0
	for n, other := range to {
		if n != other {
			renamed++
		}
	}
	switch {
	case renamed == 0:
		return rows <= 1
	case rows > 0:
		return false
	case outs && len(named) == 1: // what a step makes, which later ones do not mean any more
		return strings.HasPrefix(fmt.Sprint(m.old), named[0])
	}
	name := recipe.NameOf(fmt.Sprint(m.now))
	return (renamed == 1 && !twice || places == 1) && slices.ContainsFunc(after.Sources(), func(n string) bool { return name == n || len(name) > 10 && name[:10] == n })
}

// normalized reports whether a recipe has the weights of a document of mergekit
// that has numbers for them, divided by their sum.
func normalized(t *testing.T, doc tree, r *recipe.Recipe) bool {
	t.Helper()
	var d struct {
		Method string `json:"merge_method"`
		Models []struct {
			Model      string
			Parameters struct{ Weight float64 }
		}
		Parameters any
	}
	if b, err := json.Marshal(closeTree(doc)); err != nil || json.Unmarshal(b, &d) != nil || d.Method != "linear" || d.Parameters != nil {
		return false
	}
	sum := 0.0
	for _, m := range d.Models {
		sum += m.Parameters.Weight
	}
	w := flat(r, 3)
	for _, m := range d.Models {
		if math.Abs(w[m.Model]-m.Parameters.Weight/sum) > 1e-9 {
			return false
		}
	}
	return len(w) == len(d.Models)
}

// isStep reports whether what was changed is a whole step, a whole model with its
// share, or a line.
func isStep(m mutation) bool {
	switch {
	case len(m.path) == 2 && (m.path[0] == "steps" || m.path[0] == "models"), len(m.path) == 1:
		return true
	}
	line, ok := m.old.(cell)
	return ok && len(m.path) == 2 && strings.Count(string(line), ",") >= 19 // a preset with a colon
}

// lastNumber returns the number that v is, or that a list in text ends in.
func lastNumber(v any) (float64, bool) {
	s := fmt.Sprint(v)
	if at := strings.LastIndexAny(s, ",="); at >= 0 {
		s = s[at+1:]
	}
	return numberIn(s)
}
